"""The states of runs, sweeps and local agents: the only place that spells them."""

from __future__ import annotations

from enum import StrEnum


class RunState(StrEnum):
    """State of a run, spelled as on W&B's wire (SDK 0.31)."""

    PENDING = "pending"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CRASHED = "crashed"
    KILLED = "killed"
    PREEMPTING = "preempting"
    PREEMPTED = "preempted"

    @property
    def is_terminal(self) -> bool:
        """Whether the run will log nothing more unless it is resumed."""
        return self in _TERMINAL_RUN_STATES

    @property
    def is_failure(self) -> bool:
        """Whether the run ended without doing its work, and nobody asked it to."""
        return self in (RunState.FAILED, RunState.CRASHED)


_TERMINAL_RUN_STATES = frozenset(
    {RunState.FINISHED, RunState.FAILED, RunState.CRASHED, RunState.KILLED, RunState.PREEMPTED}
)


class SweepState(StrEnum):
    """State of a sweep, spelled as on W&B's wire (SDK 0.31; note the one L)."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    FINISHED = "FINISHED"
    CANCELED = "CANCELED"

    @property
    def is_terminal(self) -> bool:
        """Whether the sweep hands out no further runs, ever."""
        return self in (SweepState.FINISHED, SweepState.CANCELED)


class AgentState(StrEnum):
    """What one slot of a local agent host is doing."""

    STARTING = "starting"
    WAITING = "waiting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def is_terminal(self) -> bool:
        """Whether the slot will ask for no further run."""
        return self in (AgentState.STOPPED, AgentState.FAILED)
