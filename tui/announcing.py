"""What has the focus, in one line: for plain text, where a screen reader speaks the line that changes. Owns no widget.

Widgets of ours with a cursor tell which of their lines it is on (`HasCursorLine`); what Textual's are on is known here.
"""

from __future__ import annotations

import re
from typing import Protocol, cast, runtime_checkable

from textual.command import CommandList, CommandPalette
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Button, DataTable, Input, OptionList, Select, Static, TextArea

from tui.plain_text import plain

_KINDS = ((Input, "field"), (OptionList, "list"), (DataTable, "table"), (TextArea, "text"), (Select, "choice"))


@runtime_checkable
class HasCursorLine(Protocol):
    """A widget whose cursor is on one of its lines."""

    @property
    def cursor_line(self) -> int | None:
        """The line with the cursor, from the top of the widget; None for none."""


@runtime_checkable
class HasCursorWords(Protocol):
    """A widget whose cursor is in a picture."""

    @property
    def cursor_words(self) -> str:
        """What the cursor is on."""


class Announcement(Static):
    """The line at the bottom of each screen that says where one is."""

    DEFAULT_CSS = """
    Announcement {
        dock: bottom;
        width: 100%;
        height: 1;
        padding: 0 1;
        text-wrap: nowrap;
        text-overflow: ellipsis;
        background: $background;
        color: $foreground;
    }
    """

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self.words = ""

    def say(self, words: str) -> None:
        """Say something else, if it is something else."""
        if words != self.words:
            self.words = words
            self.update(words)


def described(widget: Widget | None) -> str:
    """Return what has the focus: its name, and what its cursor is on."""
    if widget is None:
        return "press tab to go to the first pane"
    if isinstance(widget.screen, CommandPalette):
        # What is typed has the focus, what is chosen stands in the list.
        found = widget.screen.query_one(CommandList)
        return f"{_content(widget)}: {_content(found)}"
    return ": ".join(part for part in (_name(widget), _content(widget)) if part)


def _name(widget: Widget) -> str:
    """Return the label or the title that stands with the widget or around it, else words made of its id."""
    if isinstance(widget, Button):
        return "button"
    for node in widget.ancestors_with_self:
        label = getattr(node, "label", "")
        if isinstance(label, str) and label:
            return _words(label)
        if isinstance(node, Widget) and node.border_title:
            return _words(str(node.border_title))
        if titles := node.query(".dialog-title").results(Static) if isinstance(node, Screen) else ():
            return _words(next((str(title.render()) for title in titles), "")) or _kind(widget)
    return _kind(widget)


def _kind(widget: Widget) -> str:
    if widget.id:
        return widget.id.replace("-", " ").lower()
    return next((word for kind, word in _KINDS if isinstance(widget, kind)), type(widget).__name__.lower())


def _content(widget: Widget) -> str:
    if isinstance(widget, Button):
        return _words(str(widget.label))
    if isinstance(widget, Input):
        return widget.value or (f"empty, {widget.placeholder}" if widget.placeholder else "empty")
    if isinstance(widget, TextArea):
        row, _ = widget.cursor_location
        return f"line {row + 1}: {widget.document.get_line(row)}"
    if isinstance(widget, OptionList):
        option = widget.highlighted_option
        if option is None or widget.highlighted is None:
            return "none chosen"
        text = (
            str(option.prompt) if isinstance(option.prompt, str | Content) else str(getattr(option.prompt, "plain", ""))
        )
        return f"{_words(text)} ({widget.highlighted + 1} of {widget.option_count})"
    if isinstance(widget, DataTable):
        if not widget.row_count:
            return "no rows"
        cells = widget.get_row_at(widget.cursor_row)
        return (
            f"{', '.join(filter(None, map(_words, map(str, cells))))} ({widget.cursor_row + 1} of {widget.row_count})"
        )
    if isinstance(widget, Select):
        return "" if widget.selection is None else str(widget.selection)
    return _of_ours(widget)


def _of_ours(widget: Widget) -> str:
    if isinstance(widget, HasCursorWords):
        return _words(widget.cursor_words)
    if isinstance(widget, HasCursorLine):
        line = widget.cursor_line
        return "" if line is None else _words(cast(Widget, widget).render_line(line).text)
    # A strip of choices, a switch: all of it is one line.
    return _words(widget.render_line(0).text) if widget.size.height == 1 else ""


def _words(text: str) -> str:
    """Return columns of a line as a list of words."""
    return re.sub(r"\s{2,}", ", ", plain(text.strip()).strip())
