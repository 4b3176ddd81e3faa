"""What others want of one slot. Set from any thread, obeyed by the slot's own."""

from __future__ import annotations

import threading


class SlotWishes:
    """Whether a slot is to leave after its run, and which run of it is not wanted any more."""

    def __init__(self) -> None:
        self.unwanted_run = ""
        self._lock = threading.Lock()
        self._draining = False
        self._over = False

    @property
    def takes_runs(self) -> bool:
        """Whether the slot is to ask for further runs."""
        return not (self._draining or self._over)

    def drain(self) -> bool:
        """Have the slot leave after its run; return whether that says something new."""
        with self._lock:
            is_new = self.takes_runs
            self._draining = True
            return is_new

    def go_on(self) -> bool:
        """Take back `drain`; return whether that was in time."""
        with self._lock:
            in_time = self._draining and not self._over
            self._draining = self._draining and not in_time
            return in_time

    def is_over(self, leaving: bool) -> bool:
        """Decide for a slot that has nothing to do whether it leaves for good, by its own reasons or by a wish."""
        with self._lock:
            # Under the lock: who takes a drain back learns whether he came too late.
            self._over = self._over or leaving or self._draining
            return self._over
