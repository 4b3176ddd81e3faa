"""RunActions: what a session can do to single runs of a sweep. Every method blocks; screens call them in workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainer.errors import InputError
from trainer.records import RunRecord, SweepReference

if TYPE_CHECKING:
    from trainer.tracking.client import TrackingClient


class RunActions:
    """The part of `Session` that changes runs."""

    @property
    def client(self) -> TrackingClient:
        """The client of the connection."""
        raise NotImplementedError

    def tag_run(self, reference: SweepReference, run_id: str, tags: Sequence[str]) -> None:
        """Give a run these tags and no others; blocks."""
        self.client.change_run(reference.entity, reference.project, run_id, tags=tags)

    def note_run(self, reference: SweepReference, run_id: str, notes: str) -> None:
        """Give a run these notes; blocks."""
        self.client.change_run(reference.entity, reference.project, run_id, notes=notes)

    def delete_run(self, reference: SweepReference, run_id: str) -> None:
        """Delete a run and what it logged; artifacts stay. Blocks."""
        self.client.delete_run(reference.entity, reference.project, run_id)

    def run_again(self, reference: SweepReference, runs: Sequence[RunRecord]) -> None:
        """Have agents of the sweep run the configurations of some runs again; blocks.

        Raises:
            InputError: If the server takes no configurations from outside.
        """
        from trainer.tracking.client import ENQUEUE_FEATURE

        if ENQUEUE_FEATURE not in self.client.server_features():
            raise InputError("This server takes no single runs.", hint="R runs all failed points again.")
        for run in runs:
            self.client.enqueue_run(reference, dict(run.config))
