"""Connections that keep the server waiting, over real sockets; their patience is tested without waiting for it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from trainer.server.connections import HEAD_SECONDS, STALL_SECONDS, GuardedProtocol, close_stalled

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, then answer; below /large, with more than the sockets between hold."""
    while (await receive()).get("more_body"):
        pass
    size = 30_000_000 if scope["path"] == "/large" else 2
    headers = [(b"content-length", str(size).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for start in range(0, size, 1_000_000):
        part = b"x" * min(1_000_000, size - start)
        await send({"type": "http.response.body", "body": part, "more_body": start + len(part) < size})


def serving(check: Callable[[uvicorn.Server, Callable[[], Awaitable[_Connection]]], Awaitable[None]]) -> None:
    """Run a check against a server in this process."""

    async def run() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(application, http=GuardedProtocol, lifespan="off", log_config=None, ws="none")
        web = uvicorn.Server(config)
        served = asyncio.create_task(web.serve(sockets=[listener]))
        while not web.started:
            await asyncio.sleep(0.005)
        opened: list[_Connection] = []

        async def connect() -> _Connection:
            opened.append(await asyncio.open_connection(*listener.getsockname()))
            return opened[-1]

        try:
            await asyncio.wait_for(check(web, connect), 30)
        finally:
            for _, writer in opened:
                writer.transport.abort()
            web.should_exit = web.force_exit = True
            await served

    asyncio.run(run())


def held_by(web: uvicorn.Server) -> set[Any]:
    return web.server_state.connections


async def until(fact: Callable[[], bool]) -> None:
    while not fact():
        await asyncio.sleep(0.005)


async def is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(100_000), 10) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    ("sent", "patience"),
    [
        (b"", HEAD_SECONDS),
        (b"POST / HTTP/1.1\r\nHost: a\r\nX-Half: ", HEAD_SECONDS),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf", STALL_SECONDS),
    ],
)
def test_half_requests_are_closed_when_their_time_is_up_and_not_before(sent: bytes, patience: float) -> None:
    async def check(web: uvicorn.Server, connect: Callable[[], Awaitable[_Connection]]) -> None:
        reader, writer = await connect()
        writer.write(sent)
        held = held_by(web)
        await until(lambda: len(held) == 1)
        await until(lambda: not sent or any(one.cycle or one.conn.trailing_data[0] for one in held))
        now = asyncio.get_running_loop().time()
        close_stalled(held, now + patience - 1)
        await asyncio.sleep(0)
        assert len(held) == 1
        close_stalled(held, now + patience + 1)
        assert await is_closed(reader)

    serving(check)


def test_an_answer_that_nobody_reads_ends_and_one_that_is_read_does_not() -> None:
    async def check(web: uvicorn.Server, connect: Callable[[], Awaitable[_Connection]]) -> None:
        reader, writer = await connect()
        writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        held = held_by(web)
        await until(lambda: any(one.flow.write_paused for one in held))
        now = asyncio.get_running_loop().time()
        close_stalled(held, now + STALL_SECONDS - 1)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"200 OK" in head
        body = await reader.readexactly(30_000_000)
        assert len(body) == 30_000_000
        writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        await until(lambda: any(one.flow.write_paused for one in held))
        close_stalled(held, asyncio.get_running_loop().time() + STALL_SECONDS + 1)
        await until(lambda: not held)

    serving(check)


def test_the_longest_idle_connection_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GuardedProtocol, "limit", 3)

    async def check(web: uvicorn.Server, connect: Callable[[], Awaitable[_Connection]]) -> None:
        held = held_by(web)
        first, busy, third = [await connect() for _ in range(3)]
        busy[1].write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n.")
        await until(lambda: len(held) == 3 and not all(one.is_idle() for one in held))
        first[1].write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"200 OK" in await first[0].readuntil(b"\r\n\r\n")
        fourth = await connect()
        assert await is_closed(third[0]), "it said nothing for the longest time"
        busy[1].write(b".")
        for reader, writer in (busy, fourth):
            if reader is fourth[0]:
                writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")

    serving(check)
