"""Grouping: the runs of a leaderboard in groups that agree in some columns, each with its mean and confidence. Pure.

Only groups of which a run changed are summed up again; a group that is not in sight costs a mean, and no cells.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainer.insight.intervals import Mean, mean_of
from trainer.records import Json, RunRecord
from trainer.states import RunState
from tui.columns import CHANCE, NAME, RANK, STATE, Column, ColumnKind
from tui.sorting import Level, SortKey, sort_key, sorted_ids

if TYPE_CHECKING:
    from tui.leaderboard_model import LeaderboardModel

PREFIX = "\0"
"""Begins the ids of groups; no run's id does."""
INTERVAL = Column(ColumnKind.INTERVAL, "± 95 %")
GROUP_BEST = Column(ColumnKind.GROUP_BEST, "best")
FAILURES = Column(ColumnKind.FAILURES, "failed")
_MOVING = (ColumnKind.RANK, ColumnKind.CHANCE, ColumnKind.FRONT)
"""What may change of a group of which no run has changed."""
_AVERAGED = (ColumnKind.DURATION, ColumnKind.SUMMARY, ColumnKind.COMPUTED)
_FAILED = (RunState.FAILED, RunState.CRASHED)


@dataclass(slots=True)
class RunGroup:
    """Runs that agree in the keys."""

    id: str
    values: tuple[Json, ...]
    """What they agree in."""
    absent: tuple[Column, ...] = ()
    """The keys that none of them has in its configuration."""
    run_ids: dict[str, None] = field(default_factory=dict)
    mean: Mean | None = None
    """Of the runs that ended with a value or, before there is one, of those under way; None without any."""
    is_early: bool = False
    """Whether the mean is of runs that still go on."""
    best: float | None = None
    failed: int = 0
    cells: dict[Column, Json] = field(default_factory=dict)
    """What was asked for besides; forgotten when a run changes."""

    @property
    def name(self) -> str:
        """Its values as text."""
        return " ".join("–" if value is None else str(value) for value in self.values)


