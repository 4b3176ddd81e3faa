"""Request bodies of JSON: read, bounded one by one and together, and made values of."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.requests import ClientDisconnect, Request

from trainer.records import Json
from trainer.server.context import load_json

MAX_GRAPHQL_BODY = 32 * 2**20
"""Bytes; `wandb verify` (SDK 0.31) sends 10 MB and expects an answer."""
MAX_STREAM_BODY = 64 * 2**20
"""Bytes; the SDK cuts its stream into requests of 10 MB, whatever a run logs and prints at once (0.31, measured)."""
_COUNTED_BODY = 64 * 1024
"""Bytes from which on a body counts; what is smaller is soon gone."""
_LARGE_BODY = 2**20
"""Bytes from which on a body waits for its turn."""
MAX_HELD = 128 * 2**20
"""Bytes of bodies held at once; their values take several times as much."""
MAX_LARGE = 2
"""Large bodies that are values at once."""
WAIT_SECONDS = 20.0
"""So long a large body waits for others to be done with. The SDK gives a request 30 s and more (0.31)."""


class BadBodyError(Exception):
    """A request body that cannot be used."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True)
class Intake:
    """What of bodies is in memory. For the event loop's thread."""

    held: int = 0
    """Bytes."""
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_LARGE))

    @asynccontextmanager
    async def body(
        self, request: Request, limit: int, in_worker: Callable[[Callable[[], Json]], Awaitable[Json]]
    ) -> AsyncIterator[dict[str, Json]]:
        """Yield the object that a request's body is. While it is a large one, few others are in memory.

        Args:
            request: The request.
            limit: Bytes that it may have, unzipped.
            in_worker: Runs work in a thread.

        Raises:
            BadBodyError: If it is no JSON object, is too large, ended early, or too many large ones are at work.
        """
        parts: list[bytes] = []
        counted = 0
        has_turn = False
        try:
            async for size in _received(request, parts, limit):
                if size > _COUNTED_BODY:
                    self.held += size - counted
                    counted = size
                    if self.held > MAX_HELD:
                        raise _busy()
            is_zipped = request.headers.get("content-encoding", "").lower() == "gzip"
            if counted > _LARGE_BODY or is_zipped:
                has_turn = await self._turn()
                value = await in_worker(lambda: _value(parts, limit, is_zipped))
            else:
                value = _value(parts, limit, is_zipped)
            if not isinstance(value, dict):
                raise BadBodyError("The request is not a JSON object.", 400)
            yield value
        finally:
            self.held -= counted
            if has_turn:
                self._turns.release()

    async def _turn(self) -> bool:
        try:
            return await asyncio.wait_for(self._turns.acquire(), WAIT_SECONDS)
        except TimeoutError as error:
            raise _busy() from error


def _busy() -> BadBodyError:
    # Not a 429: to a run's stream no 4xx may be said. The SDK tries again after either (0.31).
    return BadBodyError("The server is at work on other large requests; try again.", 503)


async def _received(request: Request, parts: list[bytes], limit: int) -> AsyncIterator[int]:
    """Gather a body in `parts`; yield how many bytes there are so far."""
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise BadBodyError(f"The request is larger than {limit} bytes.", 413)
            parts.append(part)
            yield size
    except ClientDisconnect as error:
        # Nobody may be left to read this; whoever is (a proxy) is to try again.
        raise BadBodyError("The request ended early.", 503) from error


def _value(parts: list[bytes], limit: int, is_zipped: bool) -> Json:
    raw = b"".join(parts)
    parts.clear()
    try:
        if is_zipped:
            raw = _unzipped(raw, limit)
        text = raw.decode(json.detect_encoding(raw), "surrogatepass")
        del raw  # bytes, text and values of 10 MB at once are more than the server otherwise needs
        return load_json(text)
    except (ValueError, OSError, EOFError, zlib.error, RecursionError) as error:
        raise BadBodyError(f"The request is not JSON: {error}", 400) from error


def _unzipped(raw: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    plain = inflater.decompress(raw, limit + 1)
    if len(plain) > limit:
        raise BadBodyError(f"The request is larger than {limit} bytes.", 413)
    return plain
