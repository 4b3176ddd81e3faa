"""The server's process from its first request to its last: the event loop, housekeeping, a clean end."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from trainer.errors import StorageError
from trainer.server import housekeeping
from trainer.server.app import Server, create_app
from trainer.server.store import Store

logger = logging.getLogger(__name__)

DATABASE_FILE = "server.sqlite"
FILES_FOLDER = "files"
HOUSEKEEPING_SECONDS = 5.0
_SHUTDOWN_SECONDS = 5


class _Uvicorn(uvicorn.Server):
    """Uvicorn that leaves signals to us: its own way ends in a second, fatal one."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run_server(
    folder: Path, listener: socket.socket, key: str, idle_minutes: float | None, on_ready: Callable[[], None]
) -> None:
    """Serve on a listening socket until SIGTERM, SIGINT or idleness.

    Raises:
        ServerError: If the database cannot be used, or was taken away meanwhile.
    """
    server = Server(Store(folder / DATABASE_FILE), key, int(listener.getsockname()[1]), folder / FILES_FOLDER)
    try:
        asyncio.run(_serve(server, listener, idle_minutes, on_ready))
    finally:
        server.close()
    if server.store.lost is not None:
        raise server.store.lost


async def _serve(
    server: Server, listener: socket.socket, idle_minutes: float | None, on_ready: Callable[[], None]
) -> None:
    config = uvicorn.Config(
        create_app(server),
        http="h11",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    web = _Uvicorn(config)
    loop = asyncio.get_running_loop()

    def end() -> None:
        web.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    serving = asyncio.create_task(web.serve(sockets=[listener]))
    while not web.started and not serving.done():
        await asyncio.sleep(0.005)
    if not serving.done():
        on_ready()
    keeping = asyncio.create_task(_keep_house(server, idle_minutes, end))
    try:
        await serving
    finally:
        keeping.cancel()


async def _keep_house(server: Server, idle_minutes: float | None, end: Callable[[], None]) -> None:
    """See to runs and agents that fell silent, and to the server's own end when nobody needs it."""
    started = time.monotonic()

    def keep() -> bool:
        server.store.check_place()
        is_needed = housekeeping.tidy(server.store, time.monotonic() - started)
        housekeeping.forget_ended_sweeps(server.store, server.scheduler, server.early_stops)
        return is_needed

    while True:
        await asyncio.sleep(HOUSEKEEPING_SECONDS)
        try:
            is_needed = await server.in_worker(keep)
        except StorageError:
            # Told in the log by whoever noticed; what was not written now is found again in the next round.
            if server.store.lost is not None:
                end()
                return
            continue
        except Exception:
            # A worker's body: one failed round must not be the last.
            logger.exception("housekeeping failed; it is tried again")
            continue
        idle = time.monotonic() - server.last_request
        if idle_minutes is not None and idle > idle_minutes * 60 and not is_needed:
            logger.info("nobody asked anything for %g minutes and no run is alive: the server ends", idle_minutes)
            end()
