"""What the keys and the mouse make of the order of a leaderboard: the next column, one more, the other way. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tui.columns import Column, ColumnKind
from tui.leaderboard_model import LeaderboardModel
from tui.sorting import Level

Levels = tuple[Level, ...]


def by_neighbour(board: LeaderboardModel, steps: int) -> Levels:
    """Return the order by a neighbouring column; among several, with another last one."""
    *kept, last = board.sorts
    return _by(board, _next_column(board, last.column, steps, kept), kept)


def one_more(board: LeaderboardModel) -> Levels:
    """Return the order with a further column behind those that order already."""
    # The rank is the order by nature: nothing could come behind it.
    kept = [level for level in board.sorts if level.column.kind is not ColumnKind.RANK]
    if not kept:
        return by_neighbour(board, 1)
    if len(kept) == len(board.columns):
        return board.sorts
    return _by(board, _next_column(board, kept[-1].column, 1, kept), kept)


def turned(board: LeaderboardModel) -> Levels:
    """Return the order with the column that orders last the other way around."""
    *kept, last = board.sorts
    return (*kept, Level(last.column, not last.reverse))


def by_title(board: LeaderboardModel, column: Column, *, further: bool) -> Levels:
    """Return the order by a column whose title was clicked, or its order turned around; `further` keeps the others."""
    levels = list(board.sorts)
    place = board.sort_level(column)
    if place is not None and (further or len(levels) == 1):
        levels[place] = Level(column, not levels[place].reverse)
        return tuple(levels)
    return _by(
        board, column, [level for level in levels if level.column.kind is not ColumnKind.RANK] if further else []
    )


def _next_column(board: LeaderboardModel, column: Column, steps: int, taken: Sequence[Level]) -> Column:
    used = {level.column for level in taken}
    columns = [each for each in board.columns if each not in used or each == column]
    at = columns.index(column) if column in columns else 0
    return columns[(at + steps) % len(columns)]


def _by(board: LeaderboardModel, column: Column, kept: Sequence[Level]) -> Levels:
    return (*kept, Level(column, _wants_most(board, column)))


def _wants_most(board: LeaderboardModel, column: Column) -> bool:
    """Return whether the most of a column is what people want to see first."""
    if column.kind in (ColumnKind.METRIC, ColumnKind.GROUP_BEST):
        return board.metric is not None and board.metric.goal == "maximize"
    return column.kind in (ColumnKind.CHANCE, ColumnKind.FAILURES)
