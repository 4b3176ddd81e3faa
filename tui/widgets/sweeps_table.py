"""SweepsTable: the sweeps of a server as a virtual table; columns follow the width.

Formats and paints only the rows in sight, so that thousands of sweeps cost no more than a screen full of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from trainer.records import SweepRecord, SweepReference
from tui.formatting import MISSING, age_text, metric_text, shortened, sweep_label
from tui.last_look import News
from tui.widgets.news_line import NEW

BAR_WIDTH = 8
GAP = 2
MARKED = "✓"
LOOKS = ("good", "active", "bad", "warn", "muted", "best", "mark")
_MARK_WIDTH = 3
"""Cells before the first column: the user's mark, the star of what is new, a gap."""
_FIXED_WIDTHS = {"state": 10, "progress": BAR_WIDTH + 9, "best": 20, "age": 6, "method": 7, "project": 16, "new": 13}
_LEFT_OUT_FIRST = ("method", "new", "project", "age", "best")
"""Columns that go, one by one, until the name has room."""
_MIN_NAME_WIDTH = 18


def visible_columns(width: int, *, has_news: bool = False) -> list[str]:
    """Return the columns that fit into `width` cells, with room for a readable name."""
    columns = ["name", "project", "method", "state", "progress", "best", *(["new"] if has_news else []), "age"]
    for column in (*_LEFT_OUT_FIRST, "progress", ""):
        if _name_width(columns, width) >= _MIN_NAME_WIDTH or not column:
            break
        if column in columns:
            columns.remove(column)
    return columns


def _name_width(columns: Sequence[str], width: int) -> int:
    return width - _MARK_WIDTH - sum(_FIXED_WIDTHS[column] + GAP for column in columns if column != "name")


def progress_text(done: int, expected: int | None) -> tuple[str, str, str]:
    """Return the filled part of a bar, its rest, and the numbers; no bar where the end is not known."""
    if not expected:
        return "", "", f"{done:,} runs" if expected is None else f"{done}/0"
    expected = max(expected, done)  # points that were run again make more runs than the space has points
    filled = round(BAR_WIDTH * done / expected)
    if done and not filled:
        filled = 1
    return "━" * filled, "─" * (BAR_WIDTH - filled), f"{_compact(done)}/{_compact(expected)}"


