from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from trainer.records import HistoryPoint
from tui.curve_histories import CurveReader
from tui.curve_points import CurvePoints
from tui.curve_view import RELATIVE, STEP, WALL, CurveView

HISTORY = [
    HistoryPoint(0, {"loss": 3.0, "epoch": 0.0}, 1.5),
    HistoryPoint(10, {"loss": 2.0, "epoch": 2.0}, 4.0),
    HistoryPoint(20, {"lr": 0.1}, 5.0),
    HistoryPoint(30, {"loss": 1.0, "epoch": 1.0}, 9.0),
]
STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_metric_is_drawn_over_steps_time_or_another_metric() -> None:
    assert points_of(HISTORY, "loss", CurveView()) == ((0.0, 3.0), (10.0, 2.0), (30.0, 1.0))
    assert points_of(HISTORY, "loss", CurveView(RELATIVE)) == ((1.5, 3.0), (4.0, 2.0), (9.0, 1.0))
    wall = points_of(HISTORY, "loss", CurveView(WALL), STARTED)
    assert [x - STARTED.timestamp() for x, _ in wall] == [1.5, 4.0, 9.0]
    assert points_of(HISTORY, "loss", CurveView(WALL)) == ()
    # A metric need not grow: its line is drawn from left to right all the same.
    assert points_of(HISTORY, "loss", CurveView("epoch")) == ((0.0, 3.0), (1.0, 1.0), (2.0, 2.0))
    assert points_of(HISTORY, "loss", CurveView(log_x=True)) == ((10.0, 2.0), (30.0, 1.0))


def points_of(
    history: list[HistoryPoint], metric: str, view: CurveView, started_at: datetime | None = None
) -> CurvePoints:
    return CurveReader().curve_points(history, metric, view, started_at)


def test_rows_whose_place_is_missing_or_no_number_are_left_out() -> None:
    nan, inf = math.nan, math.inf
    rows = [(nan, 1.0), (2.0, 2.0), (inf, 3.0), (None, 4.0), (0.0, 5.0), (-1.0, 6.0), (1.0, nan)]
    history = [
        HistoryPoint(step, {"loss": y, **({} if x is None else {"epoch": x})}, x) for step, (x, y) in enumerate(rows)
    ]
    assert list(points_of(history, "loss", CurveView("epoch")))[:3] == [
        (-1.0, 6.0),
        (0.0, 5.0),
        (1.0, pytest.approx(nan, nan_ok=True)),
    ]
    assert [x for x, _ in points_of(history, "loss", CurveView(RELATIVE, log_x=True))] == [1.0, 2.0]
    assert points_of(history, "accuracy", CurveView()) == points_of([], "loss", CurveView("epoch")) == ()


@pytest.mark.parametrize("axis", [STEP, RELATIVE, WALL, "epoch"])
def test_what_is_remembered_of_a_history_that_grows_is_what_reading_it_anew_says(axis: str) -> None:
    rows = [
        HistoryPoint(
            step,
            {"epoch": float(step % 7)} if step % 5 == 3 else {"loss": 1.0 / (step + 1), "epoch": float(step % 7)},
            step * 2.0,
        )
        for step in range(60)
    ]
    reader, view = CurveReader(), CurveView(axis, smoothing=0.6)
    for history in (rows[:1], rows[:1], rows[:40], rows, rows[::2], [*rows[::2], *rows[1:2]], rows[:0], rows[30:]):
        for started_at in (STARTED, STARTED + timedelta(hours=1)):
            found = reader.curve_points(history, "loss", view, started_at)
            assert found == points_of(history, "loss", view, started_at)
            reader.forget_unused()
    assert len(reader._known) == 1
