"""RowTelling: a tooltip for the row under the mouse. A mixin of `RunsTable`; the screen says what it says."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.content import Content

from tui.widgets.header_dragging import HeaderDragging


class RowTelling(HeaderDragging):
    """What the mouse is told of a row."""

    words_of: Callable[[str], str] = staticmethod(lambda line: "")
    """What a line has no room for, a run's id or a group's; empty for nothing."""
    _told = -1

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Have the tooltip tell of the row under the mouse."""
        offset = event.get_content_offset(self)
        row = round(self.scroll_offset.y) + offset.y - 1 if offset is not None and offset.y else -1
        if row != self._told:
            self._told = row
            words = self.words_of(self.board.lines[row]) if 0 <= row < len(self.board.lines) else ""
            # Content: square brackets in a run's name are no markup.
            self.tooltip = Content(words) if words else None
