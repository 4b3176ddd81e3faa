from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.chart_scale import even_scale, nice_ticks


@pytest.mark.parametrize(
    ("low", "high", "most", "whole", "ticks"),
    [
        (0.0, 1.0, 5, False, [0.0, 0.25, 0.5, 0.75, 1.0]),
        (0.0, 30.0, 4, True, [0.0, 10.0, 20.0, 30.0]),
        (0.5, 1.5, 4, True, [1.0]),
        (0.1, 0.9, 6, True, []),
        (1e-7, 5e-7, 3, False, [2e-7, 4e-7]),
    ],
)
def test_ticks_are_round_and_fit(low: float, high: float, most: int, whole: bool, ticks: list[float]) -> None:
    assert nice_ticks(low, high, most, whole) == pytest.approx(ticks)


@given(
    low=st.floats(-1e6, 1e6),
    width=st.floats(1e-6, 1e9),
    rows=st.integers(2, 60),
    whole=st.booleans(),
)
def test_every_scale_covers_its_range_with_ticks_an_equal_number_of_rows_apart(
    low: float, width: float, rows: int, whole: bool
) -> None:
    high = low + width
    scale = even_scale(low, high, rows, whole)
    size = scale.high - scale.low
    # A millionth of the axis, and never less than what neighbouring floats of this size differ by.
    slack = size * 1e-6 + 4 * math.ulp(max(abs(low), abs(high)))
    assert scale.low <= low + slack
    assert scale.high >= high - slack
    assert len(scale.ticks) >= 2
    places = [(tick - scale.low) / size * (rows - 1) for tick in scale.ticks]
    assert places == pytest.approx([round(place) for place in places], abs=0.01)
    assert len({round(b - a) for a, b in zip(places, places[1:], strict=False)}) == 1


def test_little_of_the_axis_is_wasted() -> None:
    scale = even_scale(0.87, 0.988, 12)
    assert (0.988 - 0.87) / (scale.high - scale.low) > 0.8
