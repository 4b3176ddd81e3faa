"""HeadStart: reads a sweep that the command line names while the app is still imported and drawn for the first time.

The server's work is done beside the first paint. What it sends is made into records behind it: that is our own work,
and would hold it up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING

from trainer.records import SweepReference

if TYPE_CHECKING:
    from trainer.tracking.client import SweepSnapshot, TrackingClient


_PATIENCE_SECONDS = 5.0
"""The first paint is not waited for any longer."""


class HeadStart:
    """One first snapshot of a sweep, read in a thread of its own; given out once."""

    def __init__(
        self,
        find: Callable[[], SweepReference],
        read: Callable[[SweepReference, Callable[[], object]], SweepSnapshot],
    ) -> None:
        """Begin to read.

        Args:
            find: Returns the sweep; blocks.
            read: Returns its first snapshot; blocks. It is given what waits until there is time for records.
        """
        self._find, self._read = find, read
        self._painted = threading.Event()
        self._reference: Future[SweepReference] = Future()
        self._snapshot: Future[SweepSnapshot] = Future()
        # A daemon: who leaves at once does not wait for a server that does not answer.
        threading.Thread(target=self._work, name="head start", daemon=True).start()

    def _work(self) -> None:
        try:
            reference = self._find()
        except Exception as error:
            # Told to whoever asks for the snapshot, and found out anew by whoever opens the sweep.
            self._reference.set_exception(error)
            return
        self._reference.set_result(reference)
        try:
            self._snapshot.set_result(self._read(reference, lambda: self._painted.wait(_PATIENCE_SECONDS)))
        except Exception as error:
            self._snapshot.set_exception(error)

    def go_on(self) -> None:
        """Let it make records: the first paint is over."""
        self._painted.set()

    def is_of(self, reference: SweepReference) -> bool:
        """Return whether this is the snapshot of a sweep; blocks until it is known which sweep was named."""
        return self._reference.exception() is None and self._reference.result() == reference

    def take(self) -> SweepSnapshot:
        """Return the snapshot; blocks, and raises what reading it raised."""
        return self._snapshot.result()


class BeginsEarly:
    """The part of a session that reads a sweep before a screen asks for it."""

    _head_start: HeadStart | None = None

    @property
    def client(self) -> TrackingClient:
        """The client of the connection; blocks on first use."""
        raise NotImplementedError

    def resolve_reference(self, text: str) -> SweepReference:
        """Return the sweep that a text names; blocks."""
        raise NotImplementedError

    def begin(self, text: str) -> None:
        """Begin to read the sweep that a text names, in a thread; the next to follow it is given what was read."""

        def read(reference: SweepReference, ready: Callable[[], object]) -> SweepSnapshot:
            from trainer.tracking.wandb_client import WandbClient

            client = self.client
            assert isinstance(client, WandbClient)
            return client.first_snapshot(reference, ready=ready)

        self._head_start = HeadStart(lambda: self.resolve_reference(text), read)

    def has_painted(self) -> None:
        """Take note that the first paint is over."""
        if self._head_start is not None:
            self._head_start.go_on()

    def take_begun(self, reference: SweepReference) -> Callable[[], SweepSnapshot] | None:
        """Return what gives the snapshot of a sweep that was begun, once; None where it was not."""
        ahead, self._head_start = self._head_start, None
        return ahead.take if ahead is not None and ahead.is_of(reference) else None
