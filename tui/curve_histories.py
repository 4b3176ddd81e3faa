"""CurveReader: x and y of a metric from the rows of histories, read once. Used in workers, by one thread at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from trainer.records import HistoryPoint
from tui.curve_view import AXES, STEP, WALL, CurveView

if TYPE_CHECKING:
    from tui.curve_points import CurvePoints, Floats


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of a history; rows are never changed, and so the ends tell whether it only grew."""

    first: HistoryPoint
    last: HistoryPoint
    rows: int
    started_at: datetime | None
    points: CurvePoints


class CurveReader:
    """Remembers the curves that were drawn last: another look at them costs nothing, a further row that row alone."""

    def __init__(self) -> None:
        """Begin with none."""
        self._known: dict[tuple[int, str, str], _Read] = {}
        self._used: dict[tuple[int, str, str], _Read] = {}

    def forget_unused(self) -> None:
        """Forget what was not asked for since this was called last."""
        self._known, self._used = self._used, {}

    def curve_points(
        self, history: Sequence[HistoryPoint], metric: str, view: CurveView, started_at: datetime | None = None
    ) -> CurvePoints:
        """Return x and y of a metric as a view shows them, in the order of x, without the zoom.

        Rows that lack the metric or the axis are left out; of rows with the same x each stays.

        Args:
            history: Rows, oldest first.
            metric: Name of what is drawn.
            view: Which axis and how smooth.
            started_at: When the run began: what wall time is counted from.
        """
        import numpy as np

        from tui.curve_points import CurvePoints, smoothed

        points = self._placed(history, metric, view.axis, started_at)
        # Steps are whole numbers.
        if view.axis != STEP:
            points = points.where(np.isfinite(points.xs))
        if view.log_x:
            points = points.where(points.xs > 0)
        if view.axis != STEP and len(points) and (np.diff(points.xs) < 0).any():
            # A metric need not grow, and a line that runs back over itself cannot be read.
            order = np.argsort(points.xs, kind="stable")
            points = CurvePoints(points.xs[order], points.ys[order])
        return smoothed(points, view.smoothing)

    def _placed(
        self, history: Sequence[HistoryPoint], metric: str, axis: str, started_at: datetime | None
    ) -> CurvePoints:
        import numpy as np

        from tui.curve_points import CurvePoints

        if not history:
            return _placed((), metric, axis, started_at)
        key = (id(history[0]), metric, axis)
        known = self._used.get(key) or self._known.get(key)
        if (
            known is not None
            and (known.first is history[0] and known.rows <= len(history) and known.last is history[known.rows - 1])
            and known.started_at == started_at
        ):
            points = known.points
            if known.rows < len(history):
                more = _placed(history[known.rows :], metric, axis, started_at)
                points = CurvePoints(np.concatenate((points.xs, more.xs)), np.concatenate((points.ys, more.ys)))
        else:
            points = _placed(history, metric, axis, started_at)
        self._used[key] = _Read(history[0], history[-1], len(history), started_at, points)
        return points


def _placed(history: Sequence[HistoryPoint], metric: str, axis: str, started_at: datetime | None) -> CurvePoints:
    """Return x and y of the rows that have both, as they come."""
    import numpy as np

    from tui.curve_points import CurvePoints

    try:
        # As it mostly is: every row has it.
        rows, ys = history, [row.values[metric] for row in history]
    except KeyError:
        rows = [row for row in history if metric in row.values]
        ys = [row.values[metric] for row in rows]
    values, origin = np.array(ys, np.float64), 0.0
    if axis == STEP:
        return CurvePoints(np.array([row.step for row in rows], np.float64), values)
    if axis not in AXES:
        # What is missing is no number, like what is logged as none.
        return _known(np.array([row.values.get(axis) for row in rows], np.float64), values, 0.0)
    if axis == WALL:
        if started_at is None:
            return CurvePoints(np.empty(0), np.empty(0))
        origin = started_at.timestamp()
    return _known(np.array([row.runtime_seconds for row in rows], np.float64), values, origin)


def _known(places: Floats, values: Floats, origin: float) -> CurvePoints:
    """Return the points whose place is known."""
    import numpy as np

    from tui.curve_points import CurvePoints

    known = ~np.isnan(places)
    return CurvePoints(origin + places[known], values[known])
