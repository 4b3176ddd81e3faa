"""How the curves of runs are looked at: over which axis, how smooth, what is cut off. Pure; changes no data."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate, repeat

from trainer.records import HistoryPoint
from trainer.search.evidence import quantile

STEP, RELATIVE, WALL = "step", "relative time", "wall time"
AXES = (STEP, RELATIVE, WALL)
"""The x axes that every history has; any metric is one, too."""
SMOOTHINGS = (0.0, 0.3, 0.6, 0.9, 0.99)
"""Weights of the moving average that one goes through with a key."""
_KEPT = (0.02, 0.98)
"""Quantiles between which values are no outliers."""
_NARROWEST = 1e-6
"""Part of the whole axis that the narrowest zoom shows."""

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class CurveView:
    """What the user chose; the same for every chart of a screen."""

    axis: str = STEP
    """One of `AXES`, or the name of a metric."""
    smoothing: float = 0.0
    """Weight of what came before, from 0 (none) to below 1."""
    cuts_outliers: bool = False
    """Whether the value axis leaves out the extremes of each chart."""
    log_x: bool = False
    log_y: bool = False
    window: tuple[float, float] = (0.0, 1.0)
    """Which part of the whole x axis is shown: (0, 1) for all of it."""

    @property
    def is_zoomed(self) -> bool:
        """Whether a part of the axis is out of sight."""
        return self.window != (0.0, 1.0)

    def zoomed(self, factor: float, at: float = 0.5) -> CurveView:
        """Return the view that shows `factor` times as much, the place `at` (0 left, 1 right) staying where it is."""
        low, high = self.window
        width = min(max((high - low) * factor, _NARROWEST), 1.0)
        start = low + at * (high - low) - at * width
        return self._with_window(start, width)

    def panned(self, by: float) -> CurveView:
        """Return the view moved by a part of what it shows; it stops at the ends."""
        low, high = self.window
        return self._with_window(low + by * (high - low), high - low)

    def _with_window(self, start: float, width: float) -> CurveView:
        start = min(max(start, 0.0), 1.0 - width)
        return replace(self, window=(0.0, 1.0) if width >= 1.0 else (start, start + width))


def curve_points(
    history: Iterable[HistoryPoint], metric: str, view: CurveView, started_at: datetime | None = None
) -> Points:
    """Return x and y of a metric as a view shows them, in the order of x, without the zoom.

    Rows that lack the metric or the axis are left out; of rows with the same x each stays.

    Args:
        history: Rows, oldest first.
        metric: Name of what is drawn.
        view: Which axis and how smooth.
        started_at: When the run began: what wall time is counted from.
    """
    points = _placed(history, metric, view.axis, started_at)
    # Steps are whole numbers.
    if view.log_x or (view.axis != STEP and not all(math.isfinite(x) for x, _ in points)):
        points = [(x, y) for x, y in points if math.isfinite(x) and not (view.log_x and x <= 0)]
    if view.axis not in AXES:
        # A metric need not grow, and a line that runs back over itself cannot be read.
        points.sort(key=lambda point: point[0])
    return smoothed(points, view.smoothing)


def _placed(
    history: Iterable[HistoryPoint], metric: str, axis: str, started_at: datetime | None
) -> list[tuple[float, float]]:
    """Return x and y of the rows that have both."""
    if axis == STEP:
        return [(float(row.step), values[metric]) for row in history if metric in (values := row.values)]
    rows = [row for row in history if metric in row.values]
    if axis not in AXES:
        return [(row.values[axis], row.values[metric]) for row in rows if axis in row.values]
    if axis == WALL and started_at is None:
        return []
    origin = started_at.timestamp() if axis == WALL and started_at else 0.0
    timed = ((row.runtime_seconds, row.values[metric]) for row in rows)
    return [(origin + seconds, y) for seconds, y in timed if seconds is not None]


def smoothed(points: Sequence[tuple[float, float]], weight: float) -> Points:
    """Return points with the debiased exponential moving average of y, as TensorBoard and W&B smooth.

    Values that are not finite stay as they are and count for nothing.

    Args:
        points: x and y, in the order of x.
        weight: Weight of what came before: 0 changes nothing, 0.99 is very smooth.
    """
    if weight <= 0:
        return tuple(points)
    ys = [y for _, y in points]
    if math.isfinite(sum(ys)):
        # The mass of n values is 1 - weight^n: long curves are smoothed in a third of the time.
        averages = accumulate(ys, lambda average, y: average * weight + (1 - weight) * y, initial=0.0)
        next(averages)
        left = accumulate(repeat(weight, len(ys)), operator.mul)
        return tuple((x, y / (1 - rest)) for (x, _), y, rest in zip(points, averages, left, strict=True))
    average, mass, result = 0.0, 0.0, []
    for x, y in points:
        if math.isfinite(y):
            average = average * weight + (1 - weight) * y
            mass = mass * weight + (1 - weight)
            y = average / mass
        result.append((x, y))
    return tuple(result)


def x_range(curves: Iterable[Sequence[tuple[float, float]]]) -> tuple[float, float] | None:
    """Return the least and the greatest x of all curves; None where there is none."""
    xs = [x for points in curves for x, _ in (*points[:1], *points[-1:])]
    return (min(xs), max(xs)) if xs else None


def shown_range(view: CurveView, whole: tuple[float, float]) -> tuple[float, float]:
    """Return the part of a whole range of x that a view shows."""
    low, high = whole
    start, end = view.window
    if view.log_x and low > 0:
        ratio = math.log(high / low)
        return low * math.exp(ratio * start), low * math.exp(ratio * end)
    return low + (high - low) * start, low + (high - low) * end


def within(points: Points, low: float, high: float) -> Points:
    """Return the points within a range of x; a line that goes on beyond it is led to the range's edge."""
    shown: list[tuple[float, float]] = []
    previous: tuple[float, float] | None = None
    for point in points:
        if previous is not None:
            shown += [(edge, _between(previous, point, edge)) for edge in (low, high) if previous[0] < edge < point[0]]
        if low <= point[0] <= high:
            shown.append(point)
        elif point[0] > high:
            break
        previous = point
    return tuple(shown)


def _between(left: tuple[float, float], right: tuple[float, float], x: float) -> float:
    """Return y on the line from one point to another."""
    return left[1] + (right[1] - left[1]) * (x - left[0]) / (right[0] - left[0])


def without_outliers(curves: Sequence[Sequence[tuple[float, float]]]) -> list[Points]:
    """Return curves without the values beyond the percentiles 2 and 98 of all of them together.

    Curves with too few values to have an outlier stay as they are.
    """
    values = sorted(y for points in curves for _, y in points if math.isfinite(y))
    if len(values) * _KEPT[0] < 1:
        return [tuple(points) for points in curves]
    low, high = (quantile(values, share) for share in _KEPT)
    return [tuple(point for point in points if low <= point[1] <= high) for points in curves]


def value_at(points: Sequence[tuple[float, float]], x: float) -> float | None:
    """Return the last value at or before x; None before the first point."""
    found = None
    for place, y in points:
        if place > x:
            break
        found = y
    return found
