"""What the lines of a leaderboard say where its runs are grouped: groups, and runs within them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from tui.columns import GROUP_KINDS, Column, ColumnKind
from tui.formatting import MISSING, count_text, duration_text, metric_text, run_label, shortened, value_text
from tui.grouping import Grouping, is_group
from tui.leaderboard_model import LeaderboardModel
from tui.table_layout import (
    ABOUT,
    MARKED,
    MAX_ABOUT_WIDTH,
    MAX_WIDTHS,
    NO_MARK,
    Cell,
    Mark,
    cell_of,
    chance_cell,
    front_cell,
    rank_cell,
)

CLOSED, OPEN = "▸", "▾"
INDENT = "  "
_OF_GROUPS = frozenset((ColumnKind.RANK, ColumnKind.CHANCE, *GROUP_KINDS))
"""What runs within a group do not say: their places and chances are among runs."""


def line_cell(board: LeaderboardModel, line: str, column: Column) -> Cell:
    """Return what a cell of a line shows, be it a group or a run."""
    grouping = board.grouping
    if grouping is None:
        return cell_of(board, line, column)
    if is_group(line):
        return _group_cell(board, grouping, line, column)
    # A run's place is among the runs, and what it shares with its group is said there.
    if column.kind in _OF_GROUPS or column in grouping.keys:
        return Cell("")
    cell = cell_of(board, line, column)
    if column.kind is ColumnKind.NAME:
        return Cell(f"{INDENT}{cell.text}", "muted")
    return Cell(cell.text, "soft") if cell.look in ("best", "value") else cell


def line_mark(board: LeaderboardModel, line: str, marks: Mapping[str, Mark]) -> Mark:
    """Return the mark of a line; that of a group says whether one of its runs is drawn, or marked."""
    if board.grouping is None or not is_group(line):
        return marks.get(line, NO_MARK)
    members = board.grouping.groups[line].run_ids
    found = [mark for run_id, mark in marks.items() if run_id in members]
    drawn = next((mark for mark in found if mark.color), NO_MARK)
    behind = sorted({mark.glyph[1:] for mark in found}, key=lambda glyph: (glyph != MARKED, not glyph))
    return Mark(f"{drawn.glyph[0]}{behind[0]}" if behind else drawn.glyph, drawn.color)


def _group_cell(board: LeaderboardModel, grouping: Grouping, line: str, column: Column) -> Cell:
    group, value = grouping.groups[line], grouping.cell(board, line, column)
    match column.kind:
        case ColumnKind.RANK:
            return rank_cell(grouping.rank(line), grouping.rank(line) is not None and _is_tied(board, grouping, line))
        case ColumnKind.NAME:
            mark = OPEN if line in grouping.expanded else CLOSED
            return Cell(f"{mark} {count_text(len(group.run_ids), 'run')}")
        case ColumnKind.STATE:
            return _states(board, grouping, line)
        case ColumnKind.METRIC:
            if group.is_early:
                return Cell(f"{ABOUT}{metric_text(group.mean.mean if group.mean else None)}", "soft")
            return _number(value, "best" if grouping.rank(line) == 1 else "value")
        case ColumnKind.FAILURES:
            return Cell(str(group.failed), "bad") if group.failed else Cell("0", "muted")
        case ColumnKind.FRONT | ColumnKind.CHANCE:
            return front_cell(value) if column.kind is ColumnKind.FRONT else chance_cell(value)
        case ColumnKind.DURATION:
            return Cell(duration_text(value), "muted") if isinstance(value, float) else Cell(MISSING, "muted")
        case ColumnKind.SUMMARY | ColumnKind.COMPUTED | ColumnKind.INTERVAL | ColumnKind.GROUP_BEST:
            return _number(value, "soft")
    return _shared(board, grouping, line, column)


def _is_tied(board: LeaderboardModel, grouping: Grouping, line: str) -> bool:
    return board.ties is not None and line in board.ties.tied and grouping.ranked[0] in board.ties.tied


def _number(value: object, look: str) -> Cell:
    return Cell(metric_text(value), look) if isinstance(value, float) else Cell(MISSING, "muted")


def _states(board: LeaderboardModel, grouping: Grouping, line: str) -> Cell:
    states = grouping.states(board, line)
    if len(states) == 1:
        label = run_label(next(iter(states)))
        return Cell(str(label), label.tone)
    return Cell(" ".join(f"{count}{run_label(state).glyph}" for state, count in states.items()))


def _shared(board: LeaderboardModel, grouping: Grouping, line: str, column: Column) -> Cell:
    """Return the value that all runs of a group have, or how many different ones there are."""
    value, is_key = grouping.cell(board, line, column), column in grouping.keys
    if value is None and not is_key and (count := grouping.different(board, line, column)) > 1:
        return Cell(f"{count:,} values", "muted")
    if value is None and (column.kind is not ColumnKind.CONFIG or column in grouping.groups[line].absent or not is_key):
        return Cell(MISSING, "muted")
    if column.kind is ColumnKind.CONFIG:
        return Cell(value_text(value, MAX_WIDTHS[ColumnKind.CONFIG]), "" if is_key else "muted")
    return Cell(shortened(str(value), MAX_ABOUT_WIDTH), "" if is_key else "soft")
