"""How often an agent talks to its server, and when it gives up."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

MAX_RETRY_SECONDS = 10.0
MAX_AWAY_SECONDS = 3600.0
"""An agent without a run gives up on a server that has been away for this long."""
EARLY_FAILURE_SECONDS = 30.0
"""A run that fails this soon has most likely not reached its work."""


@dataclass(frozen=True)
class AgentPace:
    """How often an agent talks to its server."""

    heartbeat_seconds: float
    """While a run is under way."""
    first_wait_seconds: float
    """After the server first said wait; doubles up to `max_wait_seconds`."""
    max_wait_seconds: float

    slots_per_beat: int = 4
    """With more slots than this, each waits longer: one that gets a run has the others ask at once."""

    def longest_wait(self, slots: int) -> float:
        """Return the longest wait of a slot among so many."""
        return self.max_wait_seconds * max(1.0, slots / self.slots_per_beat)


EMBEDDED_PACE = AgentPace(heartbeat_seconds=1.0, first_wait_seconds=0.2, max_wait_seconds=1.0)
SHARED_PACE = AgentPace(heartbeat_seconds=5.0, first_wait_seconds=5.0, max_wait_seconds=5.0)
"""The stock agent's pace, for servers that other people use too."""


@dataclass(frozen=True)
class AgentLimits:
    """When an agent gives up, and how long it waits for a run to end."""

    max_initial_failures: int = 5
    """Give up when this many first runs all fail at once; 0 for never."""
    ask_seconds: float = 15.0
    kill_delay_seconds: float = 30.0

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> AgentLimits:
        """Return the limits, by the stock agent's variables where they are set."""
        failures = int(_number(environ.get("WANDB_AGENT_MAX_INITIAL_FAILURES"), cls.max_initial_failures))
        if environ.get("WANDB_AGENT_DISABLE_FLAPPING") == "true":
            failures = 0
        return cls(failures, cls.ask_seconds, _number(environ.get("WANDB_AGENT_KILL_DELAY"), cls.kill_delay_seconds))


class Absence:
    """A server that does not answer: since when, and when to try again."""

    def __init__(self) -> None:
        self.retry_seconds = 0.0
        """How long to wait before the next try; 0 while it answers."""
        self._since: float | None = None

    def go_on(self) -> float:
        """Note that it did not answer; return for how many seconds it has not."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        self.retry_seconds = min(max(self.retry_seconds * 2, 0.5), MAX_RETRY_SECONDS)
        return now - self._since

    def end(self) -> None:
        """Note that it answered."""
        self.retry_seconds, self._since = 0.0, None


class FirstRuns:
    """Notices a program that fails at once, every time, from the first run on."""

    def __init__(self, limit: int) -> None:
        """Begin to count; a limit of 0 stands for never."""
        self._limit = limit
        self._failures: int | None = 0

    def have_all_failed(self, failed: bool, seconds: float) -> bool:
        """Note how a run ended; return whether it was the last of too many that failed at once."""
        if self._failures is None:
            return False
        if not failed or seconds > EARLY_FAILURE_SECONDS:
            self._failures = None
            return False
        self._failures += 1
        return 0 < self._limit <= self._failures


def _number(text: str | None, otherwise: float) -> float:
    try:
        return float(text) if text else otherwise
    except ValueError:
        return otherwise
