"""Lines of the runs table: cells placed by a layout, shifted sideways behind the frozen columns. Owns no state."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.chart_colors import rich_color
from tui.columns import Column, ColumnKind
from tui.formatting import padded, padded_left, shortened
from tui.leaderboard_model import LeaderboardModel
from tui.table_layout import Cell, ColumnLayout, Mark

MARK_WIDTH = 2
"""Cells before the first column, for the run's mark in the chart."""


@dataclass(frozen=True, slots=True)
class Row:
    """Everything that decides how a line looks, to compare it with what is on the screen."""

    cells: tuple[Cell, ...]
    mark: Mark
    is_cursor: bool
    is_ruled: bool = False
    """Whether a thin rule is drawn below it: the last of those that share the first place."""
    page: str = ""
    """Where the run's name leads (OSC 8); empty for nowhere."""


@dataclass(frozen=True, slots=True)
class LinePainter:
    """Paints lines of one layout."""

    layout: ColumnLayout
    width: int
    """Cells of a line on the screen."""
    shift: int
    """Cells by which the columns are scrolled to the left."""
    look: Callable[[str], Style]
    """The colour and weight of a named look."""

    def header(self, board: LeaderboardModel, plain: Style, is_sorted: Style) -> Strip:
        """Return the titles; the arrow on the sorted one says which way."""
        segments = [Segment(" " * MARK_WIDTH, plain)]
        for column, title, cells in zip(self.layout.columns, self.layout.titles, self.layout.widths, strict=True):
            style = plain
            if board.sort_level(column) is not None:
                style = is_sorted
            segments.append(Segment(_aligned(column, title, cells), style))
        line = self._placed(segments, plain)
        if self.layout.width - self.shift > self.width:
            # There is no horizontal scrollbar: it would cost a row of an 80x24 terminal.
            line = Strip.join([line.crop(0, self.width - 1), Strip([Segment("›", is_sorted)], 1)])
        return line

    def row(self, row: Row, style: Style) -> Strip:
        """Return the line of a run."""
        style += Style(underline=row.is_ruled or None)
        mark_style = style + (Style(color=rich_color(row.mark.color)) if row.mark.color else self.look("muted"))
        segments = [Segment(row.mark.glyph.ljust(MARK_WIDTH), mark_style)]
        for column, cell, width in zip(self.layout.columns, row.cells, self.layout.widths, strict=True):
            look = style + self.look(cell.look)
            if row.page and column.kind is ColumnKind.NAME:
                look += Style(link=row.page)
            segments.append(Segment(_aligned(column, cell.text, width), look))
        return self._placed(segments, style)

    def _placed(self, segments: list[Segment], style: Style) -> Strip:
        """Put gaps between the cells (the first segment is the mark), and scroll all but the frozen columns."""
        placed: list[Segment] = [segments[0]]
        end = MARK_WIDTH
        for index, (segment, start) in enumerate(zip(segments[1:], self.layout.starts, strict=True)):
            text, gap = segment.text, " " * (start - end)
            # A gap is no segment of its own: what a line costs to paint follows their number.
            placed.append(
                Segment(gap + " " * self.layout.widths[index], style)
                if self._is_cut(index)
                else Segment(gap + text, segment.style)
            )
            end = start + self.layout.widths[index]
        width, shift, frozen = self.width, self.shift, self.layout.frozen_width
        strip = Strip(placed, end).extend_cell_length(max(end, width), style)
        if not shift:
            return strip.crop(0, width)
        scrolled = Strip.join([strip.crop(0, frozen), strip.crop(frozen + shift, shift + width)])
        return scrolled.extend_cell_length(width, style)

    def _is_cut(self, index: int) -> bool:
        """Return whether only a part of a column of numbers would be seen: `3` for 30 is worse than nothing."""
        left, right = self.layout.frozen_width, self.width
        start, width = self.layout.starts[index] - self.shift, self.layout.widths[index]
        if index < self.layout.frozen or not _is_right_aligned(self.layout.columns[index]) or width > right - left:
            return False
        return start < left < start + width or start < right < start + width


def line_of_text(text: str, y: int, width: int, height: int) -> tuple[str, bool]:
    """Return line `y` of a text that stands in the upper half of an empty table, and whether it is its first."""
    lines = [part for line in text.split("\n") for part in textwrap.wrap(line, max(width, 1))]
    index = y - max((height - len(lines)) // 3, 0)
    return (lines[index] if 0 <= index < len(lines) else "", index == 0)


def _is_right_aligned(column: Column) -> bool:
    return column.is_number or column.kind is ColumnKind.CONFIG


def _aligned(column: Column, text: str, width: int) -> str:
    text = shortened(text, width)
    return padded_left(text, width) if _is_right_aligned(column) else padded(text, width)
