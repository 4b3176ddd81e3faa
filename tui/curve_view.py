"""How the curves of runs are looked at: over which axis, how smooth, what is cut off. Pure; `curve_points` does it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

STEP, RELATIVE, WALL = "step", "relative time", "wall time"
AXES = (STEP, RELATIVE, WALL)
"""The x axes that every history has; any metric is one, too."""
SMOOTHINGS = (0.0, 0.3, 0.6, 0.9, 0.99)
"""Weights of the moving average that one goes through with a key."""
_NARROWEST = 1e-6
"""Part of the whole axis that the narrowest zoom shows."""


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
