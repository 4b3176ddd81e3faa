"""How a run hears that it should end: Ctrl-C, SIGTERM from an agent, or a stop asked of the W&B server.

The last arrives as the first: the SDK interrupts the main thread. The first request is noted, so that the training loop
ends after its step; the second interrupts at once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether somebody asked the run to end.

    Attributes:
        signal_number: The first signal that came; None as long as nobody asked.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._is_graceful = False

    def __bool__(self) -> bool:
        return self.signal_number is not None

    @property
    def exit_code(self) -> int:
        """Return the status a shell expects of a program ended by the signal: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self.signal_number or signal.SIGINT)

    def wait_for_step(self) -> None:
        """From now on let the first request wait for the end of a step; before, it interrupts."""
        self._is_graceful = True

    def receive(self, signal_number: int, frame: FrameType | None) -> None:
        """Note a signal.

        Raises:
            KeyboardInterrupt: If it is the second, or nothing would look at a note.
        """
        is_first = self.signal_number is None
        self.signal_number = self.signal_number or signal_number
        if not (is_first and self._is_graceful):
            raise KeyboardInterrupt


@contextmanager
def listen_for_stop() -> Iterator[StopRequest]:
    """Receive the stop signals while the block runs.

    In a thread other than the main one, where Python allows no handlers (wandb's function agents run there), the
    request stays empty and the agent stops the run in its own way.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, request.receive) for number in SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            # None stands for a handler that was not installed from Python and cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
