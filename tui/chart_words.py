"""What charts show, in words: for plain text, where nothing is drawn. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from statistics import median

from tui.chart_scale import XAxis, x_text
from tui.chart_series import ChartSeries
from tui.curve_charts import ChartContent
from tui.formatting import count_text, metric_text, shortened
from tui.parallel_axes import Axis

_MOST_RUNS = 30


def chart_words(content: ChartContent, width: int, height: int) -> str:
    """Return a sentence for each curve of a chart, the most important first; a short one where there are many."""
    span, width = _span(content), max(width, 20)
    curves = [(" ".join(filter(None, (one.label.strip(), one.name))), one) for one in _whole_curves(content.series)]
    lines = [
        line
        for head, one in curves
        for line in textwrap.wrap(f"{head}: {_curve_words(one, content, span)}", width, subsequent_indent="  ")
    ]
    if len(lines) > height:
        lines = [shortened(f"{head}: {_short_words(one)}", width) for head, one in curves]
    if len(lines) > height > 1:
        lines = [*lines[: height - 1], f"and {len(lines) - height + 1} more"]
    return "\n".join(lines)


def _whole_curves(series: Sequence[ChartSeries]) -> list[ChartSeries]:
    """Return the curves that have points; dots of one name that were drawn in pieces are one again."""
    found: dict[tuple[str, str, bool], list[tuple[float, float]]] = {}
    first: dict[tuple[str, str, bool], ChartSeries] = {}
    for one in series:
        if one.points:
            key = (one.label, one.name, one.is_dots)
            first.setdefault(key, one)
            found.setdefault(key, []).extend(one.points)
    return [ChartSeries(one.label, one.name, one.color, tuple(found[key]), one.is_dots, one.value, one.mark)
            for key, one in first.items()]  # fmt: skip


def _span(content: ChartContent) -> float:
    xs = [x for one in content.series for x, _ in one.points]
    return max(xs) - min(xs) if xs else 0.0


def _curve_words(one: ChartSeries, content: ChartContent, span: float) -> str:
    ys = [y for _, y in one.points]
    if len(one.points) == 1:
        return f"{metric_text(ys[0])} at {_place(one.points[0][0], content.x_axis, span)}"
    lowest, highest = min(one.points, key=lambda point: point[1]), max(one.points, key=lambda point: point[1])
    if one.is_dots:
        return (
            f"{count_text(len(ys), 'value')} from {metric_text(lowest[1])} to {metric_text(highest[1])}, "
            f"median {metric_text(median(ys))}, highest at {_place(highest[0], content.x_axis, span)}"
        )
    ends = f"from {metric_text(ys[0])} to {metric_text(ys[-1])} over {count_text(len(ys), 'point')}"
    words = (
        f"{ends}, lowest {metric_text(lowest[1])} at {_place(lowest[0], content.x_axis, span)}, "
        f"highest {metric_text(highest[1])} at {_place(highest[0], content.x_axis, span)}"
    )
    if content.cursor is not None and one.value is not None:
        words += f"; {metric_text(one.value)} at {_place(content.cursor, content.x_axis, span)}"
    return words


def _short_words(one: ChartSeries) -> str:
    ys = [y for _, y in one.points]
    last = one.value if one.value is not None else ys[-1]
    return f"{metric_text(last)}, from {metric_text(min(ys))} to {metric_text(max(ys))}"


def _place(x: float, axis: XAxis, span: float) -> str:
    return x_text(x, axis, max(span, 1e-12))


def parallel_words(axes: Sequence[Axis], order: Sequence[int], kept: Sequence[int], width: int, height: int) -> str:
    """Return the runs that brushes keep as a table of the values on each axis, best first.

    Args:
        axes: The axes; the last is the metric's.
        order: Places of the runs, best first.
        kept: Places that every brush keeps.
        width: Columns there are; axes that have no room are named below.
        height: Lines there are.
    """
    wanted = set(kept)
    ranked = [place for place in order if place in wanted][: max(min(height - 3, _MOST_RUNS), 1)]
    shown = [axes[-1], *axes[:-1]]
    columns = [[axis.name, *(axis.text_at(axis.positions[place]) for place in ranked)] for axis in shown]
    widths = [max(map(len, column)) for column in columns]
    room, count = width - 6, 0
    for each in widths:
        if each + 2 > room:
            break
        room, count = room - each - 2, count + 1
    lines = ["  ".join(["rank", *(c[0].ljust(w) for c, w in zip(columns[:count], widths, strict=False))]).rstrip()]
    for line in range(1, len(ranked) + 1):
        cells = [column[line].ljust(wide) for column, wide in zip(columns[:count], widths, strict=False)]
        lines.append("  ".join([f"{line:>4}", *cells]).rstrip())
    if len(wanted) > len(ranked):
        lines.append(f"and {count_text(len(wanted) - len(ranked), 'run')} more")
    if count < len(shown):
        lines.append("no room for " + ", ".join(axis.name for axis in shown[count:]))
    return "\n".join(lines)