def _compact(count: int) -> str:
    if count < 10_000:
        return str(count)
    for size, unit in ((10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count // size:,}{unit}" if count < 1000 * size else f"{count:.0e}"
    return str(count)


def news_text(news: News) -> str:
    """Return what is new about a sweep in a few words: `★ 12 runs`, the star for a better best."""
    star = "★ " if news.best is not None else ""
    return (
        f"{star}{news.ended:,} run{'' if news.ended == 1 else 's'}"
        if news.ended
        else f"{star}better"
        if star
        else "ended"
    )


Piece = tuple[str, str]
"""A text and the name of its look; empty for the plain one."""


@dataclass(frozen=True, slots=True)
class _Line:
    """Everything that decides how a line looks, to compare it with what is on the screen."""

    pieces: tuple[tuple[Piece, ...], ...]
    is_cursor: bool


class SweepsTable(ScrollView, can_focus=True):
    """The sweeps of a server, with a cursor that stays on its sweep; `enter` or a second click opens it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "sweeps-table--header",
        "sweeps-table--cursor",
        *(f"sweeps-table--{look}" for look in LOOKS),
    }
    DEFAULT_CSS = """
    SweepsTable {
        height: 1fr;
        scrollbar-size: 0 1;
        & > .sweeps-table--header { color: $text-muted; background: $panel; }
        & > .sweeps-table--cursor { background: $block-cursor-blurred-background; }
        &:focus > .sweeps-table--cursor { background: $block-cursor-background; }
        & > .sweeps-table--good { color: $success; }
        & > .sweeps-table--active { color: $primary; }
        & > .sweeps-table--bad { color: $error; }
        & > .sweeps-table--warn { color: $warning; }
        & > .sweeps-table--muted { color: $text-muted; }
        & > .sweeps-table--best { color: $accent; text-style: bold; }
        & > .sweeps-table--mark { color: $primary; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", id="sweeps.open", tooltip="Watch the sweep under the cursor"),
        Binding("up,k", "move(-1)", "Up", id="sweeps.up", show=False, tooltip="Previous sweep"),
        Binding("down,j", "move(1)", "Down", id="sweeps.down", show=False, tooltip="Next sweep"),
        Binding("pageup", "page(-1)", "Page up", id="sweeps.page_up", show=False, tooltip="One page up"),
        Binding("pagedown", "page(1)", "Page down", id="sweeps.page_down", show=False, tooltip="One page down"),
        Binding("home", "jump(0)", "First", id="sweeps.first", show=False, tooltip="First sweep"),
        Binding("end", "jump(-1)", "Last", id="sweeps.last", show=False, tooltip="Last sweep"),
    ]

    @dataclass
    class CursorMoved(Message):
        """Another sweep is under the cursor."""

    @dataclass
    class SweepOpened(Message):
        """The user wants to watch a sweep."""

        sweep: SweepRecord

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        """Create the table, empty."""
        super().__init__(id=id)
        self._sweeps: Sequence[SweepRecord] = ()
        self._marked: Collection[SweepReference] = ()
        self._news: Mapping[SweepReference, News] = {}
        self._cursor: SweepReference | None = None
        self._columns: list[str] = []
        self._now: datetime | None = None
        self._painted: dict[int, _Line | None] = {}
        self.cursor_row = 0

    @property
    def row_count(self) -> int:
        """How many sweeps there are."""
        return len(self._sweeps)

    @property
    def current(self) -> SweepRecord | None:
        """The sweep under the cursor; None if the table is empty."""
        return self._sweeps[self.cursor_row] if self.cursor_row < len(self._sweeps) else None

    def show(
        self,
        sweeps: Sequence[SweepRecord],
        now: datetime,
        marked: Collection[SweepReference] = (),
        news: Mapping[SweepReference, News] | None = None,
    ) -> None:
        """Show these sweeps, in this order; the cursor stays on its sweep."""
        self._sweeps, self._now, self._marked, self._news = sweeps, now, marked, news or {}
        row = min(self.cursor_row, max(len(sweeps) - 1, 0))
        if self._cursor is None:
            row = 0
        elif row >= len(sweeps) or sweeps[row].reference != self._cursor:
            row = next((place for place, sweep in enumerate(sweeps) if sweep.reference == self._cursor), row)
        moved, self.cursor_row = row != self.cursor_row, row
        self._relayout()
        if moved and self.is_mounted:
            self.call_after_refresh(self._reveal_cursor)

    # Layout and painting

    def _relayout(self) -> None:
        if not self.is_mounted or not self.size:
            return
        width = self.scrollable_content_region.width
        columns = visible_columns(width, has_news=bool(self._news))
        self.virtual_size = Size(width, len(self._sweeps) + 1)
        if columns != self._columns:
            self._columns = columns
            self._painted.clear()
            self.refresh()
            return
        top, height = round(self.scroll_offset.y), self.scrollable_content_region.height
        changed = [y for y in range(1, height) if self._painted.get(y) != self._line(top + y - 1)]
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    def on_resize(self) -> None:
        """Fit the columns to the width."""
        self._columns = []
        self._relayout()

    def watch_show_vertical_scrollbar(self) -> None:
        """Place the columns anew: the scrollbar takes a column."""
        self.call_after_refresh(self.on_resize)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Paint the rows that came into sight."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.refresh()

    def notify_style_update(self) -> None:
        """Repaint with the new theme."""
        super().notify_style_update()
        self._painted.clear()

    def _line(self, index: int) -> _Line | None:
        if index >= len(self._sweeps):
            return None
        sweep = self._sweeps[index]
        marks = f"{MARKED if sweep.reference in self._marked else ' '}{NEW if sweep.reference in self._news else ' '}"
        pieces = (((f"{marks} ", "mark"),), *(self._cell(column, sweep) for column in self._columns))
        return _Line(pieces, index == self.cursor_row)

    @property
    def cursor_line(self) -> int | None:
        """The line of the cursor, from the top of the table; see `HasCursorLine`."""
        return 1 + self.cursor_row - round(self.scroll_offset.y) if self._sweeps else None

    @property
    def cursor_words(self) -> str:
        """The cells of the cursor's row; see `HasCursorWords`."""
        line = self._line(self.cursor_row)
        cells = ("".join(text for text, _ in pieces).strip() for pieces in line.pieces) if line else ()
        return "  ".join(filter(None, cells))

    def render_line(self, y: int) -> Strip:
        """Return one line: the header stays on top, rows scroll below it."""
        width, base = self.scrollable_content_region.width, self.rich_style
        widths = [_FIXED_WIDTHS.get(column) or max(_name_width(self._columns, width), 1) for column in self._columns]
        if y == 0:
            titles = ["sweep" if column == "name" else column for column in self._columns]
            style = self.get_component_rich_style("sweeps-table--header")
            texts = [title.ljust(cells)[:cells] + " " * GAP for title, cells in zip(titles, widths, strict=True)]
            return Strip([Segment(" " * _MARK_WIDTH + "".join(texts), style)]).adjust_cell_length(width, style)
        line = self._line(round(self.scroll_offset.y) + y - 1)
        self._painted[y] = line
        if line is None:
            return Strip.blank(width, base)
        style = base + self.get_component_rich_style("sweeps-table--cursor", partial=True) if line.is_cursor else base
        strips = []
        for pieces, cells in zip(line.pieces, [_MARK_WIDTH, *(each + GAP for each in widths)], strict=True):
            segments = [Segment(text, style + self._look(look)) for text, look in pieces]
            strips.append(Strip(segments).adjust_cell_length(cells, style))
        return Strip.join(strips).adjust_cell_length(width, style)

    def _look(self, name: str) -> Style:
        if not name:
            return Style.null()
        full = self.get_component_rich_style(f"sweeps-table--{name}")
        return Style(color=full.color, bold=full.bold)

    def _cell(self, column: str, sweep: SweepRecord) -> tuple[Piece, ...]:
        match column:
            case "name":
                room = max(_name_width(self._columns, self.scrollable_content_region.width), 1)
                return ((shortened(sweep.name or sweep.reference.id, room), ""),)
            case "project":
                return ((shortened(sweep.reference.project, _FIXED_WIDTHS["project"]), "muted"),)
            case "method":
                return ((shortened(sweep.method, _FIXED_WIDTHS["method"]), "muted"),)
            case "state":
                label = sweep_label(sweep.state)
                return ((str(label), label.tone),)
            case "progress":
                filled, rest, numbers = progress_text(sweep.run_count, sweep.run_count_expected)
                shown = f" {numbers}" if filled or rest else numbers
                return ((filled, sweep_label(sweep.state).tone), (rest, "muted"), (shown, ""))
            case "best":
                if sweep.best_value is None or sweep.metric is None:
                    return ((MISSING, "muted"),)
                value = metric_text(sweep.best_value)
                name = shortened(sweep.metric.name, _FIXED_WIDTHS["best"] - len(value) - 1)
                return ((value, "best"), (f" {name}", "muted"))
            case "new":
                news = self._news.get(sweep.reference)
                return ((shortened(news_text(news), _FIXED_WIDTHS["new"]), "mark"),) if news else (("", ""),)
            case _:
                return ((age_text(sweep.created_at, self._now) if self._now else MISSING, "muted"),)

    # Keys and mouse

    def action_open(self) -> None:
        """Open the sweep under the cursor."""
        if sweep := self.current:
            self.post_message(self.SweepOpened(sweep))

    def action_move(self, by: int) -> None:
        """Move the cursor by some rows."""
        self._move_to(self.cursor_row + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by pages."""
        self._move_to(self.cursor_row + by * max(self.scrollable_content_region.height - 2, 1))

    def action_jump(self, row: int) -> None:
        """Move the cursor to the first or the last row."""
        self._move_to(row if row >= 0 else len(self._sweeps) + row)

    def _move_to(self, row: int) -> None:
        if not self._sweeps:
            return
        self.cursor_row = min(max(row, 0), len(self._sweeps) - 1)
        self._cursor = self._sweeps[self.cursor_row].reference
        self._reveal_cursor()
        self._relayout()
        self.post_message(self.CursorMoved())

    def _reveal_cursor(self) -> None:
        top, page = round(self.scroll_offset.y), max(self.scrollable_content_region.height - 1, 1)
        if self.cursor_row < top:
            self.scroll_to(y=self.cursor_row, animate=False)
        elif self.cursor_row >= top + page:
            self.scroll_to(y=self.cursor_row - page + 1, animate=False)

    def on_click(self, event: events.Click) -> None:
        """Move on a click on a row; open on a second one, or on one where the cursor is."""
        offset = event.get_content_offset(self)
        row = round(self.scroll_offset.y) + offset.y - 1 if offset is not None and offset.y > 0 else -1
        if 0 <= row < len(self._sweeps):
            was_there = row == self.cursor_row and self.has_focus
            self._move_to(row)
            if event.chain == 2 or was_there:
                self.action_open()
