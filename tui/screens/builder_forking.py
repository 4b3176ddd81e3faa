"""The builder of a sweep that reuses the runs of another one: how much is left, as the space is edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from textual import on, work
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from trainer.errors import SweepConfigError, TrainerError
from trainer.records import Json, RunRecord, SweepReference
from tui.screens.builder_problems import BuilderProblems

REUSING = "reusing"
RETRY_SECONDS = 30.0
"""Runs that cannot be read are asked for again after this time, and not at every pause in typing."""


class BuilderForking(BuilderProblems):
    """Reads the runs that are reused, once, and says which points they leave; all of it in a worker."""

    @dataclass
    class LeftCounted(Message):
        """It is known what is left of the sweep."""

        reference: SweepReference
        """The sweep whose runs it is about."""
        text: str
        points: int = 0
        """Points of the space that earlier runs have done."""

    _reusable: tuple[SweepReference, Sequence[RunRecord]] | None = None
    _unreadable: tuple[SweepReference, float, TrainerError] | None = None
    """The runs that could not be read, when, and why."""

    @property
    def reused(self) -> SweepReference | None:
        """The sweep whose runs are reused, as a note in the YAML says."""
        from trainer.tracking.forking import reused_sweep

        notes = self.document.draft.notes()
        return reused_sweep(notes) if notes else None

    def show_preview(self) -> None:
        """Show what waits for a pause in typing, what is left to run too."""
        super().show_preview()
        reference = self.reused
        if reference is None:
            self._show_left("", 0)
        else:
            self.count_left(self.document.config(), reference)

    @work(thread=True, exclusive=True, exit_on_error=False, group=REUSING, description="count left")
    def count_left(self, config: Mapping[str, Json], reference: SweepReference) -> None:
        """Count the points that no earlier run has covered; reads the runs the first time."""
        from trainer.tracking.forking import coverage

        worker, points = get_current_worker(), 0
        try:
            if self._reusable is None or self._reusable[0] != reference:
                self._reusable = (reference, self._read_runs(reference))
            done = coverage(config, self._reusable[1])
            text, points = f"{done.text()}  ({reference})", len(done.numbers)
        except SweepConfigError:
            # The problems say which parameter cannot be read.
            text = ""
        except TrainerError as error:
            text = f"the runs of {reference} cannot be read: {error}"
        if not worker.is_cancelled:
            self.post_message(self.LeftCounted(reference, text, points))

    def _read_runs(self, reference: SweepReference) -> list[RunRecord]:
        failed = self._unreadable
        if failed is not None and failed[0] == reference and monotonic() < failed[1] + RETRY_SECONDS:
            raise failed[2]
        try:
            return self.session.reusable_runs(reference)
        except TrainerError as error:
            self._unreadable = (reference, monotonic(), error)
            raise

    @on(LeftCounted)
    def _left_counted(self, message: LeftCounted) -> None:
        # Another file may have been opened meanwhile.
        if message.reference == self.reused:
            self._show_left(message.text, message.points)

    def _show_left(self, text: str, points: int) -> None:
        if points != self.prior_points:
            self.prior_points = points
            self.show_count()
        line = self.query_one("#reuse-line", Static)
        line.display = bool(text)
        line.update(f"↻ {text}" if text else "")
