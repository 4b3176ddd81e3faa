"""CurvePoints: x and y of a curve as arrays, and what is done to them: smoothed, cut, zoomed, thinned out. Pure.

numpy is imported with this module, which therefore only worker threads import: 10 curves of 10,000 points are drawn
while somebody waits, and looked at one by one in Python they take three times as long as there is time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import overload

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pairs = Sequence[tuple[float, float]]

LARGEST = 1e300
"""Beyond, the distance between two values overflows."""
_KEPT = (0.02, 0.98)
"""Quantiles between which values are no outliers."""
_TINIEST = 1e-200
"""Least weight by which values of one block are divided when they are smoothed together."""
_LARGE = 1e90
"""Beyond, values that are divided by it may overflow: they are smoothed one by one."""


class CurvePoints(Sequence[tuple[float, float]]):
    """Pairs of x and y to whoever looks at them one by one; equal to any sequence of the same pairs."""

    __slots__ = ("xs", "ys")

    def __init__(self, xs: Floats, ys: Floats) -> None:
        """Take over two arrays of one length, which nobody may change any more."""
        self.xs, self.ys = xs, ys

    def __len__(self) -> int:
        return len(self.xs)

    @overload
    def __getitem__(self, place: int) -> tuple[float, float]: ...

    @overload
    def __getitem__(self, place: slice) -> CurvePoints: ...

    def __getitem__(self, place: int | slice) -> tuple[float, float] | CurvePoints:
        if isinstance(place, slice):
            return CurvePoints(self.xs[place], self.ys[place])
        return float(self.xs[place]), float(self.ys[place])

    def __iter__(self) -> Iterator[tuple[float, float]]:
        return zip(self.xs.tolist(), self.ys.tolist(), strict=True)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, CurvePoints):
            same_x = self.xs is other.xs or np.array_equal(self.xs, other.xs)
            return same_x and np.array_equal(self.ys, other.ys, equal_nan=True)
        return isinstance(other, Sequence) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash((len(self), self[0], self[-1]) if len(self) else 0)

    def __repr__(self) -> str:
        return f"CurvePoints({list(self)!r})"

    def where(self, chosen: NDArray[np.bool_]) -> CurvePoints:
        """Return those that are chosen; itself where all are."""
        return self if chosen.all() else CurvePoints(self.xs[chosen], self.ys[chosen])

    def finite(self) -> CurvePoints:
        """Return those that a scale has room for."""
        return self.where(np.isfinite(self.xs) & (np.abs(self.ys) <= LARGEST))


def as_points(points: Pairs) -> CurvePoints:
    """Return pairs as arrays."""
    if isinstance(points, CurvePoints):
        return points
    flat = np.fromiter(chain.from_iterable(points), np.float64, 2 * len(points))
    return CurvePoints(flat[0::2], flat[1::2])


def smoothed(points: Pairs, weight: float) -> CurvePoints:
    """Return points with the debiased exponential moving average of y, as TensorBoard and W&B smooth.

    Values that are not finite stay as they are and count for nothing.

    Args:
        points: x and y, in the order of x.
        weight: Weight of what came before: 0 changes nothing, 0.99 is very smooth.
    """
    found = as_points(points)
    if weight <= 0:
        return found
    counted = np.isfinite(found.ys)
    if counted.all():
        return CurvePoints(found.xs, _averages(found.ys, weight))
    ys = found.ys.copy()
    ys[counted] = _averages(ys[counted], weight)
    return CurvePoints(found.xs, ys)


def _averages(ys: Floats, weight: float) -> Floats:
    """Return sum(weight^(n-i) y_i) / sum(weight^(n-i)) for each n.

    A block at a time: within it the powers of the weight do not vanish, and one running sum serves all of it.
    """
    size = max(min(int(math.log(_TINIEST) / math.log(weight)), len(ys)), 1)
    powers = weight ** np.arange(1, size + 1, dtype=np.float64)
    if np.abs(ys).max(initial=0.0) > _LARGE:
        size, powers = 1, powers[:1]
    sums = np.empty_like(ys)
    before = 0.0
    for start in range(0, len(ys), size):
        block = ys[start : start + size]
        shares = powers[: len(block)]
        part = (np.cumsum(block / shares) + before) * shares
        sums[start : start + size] = part
        before = float(part[-1])
    counts = np.arange(1, len(ys) + 1, dtype=np.float64)
    result: Floats = sums * ((1 - weight) / -np.expm1(counts * math.log(weight)))
    return result


def within(points: Pairs, low: float, high: float) -> CurvePoints:
    """Return the points within a range of x; a line that goes on beyond it is led to the range's edge."""
    found = as_points(points)
    xs, ys, count = found.xs, found.ys, len(found)
    first, last = int(np.searchsorted(xs, low, "left")), int(np.searchsorted(xs, high, "right"))
    before = [_edge(found, first, low)] if 0 < first < count and xs[first] > low else []
    after = [_edge(found, last, high)] if 0 < last < count and xs[last - 1] < high else []
    if not before and not after:
        return found[first:last]
    led = [np.array([x for x, _ in before]), np.array([x for x, _ in after])]
    levels = [np.array([y for _, y in before]), np.array([y for _, y in after])]
    return CurvePoints(
        np.concatenate((led[0], xs[first:last], led[1])), np.concatenate((levels[0], ys[first:last], levels[1]))
    )


