"""SessionWaiting: what waits for the servers of a session, and how that is ended. Nothing here blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.tracking.client import TrackingClient
    from trainer.tracking.request_gate import Wish


class SessionWaiting:
    """The part of `Session` that knows what is under way."""

    def __init__(self) -> None:
        self._client: TrackingClient | None = None
        self._connecting: TrackingClient | None = None
        """Who asks a server for the first time."""
        self._kin = [self]
        """The sessions of the same app, one for each server that was looked at."""
        self.on_wait: Callable[[], object] = lambda: None
        """Called, in the thread of whoever begins to wait because a server asks to be left alone."""

    def use(self, client: TrackingClient) -> None:
        """Ask a server by this client."""
        self._client = client
        if client.gate is not None:
            client.gate.on_wait = lambda: self._kin[0].on_wait()

    def note_connecting(self, client: TrackingClient) -> None:
        """Take note of who asks a server for the first time."""
        self._connecting = client

    @property
    def waiting(self) -> tuple[Wish, ...]:
        """What waits because a server asks to be left alone."""
        return tuple(wish for client in self._clients() if client.gate is not None for wish in client.gate.waiting)

    def give_up_waiting(self) -> int:
        """Have all of that fail now; return how much it was."""
        return sum(client.gate.send_home() for client in self._clients() if client.gate is not None)

    def close(self) -> None:
        """Have everything that waits for a server of the app end at once, and nothing be asked any more."""
        for client in self._clients():
            client.close()

    def _clients(self) -> list[TrackingClient]:
        return [client for kin in self._kin for client in (kin._client, kin._connecting) if client is not None]
