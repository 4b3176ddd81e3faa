"""What a leaderboard row says and how wide its columns are. Pure: the runs table only paints it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainer.records import Json
from trainer.states import RunState
from tui.columns import Column, ColumnKind
from tui.formatting import MISSING, cells_of, duration_text, metric_text, run_label, shortened, value_text
from tui.front import GLYPH
from tui.grouping import is_group
from tui.leaderboard_model import LeaderboardModel
from tui.stop_words import short_stop_words

MAX_WIDTHS = {ColumnKind.NAME: 28, ColumnKind.CONFIG: 24}
PARAMETER_NAME_WIDTH = 40
MAX_ABOUT_WIDTH = 24
FITS = ((40, 2), (40, 1), (16, 1), (14, 1), (12, 1), (11, 1), (10, 1), (9, 1), (8, 1), (13, 2))
"""Longest title and narrowest gap, tried in this order until the columns fit; the last one scrolls."""
WIDEST_GAP = 4
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")
"""As the SDK writes them into a summary."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a row: its text and the name of its look (empty for the plain one)."""

    text: str
    look: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """How a run relates to the chart."""

    glyph: str = " "
    color: str = ""
    """Empty for the table's own muted colour."""


ABOUT = "~"
"""Before a value that is not the last word: from a sample of a history, or of runs that still go on."""
NO_MARK = Mark()
MARKED = "✓"
"""Behind the mark of the chart, for runs that the user marked."""


def title_of(column: Column, board: LeaderboardModel) -> str:
    """Return a column's title; the metric says which of its values is shown."""
    if column.kind is ColumnKind.METRIC:
        return f"{'mean' if board.grouping else board.by} {column.title}"
    if column.kind is ColumnKind.COMPUTED and board.estimated.get(column):
        return f"{ABOUT}{column.title}"
    if column.kind is ColumnKind.NAME and board.grouping:
        return "runs"
    if column.kind is ColumnKind.NAME and board.view.parameter_names:
        return "run (its parameters)"
    return column.title


def cell_of(board: LeaderboardModel, run_id: str, column: Column) -> Cell:
    """Return what a cell of a run shows."""
    run = board.runs[run_id]
    match column.kind:
        case ColumnKind.RANK | ColumnKind.METRIC | ColumnKind.CHANCE | ColumnKind.FRONT:
            return _standing_cell(board, run_id, column)
        case ColumnKind.CONFIG | ColumnKind.SUMMARY:
            return _logged_cell(board, run_id, column)
        case ColumnKind.STATE:
            label, why = run_label(run.state), short_stop_words(run)
            return Cell(f"{label}, {why}" if why else str(label), label.tone)
        case ColumnKind.NAME:
            if board.view.parameter_names:
                return Cell(shortened(parameter_name(board, run_id), PARAMETER_NAME_WIDTH))
            return Cell(shortened(run.name, MAX_WIDTHS[ColumnKind.NAME]))
        case ColumnKind.DURATION:
            look = "" if run.state is RunState.RUNNING else "muted"
            return Cell(duration_text(run.duration_seconds), look)
    return _about_cell(board, run_id, column)


def _standing_cell(board: LeaderboardModel, run_id: str, column: Column) -> Cell:
    if column.kind is ColumnKind.CHANCE:
        return chance_cell(board.cell(run_id, column))
    if column.kind is ColumnKind.FRONT:
        return front_cell(board.cell(run_id, column))
    if column.kind is ColumnKind.RANK:
        ties = board.ties
        return rank_cell(board.rank(run_id), ties is not None and run_id in ties.tied and board.ranked[0] in ties.tied)
    value = board.value(run_id)
    if value is None:
        # It logged the metric, and that is no number: a run that diverged is not one that said nothing.
        left = board.runs[run_id].summary.get(column.title)
        is_odd = left in _NOT_FINITE if isinstance(left, str) else isinstance(left, float) and not math.isfinite(left)
        return Cell(str(left).lower(), "warn") if is_odd else Cell(MISSING, "muted")
    return Cell(metric_text(value), "best" if run_id == board.best_id else "value")


def rank_cell(rank: int | None, is_tied: bool) -> Cell:
    """Return a place; those who share the first have the first."""
    if rank is None:
        return Cell(MISSING, "muted")
    return Cell("=1" if is_tied else str(rank), "best" if is_tied or rank == 1 else "muted")


def front_cell(is_on_it: Json) -> Cell:
    """Return the glyph of what no other beats in two metrics at once."""
    return Cell(GLYPH if is_on_it else "", "best")


def chance_cell(chance: Json) -> Cell:
    """Return the probability of being the best, in percent."""
    if not isinstance(chance, float):
        return Cell(MISSING, "muted")
    text = ">99.9%" if chance >= 0.9995 else "<0.1%" if chance < 0.0005 else f"{chance:.1%}"
    return Cell(text, "soft")


def tied_lines(board: LeaderboardModel) -> int:
    """Return how many lines at the top share the first place; 0 where they do not stand together."""
    ties, first = board.ties, board.sorts[0]
    if ties is None or first.reverse and first.column.kind is ColumnKind.RANK:
        return 0
    groups_only = board.grouping is not None
    tops = itertools.takewhile(lambda line: line in ties.tied or (groups_only and not is_group(line)), board.lines)
    lines = list(tops)
    # A rule below the last line of all would say nothing.
    is_whole = sum(line in ties.tied for line in lines) == len(ties.tied)
    return len(lines) if is_whole and len(lines) < len(board.lines) else 0


