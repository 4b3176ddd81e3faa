"""A few threads that do pieces of work while more are found. What they began may be left as it is at any moment."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import TracebackType


class Workers:
    """Threads that end with the block. An error in one of them ends the work of all, and is raised to whoever gives it.

    They are daemons: who is interrupted does not wait for gigabytes that are under way.
    """

    def __init__(self, count: int) -> None:
        # No longer than what is at work: a piece that waits here has begun nothing yet.
        self._pieces: queue.Queue[Callable[[], object] | None] = queue.Queue(maxsize=1)
        self._error: BaseException | None = None
        self._threads = [threading.Thread(target=self._work, name="publish", daemon=True) for _ in range(count)]

    def __enter__(self) -> Workers:
        """Start the threads."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the work to be done; after an error only for what is under way, after an interrupt for nothing.

        Raises:
            BaseException: What a piece of work raised.
        """
        if kind is not None and not issubclass(kind, Exception):
            return
        self._error = self._error or error
        for _ in self._threads:
            self._pieces.put(None)
        for thread in self._threads:
            thread.join()
        if error is None and self._error is not None:
            raise self._error

    def give(self, piece: Callable[[], object]) -> None:
        """Have a piece of work done; waits while all are busy.

        Raises:
            BaseException: What an earlier piece raised.
        """
        if self._error is not None:
            raise self._error
        self._pieces.put(piece)

    def _work(self) -> None:
        while (piece := self._pieces.get()) is not None:
            if self._error is not None:
                continue
            try:
                piece()
            except BaseException as error:
                # The edge of a thread: whoever gives the work hears of it, and decides.
                self._error = self._error or error
