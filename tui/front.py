"""Front: the lines of a leaderboard that no other beats in its metric and a second one at once. Pure.

Which points those are, `trainer.insight.pareto` decides. A run that something on the front beats changes no front, so
that most changes cost a look at the front and not at all runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from trainer.insight.pareto import pareto_places
from trainer.records import Goal, Metric, summary_number
from tui.columns import Column, ColumnKind

if TYPE_CHECKING:
    from tui.leaderboard_model import LeaderboardModel

FRONT = Column(ColumnKind.FRONT, "front")
GLYPH = "◆"
Point = tuple[float, float]


class Front:
    """The front of a leaderboard's metric and another."""

    def __init__(self, against: Metric) -> None:
        """Create a front without runs.

        Args:
            against: The second metric; its last value counts.
        """
        self.against = against
        self.column = Column(ColumnKind.SUMMARY, against.name, against.name)
        self.run_ids: frozenset[str] = frozenset()
        self.group_ids: frozenset[str] = frozenset()
        self._points: dict[str, Point] = {}

    def columns(self, natural: Sequence[Column]) -> list[Column]:
        """Return columns with the second metric and the front behind the first metric."""
        own = (self.column, FRONT)
        found = [column for column in natural if column not in own]
        at = next((place for place, column in enumerate(found) if column.kind is ColumnKind.METRIC), len(found) - 1)
        return [*found[: at + 1], *own, *found[at + 1 :]]

    @property
    def ids(self) -> frozenset[str]:
        """Ids of the runs and groups on it."""
        return self.run_ids | self.group_ids

    def forget(self, run_id: str) -> None:
        """Take out a run; `update` finds the front of the others."""
        self._points.pop(run_id, None)

    def update(self, board: LeaderboardModel, changed: Iterable[str]) -> bool:
        """Take in runs that are new or changed; return whether others are on the front of runs now."""
        if board.metric is None:
            return False
        goals = (board.metric.goal, self.against.goal)
        is_moved = any(run_id not in self._points for run_id in self.run_ids)
        for run_id in changed:
            before, after = self._points.pop(run_id, None), self._point(board, run_id)
            if after is not None:
                self._points[run_id] = after
            if before != after:
                is_moved = (
                    is_moved or run_id in self.run_ids or (after is not None and not self._is_beaten(after, goals))
                )
        before_ids = self.run_ids
        if is_moved:
            self.run_ids = _front(self._points, goals)
        return self.run_ids != before_ids

    def update_groups(self, board: LeaderboardModel) -> None:
        """Take in the groups as they are."""
        if board.metric is not None:
            points = self._group_points(board) if board.grouping is not None else {}
            self.group_ids = _front(points, (board.metric.goal, self.against.goal))

    def _point(self, board: LeaderboardModel, run_id: str) -> Point | None:
        value, other = board.value(run_id), summary_number(board.runs[run_id].summary, self.against.name)
        return None if value is None or other is None else (value, other)

    def _is_beaten(self, point: Point, goals: Sequence[Goal]) -> bool:
        signs = [-1 if goal == "maximize" else 1 for goal in goals]
        costs = [sign * value for sign, value in zip(signs, point, strict=True)]
        for run_id in self.run_ids:
            theirs = [sign * value for sign, value in zip(signs, self._points.get(run_id, point), strict=True)]
            if theirs != costs and all(their <= cost for their, cost in zip(theirs, costs, strict=True)):
                return True
        return False

    def _group_points(self, board: LeaderboardModel) -> dict[str, Point]:
        assert board.grouping is not None
        points: dict[str, Point] = {}
        for group_id in board.grouping.ranked:
            group, other = board.grouping.groups[group_id], board.grouping.cell(board, group_id, self.column)
            if group.mean is not None and isinstance(other, float):
                points[group_id] = (group.mean.mean, other)
        return points


def _front(points: Mapping[str, Point], goals: Sequence[Goal]) -> frozenset[str]:
    ids = list(points)
    return frozenset(ids[place] for place in pareto_places([points[each] for each in ids], goals))