def _logged_cell(board: LeaderboardModel, run_id: str, column: Column) -> Cell:
    if column.kind is ColumnKind.CONFIG:
        flat = board.flat_config(run_id)
        if column.path not in flat:
            return Cell(MISSING, "muted")
        return Cell(value_text(flat[column.path], MAX_WIDTHS[ColumnKind.CONFIG]))
    number = board.runs[run_id].summary.get(column.title)
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    return Cell(metric_text(number), "soft") if is_number else Cell(MISSING, "muted")  # type: ignore[arg-type]


def _about_cell(board: LeaderboardModel, run_id: str, column: Column) -> Cell:
    value = board.cell(run_id, column)
    if value is None:
        return Cell(MISSING, "muted")
    if isinstance(value, float) and run_id in board.estimated.get(column, ()):
        return Cell(f"{ABOUT}{metric_text(value)}", "soft")
    return Cell(metric_text(value) if isinstance(value, float) else shortened(str(value), MAX_ABOUT_WIDTH), "soft")


def parameter_name(board: LeaderboardModel, run_id: str) -> str:
    """Return a name made of what varies: `lr 0.01 depth 5`; the run's own where nothing does."""
    flat = board.flat_config(run_id)
    parts = [
        f"{column.path.rpartition('.')[2]} {value_text(flat[column.path], 12)}"
        for column in board.natural_columns
        if column.kind is ColumnKind.CONFIG and column.path in flat
    ]
    return " ".join(parts) or board.runs[run_id].name


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """Where each column starts and how wide it is."""

    columns: tuple[Column, ...]
    titles: tuple[str, ...]
    starts: tuple[int, ...]
    widths: tuple[int, ...]
    frozen: int
    """Columns that stay where they are while the others scroll."""

    @property
    def width(self) -> int:
        """Cells of a whole row."""
        return self.starts[-1] + self.widths[-1] if self.starts else 0

    @property
    def frozen_width(self) -> int:
        """Cells of the columns that stay, with the gap behind them."""
        return self.starts[self.frozen] if self.frozen < len(self.starts) else self.width

    def shift_to(self, column: Column, shift: int, width: int) -> int:
        """Return how far to scroll, from `shift` cells, until a column is in sight in `width` cells."""
        if column not in self.columns or (index := self.columns.index(column)) < self.frozen:
            return shift
        start, end = self.starts[index], self.starts[index] + self.widths[index]
        if start < shift + self.frozen_width:
            return start - self.frozen_width
        return max(end - width, shift)

    def column_at(self, x: int) -> Column | None:
        """Return the column that covers cell `x` of a row; a column owns the gap behind it."""
        found = None
        for column, start in zip(self.columns, self.starts, strict=True):
            if start <= x:
                found = column
        return found if x < self.width else None


def lay_out(board: LeaderboardModel, value_widths: Mapping[Column, int], available: int, first_x: int) -> ColumnLayout:
    """Place the columns of a board.

    Titles are shortened only as far as the space asks for; space that is left widens the gaps.

    Args:
        board: Gives the columns and their titles.
        value_widths: Widest value seen per column.
        available: Cells there are.
        first_x: Where the first column starts, behind the chart's mark.
    """
    columns = board.columns
    for limit, gap in FITS:
        shown = [_shown_title(column, board, max(limit, value_widths.get(column, 1))) for column in columns]
        widths = [
            board.view.widths.get(column.key) or max(cells_of(title), value_widths.get(column, 1))
            for column, title in zip(columns, shown, strict=True)
        ]
        if first_x + sum(widths) + gap * (len(widths) - 1) <= available:
            break
    spare = available - first_x - sum(widths)
    gap = min(max(spare // max(len(widths) - 1, 1), gap), WIDEST_GAP)
    shown = [shortened(title, width) for title, width in zip(shown, widths, strict=True)]
    starts = _starts(widths, gap, first_x)
    frozen = _frozen(columns, board.view.pinned)
    if frozen < len(starts) and starts[frozen] > available * 2 // 3:
        # What is pinned must leave room for the others.
        frozen = _frozen(columns, ())
    return ColumnLayout(tuple(columns), tuple(shown), starts, tuple(widths), frozen)


def sort_arrow(column: Column, board: LeaderboardModel) -> str:
    """Return the mark of a column that orders: which way, and among several its place."""
    place = board.sort_level(column)
    if place is None:
        return ""
    return f" {'▴' if board.sorts[place].reverse else '▾'}{place + 1 if len(board.sorts) > 1 else ''}"


def _shown_title(column: Column, board: LeaderboardModel, limit: int) -> str:
    """Return a title within a limit; the metric gives up the word that says which value first, its name last."""
    arrow = sort_arrow(column, board)
    title = title_of(column, board)
    if column.kind is ColumnKind.METRIC and cells_of(title) > limit:
        title, limit = column.title, max(limit, 12)
    elif column.kind is ColumnKind.CONFIG and cells_of(title) > limit:
        # The last part of a nested key says most: `lr` for `optimizer.schedule.lr`.
        last = title.rpartition(".")[2]
        title = title if any(last == other.path for other in board.columns) else last
    return shortened(title, limit) + arrow


def _starts(widths: Sequence[int], gap: int, first_x: int) -> tuple[int, ...]:
    starts, x = [], first_x
    for width in widths:
        starts.append(x)
        x += width + gap
    return tuple(starts)


def _frozen(columns: Sequence[Column], pinned: Sequence[str]) -> int:
    """Return how many columns stay in sight: those up to the run's name, and what is pinned behind it."""
    count = 1 + next(index for index, column in enumerate(columns) if column.kind is ColumnKind.NAME)
    while count < len(columns) and columns[count].key in pinned:
        count += 1
    return count
