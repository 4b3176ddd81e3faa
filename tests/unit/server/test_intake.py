"""Request bodies: values made of them, and how much of them is in memory at once."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from starlette.requests import Request

from trainer.records import Json
from trainer.server import intake
from trainer.server.intake import BadBodyError, Intake

_LIMIT = 4 * 2**20


async def in_worker(work: Callable[[], Json]) -> Json:
    return await asyncio.to_thread(work)


def request_of(parts: Sequence[bytes | None], **headers: str) -> Request:
    """Return a request whose body comes in parts; None: the client went away."""
    waiting = [
        {"type": "http.disconnect"}
        if part is None
        else {"type": "http.request", "body": part, "more_body": index + 1 < len(parts)}
        for index, part in enumerate(parts)
    ]

    async def receive() -> Any:
        await asyncio.sleep(0)
        return waiting.pop(0)

    encoded = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": encoded}, receive)


async def read(taking: Intake, request: Request) -> Json:
    async with taking.body(request, _LIMIT, in_worker) as body:
        return body


LARGE = json.dumps({"a": "x" * (2 * 2**20)}).encode()


def test_bodies_small_large_and_zipped_are_values() -> None:
    for parts, headers in (
        ([b'{"a":', b' "b"}'], {}),
        ([LARGE[:1000], LARGE[1000:]], {}),
        ([gzip.compress(LARGE)], {"content_encoding": "gzip"}),
    ):
        taking = Intake()
        whole = b"".join(parts)
        expected = json.loads(gzip.decompress(whole) if headers else whole)
        assert asyncio.run(read(taking, request_of(parts, **headers))) == expected
        assert taking.held == 0


@pytest.mark.parametrize(
    ("parts", "headers", "status"),
    [
        ([b"{"], {}, 400),
        ([b"[]"], {}, 400),
        ([b'{"a":' * 100_000], {}, 400),
        ([b"x" * 3 * 2**20, b"x" * 3 * 2**20], {}, 413),
        ([gzip.compress(b" " * (_LIMIT + 1))], {"content_encoding": "gzip"}, 413),
        ([b"no gzip"], {"content_encoding": "gzip"}, 400),
        ([LARGE, None], {}, 503),
    ],
)
def test_what_cannot_be_used_is_refused_and_holds_nothing(
    parts: list[bytes | None], headers: dict[str, str], status: int
) -> None:
    taking = Intake()
    with pytest.raises(BadBodyError) as refused:
        asyncio.run(read(taking, request_of([*parts, b""], **headers)))
    assert refused.value.status == status
    assert taking.held == 0


def test_large_bodies_take_turns_and_small_ones_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "WAIT_SECONDS", 0.01)

    async def crowd() -> None:
        taking = Intake()
        async with (
            taking.body(request_of([LARGE]), _LIMIT, in_worker),
            taking.body(request_of([LARGE]), _LIMIT, in_worker),
        ):
            assert taking.held == 2 * len(LARGE)
            assert await read(taking, request_of([b"{}"])) == {}
            with pytest.raises(BadBodyError, match="try again"):
                await read(taking, request_of([LARGE]))
        assert await read(taking, request_of([LARGE])) == json.loads(LARGE)

    asyncio.run(crowd())


def test_more_bytes_than_may_be_held_are_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "MAX_HELD", len(LARGE) + 10)

    async def crowd() -> None:
        taking = Intake()
        async with taking.body(request_of([LARGE]), _LIMIT, in_worker):
            with pytest.raises(BadBodyError) as refused:
                await read(taking, request_of([LARGE]))
        assert refused.value.status == 503
        assert taking.held == 0

    asyncio.run(crowd())
