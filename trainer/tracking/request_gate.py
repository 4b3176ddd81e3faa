"""RequestGate: keeps all that ask a server from asking while it wants to be left alone (HTTP 429). Sends nothing.

One gate for each way to a server. Whoever is refused closes it for as long as the server says; others wait before it,
are told of, and can be sent home. When it opens again they pass one after another: all at once would close it again.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

_FIRST_SECONDS = 0.5
_MOST_SECONDS = 30.0
"""Between two tries where the server does not say how long to wait."""
_APART_SECONDS = 0.2
_WORDS = {
    "CreateAgent": "start an agent",
    "DeleteRun": "delete a run",
    "EnqueueSweepRun": "run a point again",
    "GetChangedSweeps": "list sweeps",
    "GetProjectsWithChangedSweeps": "list sweeps",
    "GetProjectsWithSweeps": "list sweeps",
    "GetSweep": "read a sweep",
    "GetSweeps": "list sweeps",
    "HistoryPage": "read curves",
    "Run": "look at a run",
    "RunConsoleLogPage": "read a log",
    "RunConsoleLogPageBack": "read a log",
    "RunConsoleLogTail": "read a log",
    "RunFiles": "list files",
    "RunFullHistory": "read curves",
    "RunCurves": "read curves",
    "RunHistories": "read curves",
    "RunNews": "look at a run",
    "RunToChange": "change or stop a run",
    "StopRun": "stop a run",
    "SweepRuns": "read runs",
    "SweepToChange": "change a sweep",
    "UpsertBucket": "change a run",
    "UpsertSweep": "change a sweep",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """Something that waits to be asked."""

    words: str
    """What is to be done, as in: `stop a run`."""
    seconds: float
    """Until it may go ahead, as far as is known."""


class RequestGate:
    """Open, or closed for a while. Safe to share between threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._opens_at = 0.0
        self._refusals = 0
        self._sent_home = 0
        """Counts how often everybody was."""
        self._is_shut_down = False
        self._waiting: list[str] = []
        self.on_wait: Callable[[], object] = lambda: None
        """Called, in the thread of whoever begins to wait."""

    @property
    def opens_in(self) -> float:
        """Seconds until something may be asked; 0 where it may now."""
        return max(self._opens_at - time.monotonic(), 0.0)

    @property
    def waiting(self) -> tuple[Wish, ...]:
        """What waits now."""
        with self._changed:
            return tuple(Wish(words, self.opens_in) for words in self._waiting)

    def refused(self, asked_seconds: float | None) -> float:
        """Close, for as long as the server asks, or longer and longer; return for how long."""
        with self._changed:
            self._refusals += 1
            seconds = asked_seconds or min(_FIRST_SECONDS * 2 ** (self._refusals - 1), _MOST_SECONDS)
            self._opens_at = max(self._opens_at, time.monotonic() + seconds)
            self._changed.notify_all()
            return seconds

    def answered(self) -> None:
        """Note that the server has answered something else."""
        self._refusals = 0

    def pass_through(self, words: str, patience_seconds: float) -> bool:
        """Wait until something may be asked.

        Args:
            words: What is to be done.
            patience_seconds: A wait that would be longer is not begun.

        Returns:
            Whether it may be asked now; False where patience is too short, or everybody was sent home.
        """
        if not self._refusals and time.monotonic() >= self._opens_at:
            return True
        until = time.monotonic() + patience_seconds
        with self._changed:
            sent_home, is_listed = self._sent_home, False
            try:
                while not self._is_shut_down and self._sent_home == sent_home:
                    left = self._opens_at - time.monotonic()
                    if left <= 0:
                        if self._refusals:
                            self._opens_at = time.monotonic() + _APART_SECONDS
                        return True
                    if time.monotonic() + left >= until:
                        return False
                    if not is_listed:
                        is_listed = True
                        self._waiting.append(words)
                        self.on_wait()
                    self._changed.wait(left)
                return False
            finally:
                if is_listed:
                    self._waiting.remove(words)

    def send_home(self) -> int:
        """Have everybody who waits give up; return how many did."""
        with self._changed:
            self._sent_home += 1
            self._changed.notify_all()
            return len(self._waiting)

    def shut_down(self) -> None:
        """Have everybody give up, for good."""
        with self._changed:
            self._is_shut_down = True
            self._changed.notify_all()


def words_of(document: str) -> str:
    """Return what a GraphQL document does, in a few words."""
    found = re.match(r"\s*(query|mutation)\s+(\w+)", document)
    if found is None:
        return "ask the server"
    return _WORDS.get(found[2], "change something" if found[1] == "mutation" else "read something")
