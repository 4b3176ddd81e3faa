"""The server's process from its first request to its last: the event loop, housekeeping, a clean end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from trainer.errors import StorageError
from trainer.server import file_store, housekeeping, leftovers
from trainer.server.app import Server, create_app
from trainer.server.connections import MAX_HEAD, GuardedProtocol, close_stalled, connection_limit
from trainer.server.data_folder import DATABASE_FILE, FILES_FOLDER, remove_record
from trainer.server.deletion import free_deleted_projects
from trainer.server.listening import Listening
from trainer.server.store import Store

logger = logging.getLogger(__name__)

HOUSEKEEPING_SECONDS = 5.0
_SWEEP_SECONDS = 600.0
_SHUTDOWN_SECONDS = 5
"""What is being answered has this long when the server is told to end; a second signal takes it away."""
_CLOSE_SECONDS = 10
"""After that, what runs in threads has this long. Nothing acknowledged is lost: that is on disk."""
_GUARD_SECONDS = 5.0


class _Uvicorn(uvicorn.Server):
    """Uvicorn that leaves signals to us: its own way ends in a second, fatal one."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run_server(
    folder: Path,
    listener: socket.socket,
    listening: Listening,
    key: str,
    idle_minutes: float | None,
    on_ready: Callable[[], None],
) -> None:
    """Serve on a listening socket until SIGTERM, SIGINT or idleness.

    Raises:
        ServerError: If the database cannot be used, or was taken away meanwhile.
    """
    # A request passes between three threads: while one of them computes, each hand-over waits so long for the GIL.
    sys.setswitchinterval(0.001)
    os.umask(0o077)  # what is made from here on is the owner's, whatever becomes of the folder's mode
    server = Server(Store(folder / DATABASE_FILE), key, listening, folder / FILES_FOLDER)
    if broken := file_store.remove_partials(folder / FILES_FOLDER):
        logger.info("%d uploads had broken off; their clients send them again", broken)
    try:
        asyncio.run(_serve(server, listener, idle_minutes, on_ready))
    finally:
        with _closing_by_force(folder):
            server.close()
    if server.store.lost is not None:
        raise server.store.lost


@contextmanager
def _closing_by_force(folder: Path) -> Iterator[None]:
    """End the process if the block takes too long: a thread that is deep in a search cannot be interrupted."""

    def give_up() -> None:
        logger.warning("a request did not end within %d s; the server ends without it", _CLOSE_SECONDS)
        remove_record(folder)
        logging.shutdown()
        os._exit(0)

    timer = threading.Timer(_CLOSE_SECONDS, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


async def _serve(
    server: Server, listener: socket.socket, idle_minutes: float | None, on_ready: Callable[[], None]
) -> None:
    GuardedProtocol.limit = connection_limit()
    config = uvicorn.Config(
        create_app(server),
        http=GuardedProtocol,
        h11_max_incomplete_event_size=MAX_HEAD,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    web = _Uvicorn(config)
    loop = asyncio.get_running_loop()

    def end() -> None:
        # Told twice, it does not wait for what is being answered.
        web.force_exit = web.should_exit
        web.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    serving = asyncio.create_task(web.serve(sockets=[listener]))
    while not web.started and not serving.done():
        await asyncio.sleep(0.005)
    if not serving.done():
        on_ready()
    keeping = [
        asyncio.create_task(_keep_house(server, idle_minutes, end)),
        asyncio.create_task(_guard_connections(web)),
    ]
    try:
        await serving
    finally:
        for task in keeping:
            task.cancel()


async def _guard_connections(web: _Uvicorn) -> None:
    """Close what keeps the server waiting, for as long as it runs."""
    while True:
        await asyncio.sleep(_GUARD_SECONDS)
        close_stalled(web.server_state.connections, asyncio.get_running_loop().time())


async def _keep_house(server: Server, idle_minutes: float | None, end: Callable[[], None]) -> None:
    """See to runs and agents that fell silent, and to the server's own end when nobody needs it."""
    uptime = housekeeping.Uptime()
    swept = time.monotonic() - _SWEEP_SECONDS

    def keep() -> bool:
        nonlocal swept
        server.store.check_place()
        free_deleted_projects(server.store, server.files_dir)
        is_needed = housekeeping.tidy(server.store, uptime.seconds())
        housekeeping.forget_ended_sweeps(server.store, server.scheduler, server.early_stops)
        if time.monotonic() - swept > _SWEEP_SECONDS:
            leftovers.sweep(server.store, server.files_dir)
            swept = time.monotonic()
        housekeeping.fill_value_tables(server.store)
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
