"""HeaderDragging: columns of a table moved by their titles, and made wider or narrower by their right edges.

A mixin of `RunsTable`. Changes the board's view at once; `ColumnsDragged` says that it is to be kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.scroll_view import ScrollView

from tui.columns import Column
from tui.leaderboard_model import LeaderboardModel
from tui.table_layout import ColumnLayout

_STILL = 2
"""Cells that a title has to be dragged before it moves: a hand shakes in a click."""


@dataclass(slots=True)
class _Drag:
    column: Column
    x: int
    width: int
    """Of the column as it was."""
    is_edge: bool
    has_moved: bool = False


class HeaderDragging(ScrollView):
    """What the mouse does to the titles, but for clicks."""

    board: LeaderboardModel
    _layout: ColumnLayout | None
    _drag: _Drag | None = None
    _was_dragged = False

    class ColumnsDragged(Message):
        """The user has moved a column, or changed its width."""

    def show(self, board: LeaderboardModel) -> None:
        """Show the board as it is now."""
        raise NotImplementedError

    def _column_under(self, x: int) -> Column | None:
        if self._layout is None:
            return None
        return self._layout.column_at(x if x < self._layout.frozen_width else x + round(self.scroll_offset.x))

    def column_width(self, column: Column) -> int:
        """Return how wide a column is shown; a little where it is not."""
        layout = self._layout
        return layout.widths[layout.columns.index(column)] if layout and column in layout.columns else 8

    def reveal_column(self, column: Column) -> None:
        """Scroll sideways until a column is in sight."""
        if self._layout is not None:
            shift = self._layout.shift_to(column, round(self.scroll_offset.x), self.scrollable_content_region.width)
            self.scroll_to(x=shift, animate=False)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin to drag a title or an edge."""
        offset, layout = event.get_content_offset(self), self._layout
        self._was_dragged = False
        if offset is None or offset.y or layout is None or event.button != 1 or not self.board.lines:
            return
        column = self._column_under(offset.x)
        if column is None:
            return
        place = layout.columns.index(column)
        end = layout.starts[place] + layout.widths[place]
        end -= round(self.scroll_offset.x) if place >= layout.frozen else 0
        self._drag = _Drag(column, offset.x, layout.widths[place], is_edge=offset.x >= end)
        self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Let the column follow the mouse."""
        drag = self._drag
        if drag is None:
            return
        x = event.get_content_offset_capture(self).x
        view, by = self.board.view, x - drag.x
        if drag.is_edge:
            drag.has_moved = drag.has_moved or bool(by)
            view.set_width(drag.column, drag.width + by)
        else:
            drag.has_moved = drag.has_moved or abs(by) >= _STILL
            under = self._column_under(x)
            if not drag.has_moved or under is None or under == drag.column:
                return
            view.move_to(drag.column, under, self.board.all_columns)
        if drag.has_moved:
            self.board.view_changed()
            self.show(self.board)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go of the column."""
        drag, self._drag = self._drag, None
        if drag is None:
            return
        self.release_mouse()
        self._was_dragged = drag.has_moved
        if drag.has_moved:
            self.post_message(self.ColumnsDragged())
