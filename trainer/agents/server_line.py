"""When a slot speaks to its server next: at a pace, sooner or later by the answers, and while the server is away."""

from __future__ import annotations

import time

from trainer.agents.pace import AgentPace

MAX_RETRY_SECONDS = 10.0
MAX_AWAY_SECONDS = 3600.0
"""An agent without a run gives up on a server that has been away for this long."""


class ServerLine:
    """The times of one slot's heartbeats. Used by the slot's thread only."""

    def __init__(self, pace: AgentPace) -> None:
        self.next_beat_at = 0.0
        """By the monotonic clock."""
        self.retry_seconds = 0.0
        """The wait before the next try; 0 while the server answers."""
        self._pace = pace
        self._wait_seconds = 0.0
        self._away_since: float | None = None

    @property
    def is_away(self) -> bool:
        """Whether the server did not answer last time."""
        return self.retry_seconds > 0.0

    @property
    def has_waited(self) -> bool:
        """Whether the server has said wait more than once."""
        return self._wait_seconds > self._pace.first_wait_seconds

    def beat_now(self) -> None:
        """Have the next heartbeat sent at once, unless none is to be sent any more."""
        if self.next_beat_at != float("inf"):
            self.next_beat_at = 0.0

    def hang_up(self) -> None:
        """Send no heartbeat any more."""
        self.next_beat_at = float("inf")

    def answered(self) -> None:
        """Take note that the server answered."""
        self.retry_seconds, self._away_since = 0.0, None

    def plan_next(self, *, is_idle: bool, slots: int) -> None:
        """Set the time of the next heartbeat after an answer was obeyed.

        Args:
            is_idle: Whether the slot waits for a run.
            slots: How many slots the host has.
        """
        if is_idle:
            longest = self._pace.longest_wait(slots)
            self._wait_seconds = min(max(self._wait_seconds * 2, self._pace.first_wait_seconds), longest)
            seconds = self._wait_seconds
        else:
            self._wait_seconds, seconds = 0.0, self._pace.heartbeat_seconds
        self.next_beat_at = time.monotonic() + seconds

    def is_given_up(self, *, is_idle: bool) -> bool:
        """Take note that the server does not answer; return whether the slot should wait for it no longer."""
        now = time.monotonic()
        self._away_since = now if self._away_since is None else self._away_since
        self.retry_seconds = min(max(self.retry_seconds * 2, 0.5), MAX_RETRY_SECONDS)
        self.next_beat_at = now + self.retry_seconds
        return is_idle and now - self._away_since > MAX_AWAY_SECONDS
