from __future__ import annotations

from datetime import datetime

import numpy as np

from tui.chart_scale import XAxis, x_text, x_ticks
from tui.curve_points import within
from tui.curve_view import CurveView, shown_range, x_range


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
