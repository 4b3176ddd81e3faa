"""RunActions: what a session can do to single runs of a sweep. Every method blocks; screens call them in workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainer.records import RunRecord, SweepReference

if TYPE_CHECKING:
    from trainer.tracking.client import TrackingClient


class RunActions:
    """The part of `Session` that changes runs."""

    @property
    def client(self) -> TrackingClient:
        """The client of the connection."""
        raise NotImplementedError

    def start_agents(self, reference: SweepReference, count: int) -> None:
        """Start more local agents for a sweep; blocks."""
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
        """Have the configurations of some runs run again, by a new agent where none would do it; blocks.

        Raises:
            InputError: If the server takes no configurations from outside, or a run has none of the sweep.
            ServerError, AgentError: If the server refuses, or no agent can be started.
        """
        from trainer.agents.pool import live_hosts
        from trainer.tracking.retry import run_again

        run_again(self.client, reference, runs)
        if not any(agent.is_ready for host in live_hosts(reference) for agent in host.agents()):
            self.start_agents(reference, 1)
