"""How a slot's run is stopped: by whom it was asked, in steps that get firmer, each with its time on record."""

from __future__ import annotations

from collections.abc import Callable

from trainer.agents.process import ASK, KILL, TERMINATE, StopStep
from trainer.agents.server_words import tell_of_stop
from trainer.agents.slot_run import SlotRun, with_stop
from trainer.agents.supervisor import Supervisor
from trainer.records import LocalAgent
from trainer.states import AgentState


class RunStopper:
    """Stops the runs of one slot. Used by the slot's thread only."""

    def __init__(self, slot: int, host: Supervisor, update: Callable[..., None]) -> None:
        """Prepare.

        Args:
            slot: The slot.
            host: What is around it.
            update: Changes the slot's record.
        """
        self._slot = slot
        self._host = host
        self._update = update

    def obey_host(self, run: SlotRun, level: int) -> None:
        """Stop as firmly as the host asks: 1 to ask, 2 to terminate, 3 to kill."""
        self._update(state=AgentState.STOPPING)
        if level == 1:
            tell_of_stop(self._host, run.run_id)
        run.process.begin_stop(self._ladder()[level - 1 :])

    def stop(self, run: SlotRun) -> None:
        """Stop a run that nobody wants any more, with time to end its work."""
        if not run.process.stop_requested:
            self._update(state=AgentState.STOPPING)
            tell_of_stop(self._host, run.run_id)
            run.process.begin_stop(self._ladder())

    def terminate(self, run: SlotRun, patience_seconds: float) -> None:
        """Stop a run that the server wants stopped.

        What is being stopped already gets firmer by itself. The server repeats the stop that the host told it of; to
        terminate at that would cut off a run that is still sending its last rows.
        """
        if not run.process.stop_requested:
            self._update(state=AgentState.STOPPING)
            run.process.begin_stop([(TERMINATE, patience_seconds), (KILL, 0.0)])

    def advance(self, run: SlotRun, record: LocalAgent) -> float | None:
        """Do what is due, of a timeout too; return the seconds to the next step, None when nothing is to come."""
        was_overdue = run.is_overdue
        seconds = run.advance(self._ladder())
        if run.is_overdue and not was_overdue:
            self._host.report("run_timed_out", slot=self._slot, run_id=run.run_id)
            self._update(state=AgentState.STOPPING)
        seen = with_stop(record, run.process)
        if seen is not record:
            self._update(stopping=seen.stopping, next_stop_step=seen.next_stop_step, next_stop_at=seen.next_stop_at)
        return seconds

    def _ladder(self) -> list[StopStep]:
        limits = self._host.limits
        return [(ASK, limits.ask_seconds), (TERMINATE, limits.ask_seconds), (KILL, 0.0)]
