"""Waits for a server that is away for a while, as the SDK does; gives up after minutes, never after a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from trainer.errors import ServerLostError, TrainerError

PATIENCE_SECONDS = 300.0
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 8.0
_T = TypeVar("_T")


class TryLaterError(ServerLostError):
    """A server asks to be left alone for a while."""

    def __init__(self, message: str, seconds: float | None) -> None:
        super().__init__(message)
        self.seconds = seconds


class Patience:
    """Repeats what a lost server kept from being done."""

    def __init__(
        self,
        revive: Callable[[], object],
        tell: Callable[[str], object],
        seconds: float = PATIENCE_SECONDS,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remember how to wait.

        Args:
            revive: Brings the server back where that is ours to do.
            tell: Is told once that there is a wait, and once that it is over.
            seconds: How long a server may be away.
            sleep: Waits.
            clock: Tells the time.
        """
        self._revive = revive
        self._tell = tell
        self._seconds = seconds
        self._sleep = sleep
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting = 0
        """Threads that wait: one word is enough for all."""

    def call(self, work: Callable[[], _T]) -> _T:
        """Return what `work` returns; it is done again while its server is lost, so twice must be as once.

        Raises:
            ServerLostError: If the server is still lost after all the patience.
        """
        lost_at: float | None = None
        wait = _FIRST_WAIT
        while True:
            try:
                found = work()
            except ServerLostError as error:
                now = self._clock()
                if lost_at is None:
                    lost_at = now
                    self._begin_to_wait(error.message)
                pause = wait
                if isinstance(error, TryLaterError) and error.seconds is not None:
                    pause = max(error.seconds, wait)
                if now + pause - lost_at > self._seconds:
                    self._stop_waiting()
                    raise ServerLostError(
                        error.message, hint="The same command goes on from here once it is back."
                    ) from error
                self._sleep(pause)
                wait = min(wait * 2, _LONGEST_WAIT)
                with suppress(TrainerError):
                    self._revive()
            except BaseException:
                if lost_at is not None:
                    self._stop_waiting()
                raise
            else:
                if lost_at is not None and self._stop_waiting() == 0:
                    self._tell("It is back.")
                return found

    def _begin_to_wait(self, message: str) -> None:
        with self._lock:
            self._waiting += 1
            if self._waiting == 1:
                self._tell(f"{message} Waiting for it, for {self._seconds / 60:.0f} minutes at most.")

    def _stop_waiting(self) -> int:
        with self._lock:
            self._waiting -= 1
            return self._waiting
