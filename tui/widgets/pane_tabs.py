"""PaneTabs: one line that names the panes of a small screen and shows which one is in front."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.formatting import padded_left, shortened
from tui.looks import is_plain

_LEAST_NOTE = 16
"""Cells of a note, below which its beginning says nothing."""


class PaneTabs(Widget):
    """The panes, each with the key that brings it to the front."""

    DEFAULT_CSS = """
    PaneTabs {
        height: 1;
        padding: 0 1;
        color: $text-muted;
    }
    """

    @dataclass
    class PaneChosen(Message):
        """The user clicked on a pane's name."""

        tabs: PaneTabs
        pane: str

        @property
        def control(self) -> PaneTabs:
            """The tabs."""
            return self.tabs

    def __init__(self, panes: Mapping[str, str], id: str | None = None) -> None:  # noqa: A002
        """Create the tabs.

        Args:
            panes: Name of each pane by its id; keys are 1, 2, 3, … in this order.
            id: Id of the widget.
        """
        super().__init__(id=id)
        self._panes = dict(panes)
        self._front = next(iter(panes))
        self._note = ""
        self._gap = 1
        """Cells between two names."""

    def show(self, front: str) -> None:
        """Mark the pane in front."""
        self._front = front
        self.refresh()

    def note(self, text: str) -> None:
        """Say something at the right end, where the panes leave room."""
        if text != self._note:
            self._note = text
            self.refresh()

    def render(self) -> Content:
        """Return the line."""
        ends = ("[", "]") if is_plain(self.app) else (" ", " ")
        names = self._names()
        parts = [
            Content.from_markup(
                "[b $primary reverse]$begin$number$name$end[/]"
                if pane == self._front
                else " [$primary]$number[/]$name ",
                number=str(number),
                name=f" {name}" if name else "",
                begin=ends[0],
                end=ends[1],
            )
            for number, (pane, name) in enumerate(names.items(), 1)
        ]
        line = Content(" " * self._gap).join(parts)
        room = self.content_size.width - line.cell_length - 2
        if not self._note or room < min(len(self._note) // 2, _LEAST_NOTE):
            return line
        return Content.assemble(line, "  ", padded_left(shortened(self._note, room), room))

    def _names(self) -> dict[str, str]:
        """Return the names of the panes; where there is no room for all, only that of the one in front."""
        width = sum(len(_label(number, name)) for number, name in enumerate(self._panes.values(), 1))
        self._gap = 1 if width + len(self._panes) - 1 <= self.content_size.width else 0
        if width <= self.content_size.width:
            return self._panes
        return {pane: name if pane == self._front else "" for pane, name in self._panes.items()}

    def on_click(self, event: events.Click) -> None:
        """Choose the pane under the mouse."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        end = 0
        for number, (pane, name) in enumerate(self._names().items(), 1):
            end += len(_label(number, name)) + self._gap
            if offset.x < end:
                self.post_message(self.PaneChosen(self, pane))
                return


def _label(number: int, name: str) -> str:
    return f" {number} {name} " if name else f" {number} "
