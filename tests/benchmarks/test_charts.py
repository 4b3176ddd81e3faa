"""Budget (issue of the live view): 10 series of 10,000 points are prepared and drawn in ≤ 60 ms, off the event loop.

Rerun: make benchmarks. Times are those of the CPU, so that what else the machine does counts for nothing.
"""

from __future__ import annotations

import math
import random
import statistics
import time

import pytest

from trainer.records import HistoryPoint
from tui.chart_canvas import ChartRequest, Curve, draw_chart
from tui.curve_charts import ChartContent, CurveSource, chart_contents
from tui.curve_histories import CurveReader
from tui.curve_view import CurveView

SERIES, POINTS, ROUNDS = 10, 10_000, 9
BUDGET_SECONDS = 0.060


def sources() -> list[CurveSource]:
    """Return runs whose loss falls and is noisy."""
    noise = random.Random(0)
    return [
        CurveSource(
            str(number),
            f"run-{number}",
            "#7da6f0",
            None,
            [HistoryPoint(s, {"loss": math.exp(-s / 3_000) + noise.random() / 5}, s / 10) for s in range(POINTS)],
        )
        for number in range(SERIES)
    ]


def drawn(content: ChartContent) -> str:
    """Return the picture of a content at a usual size."""
    curves = tuple(Curve(one.label, (125, 166, 240), one.points) for one in content.series)
    request = ChartRequest(curves, 100, 24, (128, 128, 128), x_axis=content.x_axis, x_range=content.x_range)
    return draw_chart(request).plain


@pytest.mark.benchmark
@pytest.mark.parametrize(
    "view",
    [CurveView(), CurveView(smoothing=0.9), CurveView("relative time", 0.3, True, window=(0.2, 0.7))],
    ids=["plain", "smooth", "zoomed"],
)
def test_ten_long_series_are_drawn_quickly(view: CurveView) -> None:
    runs = sources()
    drawn(chart_contents(runs, ["loss"], view)["loss"])  # plotext is imported
    prepared, painted, again = [], [], []
    for _ in range(ROUNDS):
        reader = CurveReader()
        start = time.thread_time()
        content = chart_contents(runs, ["loss"], view, reader=reader)["loss"]
        middle = time.thread_time()
        assert "┤" in drawn(content)
        end = time.thread_time()
        drawn(chart_contents(runs, ["loss"], view, reader=reader)["loss"])
        prepared.append(middle - start)
        painted.append(end - middle)
        again.append(time.thread_time() - end)
    whole = statistics.median(a + b for a, b in zip(prepared, painted, strict=True))
    print(
        f"\n{SERIES} × {POINTS:,} points: prepared in {statistics.median(prepared) * 1000:.0f} ms, drawn in "
        f"{statistics.median(painted) * 1000:.0f} ms (budget {BUDGET_SECONDS * 1000:.0f} together), all of it again, "
        f"as after a zoom, in {statistics.median(again) * 1000:.0f} ms"
    )
    assert whole <= BUDGET_SECONDS
