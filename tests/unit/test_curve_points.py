"""Curves as arrays against the plain formulas, point by point."""

from __future__ import annotations

import math
import random
from bisect import bisect_left

import numpy as np
import pandas as pd
import pytest

from tui.curve_points import (
    CurvePoints,
    as_points,
    counts_something,
    reduced,
    smoothed,
    value_at,
    within,
    without_outliers,
)

Points = list[tuple[float, float]]


def random_points(seed: int) -> Points:
    """Return a curve with whatever is logged: repeated steps, values that are no number, enormous ones."""
    draw = random.Random(seed)
    odd = [math.nan, math.inf, -math.inf, 1e301, -1e250, 0.0]
    xs = sorted(
        draw.choice([draw.uniform(0, 99), float(draw.randint(0, 99))]) for _ in range(draw.choice([1, 2, 40, 999]))
    )
    share = draw.choice([0.0, 0.02])
    return [(x, draw.choice(odd) if draw.random() < share else draw.gauss(0, 1)) for x in xs]


def plainly_smoothed(points: Points, weight: float) -> list[float]:
    """Return the debiased moving average, as TensorBoard writes it down."""
    average = mass = 0.0
    result = []
    for _, y in points:
        if math.isfinite(y):
            average, mass = average * weight + (1 - weight) * y, mass * weight + (1 - weight)
            y = average / mass
        result.append(y)
    return result


def plainly_within(points: Points, low: float, high: float) -> Points:
    """Return the points in a range, and where the line crosses its edges."""
    shown: Points = []
    for left, right in zip([None, *points], points, strict=False):
        if left is not None:
            for edge in (low, high):
                if left[0] < edge < right[0]:
                    shown.append((edge, left[1] + (right[1] - left[1]) * (edge - left[0]) / (right[0] - left[0])))
        if low <= right[0] <= high:
            shown.append(right)
    return shown


def plainly_reduced(points: Points, columns: int) -> Points:
    """Return the first lowest and the first highest point of each column, and the last point."""
    points = [(x, y) for x, y in points if math.isfinite(x) and abs(y) <= 1e300]
    if len(points) <= 2 * columns:
        return points
    xs = [x for x, _ in points]
    kept, start = set(), 0
    for column in range(1, columns + 1):
        place = xs[0] + (xs[-1] - xs[0]) * column / columns
        end = len(xs) if column == columns else bisect_left(xs, place, start)
        if part := [y for _, y in points[start:end]]:
            kept |= {start + part.index(min(part)), start + part.index(max(part))}
        start = end
    return [points[place] for place in sorted(kept | {len(points) - 1})]


@pytest.mark.parametrize("seed", range(12))
def test_arrays_say_what_the_plain_formulas_say(seed: int) -> None:
    points = random_points(seed)
    for weight in (0.3, 0.9, 0.99):
        ours = [y for _, y in smoothed(points, weight)]
        assert np.allclose(ours, plainly_smoothed(points, weight), rtol=1e-9, atol=1e-12, equal_nan=True)
    for low, high in ((-1.0, 200.0), (10.0, 20.5), (33.3, 33.4), (50.0, 50.0), (99.5, 120.0)):
        zoomed, plain = within(points, low, high), plainly_within(points, low, high)
        assert [x for x, _ in zoomed] == [x for x, _ in plain]
        assert np.allclose([y for _, y in zoomed], [y for _, y in plain], rtol=1e-12, equal_nan=True)
    for columns in (1, 16, 400):
        assert list(reduced(points, columns)) == plainly_reduced(points, columns)
    for x in (-1.0, 0.0, 47.11, 99.0):
        plain_value = next((y for place, y in reversed(points) if place <= x), None)
        assert value_at(points, x) == pytest.approx(plain_value, nan_ok=True)


@pytest.mark.parametrize("weight", [0.3, 0.6, 0.99])
def test_smoothing_is_the_debiased_average_that_pandas_computes(weight: float) -> None:
    values = np.random.default_rng(0).normal(size=200)
    ours = [y for _, y in smoothed([(float(x), float(y)) for x, y in enumerate(values)], weight)]
    assert np.allclose(ours, pd.Series(values).ewm(alpha=1 - weight, adjust=True).mean())


def test_a_value_that_is_no_number_does_not_spoil_what_comes_after_it() -> None:
    ys = [y for _, y in smoothed([(0, 1.0), (1, math.nan), (2, 1.0)], 0.5)]
    assert ys[0] == ys[2] == 1.0 and math.isnan(ys[1])


def test_smoothing_is_as_right_at_the_end_of_a_long_curve_as_at_its_start() -> None:
    points = [(float(x), 5.0) for x in range(50_000)]
    assert all(y == pytest.approx(5.0, rel=1e-12) for _, y in smoothed(points, 0.3))
    assert smoothed(points, 0.0) == points


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


def test_points_are_pairs_to_whoever_looks_at_them() -> None:
    pairs = ((0.0, 1.0), (1.0, 4.0), (2.0, 9.0))
    points = as_points(pairs)
    assert points == pairs and pairs == points and points == as_points(pairs) and hash(points) == hash(as_points(pairs))
    assert points[1] == (1.0, 4.0) and points[1:] == pairs[1:] and points[-1] == (2.0, 9.0)
    assert points != as_points(((0.0, 1.0),)) and points != "ab" and as_points(()) == () and not as_points(())
    assert as_points([(0.0, math.nan)]) == CurvePoints(np.zeros(1), np.full(1, math.nan))
    assert counts_something(pairs) and not counts_something([(0, 1.0), (1, 0.0)]) and not counts_something([(0, 2.5)])
    assert not counts_something([(0, math.inf), (1, 3.0)])