def _edge(points: CurvePoints, following: int, x: float) -> tuple[float, float]:
    """Return the point at x on the line that leads to the point `following`."""
    (left, start), (right, end) = points[following - 1], points[following]
    return x, start + (end - start) * (x - left) / (right - left)


def without_outliers(curves: Sequence[Pairs]) -> list[CurvePoints]:
    """Return curves without the values beyond the percentiles 2 and 98 of all of them together.

    Curves with too few values to have an outlier stay as they are.
    """
    found = [as_points(points) for points in curves]
    values = np.concatenate([points.ys for points in found]) if found else np.empty(0)
    values = values[np.isfinite(values)]
    if len(values) * _KEPT[0] < 1:
        return found
    low, high = _quantiles(values, _KEPT)
    return [points.where((low <= points.ys) & (points.ys <= high)) for points in found]


def _quantiles(values: Floats, shares: Sequence[float]) -> list[float]:
    """Return quantiles as `trainer.search.evidence.quantile` defines them, of values in any order."""
    places = [share * (len(values) - 1) for share in shares]
    nearest = [(math.floor(place), min(math.floor(place) + 1, len(values) - 1)) for place in places]
    ordered = np.partition(values, sorted({place for pair in nearest for place in pair}))
    return [
        float(ordered[below] + (ordered[above] - ordered[below]) * (place - below))
        for place, (below, above) in zip(places, nearest, strict=True)
    ]


def value_at(points: Pairs, x: float) -> float | None:
    """Return the last value at or before x; None before the first point."""
    found = as_points(points)
    place = int(np.searchsorted(found.xs, x, "right"))
    return float(found.ys[place - 1]) if place else None


def reduced(points: Pairs, columns: int) -> CurvePoints:
    """Return at most about two points per column, the lowest and the highest, so that spikes stay.

    Points that are not finite, or too large for a scale, are left out. Points are returned in the order of x.
    """
    found = as_points(points).finite()
    if len(found) <= 2 * columns:
        return found
    xs, ys = found.xs, found.ys
    low, high = float(xs[0]), float(xs[-1])
    edges = low + (high - low) * np.arange(1, columns) / columns
    # What runs back on the axis must not make a column end before it begins.
    starts = np.maximum.accumulate(np.concatenate(([0], np.searchsorted(xs, edges, "left"))))
    ends = np.append(starts[1:], len(xs))
    starts, ends = starts[ends > starts], ends[ends > starts]
    counts = ends - starts
    places = np.concatenate(
        [
            _firsts(ys == np.repeat(np.minimum.reduceat(ys, starts), counts), starts),
            _firsts(ys == np.repeat(np.maximum.reduceat(ys, starts), counts), starts),
            # The line ends where the run is.
            [len(xs) - 1],
        ]
    )
    places = np.unique(places)
    return CurvePoints(xs[places], ys[places])


def _firsts(chosen: NDArray[np.bool_], starts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the first chosen place at or after each start."""
    places = np.flatnonzero(chosen)
    return places[np.searchsorted(places, starts)]


def counts_something(points: Pairs) -> bool:
    """Return whether values are whole, and not just 0 and 1: histories hold floats, also of what is counted."""
    ys = as_points(points).ys
    return bool(np.isfinite(ys).all() and (ys == np.trunc(ys)).all() and (np.abs(ys) > 1).any())
