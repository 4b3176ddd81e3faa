from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from trainer.records import HistoryPoint
from tui.chart_scale import XAxis, x_text, x_ticks
from tui.curve_view import (
    RELATIVE,
    WALL,
    CurveView,
    curve_points,
    shown_range,
    smoothed,
    value_at,
    within,
    without_outliers,
    x_range,
)

HISTORY = [
    HistoryPoint(0, {"loss": 3.0, "epoch": 0.0}, 1.5),
    HistoryPoint(10, {"loss": 2.0, "epoch": 2.0}, 4.0),
    HistoryPoint(20, {"lr": 0.1}, 5.0),
    HistoryPoint(30, {"loss": 1.0, "epoch": 1.0}, 9.0),
]
STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_metric_is_drawn_over_steps_time_or_another_metric() -> None:
    assert curve_points(HISTORY, "loss", CurveView()) == ((0.0, 3.0), (10.0, 2.0), (30.0, 1.0))
    assert curve_points(HISTORY, "loss", CurveView(RELATIVE)) == ((1.5, 3.0), (4.0, 2.0), (9.0, 1.0))
    wall = curve_points(HISTORY, "loss", CurveView(WALL), STARTED)
    assert [x - STARTED.timestamp() for x, _ in wall] == [1.5, 4.0, 9.0]
    assert curve_points(HISTORY, "loss", CurveView(WALL)) == ()
    # A metric need not grow: its line is drawn from left to right all the same.
    assert curve_points(HISTORY, "loss", CurveView("epoch")) == ((0.0, 3.0), (1.0, 1.0), (2.0, 2.0))
    assert curve_points(HISTORY, "loss", CurveView(log_x=True)) == ((10.0, 2.0), (30.0, 1.0))


@pytest.mark.parametrize("weight", [0.3, 0.6, 0.99])
def test_smoothing_is_the_debiased_average_that_pandas_computes(weight: float) -> None:
    values = np.random.default_rng(0).normal(size=200)
    ours = [y for _, y in smoothed([(float(x), float(y)) for x, y in enumerate(values)], weight)]
    assert np.allclose(ours, pd.Series(values).ewm(alpha=1 - weight, adjust=True).mean())


def test_a_value_that_is_no_number_does_not_spoil_what_comes_after_it() -> None:
    ys = [y for _, y in smoothed([(0, 1.0), (1, math.nan), (2, 1.0)], 0.5)]
    assert ys[0] == ys[2] == 1.0 and math.isnan(ys[1])


def test_zooming_keeps_the_place_it_is_about_and_panning_stops_at_the_ends() -> None:
    view = CurveView().zoomed(0.5, at=1.0)
    assert view.window == (0.5, 1.0) and view.is_zoomed
    assert view.panned(1.0).window == (0.5, 1.0)
    assert view.panned(-5.0).window == (0.0, 0.5)
    assert not view.zoomed(2.0).is_zoomed
    assert not CurveView().zoomed(3.0).is_zoomed
    for _ in range(100):
        view = view.zoomed(0.5)
    low, high = view.window
    assert 0 <= low < high <= 1


def test_what_is_out_of_sight_still_leads_the_line_to_the_edge_of_the_picture() -> None:
    points = tuple((float(x), float(x * 10)) for x in range(11))
    assert within(points, 2.5, 4.5) == ((2.5, 25.0), (3.0, 30.0), (4.0, 40.0), (4.5, 45.0))
    assert within(points, 2.0, 3.0) == ((2.0, 20.0), (3.0, 30.0))
    assert np.allclose(within(points, 4.2, 4.4), ((4.2, 42.0), (4.4, 44.0)))
    assert within(points, 20.0, 30.0) == within((), 0, 1) == ()
    assert shown_range(CurveView(window=(0.25, 0.5)), (0.0, 8.0)) == (2.0, 4.0)
    assert np.allclose(shown_range(CurveView(window=(0.5, 1.0), log_x=True), (1.0, 100.0)), (10.0, 100.0))
    assert x_range([points, ((-1.0, 0.0),), ()]) == (-1.0, 10.0) and x_range([()]) is None


def test_outliers_are_what_numpy_finds_beyond_the_percentiles() -> None:
    values = np.random.default_rng(1).normal(size=500)
    values[7] = 1e9
    (kept,) = without_outliers([[(float(x), float(y)) for x, y in enumerate(values)]])
    low, high = np.percentile(values, [2, 98])
    assert [y for _, y in kept] == [y for y in values if low <= y <= high]
    few = ((0.0, 1.0), (1.0, 1e9))
    assert without_outliers([few]) == [few]


def test_the_value_at_a_place_is_the_last_one_before_it() -> None:
    points = ((0.0, 1.0), (10.0, 2.0))
    assert [value_at(points, x) for x in (-1, 0, 9.9, 10, 99)] == [None, 1.0, 1.0, 2.0, 2.0]


def test_ticks_of_time_are_round_in_the_units_of_time() -> None:
    assert x_ticks(0, 100, 8, XAxis.SECONDS) == [0, 15, 30, 45, 60, 75, 90]
    assert [x_text(x, XAxis.SECONDS, 8_000) for x in (0, 30, 1_800, 7_200, 5_430)] == [
        "0s",
        "30s",
        "30m",
        "2h",
        "1h30m",
    ]
    noon = datetime(2026, 3, 4, 12).timestamp()
    ticks = x_ticks(noon - 100, noon + 7_300, 5, XAxis.CLOCK)
    assert [x_text(tick, XAxis.CLOCK, 7_400) for tick in ticks] == ["12:00", "12:30", "13:00", "13:30", "14:00"]
    assert x_text(noon + 1, XAxis.CLOCK, 60) == "12:00:01"
