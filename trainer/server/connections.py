"""Connections that cost more than they bring: half-sent requests, readers that stopped reading, and too many at once.

Uvicorn closes idle connections that have had an answer; this closes the others. What a connection says is not its.
"""

from __future__ import annotations

import asyncio
import resource
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 30.0
"""From its first byte, a request's head has this long to arrive."""
STALL_SECONDS = 90.0
"""A body that stops coming, or an answer that nobody reads, ends its connection after this long."""
MAX_HEAD = 64 * 1024
"""Bytes of a request's line and headers; a signed address of a long file name takes about 13,000."""
_MAX_REFUSED_BODY = 16 * 2**20
"""Bytes that are read and dropped behind an answer that came early, so that the client gets to read it."""
_OWN_FILES = 250
"""Descriptors that are not connections: the database per thread, uploads, logs."""


def connection_limit() -> int:
    """Return how many connections there may be; allow this process more files first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8192 if hard == resource.RLIM_INFINITY else min(hard, 8192)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):
            pass  # macOS refuses more than its kernel's own limit; what there is has to do
    return max(32, (8192 if soft == resource.RLIM_INFINITY else min(soft, 8192)) - _OWN_FILES)


class GuardedProtocol(H11Protocol):
    """Uvicorn's connection, which knows when it last got anywhere."""

    limit = 1000
    """Connections at once; the longest idle one makes room."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, if there is room."""
        super().connection_made(transport)
        self._progress = self._head_since = self.loop.time()
        self._dropped = 0
        if len(self.connections) > self.limit:
            idle = [one for one in self.connections if isinstance(one, GuardedProtocol) and one.is_idle()]
            oldest = min(idle, key=lambda one: one.last_progress, default=self)
            oldest.transport.abort()

    @property
    def last_progress(self) -> float:
        """Return when bytes last moved, by the loop's clock."""
        return self._progress

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        now = self.loop.time()
        if self.is_idle() and not self.conn.trailing_data[0]:
            self._head_since = now
        self._progress = now
        super().data_received(data)
        if self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY:
            self._dropped += len(data)
            if self._dropped > _MAX_REFUSED_BODY:
                self.transport.abort()

    def resume_writing(self) -> None:
        """Take note that the client reads on."""
        self._progress = self.loop.time()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; what comes behind an answer already begun gets none."""
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:
            self.transport.close()

    def shutdown(self) -> None:
        """End with the server; one connection in an odd state must not keep the others open."""
        try:
            super().shutdown()
        except h11.LocalProtocolError:
            self.transport.abort()

    def is_idle(self) -> bool:
        """Return whether no request is being read or answered."""
        return self.cycle is None or (self.cycle.response_complete and self.conn.their_state is not h11.SEND_BODY)

    def is_stalled(self, now: float) -> bool:
        """Return whether the client keeps this connection waiting for too long."""
        if self.is_idle():
            return self.timeout_keep_alive_task is None and now - self._head_since > HEAD_SECONDS
        waits_for_client = self.flow.write_paused or (
            not self.flow.read_paused and self.conn.their_state is h11.SEND_BODY
        )
        return waits_for_client and now - self._progress > STALL_SECONDS


def close_stalled(connections: set[Any], now: float) -> None:
    """Close the connections that keep the server waiting."""
    for connection in list(connections):
        if isinstance(connection, GuardedProtocol) and connection.is_stalled(now):
            connection.transport.abort()
