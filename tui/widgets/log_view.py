"""LogView: lines of a log, the end followed unless the user looks elsewhere; finds text, paints what is in sight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.console_lines import LineLook

MAX_LINES = 20_000
_DROPPED_AT_ONCE = 2_000


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

    def __init__(
        self,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
        *,
        max_lines: int = MAX_LINES,  # noqa: A002
    ) -> None:
        """Create the view, empty.

        Args:
            id: Id of the widget.
            classes: Its classes.
            max_lines: Lines that are kept; earlier ones are given up.
        """
        super().__init__(id=id, classes=classes)
        self.lines: list[str] = []
        self.follows = True
        self._max_lines = max_lines
        self._looks: dict[int, LineLook] = {}
        """How lines look that are not plain, by their number since the first there ever was."""
        self.sought = ""
        """What is looked for, in small letters; empty for nothing."""
        self.matches: list[int] = []
        """Numbers of the lines that have it."""
        self.current = 0
        """Which of them is shown."""
        self._dropped = 0
        """Lines that were given up at the beginning."""
        self._open_line = ""
        self._widest = 1

    # Lines

    def extend(self, lines: Sequence[str], open_line: str = "", looks: Mapping[int, LineLook] | None = None) -> None:
        """Add lines.

        Args:
            lines: Text of each, without what steers a terminal.
            open_line: The last one, which has not ended and stands until the next call.
            looks: How lines look that are not plain, by their place in `lines`.
        """
        first = len(self.lines)
        self.lines += lines
        for place, look in (looks or {}).items():
            self._looks[self._dropped + first + place] = look
        self._open_line = open_line
        self._widest = max(self._widest, max(map(cell_len, (*lines, open_line)), default=1))
        if self.sought:
            self.matches += [first + i for i, line in enumerate(lines) if self.sought in line.lower()]
        surplus = len(self.lines) - self._max_lines
        if surplus > 0:
            self._drop(surplus + _DROPPED_AT_ONCE)
        self._measure()

    def _drop(self, count: int) -> None:
        del self.lines[:count]
        if self._looks:
            for number in range(self._dropped, self._dropped + count):
                self._looks.pop(number, None)
        self._dropped += count
        gone = sum(index < count for index in self.matches)
        self.matches = [index - count for index in self.matches[gone:]]
        self.current = max(self.current - gone, 0)
        if not self.follows:
            self.scroll_to(y=max(self.scroll_offset.y - count, 0), animate=False)

    def clear(self) -> None:
        """Forget all lines, and follow again."""
        self.lines.clear()
        self._looks.clear()
        self._dropped, self._open_line, self._widest = 0, "", 1
        self.sought, self.matches, self.current = "", [], 0
        self.follows = True
        self.scroll_to(0, 0, animate=False)
        self._measure()

    @property
    def dropped(self) -> int:
        """Lines that were given up at the beginning."""
        return self._dropped

    def _measure(self) -> None:
        self.virtual_size = Size(self._widest + 1, len(self.lines) + bool(self._open_line))
        if self.follows:
            self.scroll_to(y=self.virtual_size.height, animate=False, force=True)
        self.refresh()

    def on_resize(self) -> None:
        """Stay at the end."""
        if self.follows:
            self.scroll_to(y=self.virtual_size.height, animate=False, force=True)

    # Finding

    def seek(self, text: str) -> None:
        """Look for a text, whatever its case; show the last line that has it. Empty to stop looking."""
        self.sought = text.lower()
        self.matches = [i for i, line in enumerate(self.lines) if self.sought in line.lower()] if text else []
        self.current = len(self.matches) - 1 if self.matches else 0
        self._show_match()

    def next_match(self, by: int) -> None:
        """Show another line that has the text."""
        if self.matches:
            self.current = (self.current + by) % len(self.matches)
            self._show_match()

    def _show_match(self) -> None:
        if self.matches:
            self.follows = False
            line = self.matches[self.current]
            height = self.scrollable_content_region.height
            if not self.scroll_offset.y <= line < self.scroll_offset.y + height:
                self.scroll_to(y=max(line - height // 2, 0), animate=False)
        self.refresh()
        self.post_message(self.Changed(self))

    @property
    def found_text(self) -> str:
        """Return what was found, in words; empty when nothing is looked for."""
        if not self.sought:
            return ""
        return f"{self.current + 1} of {len(self.matches):,}" if self.matches else "not found"

    # Painting

    def render_line(self, y: int) -> Strip:
        """Return one line."""
        width, base = self.scrollable_content_region.width, self.rich_style
        index, left = round(self.scroll_offset.y) + y, round(self.scroll_offset.x)
        if index < len(self.lines):
            segments = self._segments(index, base)
        elif index == len(self.lines) and self._open_line:
            segments = [Segment(self._open_line, base)]
        else:
            return Strip.blank(width, base)
        return Strip(segments).crop(left, left + width).extend_cell_length(width, base)

    def _segments(self, index: int, base: Style) -> list[Segment]:
        line, look = self.lines[index], self._looks.get(self._dropped + index)
        if look is not None:
            if look.look:
                full = self.get_component_rich_style(f"log-view--{look.look}")
                base += Style(color=full.color, bold=full.bold)
            if look.raw:
                return self._colored_segments(look.raw, line, index, base)
        if not self.sought or self.sought not in line.lower():
            return [Segment(line, base)]
        match = self._match_style(index)
        segments, rest, size = [], line, len(self.sought)
        while (at := rest.lower().find(self.sought)) >= 0:
            segments += [Segment(rest[:at], base), Segment(rest[at : at + size], base + match)]
            rest = rest[at + size :]
        return [*segments, Segment(rest, base)]

    def _colored_segments(self, raw: str, line: str, index: int, base: Style) -> list[Segment]:
        """Return a line in its program's own colours."""
        text = Text.from_ansi(raw, no_wrap=True, end="")
        if text.plain != line:
            # What was taken out of it would put colours in the wrong places.
            return [Segment(line, base)]
        if self.sought and self.sought in line.lower():
            match, at = self._match_style(index), line.lower().find(self.sought)
            while at >= 0:
                text.stylize(match, at, at + len(self.sought))
                at = line.lower().find(self.sought, at + len(self.sought))
        return [Segment(part.text, base + (part.style or Style.null())) for part in text.render(self.app.console)]

    def _match_style(self, index: int) -> Style:
        is_current = bool(self.matches) and self.matches[self.current] == index
        return self.get_component_rich_style(f"log-view--{'current' if is_current else 'match'}", partial=True)

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

    def on_mouse_scroll_up(self) -> None:
        """Stay where the user looks."""
        self.action_follow(False)