class Grouping:
    """Groups by some columns, in the order of the leaderboard's levels."""

    def __init__(self, keys: Sequence[Column], expanded: Iterable[str] = ()) -> None:
        """Create a grouping without runs.

        Args:
            keys: The columns; one at least.
            expanded: Ids of the groups whose runs are shown too.
        """
        self.keys = tuple(keys)
        self.expanded = set(expanded)
        self.groups: dict[str, RunGroup] = {}
        self.lines: Sequence[str] = ()
        """Ids of the groups and of the runs of those that are expanded, top first."""
        self.failed = 0
        """Runs that failed in all groups."""
        self._place: dict[str, str] = {}
        self._dirty: dict[str, None] = {}
        self._ranked: list[str] = []
        self._ranks: dict[str, int] = {}
        self._rank_keys: dict[str, SortKey] = {}
        self._levels: tuple[Level, ...] = ()
        self._sort_keys: list[dict[str, SortKey | None]] = []

    def columns(self, natural: Sequence[Column]) -> list[Column]:
        """Return the columns that are shown of groups: place, name, keys, how good they are, what there is besides."""
        behind = [INTERVAL, CHANCE, GROUP_BEST, *([FAILURES] if self.failed else []), STATE]
        metric = [column for column in natural if column.kind is ColumnKind.METRIC]
        first = [RANK, NAME, *self.keys, *metric, *(behind if metric else behind[3:])]
        return [*first, *(column for column in natural if column not in first)]

    def group_of(self, run_id: str) -> RunGroup | None:
        """Return the group that a run is in; None while it is hidden."""
        return self.groups.get(self._place.get(run_id, ""))

    def rank(self, group_id: str) -> int | None:
        """Return a group's place by its mean, counting from 1; None without a mean."""
        return self._ranks.get(group_id)

    @property
    def ranked(self) -> Sequence[str]:
        """Ids of the groups with a mean, the best first."""
        return self._ranked[: len(self._ranks)]

    def toggle(self, group_id: str) -> None:
        """Show the runs of a group, or hide them; `update` shows it."""
        self.expanded ^= {group_id}

    # Changing

    def forget(self, run_id: str) -> None:
        """Take a run out of its group; `update` sums that up again."""
        group = self.groups.get(self._place.pop(run_id, ""))
        if group is not None:
            del group.run_ids[run_id]
            self._dirty[group.id] = None

    def update(self, board: LeaderboardModel, changed: Iterable[str]) -> None:
        """Take in runs that are new, changed, or shown or hidden by the filter, and order the lines."""
        touched, self._dirty = self._dirty, {}
        for run_id in changed:
            before = self._place.get(run_id)
            after = self._id_of(board, run_id) if board.is_matching(run_id) else None
            if before is not None and before != after:
                del self.groups[before].run_ids[run_id], self._place[run_id]
                touched[before] = None
            if after is not None:
                self._place[run_id] = after
                self.groups[after].run_ids[run_id] = None
                touched[after] = None
        for group_id in touched:
            self._sum_up(board, group_id)
        self.failed = sum(group.failed for group in self.groups.values())
        self._rank()
        self._order(board, touched)

    def _id_of(self, board: LeaderboardModel, run_id: str) -> str:
        values = tuple(board.cell(run_id, key) for key in self.keys)
        # A parameter that is None is not one that a run has not.
        flat = board.flat_config(run_id)
        absent = tuple(key for key in self.keys if key.kind is ColumnKind.CONFIG and key.path not in flat)
        group_id = PREFIX + json.dumps((values, [key.path for key in absent]))
        if group_id not in self.groups:
            self.groups[group_id] = RunGroup(group_id, values, absent)
        return group_id

    def _sum_up(self, board: LeaderboardModel, group_id: str) -> None:
        group = self.groups[group_id]
        if not group.run_ids:
            del self.groups[group_id]
            self.expanded.discard(group_id)
            self._rank_keys.pop(group_id, None)
            for keys in self._sort_keys:
                keys.pop(group_id, None)
            return
        group.cells.clear()
        ended: list[float] = []
        under_way: list[float] = []
        group.failed = 0
        for run_id in group.run_ids:
            value, state = board.value(run_id), board.runs[run_id].state
            group.failed += state in _FAILED
            if value is not None:
                (ended if state.is_terminal else under_way).append(value)
        values = ended or under_way
        group.is_early = not ended and bool(under_way)
        maximizes = board.metric is not None and board.metric.goal == "maximize"
        group.mean = mean_of(values) if values else None
        group.best = (max if maximizes else min)([*ended, *under_way], default=None)
        sign = -1.0 if maximizes else 1.0
        self._rank_keys[group_id] = (0, sign * group.mean.mean, group.name) if group.mean else (1, 0.0, group.name)

    def _rank(self) -> None:
        self._ranked = sorted(self._rank_keys, key=self._rank_keys.__getitem__)
        valued = (group_id for group_id in self._ranked if self.groups[group_id].mean is not None)
        self._ranks = {group_id: place for place, group_id in enumerate(valued, 1)}

    def _order(self, board: LeaderboardModel, touched: Iterable[str]) -> None:
        if board.sorts[0].column == RANK:
            order = self._ranked[::-1] if board.sorts[0].reverse else self._ranked
        else:
            if self._levels != board.sorts or len(self._sort_keys) != len(board.sorts):
                self._levels, self._sort_keys = board.sorts, [{} for _ in board.sorts]
                touched = self.groups
            for level, keys in zip(self._levels, self._sort_keys, strict=True):
                # A place may move without its group.
                again = self.groups if level.column.kind in _MOVING else touched
                keys.update(
                    (each, sort_key(self.sort_value(board, each, level.column)))
                    for each in again
                    if each in self.groups
                )
            order = sorted_ids(self._ranked, self._levels, self._sort_keys)
        opened: dict[str, list[str]] = {group_id: [] for group_id in self.expanded}
        if opened:
            for run_id in board.rows:
                if (held := opened.get(self._place.get(run_id, ""))) is not None:
                    held.append(run_id)
            self.lines = [line for group_id in order for line in (group_id, *opened.get(group_id, ()))]
        else:
            self.lines = list(order)

    # Reading

    def sort_value(self, board: LeaderboardModel, group_id: str, column: Column) -> Json:
        """Return what orders groups in a column: as `cell`, but the number of runs in that of their names."""
        return len(self.groups[group_id].run_ids) if column == NAME else self.cell(board, group_id, column)

    def cell(self, board: LeaderboardModel, group_id: str, column: Column) -> Json:
        """Return what a cell of a group holds; None where there is nothing, or where its runs differ."""
        group = self.groups[group_id]
        match column.kind:
            case ColumnKind.RANK:
                return self.rank(group_id)
            case ColumnKind.NAME:
                return group.name
            case ColumnKind.METRIC:
                return group.mean.mean if group.mean else None
            case ColumnKind.INTERVAL:
                return group.mean.half_width if group.mean else None
            case ColumnKind.GROUP_BEST:
                return group.best
            case ColumnKind.FAILURES:
                return group.failed
            case ColumnKind.FRONT:
                return 1 if board.front and group_id in board.front.group_ids else None
            case ColumnKind.CHANCE:
                return board.ties.chances.get(group_id) if board.ties else None
        if column not in group.cells:
            cells = (board.cell(run_id, column) for run_id in group.run_ids)
            group.cells[column] = _averaged(cells) if column.kind in _AVERAGED else _shared(cells)
        return group.cells[column]

    def different(self, board: LeaderboardModel, group_id: str, column: Column) -> int:
        """Return how many different values a column has in a group."""
        return len({json.dumps(board.cell(run_id, column)) for run_id in self.groups[group_id].run_ids})

    def states(self, board: LeaderboardModel, group_id: str) -> Mapping[RunState, int]:
        """Return how many runs of a group are in which state, in the order of the states."""
        counts: dict[RunState, int] = {}
        runs: list[RunRecord] = [board.runs[run_id] for run_id in self.groups[group_id].run_ids]
        for state in RunState:
            count = sum(run.state is state for run in runs)
            if count:
                counts[state] = count
        return counts


def is_group(line: str) -> bool:
    """Return whether a line of a leaderboard is a group, and not a run."""
    return line.startswith(PREFIX)


def _averaged(cells: Iterable[Json]) -> Json:
    numbers = [
        float(cell)
        for cell in cells
        if isinstance(cell, int | float) and not isinstance(cell, bool) and math.isfinite(cell)
    ]
    return math.fsum(numbers) / len(numbers) if numbers else None


def _shared(cells: Iterable[Json]) -> Json:
    found = iter(cells)
    first = next(found, None)
    return first if all(cell == first for cell in found) else None
