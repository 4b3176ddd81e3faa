"""LogView: lines of a log, the end followed unless the user looks elsewhere; finds text, paints what is in sight."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import ClassVar, Literal

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.worker import get_current_worker

from tui.console_lines import LineLook, ShownLines
from tui.log_finds import Finds
from tui.log_lines import LogLines
from tui.log_search import PIECE_LINES, LineSearch, lowered

MAX_LINES = 20_000
_DROPPED_AT_ONCE = 2_000
SEARCH = "log_search"
TELL_SECONDS = 0.1
"""How often a search tells what it has found."""

Side = Literal["older", "newer", "start", "end"]


class LogView(ScrollView, can_focus=True):
    """The last lines of a log."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log-view--match", "log-view--current", "log-view--muted", "log-view--error", "log-view--added",
        "log-view--removed", "log-view--heading",
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll(-1)", "Up", id="log.up", tooltip="One line up", show=False),
        Binding("down,j", "scroll(1)", "Down", id="log.down", tooltip="One line down", show=False),
        Binding("pageup", "page(-1)", "Page up", id="log.page_up", tooltip="One page up", show=False),
        Binding("pagedown", "page(1)", "Page down", id="log.page_down", tooltip="One page down", show=False),
        Binding("home,g", "top", "Top", id="log.top", tooltip="First line", show=False),
        Binding("end,G", "follow(True)", "End", id="log.end", tooltip="Last line, and follow", show=False),
        Binding("left", "shift(-16)", "Left", id="log.left", tooltip="Scroll left", show=False),
        Binding("right", "shift(16)", "Right", id="log.right", tooltip="Scroll right", show=False),
    ]
    DEFAULT_CSS = """
    LogView {
        height: 1fr;
        scrollbar-size: 1 1;
        scrollbar-size-horizontal: 0;
        & > .log-view--match { background: $warning 40%; }
        & > .log-view--current { background: $accent; color: $background; text-style: bold; }
        & > .log-view--muted { color: $text-muted; }
        & > .log-view--error { color: $text-error; }
        & > .log-view--added { color: $text-success; }
        & > .log-view--removed { color: $text-error; }
        & > .log-view--heading { color: $text-primary; text-style: bold; }
    }
    """

    @dataclass
    class Changed(Message):
        """What the view says of itself has changed: whether it follows, what it found."""

        view: LogView

        @property
        def control(self) -> LogView:
            """The view."""
            return self.view

    @dataclass
    class MoreWanted(Message):
        """The user comes to where lines are that the view does not hold."""

        view: LogView
        side: Side
        """`older` or `newer`: those beside what is held; `start` or `end`: those at the ends of the log."""

        @property
        def control(self) -> LogView:
            """The view."""
            return self.view

    @dataclass
    class Found(Message):
        """A search has looked at some more lines."""

        view: LogView
        search: LineSearch
        numbers: list[int]
        is_done: bool

        @property
        def control(self) -> LogView:
            """The view."""
            return self.view

    def __init__(
        self,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
        *,
        max_lines: int = MAX_LINES,
    ) -> None:
        """Create the view, empty.

        Args:
            id: Id of the widget.
            classes: Its classes.
            max_lines: Lines that are kept of those that `extend` adds; earlier ones are given up.
        """
        super().__init__(id=id, classes=classes)
        self.held = LogLines()
        self.follows = True
        self.before = 0
        """Lines that there are before those held."""
        self.behind = 0
        """Lines that there are behind them, other than those that are still to be printed."""
        self.can_read_on: frozenset[Side] = frozenset()
        """Where lines that are not held can be read."""
        self.finds = Finds()
        self._max_lines = max_lines
        self._open_line = ""
        self._origin: int | None = None
        """The last line that was in sight when the search began."""

    # Lines

    @property
    def lines(self) -> list[str]:
        """The lines that are held."""
        return self.held.texts

    def extend(self, lines: Sequence[str], open_line: str = "", looks: Mapping[int, LineLook] | None = None) -> None:
        """Add lines at the end.

        Args:
            lines: Text of each, without what steers a terminal.
            open_line: The last one, which has not ended and stands until the next call.
            looks: How lines look that are not plain, by their place in `lines`.
        """
        self._open_line = open_line
        self.held.widest = max(self.held.widest, cell_len(open_line))
        self.put(self.held.end, ShownLines(list(lines), dict(looks or {})))
        surplus = len(self.lines) - self._max_lines
        if surplus > 0:
            self.before += surplus + _DROPPED_AT_ONCE
            self.keep(self.held.first + surplus + _DROPPED_AT_ONCE, self.held.end)

    def put(self, number: int, lines: ShownLines) -> None:
        """Put lines where they belong: over those with their numbers, or at either end of what is held."""
        held = self.held
        was_first, had_lines = held.first, bool(held.texts)
        held.put(number, lines.texts, lines.looks, lines.widest)
        self.finds.put(number, lines.texts)
        self._measure(was_first - held.first if had_lines else 0)

    def keep(self, first: int, end: int) -> None:
        """Give up the lines that are not from `first` to before `end`."""
        held = self.held
        if first <= held.first and end >= held.end:
            return
        was_first = held.first
        held.keep(first, end)
        self.finds.keep(held.first, held.end)
        self._measure(was_first - held.first)

    def clear(self) -> None:
        """Forget all lines, and follow again."""
        self.seek("")
        self.forget()
        self.follows = True

    def forget(self) -> None:
        """Forget all lines; what is looked for stays."""
        self.held.clear()
        self.finds.keep(0, 0)
        self._open_line = ""
        self.scroll_to(0, 0, animate=False, immediate=True)
        self._measure()

    def _measure(self, came_before: int = 0) -> None:
        self.virtual_size = Size(self.held.widest + 1, len(self.lines) + bool(self._open_line))
        if self.follows:
            self.scroll_to(y=self.virtual_size.height, animate=False, force=True)
        elif came_before:
            # What the user looks at stays where it is.
            y = max(self.scroll_offset.y + came_before, 0)
            self.scroll_to(y=y, animate=False, force=True, immediate=True)
        self.refresh()

    def on_resize(self) -> None:
        """Stay at the end."""
        if self.follows:
            self.scroll_to(y=self.virtual_size.height, animate=False, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Ask for more lines near the ends of those that are held."""
        super().watch_scroll_y(old_value, new_value)
        height = self.scrollable_content_region.height
        if "older" in self.can_read_on and new_value < old_value and new_value < 2 * height:
            self.post_message(self.MoreWanted(self, "older"))
        elif "newer" in self.can_read_on and new_value > old_value and new_value > len(self.lines) - 3 * height:
            self.post_message(self.MoreWanted(self, "newer"))

    # Finding

    @property
    def sought(self) -> str:
        """What is looked for, in small letters; empty for nothing."""
        return self.finds.sought

    def seek(self, text: str) -> None:
        """Look for a text, whatever its case; show the nearest line before that has it. Empty to stop looking."""
        if not text:
            self._origin = None
        elif self._origin is None:
            height = self.scrollable_content_region.height
            self._origin = self.held.end if self.follows else self.held.first + round(self.scroll_offset.y) + height
        search = self.finds.begin(lowered(text), self.held.texts, self.held.first, self._origin or 0)
        if search is None:
            self._show_match()
        elif search.size <= PIECE_LINES:
            for piece in search.found():
                self.finds.add(piece)
            self.finds.finish()
            self._show_match()
        else:
            self.look_through(search)

    @work(thread=True, exclusive=True, exit_on_error=False, group=SEARCH, description="look_through")
    def look_through(self, search: LineSearch) -> None:
        """Look through many lines: in a thread, which leaves the processor to the screen after each piece."""
        worker, found, breath = get_current_worker(), list[int](), threading.Event()
        last_told = 0.0
        for piece in search.found():
            if worker.is_cancelled:
                return
            found += piece
            if found and monotonic() - last_told > TELL_SECONDS:
                self.post_message(self.Found(self, search, found, False))
                found, last_told = [], monotonic()
            breath.wait(0.0005)
        self.post_message(self.Found(self, search, found, True))

    @on(Found)
    def _found(self, message: Found) -> None:
        message.stop()
        if message.search is not self.finds.search:
            return
        was_shown = self.finds.current
        self.finds.add(message.numbers)
        if message.is_done:
            self.finds.finish()
        if self.finds.current != was_shown:
            self._show_match()
        else:
            self.refresh()
            self.post_message(self.Changed(self))

    def next_match(self, by: int) -> None:
        """Show another line that has the text."""
        self.finds.move(by)
        self._show_match()

    def _show_match(self) -> None:
        number = self.finds.current
        if number is not None and self.held.first <= number < self.held.end:
            self.follows = False
            line = number - self.held.first
            region = self.scrollable_content_region
            if not self.scroll_offset.y <= line < self.scroll_offset.y + region.height:
                self.scroll_to(y=max(line - region.height // 2, 0), animate=False, force=True)
            at = lowered(self.lines[line]).find(self.sought)
            column = cell_len(self.lines[line][: max(at, 0)])
            if not self.scroll_offset.x <= column < self.scroll_offset.x + region.width - len(self.sought):
                self.scroll_to(x=max(column - region.width // 2, 0), animate=False)
        self.refresh()
        self.post_message(self.Changed(self))

    @property
    def found_text(self) -> str:
        """Return what was found, in words; empty when nothing is looked for."""
        return self.finds.text

    # Painting

    def render_line(self, y: int) -> Strip:
        """Return one line."""
        width, base = self.scrollable_content_region.width, self.rich_style
        index, left = round(self.scroll_offset.y) + y, round(self.scroll_offset.x)
        if index < len(self.lines):
            segments = self._segments(self.held.first + index, base, left + width)
        elif index == len(self.lines) and self._open_line:
            segments = [Segment(self._open_line[: left + width], base)]
        else:
            return Strip.blank(width, base)
        return Strip(segments).crop(left, left + width).extend_cell_length(width, base)

    def _segments(self, number: int, base: Style, cells: int) -> list[Segment]:
        """Return a line, as far as `cells` cells may show it: a letter takes one at least."""
        line, look = self.held.text(number)[: cells + len(self.sought)], self.held.looks.get(number)
        if look is not None:
            if look.look:
                full = self.get_component_rich_style(f"log-view--{look.look}")
                base += Style(color=full.color, bold=full.bold)
            if look.raw:
                return self._colored_segments(look.raw, self.held.text(number), number, base)
        match = self._match_style(number)
        segments, end, size = [], 0, len(self.sought)
        low = lowered(line) if self.sought else ""
        while self.sought and (at := low.find(self.sought, end)) >= 0:
            segments += [Segment(line[end:at], base), Segment(line[at : at + size], base + match)]
            end = at + size
        return [*segments, Segment(line[end:], base)]

    def _colored_segments(self, raw: str, line: str, number: int, base: Style) -> list[Segment]:
        """Return a line in its program's own colours."""
        text = Text.from_ansi(raw, no_wrap=True, end="")
        if text.plain != line:
            # What was taken out of it would put colours in the wrong places.
            return [Segment(line, base)]
        if self.sought:
            low = lowered(line)
            match, at = self._match_style(number), low.find(self.sought)
            while at >= 0:
                text.stylize(match, at, at + len(self.sought))
                at = low.find(self.sought, at + len(self.sought))
        return [Segment(part.text, base + (part.style or Style.null())) for part in text.render(self.app.console)]

    def _match_style(self, number: int) -> Style:
        look = "current" if self.finds.current == number else "match"
        return self.get_component_rich_style(f"log-view--{look}", partial=True)

    # Keys

    def action_scroll(self, by: int) -> None:
        """Scroll by lines; scrolling up ends following."""
        end = self.virtual_size.height - self.scrollable_content_region.height
        self.action_follow(self.scroll_offset.y + by >= end and by > 0)
        if not self.follows:
            self.scroll_to(y=self.scroll_offset.y + by, animate=False)

    def action_page(self, by: int) -> None:
        """Scroll by pages."""
        self.action_scroll(by * max(self.scrollable_content_region.height - 1, 1))

    def action_top(self) -> None:
        """Show the first line."""
        self.action_follow(False)
        self.scroll_to(y=0, animate=False)
        if self.before and "older" in self.can_read_on:
            self.post_message(self.MoreWanted(self, "start"))

    def action_shift(self, by: int) -> None:
        """Scroll sideways."""
        self.scroll_to(x=self.scroll_offset.x + by, animate=False)

    def action_follow(self, follows: bool) -> None:
        """Follow the end, or stay."""
        if follows != self.follows:
            self.follows = follows
            self.post_message(self.Changed(self))
        if follows:
            self.scroll_to(y=self.virtual_size.height, animate=False, force=True)
            if "newer" in self.can_read_on:
                self.post_message(self.MoreWanted(self, "end"))

    def on_mouse_scroll_up(self) -> None:
        """Stay where the user looks."""
        self.action_follow(False)
