"""RunsTable: the leaderboard as a virtual table. Formats and paints only the rows in sight, whatever their number.

Textual's DataTable measures every cell of every new row and freezes at 10,000 rows; this one asks the model for what
is visible and repaints only the lines that differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from tui import sort_steps
from tui.columns import Column
from tui.formatting import cells_of
from tui.group_cells import line_cell, line_mark
from tui.grouping import is_group
from tui.leaderboard_model import LeaderboardModel
from tui.sorting import Level
from tui.table_layout import Cell, ColumnLayout, Mark, lay_out, tied_lines
from tui.table_lines import MARK_WIDTH, LinePainter, Row, line_of_text
from tui.widgets.row_telling import RowTelling

LOOKS = ("good", "active", "bad", "warn", "muted", "best", "value", "soft")


class RunsTable(RowTelling, can_focus=True):
    """A leaderboard with a cursor that stays on its run while rows move."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "runs-table--header",
        *("runs-table--header-sorted", "runs-table--cursor", "runs-table--empty"),
        *(f"runs-table--{look}" for look in LOOKS),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open_run", "Open", id="runs.open", tooltip="Show the run's curves, configuration and log"),
        Binding("space", "mark", "Chart", id="runs.mark", tooltip="Show or hide the run in the chart"),
        Binding("s", "sort(1)", "Sort", id="runs.sort", tooltip="Sort by the next column"),
        Binding("a", "then_by", "Then by", id="runs.then_by", tooltip="Sort equal ones by another column", show=False),
        Binding("x", "reverse", "Reverse", id="runs.reverse", tooltip="Reverse the order", show=False),
        Binding("up,k", "move(-1)", "Up", id="runs.up", tooltip="Previous run", show=False),
        Binding("down,j", "move(1)", "Down", id="runs.down", tooltip="Next run", show=False),
        Binding("pageup", "page(-1)", "Page up", id="runs.page_up", tooltip="One page up", show=False),
        Binding("pagedown,n", "page(1)", "Page down", id="runs.page_down", tooltip="One page down", show=False),
        Binding("home", "jump(0)", "First", id="runs.first", tooltip="First run", show=False),
        Binding("end", "jump(-1)", "Last", id="runs.last", tooltip="Last run", show=False),
        Binding("left", "shift(-1)", "Left", id="runs.left", tooltip="Scroll the columns left", show=False),
        Binding("right", "shift(1)", "Right", id="runs.right", tooltip="Scroll the columns right", show=False),
    ]
    DEFAULT_CSS = """
    RunsTable {
        height: 1fr;
        scrollbar-size-horizontal: 0;
        & > .runs-table--header { color: $text-muted; background: $panel; }
        & > .runs-table--header-sorted { color: $primary; background: $panel; text-style: bold; }
        & > .runs-table--cursor { background: $block-cursor-blurred-background; }
        &:focus > .runs-table--cursor { background: $block-cursor-background; }
        & > .runs-table--empty { color: $text-muted; }
        & > .runs-table--good { color: $success; }
        & > .runs-table--active { color: $primary; }
        & > .runs-table--bad { color: $error; }
        & > .runs-table--warn { color: $warning; }
        & > .runs-table--muted { color: $text-muted; }
        & > .runs-table--best { color: $accent; text-style: bold; }
        & > .runs-table--value { color: $foreground; text-style: bold; }
        & > .runs-table--soft { color: $text-muted; }
    }
    """

    empty_text: reactive[str] = reactive("")
    """What to say while there are no rows."""

    @dataclass
    class TableMessage(Message):
        """Something the user did in a table."""

        table: RunsTable

        @property
        def control(self) -> RunsTable:
            """The table."""
            return self.table

    @dataclass
    class RunOpened(TableMessage):
        """The user wants to see a run."""

        run_id: str

    class NothingToOpen(TableMessage):
        """The user wants to see a run, and there is none."""

    class CursorMoved(TableMessage):
        """The user moved the cursor."""

    @dataclass
    class MarkRequested(TableMessage):
        """The user wants a run in the chart, or out of it."""

        run_id: str

    @dataclass
    class SortRequested(TableMessage):
        """The user wants another order."""

        levels: tuple[Level, ...]
        """The most important first."""

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.board = LeaderboardModel()
        self._marks: Mapping[str, Mark] = {}
        self._cursor_id = ""
        """The line under the cursor; empty while the user has not moved: then the cursor is on the first row."""
        self._cursor_row = 0
        self.page_of: Callable[[str], str] = lambda line: ""
        """Where the name in a line leads, a run's id or a group's; empty for nowhere."""
        self._value_widths: dict[Column, int] = {}
        self._names = (False, True)
        self._layout: ColumnLayout | None = None
        self._painted: dict[int, Row | None] = {}
        self._cells: dict[int, tuple[Cell, ...]] = {}  # of the lines in sight, as of the last `_relayout`
        self._looks: dict[str, Style] = {}
        self._base = Style.null()
        self._tied = 0
        """How many lines at the top share the first place."""

    # What the screen gives

    def show(self, board: LeaderboardModel, marks: Mapping[str, Mark] | None = None) -> None:
        """Show the board as it is now and repaint the lines that changed."""
        if (names := (board.view.parameter_names, board.grouping is None)) != self._names:
            self._names = names
            self._value_widths.clear()
        self.board = board
        if marks is not None:
            self._marks = dict(marks)
        self._follow_cursor()
        self._relayout()

    @property
    def cursor_run_id(self) -> str:
        """The run under the cursor; empty when there are no rows, and on a group."""
        return "" if is_group(self._cursor_line) else self._cursor_line

    @property
    def cursor_run_ids(self) -> list[str]:
        """The run under the cursor, or the runs of the group there."""
        grouping, line = self.board.grouping, self._cursor_line
        if grouping is not None and line in grouping.groups:
            return list(grouping.groups[line].run_ids)
        return [line] if line else []

    @property
    def _cursor_line(self) -> str:
        return self.board.lines[self._cursor_row] if self._cursor_row < len(self.board.lines) else ""

    def to_first_line(self) -> None:
        """Let the cursor stay on the first line, whatever that is."""
        self._cursor_id, self._cursor_row = "", 0
        self.scroll_to(y=0, animate=False)

    def _follow_cursor(self) -> None:
        rows = self.board.lines
        row = min(self._cursor_row, max(len(rows) - 1, 0))
        if not self._cursor_id:
            row = 0
        elif row >= len(rows) or rows[row] != self._cursor_id:
            row = rows.index(self._cursor_id) if self._cursor_id in rows else row
        moved, self._cursor_row = row - self._cursor_row, row
        if moved and self.is_mounted:
            self.call_after_refresh(self._reveal_cursor)

    # Layout

    def _visible_rows(self) -> range:
        top = round(self.scroll_offset.y)
        return range(top, min(top + max(self.scrollable_content_region.height - 1, 0), len(self.board.lines)))

    def _relayout(self) -> None:
        """Measure what is in sight, place the columns, and repaint what differs from what is on the screen."""
        if not self.is_mounted or not self.size:
            return
        board, before, columns = self.board, self._layout, self.board.columns
        self._cells = {
            row: tuple(line_cell(board, board.lines[row], column) for column in columns) for row in self._visible_rows()
        }
        for line in self._cells.values():
            for column, cell in zip(columns, line, strict=True):
                if (cells := cells_of(cell.text)) > self._value_widths.get(column, 0):
                    self._value_widths[column] = cells
        self._tied = tied_lines(board)
        available = self.scrollable_content_region.width
        self._layout = lay_out(board, self._value_widths, available, MARK_WIDTH)
        self.virtual_size = Size(max(self._layout.width, 1), len(board.lines) + 1)
        if self._layout != before or not board.lines:
            self._painted.clear()
            self.refresh()
            return
        self._refresh_changed_lines()

    def _refresh_changed_lines(self) -> None:
        top, height = round(self.scroll_offset.y), self.scrollable_content_region.height
        lines = [y for y in range(1, height) if self._painted.get(y) != self._row(top + y - 1)]
        if lines:
            width = self.size.width
            self.refresh(*(Region(0, y, width, 1) for y in lines))

    def _row(self, index: int) -> Row | None:
        if index >= len((board := self.board).lines) or self._layout is None:
            return None
        run_id = board.lines[index]
        cells = self._cells.get(index) or tuple(line_cell(board, run_id, column) for column in self._layout.columns)
        mark, page = line_mark(board, run_id, self._marks), self.page_of(run_id)
        return Row(cells, mark, index == self._cursor_row, index == self._tied - 1, page)

    def on_resize(self) -> None:
        """Place the columns anew."""
        self._value_widths.clear()
        self._relayout()
        self.call_after_refresh(self._reveal_cursor)

    def watch_show_vertical_scrollbar(self) -> None:
        """Place the columns anew: the scrollbar takes a column of the space they were given."""
        self.call_after_refresh(self._relayout)

    def watch_scroll_x(self, old_value: float, new_value: float) -> None:
        """Repaint every line: they are drawn shifted, not moved."""
        super().watch_scroll_x(old_value, new_value)
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Measure the rows that came into sight."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._relayout()
            self.refresh()

    def notify_style_update(self) -> None:
        """Repaint with the new theme."""
        super().notify_style_update()
        self._painted.clear()
        self._looks.clear()

    @property
    def cursor_line(self) -> int | None:
        """The line of the cursor, from the top of the table; see `HasCursorLine`."""
        return 1 + self._cursor_row - round(self.scroll_offset.y) if self.board.rows else None

    # Painting

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return lines; the style that all share is looked up once for them."""
        self._base = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Return one line: the header stays on top, rows scroll below it."""
        width, base = self.scrollable_content_region.width, self._base  # the scrollbar covers the end of `size`
        if self._layout is None:
            return Strip.blank(width, base)
        if not self.board.lines:
            return self._empty_line(y, width, base)
        if y == 0:
            return self._header_line(width)
        row = self._row(round(self.scroll_offset.y) + y - 1)
        self._painted[y] = row
        if row is None:
            return Strip.blank(width, base)
        style = base + self.get_component_rich_style("runs-table--cursor", partial=True) if row.is_cursor else base
        return self._painter(width).row(row, style)

    def _empty_line(self, y: int, width: int, base: Style) -> Strip:
        text, is_first = line_of_text(self.empty_text, y, width, self.size.height)
        look = self._look("value") if is_first else self._look("empty")
        return Strip([Segment(text.center(width), base + look)], width)

    def _look(self, name: str) -> Style:
        """Return the colour and weight of a look, blended with the table's background but without setting it."""
        if name not in self._looks:
            full = self.get_component_rich_style(f"runs-table--{name}") if name else Style.null()
            self._looks[name] = Style(color=full.color, bold=full.bold)
        return self._looks[name]

    def _header_line(self, width: int) -> Strip:
        plain = self.get_component_rich_style("runs-table--header")
        is_sorted = self.get_component_rich_style("runs-table--header-sorted")
        return self._painter(width).header(self.board, plain, is_sorted)

    def _painter(self, width: int) -> LinePainter:
        assert self._layout is not None
        return LinePainter(self._layout, width, round(self.scroll_offset.x), self._look)

    # Keys and mouse

    def action_move(self, by: int) -> None:
        """Move the cursor by some rows."""
        self._move_to(self._cursor_row + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by pages."""
        self._move_to(self._cursor_row + by * max(self.scrollable_content_region.height - 2, 1))

    def action_jump(self, row: int) -> None:
        """Move the cursor to the first row (0) or the last (-1)."""
        self._move_to(row if row >= 0 else len(self.board.lines) + row)

    def action_shift(self, by: int) -> None:
        """Scroll the columns sideways; at their left end open and close groups."""
        line, grouping = self._cursor_line, self.board.grouping
        if grouping is not None and not self.scroll_offset.x and line:
            if is_group(line) and (line in grouping.expanded) == (by < 0):
                self._toggle_group()
                return
            group = None if is_group(line) or by > 0 else grouping.group_of(line)
            if group is not None:
                self._move_to(self.board.lines.index(group.id))
                return
        self.scroll_to(x=self.scroll_offset.x + 8 * by, animate=False)

    def action_open_run(self) -> None:
        """Ask for the run under the cursor to be opened; open or close a group."""
        if is_group(self._cursor_line):
            self._toggle_group()
        elif self.cursor_run_id:
            self.post_message(self.RunOpened(self, self.cursor_run_id))
        else:
            self.post_message(self.NothingToOpen(self))

    def _toggle_group(self) -> None:
        self._cursor_id = self._cursor_line
        self.board.toggle_group(self._cursor_id)
        self.show(self.board)

    def action_mark(self) -> None:
        """Ask for the run under the cursor to be shown in the chart, or hidden; of a group for its best."""
        grouping, ids = self.board.grouping, self.cursor_run_ids
        if grouping is not None and len(ids) > 1:
            ids = [run_id for run_id in self.board.ranked if run_id in ids][:1]
        if ids:
            self.post_message(self.MarkRequested(self, ids[0]))

    def action_sort(self, by: int) -> None:
        """Ask for the order of a neighbouring column; among several, for another last one."""
        self._want_order(sort_steps.by_neighbour(self.board, by))

    def action_then_by(self) -> None:
        """Ask for a further column that orders, behind those that do already."""
        self._want_order(sort_steps.one_more(self.board))

    def action_reverse(self) -> None:
        """Ask for the opposite order of the column that orders last."""
        self._want_order(sort_steps.turned(self.board))

    def _want_order(self, levels: tuple[Level, ...]) -> None:
        self.post_message(self.SortRequested(self, levels))

    def _move_to(self, row: int) -> None:
        rows = self.board.lines
        if not rows:
            return
        row = min(max(row, 0), len(rows) - 1)
        self._cursor_row, self._cursor_id = row, rows[row]
        self._reveal_cursor()
        self._refresh_changed_lines()
        self.post_message(self.CursorMoved(self))

    def _reveal_cursor(self) -> None:
        top, page = round(self.scroll_offset.y), max(self.scrollable_content_region.height - 1, 1)
        if self._cursor_row < top:
            self.scroll_to(y=self._cursor_row, animate=False)
        elif self._cursor_row >= top + page:
            self.scroll_to(y=self._cursor_row - page + 1, animate=False)

    def on_click(self, event: events.Click) -> None:
        """Sort on a click on a title; move on a click on a row; open on a second one."""
        offset = event.get_content_offset(self)
        if offset is None or self._layout is None:
            return
        if offset.y == 0:
            column = self._column_under(offset.x)
            if column is not None and not self._was_dragged:
                self._want_order(sort_steps.by_title(self.board, column, further=event.shift or event.ctrl))
            return
        row = round(self.scroll_offset.y) + offset.y - 1
        if row < len(self.board.lines):
            self._move_to(row)
            # A group opens at its first cells by one click, as a run does anywhere by two.
            is_opener = is_group(self._cursor_line) and offset.x < self._layout.frozen_width
            if event.chain == 2 or is_opener:
                self.action_open_run()
