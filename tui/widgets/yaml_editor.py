"""YamlEditor: the YAML of a sweep, to type in. Shows what is wrong at its line and what an edit of the form changed.

Highlights line by line with a few patterns, without a parser: sweep files are simple YAML, and 10,000 lines of it must
stay quick. The steps that can be undone are the document's, across form and YAML; the editor keeps none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.timer import Timer
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, Selection

TYPING_PAUSE_SECONDS = 0.25
"""Typing reaches the form after a pause this long; longer texts wait longer, since reading them takes longer."""
LONG_TEXT = 100_000
LONG_TEXT_PAUSE_SECONDS = 0.8
MARK_SECONDS = 1.6
_MAX_HIGHLIGHTED = 2_000
"""Characters of a line up to which it is coloured."""

_QUOTED = r"\"(?:\\.|[^\"\\])*\"|'(?:''|[^'])*'"
_PLAIN_KEY = r"[^\s\"'#\[\]{},&*!|>%@`-][^:#]*?|-[^\s:#][^:#]*?"
_LINE = re.compile(
    rf"^(?P<indent>\s*(?:- +)*)(?P<key>(?:{_QUOTED}|{_PLAIN_KEY})(?=\s*:(?:\s|$)))?"
    rf"(?P<value>(?:{_QUOTED}|(?<!\s)#|[^#])*)(?P<comment>#.*)?$"
)
_OPEN_KEY = re.compile(r":\s*(?:#.*)?$")
_TOKEN = re.compile(
    rf"(?P<text>{_QUOTED})|(?P<macro>\$\{{\w+\}})|(?P<anchor>[&*][\w-]+)"
    r"|(?P<number>(?<![\w.-])[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.])|\b(?:true|false|null)\b)"
)


@dataclass(frozen=True, slots=True)
class LineNote:
    """What stands behind a line."""

    glyph: str
    text: str
    is_problem: bool


class YamlEditor(TextArea, inherit_bindings=False):
    """YAML with line numbers; says when the user changed it, after a pause."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "yaml-editor--key",
        "yaml-editor--text",
        "yaml-editor--number",
        "yaml-editor--macro",
        "yaml-editor--comment",
        "yaml-editor--note",
        "yaml-editor--problem",
        "yaml-editor--oddity",
        "yaml-editor--changed",
    }
    DEFAULT_CSS = """
    YamlEditor {
        & .yaml-editor--key { color: $primary; }
        & .yaml-editor--text { color: $success; }
        & .yaml-editor--number { color: $accent; }
        & .yaml-editor--macro { color: $secondary; }
        & .yaml-editor--comment { color: $text-muted; text-style: italic; }
        & .yaml-editor--note { color: $warning; }
        & .yaml-editor--problem { color: $error; }
        & .yaml-editor--oddity { color: $warning; }
        & .yaml-editor--changed { background: $primary-muted; }
    }
    """
    # f6, f7 and undo are the builder's; f7 selects all in other text areas.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+a", "select_all", "Select all", id="yaml.all", show=False, tooltip="Select the whole YAML"),
        Binding("home", "cursor_line_start", "Cursor line start", show=False),
        *(
            binding
            for binding in TextArea.BINDINGS
            if isinstance(binding, Binding)
            and not {"f6", "f7", "ctrl+z", "ctrl+y", "ctrl+a"} & set(binding.key.split(","))
        ),
    ]

    @dataclass
    class Typed(Message):
        """The user changed the text, and paused."""

        editor: YamlEditor

        @property
        def control(self) -> YamlEditor:
            """The editor that was typed in."""
            return self.editor

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        """Create the editor, empty; see `show`."""
        super().__init__(
            show_line_numbers=True, soft_wrap=False, tab_behavior="focus", compact=True, id=id, classes=classes
        )
        self.indent_width = 2
        self.has_typed = False
        """Whether the text holds something that `Typed` has not told yet, or its receiver not taken."""
        self._notes: dict[int, LineNote] = {}
        self._changed_lines = range(0)
        self._pause: Timer | None = None
        self._mark: Timer | None = None

    def show(self, text: str) -> None:
        """Show a text; only lines that differ are touched, so that the cursor stays where it is.

        While the focus is elsewhere, the lines that changed are scrolled to and marked for a moment.
        """
        self.has_typed = False
        if self._pause is not None:
            self._pause.stop()
        old, new = self.text, text
        if old == new:
            return
        with self.prevent(TextArea.Changed):
            if not old:
                self.load_text(text)
                return
            first, last = self._replace_lines(old.splitlines(), new.splitlines())
            if self.text != new:
                # Another kind of line break, or blank lines at the end.
                cursor = self.cursor_location
                self.load_text(new)
                self.cursor_location = cursor
        if not self.has_focus:
            self._mark_lines(range(first, max(last, first + 1)))

    def _replace_lines(self, old: list[str], new: list[str]) -> tuple[int, int]:
        """Replace the lines that differ; returns the first one and the one behind the last, counted in the new text."""
        most = min(len(old), len(new))
        start = next((index for index in range(most) if old[index] != new[index]), most)
        end = next((index for index in range(most - start) if old[-1 - index] != new[-1 - index]), most - start)
        lines = new[start : len(new) - end]
        top, bottom = (start, 0), (len(old) - end, 0)
        insert = "".join(line + "\n" for line in lines)
        if bottom[0] >= self.document.line_count:
            # The text has no break behind its last line.
            bottom = self.document.end
            insert = insert.removesuffix("\n")
            if not lines and start:
                top = (start - 1, len(old[start - 1]))
            elif start >= self.document.line_count:
                top, insert = bottom, "\n" + insert
        self.edit(Edit(insert, top, bottom, maintain_selection_offset=True))
        self.history.clear()
        return start, start + len(lines)

    def _mark_lines(self, lines: range) -> None:
        self._changed_lines = lines
        if self._mark is not None:
            self._mark.stop()
        self._mark = self.set_timer(MARK_SECONDS, self._unmark)
        self.notify_style_update()
        height = self.scrollable_content_region.height
        if not self.scroll_y <= lines.start < self.scroll_y + height - 1:
            self.scroll_to(y=max(lines.start - height // 3, 0), animate=False)

    def _unmark(self) -> None:
        self._changed_lines = range(0)
        self.notify_style_update()
        self.refresh()

    def show_notes(self, notes: Mapping[int, LineNote]) -> None:
        """Show what is wrong or odd behind its line; lines count from 1."""
        if notes != self._notes:
            self._notes = dict(notes)
            self.notify_style_update()
            self.refresh()

    def go_to_line(self, line: int) -> None:
        """Focus the editor with the cursor at the first character of a line, from 1."""
        row = min(max(line - 1, 0), self.document.line_count - 1)
        text = self.document.get_line(row)
        self.selection = Selection.cursor((row, len(text) - len(text.lstrip())))
        self.focus()
        self.scroll_cursor_visible(center=True)

    @on(TextArea.Changed)
    def _text_changed(self, message: TextArea.Changed) -> None:
        message.stop()
        self.has_typed = True
        if self._pause is not None:
            self._pause.stop()
        is_long = len(self.text) > LONG_TEXT
        seconds = LONG_TEXT_PAUSE_SECONDS if is_long else TYPING_PAUSE_SECONDS
        self._pause = self.set_timer(seconds, self._tell)

    def _tell(self) -> None:
        if self.has_typed:
            self.post_message(self.Typed(self))

    async def _on_key(self, event: events.Key) -> None:
        if event.key != "enter" or self.read_only:
            await super()._on_key(event)
            return
        # A new line begins where the one above it does, and further in below a key without a value.
        event.stop()
        event.prevent_default()
        row, column = min(self.selection)
        before = self.document.get_line(row)[:column]
        indent = before[: len(before) - len(before.lstrip(" "))]
        deeper = " " * self.indent_width if _OPEN_KEY.search(before) else ""
        self._replace_via_keyboard(f"\n{indent}{deeper}", *self.selection)

    def on_blur(self) -> None:
        """Tell what was typed before somebody else acts on it."""
        self._tell()

    def get_line(self, line_index: int) -> Text:
        """Return a line with its colours, and what is wrong with it behind it."""
        line = super().get_line(line_index)
        if len(line) <= _MAX_HIGHLIGHTED:
            self._highlight(line)
        note = self._notes.get(line_index + 1)
        if note is not None:
            style = self.get_component_rich_style(
                f"yaml-editor--{'problem' if note.is_problem else 'oddity'}", partial=True
            )
            line.append(f"   {note.glyph} {note.text}", style)
        if line_index in self._changed_lines:
            line.stylize(self.get_component_rich_style("yaml-editor--changed", partial=True))
        return line

    def _refresh_size(self) -> None:
        """Have lines as wide as the editor, or what stands behind a line is cut off where the longest one ends."""
        super()._refresh_size()
        width, height = self.virtual_size
        self.virtual_size = Size(max(width, self.scrollable_content_region.width), height)

    def _highlight(self, line: Text) -> None:
        match = _LINE.match(line.plain)
        if match is None:
            return
        if match["key"]:
            self._stylize(line, "key", match.start("key"), match.end("key"))
        for token in _TOKEN.finditer(line.plain, match.start("value"), match.end("value")):
            self._stylize(line, token.lastgroup or "", *token.span())
        if match["comment"]:
            kind = "note" if match["comment"].startswith("#: ") else "comment"
            self._stylize(line, kind, match.start("comment"), match.end("comment"))

    def _stylize(self, line: Text, kind: str, start: int, end: int) -> None:
        name = {"anchor": "macro"}.get(kind, kind)
        line.stylize(self.get_component_rich_style(f"yaml-editor--{name}", partial=True), start, end)
