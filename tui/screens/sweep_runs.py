"""SweepRuns: what can be done to runs of the live view: marked, compared, tagged, noted, run again, deleted.

A mixin of `SweepScreen`. Actions concern the marked runs, and the one under the cursor where none is marked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType

from trainer.events import RunsChanged
from trainer.records import RunRecord
from tui.feeds import FeedChange
from tui.screens.run_changing import RunChanging
from tui.screens.sweep_prompt import SweepPrompt
from tui.screens.sweep_steering import SweepSteering


class SweepRuns(SweepPrompt, SweepSteering, RunChanging):
    """Marks, comparison, tags, notes, another try, deletion."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("M", "mark_run", "Mark", id="sweep.mark", show=False, tooltip="Mark the run, or no longer"),
        Binding("d", "compare_runs", "Compare", id="sweep.compare", show=False, tooltip="Marked runs side by side"),
        Binding("T", "tag_runs", "Tag", id="sweep.tag", show=False, tooltip="Tags of the run, or of those marked"),
        Binding("t", "note_runs", "Note", id="sweep.note", show=False, tooltip="A note on the run, or those marked"),
        Binding("u", "run_again", "Run again", id="sweep.run_again", show=False, tooltip="Run its configuration again"),
        Binding("delete", "delete_runs", "Delete", id="sweep.delete_runs", show=False, tooltip="Delete runs"),
    ]

    marked_ids: list[str]

    def targets(self) -> list[RunRecord]:
        """Return the marked runs, or the one under the cursor."""
        board = self.feed.board
        ids = [run_id for run_id in self.marked_ids if run_id in board.runs] or self.table.cursor_run_ids
        return [board.runs[run_id] for run_id in ids if run_id in board.runs]

    def action_mark_run(self) -> None:
        """Mark the run or the group under the cursor, or take the mark away; the cursor goes on to the next."""
        run_ids = self.table.cursor_run_ids
        if run_ids:
            # Of a group that is marked in part the others are marked, too.
            others = [run_id for run_id in run_ids if run_id not in self.marked_ids]
            self.marked_ids = [each for each in self.marked_ids if others or each not in run_ids] + others
            self.table.action_move(1)
            self.show_runs()

    def action_compare_runs(self) -> None:
        """Show the marked runs side by side; without two, the one under the cursor beside the best."""
        from tui.screens.compare import CompareScreen

        board = self.feed.board
        ids = [run_id for run_id in self.marked_ids if run_id in board.runs]
        if len(ids) < 2:
            ids = [run_id for run_id in dict.fromkeys([board.best_id, *ids, self.table.cursor_run_id]) if run_id]
        if len(ids) < 2:
            self.notify("Mark two runs or more with M, then d compares them.", severity="warning")
            return
        ids.sort(key=lambda run_id: board.rank(run_id) or len(board.runs) + 1)
        self.app.push_screen(CompareScreen(board, ids), self._open_compared)

    def _open_compared(self, run_id: str | None) -> None:
        if run_id:
            self.open_run(run_id)

    def open_run(self, run_id: str) -> None:
        """Open a run."""
        raise NotImplementedError

    def runs_changed(self, runs: Iterable[RunRecord]) -> None:
        """Show runs with other tags or notes."""
        board = self.feed.board
        newest = [
            dataclasses.replace(board.runs[run.id], tags=run.tags, notes=run.notes)
            for run in runs
            if run.id in board.runs
        ]
        self.show_change(self.feed.apply([RunsChanged(tuple(newest))]))

    def show_change(self, change: FeedChange) -> None:
        """Bring the panels up to date that a change concerns."""
        raise NotImplementedError

    def run_deleted(self, run_id: str) -> None:
        """Forget a run."""
        if run_id in self.marked_ids:
            self.marked_ids.remove(run_id)
        self.feed.forget_run(run_id)
        self.show_runs()
