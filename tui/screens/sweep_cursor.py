"""SweepCursor: what the live view says and does about the row under the cursor. A mixin of `SweepScreen`."""

from __future__ import annotations

from textual import on
from textual.screen import Screen

from tui.feeds import SweepFeed
from tui.row_words import cursor_words, tooltip_words
from tui.widgets.runs_table import RunsTable


class SweepCursor(Screen[None]):
    """Tells why a run was stopped; opens the first run that comes where enter was pressed before there was any."""

    feed: SweepFeed
    table: RunsTable
    _opens_first = False

    def show_words(self) -> None:
        """Say what the leaderboard shows."""
        raise NotImplementedError

    def open_run(self, run_id: str) -> None:
        """Open a run."""
        raise NotImplementedError

    @property
    def cursor_words(self) -> str:
        """What the row under the cursor has no room for."""
        return cursor_words(self.feed.board.runs.get(self.table.cursor_run_id))

    def row_words(self, line: str) -> str:
        """Return what the tooltip of a row says; nothing for a group."""
        run = self.feed.board.runs.get(line)
        return tooltip_words(run) if run is not None else ""

    @on(RunsTable.CursorMoved)
    def _cursor_moved(self) -> None:
        self._opens_first = False
        self.show_words()

    @on(RunsTable.NothingToOpen)
    def _nothing_to_open(self) -> None:
        feed = self.feed
        if feed.board.runs:
            self.notify("No run matches the filter; esc shows all runs again.", severity="warning")
        elif feed.sweep is not None and feed.sweep.state.is_terminal:
            self.notify("This sweep ended without a run, so there is none to open.", severity="warning")
        else:
            self._opens_first = True
            self.notify("The first run opens as soon as there is one; esc forgets that.")

    def forget_opening(self) -> bool:
        """Open no run that comes; return whether one would have been opened."""
        was_due, self._opens_first = self._opens_first, False
        return was_due

    def open_if_due(self) -> None:
        """Open the first run, where it was asked for before it was there."""
        if self._opens_first and self.table.cursor_run_id and self.is_current:
            self._opens_first = False
            self.open_run(self.table.cursor_run_id)
