"""PlanTable: configurations by number, as many as a sweep has. Asks for those in sight only; nothing is listed.

Rows are counted by whole numbers of any size, which is why this is no ScrollView: Textual scrolls by floats, and a grid
of 10^18 has numbers that no float tells apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

MAX_WIDTH = 28
_GAP = 2
_MAX_KEPT = 500
_WHEEL = 3


class Rows(Protocol):
    """What a table shows."""

    titles: Sequence[str]
    """Of the columns, without the number's."""

    @property
    def count(self) -> int:
        """How many rows there are."""

    def number(self, row: int) -> int:
        """Return the number that a row is known by, counted from 1."""

    def texts(self, row: int) -> Sequence[str]:
        """Return the cells of a row, one per title."""


class PlanTable(Widget, can_focus=True):
    """A table with a cursor, over rows without bound."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "plan-table--header", "plan-table--cursor", "plan-table--number", "plan-table--empty", "plan-table--bar",
        "plan-table--thumb",
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", id="plan.up", tooltip="Previous configuration", show=False),
        Binding("down,j", "move(1)", "Down", id="plan.down", tooltip="Next configuration", show=False),
        Binding("pageup", "page(-1)", "Page up", id="plan.page_up", tooltip="One page up", show=False),
        Binding("pagedown,space", "page(1)", "Page down", id="plan.page_down", tooltip="One page down", show=False),
        Binding("home", "first", "First", id="plan.first", tooltip="First configuration", show=False),
        Binding("end,G", "last", "Last", id="plan.last", tooltip="Last configuration", show=False),
        Binding("left", "shift(-1)", "Left", id="plan.left", tooltip="Scroll the columns left", show=False),
        Binding("right", "shift(1)", "Right", id="plan.right", tooltip="Scroll the columns right", show=False),
    ]
    DEFAULT_CSS = """
    PlanTable {
        height: 1fr;
        & > .plan-table--header { color: $text-muted; background: $panel; }
        & > .plan-table--cursor { background: $block-cursor-blurred-background; }
        &:focus > .plan-table--cursor { background: $block-cursor-background; }
        & > .plan-table--number { color: $text-muted; }
        & > .plan-table--empty { color: $text-muted; }
        & > .plan-table--bar { color: $panel; }
        & > .plan-table--thumb { color: $border-blurred; }
    }
    """

    empty_text: reactive[str] = reactive("")
    """What to say while there are no rows."""

    @dataclass
    class CursorMoved(Message):
        """Another row is under the cursor."""

        table: PlanTable

        @property
        def control(self) -> PlanTable:
            """The table."""
            return self.table

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.rows: Rows | None = None
        self.cursor = 0
        """The row under the cursor."""
        self.top = 0
        """The first row in sight."""
        self._column = 0
        """The first column in sight, when they do not all fit."""
        self._widths: list[int] = []
        self._kept: dict[int, tuple[str, ...]] = {}

    # What the screen gives

    def show(self, rows: Rows) -> None:
        """Show other rows, from the first on."""
        self.rows, self.cursor, self.top, self._column = rows, 0, 0, 0
        self._kept.clear()
        self._widths = [1, *map(cell_len, rows.titles)]
        self.refresh()
        self.post_message(self.CursorMoved(self))

    def grown(self) -> None:
        """Show rows that have come after those there were."""
        self.refresh()

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self.rows.count if self.rows is not None else 0

    def move_to(self, row: int) -> None:
        """Put the cursor on a row, or on the one nearest to it that there is."""
        row = min(max(row, 0), max(self.count - 1, 0))
        moved, self.cursor = row != self.cursor, row
        self.top = min(max(self.top, self.cursor - self._page + 1), self.cursor)
        self.refresh()
        if moved:
            self.post_message(self.CursorMoved(self))

    @property
    def cursor_line(self) -> int | None:
        """The line of the cursor, from the top of the table; see `HasCursorLine`."""
        return 1 + self.cursor - self.top if self.count else None

    # Painting

    @property
    def _page(self) -> int:
        return max(self.size.height - 1, 1)

    def _cells(self, row: int) -> tuple[str, ...]:
        assert self.rows is not None
        if row not in self._kept:
            if len(self._kept) > _MAX_KEPT:
                self._kept.clear()
            self._kept[row] = (f"{self.rows.number(row):,}", *map(_cell, self.rows.texts(row)))
        return self._kept[row]

    def _measure(self) -> None:
        """Widen the columns for what is in sight; they do not get narrower again, so that nothing jumps."""
        for row in range(self.top, min(self.top + self._page, self.count)):
            for at, text in enumerate(self._cells(row)):
                self._widths[at] = max(self._widths[at], min(cell_len(text), MAX_WIDTH) if at else cell_len(text))

    def render_lines(self, crop: object) -> list[Strip]:
        """Return the lines in sight, measured first."""
        if self.rows is not None:
            self.top = min(self.top, max(self.count - self._page, 0))
            self._measure()
        return super().render_lines(crop)  # type: ignore[arg-type]

    def render_line(self, y: int) -> Strip:
        """Return one line: the titles first."""
        width, base = self.size.width, self.rich_style
        if y == 0:
            style = base + self.get_component_rich_style("plan-table--header", partial=True)
            titles = ("#", *self.rows.titles) if self.rows is not None else ("",)
            return self._placed(titles, style, style, width)
        row = self.top + y - 1
        if row >= self.count:
            text = f" {self.empty_text}" if y == 2 and not self.count else ""
            muted = base + self.get_component_rich_style("plan-table--empty", partial=True)
            return Strip([Segment(text, muted)]).crop(0, width).extend_cell_length(width, base)
        style = base
        if row == self.cursor:
            style = base + self.get_component_rich_style("plan-table--cursor", partial=True)
        number = style + self.get_component_rich_style("plan-table--number", partial=True)
        strip = self._placed(self._cells(row), style, style if row == self.cursor else number, width - 1)
        return Strip.join([strip, self._bar(y)])

    def _placed(self, cells: Sequence[str], style: object, number: object, width: int) -> Strip:
        first = self._widths[0] if self._widths else 1
        segments = [Segment(f" {cells[0].rjust(first)}", number)]  # type: ignore[arg-type]
        for at in range(1 + self._column, len(cells)):
            text = set_cell_size(_shortened(cells[at], self._widths[at]), self._widths[at])
            segments.append(Segment(" " * _GAP + text, style))  # type: ignore[arg-type]
        strip = Strip(segments)
        return strip.crop(0, width).extend_cell_length(width, style)  # type: ignore[arg-type]

    def _bar(self, y: int) -> Strip:
        """Return a piece of the bar that says where among all rows one is."""
        page, count = self._page, self.count
        base = self.rich_style
        if count <= page:
            return Strip([Segment(" ", base)])
        length = max(page * page // count, 1)
        begin = (page - length) * self.top // (count - page)
        name, mark = ("thumb", "█") if begin <= y - 1 < begin + length else ("bar", "│")
        return Strip([Segment(mark, base + self.get_component_rich_style(f"plan-table--{name}", partial=True))])

    # Keys and mouse

    def action_move(self, by: int) -> None:
        """Move the cursor by rows."""
        self.move_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by pages."""
        self.top = min(max(self.top + by * self._page, 0), max(self.count - self._page, 0))
        self.move_to(self.cursor + by * self._page)

    def action_first(self) -> None:
        """Go to the first row."""
        self.move_to(0)

    def action_last(self) -> None:
        """Go to the last row."""
        self.move_to(self.count - 1)

    def action_shift(self, by: int) -> None:
        """Scroll by columns, until the last one can be seen whole."""
        room = self.size.width - 2 - (self._widths[0] if self._widths else 1)
        wanted, last = 0, len(self._widths) - 1
        while last > 0 and wanted + self._widths[last] + _GAP <= room:
            wanted += self._widths[last] + _GAP
            last -= 1
        self._column = min(max(self._column + by, 0), max(last, 0))
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; in the bar, go to that part of the rows."""
        if event.x >= self.size.width - 1 and self.count > self._page:
            self.move_to((self.count - 1) * max(event.y - 1, 0) // max(self._page - 1, 1))
        elif event.y > 0 and self.top + event.y - 1 < self.count:
            self.move_to(self.top + event.y - 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Go on by some rows."""
        event.stop()
        self._scroll(_WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Go back by some rows."""
        event.stop()
        self._scroll(-_WHEEL)

    def _scroll(self, by: int) -> None:
        self.top = min(max(self.top + by, 0), max(self.count - self._page, 0))
        self.move_to(min(max(self.cursor, self.top), self.top + self._page - 1))


def _cell(text: str) -> str:
    """Return a text on one line, without what a terminal would take for a command."""
    return "".join(mark if mark.isprintable() else "·" for mark in text)


def _shortened(text: str, width: int) -> str:
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}…"
