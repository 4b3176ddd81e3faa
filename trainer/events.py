"""What the headless half reports while a sweep runs: frozen facts, consumed by the CLI and by the app alike."""

from __future__ import annotations

from dataclasses import dataclass, field

from trainer.records import LocalAgent, RateBudget, RunRecord, SweepRecord


@dataclass(frozen=True, slots=True)
class SweepChanged:
    """The sweep itself was read and differs from what was last reported."""

    sweep: SweepRecord


@dataclass(frozen=True, slots=True)
class RunsChanged:
    """Runs that are new or differ from what was last reported; each replaces the older record of its id."""

    runs: tuple[RunRecord, ...]


@dataclass(frozen=True, slots=True)
class RunsGone:
    """Runs that the server has no more: somebody deleted them, here or elsewhere."""

    run_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AgentsChanged:
    """The local agents of the sweep, all of them, as they are now."""

    agents: tuple[LocalAgent, ...]


@dataclass(frozen=True, slots=True)
class ClockRead:
    """The server's clock was found to differ from ours by another amount."""

    ahead_seconds: float
    """How much later it is there; negative for earlier."""


@dataclass(frozen=True, slots=True)
class ServerLost:
    """The server did not answer; the follower goes on trying."""

    message: str
    retry_in_seconds: float
    silent_seconds: float | None = field(default=None, compare=False)
    """Since it answered last; None where it has not yet."""
    is_gone: bool = False
    """Whether it answers, and has no such sweep any more."""
    refuses: bool = False
    """Whether it answers, and does not let us in."""


@dataclass(frozen=True, slots=True)
class ServerBack:
    """The server answers again."""


@dataclass(frozen=True, slots=True)
class PaceChanged:
    """The server is asked less often than wished, since it asks for that or its budget ends; or as often again."""

    wait_seconds: float
    """Until the next read; 0 for as wished."""
    was_refused: bool = False
    """Whether it answered with a refusal (HTTP 429)."""
    budget: RateBudget | None = None
    """What is left, where it says so."""


SweepEvent = SweepChanged | RunsChanged | RunsGone | AgentsChanged | ClockRead | ServerLost | ServerBack | PaceChanged
