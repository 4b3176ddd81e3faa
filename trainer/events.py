"""What the headless half reports while a sweep runs: frozen facts, consumed by the CLI and by the app alike."""

from __future__ import annotations

from dataclasses import dataclass

from trainer.records import LocalAgent, RunRecord, SweepRecord


@dataclass(frozen=True, slots=True)
class SweepChanged:
    """The sweep itself was read and differs from what was last reported."""

    sweep: SweepRecord


@dataclass(frozen=True, slots=True)
class RunsChanged:
    """Runs that are new or differ from what was last reported; each replaces the older record of its id."""

    runs: tuple[RunRecord, ...]


@dataclass(frozen=True, slots=True)
class AgentsChanged:
    """The local agents of the sweep, all of them, as they are now."""

    agents: tuple[LocalAgent, ...]


@dataclass(frozen=True, slots=True)
class ServerLost:
    """The server did not answer; the follower goes on trying."""

    message: str
    retry_in_seconds: float


@dataclass(frozen=True, slots=True)
class ServerBack:
    """The server answers again."""


SweepEvent = SweepChanged | RunsChanged | AgentsChanged | ServerLost | ServerBack
