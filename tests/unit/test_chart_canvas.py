from __future__ import annotations

import math

import pytest

from tui.chart_canvas import ChartRequest, Curve, draw_chart
from tui.curve_points import reduced

RED, GREY = (255, 0, 0), (128, 128, 128)


def request_of(*curves: Curve, width: int = 60, height: int = 12, log_y: bool = False) -> ChartRequest:
    return ChartRequest(curves, width, height, GREY, log_y)


def test_reducing_keeps_spikes_and_both_ends() -> None:
    points = [(float(x), 1000.0 if x == 5_432 else math.sin(x)) for x in range(10_000)]
    few = reduced(points, 50)
    assert len(few) <= 150
    assert (5432.0, 1000.0) in few
    assert few[-1] == points[-1]
    assert few == sorted(few)


def test_values_that_are_not_finite_are_left_out() -> None:
    assert reduced([(0, math.nan), (1, 2.0), (2, math.inf)], 10) == [(1, 2.0)]


def test_a_chart_fills_its_size_and_marks_the_line_end() -> None:
    curve = Curve("7", RED, tuple((float(x), x * x / 100) for x in range(40)))
    picture = draw_chart(request_of(curve))
    lines = picture.plain.split("\n")
    assert len(lines) == 12
    assert {len(line) for line in lines} == {60}
    assert any(line.rstrip().endswith("7") for line in lines)
    assert all(span.style.bgcolor is None for span in picture.spans if not isinstance(span.style, str))


def test_line_ends_that_crowd_get_rows_of_their_own() -> None:
    curves = [Curve(label, RED, ((0.0, 0.0), (10.0, 0.5))) for label in "123"]
    plain = draw_chart(request_of(*curves, Curve("9", RED, ((0.0, 0.0), (10.0, 1.0))))).plain
    assert all(label in plain for label in "1239")


@pytest.mark.parametrize(("width", "height"), [(0, 0), (1, 1), (15, 20), (60, 3), (16, 4)])
def test_tiny_sizes_never_fail(width: int, height: int) -> None:
    curve = Curve("1", RED, ((0.0, 1.0), (1.0, 2.0)))
    picture = draw_chart(request_of(curve, width=width, height=height))
    assert bool(picture) == (width >= 16 and height >= 4)


@pytest.mark.parametrize(
    "points",
    [
        ((1.0, 5.0),),
        ((1.0, 5.0), (2.0, 5.0)),
        ((0.0, 0.0),),
        ((1.0, -3.0), (2.0, 1e300)),
        ((1.0, 1e-300), (2.0, 2e-300)),
        ((1e15, 1.0), (1e15 + 1, 2.0)),
    ],
)
@pytest.mark.parametrize("log_y", [False, True])
def test_awkward_values_are_drawn_or_left_out(points: tuple[tuple[float, float], ...], log_y: bool) -> None:
    picture = draw_chart(request_of(Curve("1", RED, points), log_y=log_y))
    drawable = any(y > 0 for _, y in points) or not log_y
    assert bool(picture) == drawable


def test_a_chart_without_points_is_empty() -> None:
    assert not draw_chart(request_of(Curve("1", RED, ())))
    assert not draw_chart(request_of())
