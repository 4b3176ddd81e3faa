"""How often an agent talks to its server, and when it gives up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class AgentPace:
    """How often an agent talks to its server."""

    heartbeat_seconds: float
    """While a run is under way."""
    first_wait_seconds: float
    """After the server first said wait; doubles up to `max_wait_seconds`."""
    max_wait_seconds: float

    look_seconds: float = 2.0
    """Between looks at the sweep while all slots rest."""
    slots_per_beat: int = 4
    """With more slots than this, each waits longer: one that gets a run has the others ask at once."""

    def longest_wait(self, slots: int) -> float:
        """Return the longest wait of a slot among so many."""
        return self.max_wait_seconds * max(1.0, slots / self.slots_per_beat)


EMBEDDED_PACE = AgentPace(heartbeat_seconds=1.0, first_wait_seconds=0.2, max_wait_seconds=1.0)
SHARED_PACE = AgentPace(heartbeat_seconds=5.0, first_wait_seconds=5.0, max_wait_seconds=5.0, look_seconds=30.0)
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


def _number(text: str | None, otherwise: float) -> float:
    try:
        return float(text) if text else otherwise
    except ValueError:
        return otherwise
