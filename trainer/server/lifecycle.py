"""Starting, finding and stopping the embedded server's process. Imports nothing heavy: clients import this.

One server per data folder: the process holds a lock on the folder for as long as it lives, so a stale record of a
dead one misleads nobody. The port is kept from one start to the next, so that clients survive a restart.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from trainer.errors import ServerError, ServerLostError, TrainerError
from trainer.process_identity import process_start
from trainer.server.data_folder import (
    LOG_FILE,
    ServerRecord,
    folder_error,
    is_locked,
    keep_port,
    prepare_folder,
    read_record,
    remove_record,
    resolve_folder,
    server_lock,
    start_lock,
    write_record,
)
from trainer.server.listening import described, listen
from trainer.server.security import load_or_create_key, read_key

DEFAULT_IDLE_MINUTES = 15.0
_POLL_SECONDS = 0.03


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A server that answers."""

    base_url: str
    """Without a trailing slash."""
    api_key: str = field(repr=False)
    pid: int
    is_open: bool = False
    """Whether other machines can reach it; known to the server itself only."""


def ensure_running(data_dir: Path | None = None, timeout_seconds: float = 15) -> ServerAddress:
    """Return the server of a data folder; start it in the background if it does not run. Safe in parallel.

    Args:
        data_dir: None for the default folder.
        timeout_seconds: How long it may take until it answers.

    Raises:
        ServerError: If it cannot start; the message says why.
        ServerLostError: If it does not answer in time.
    """
    folder = prepare_folder(data_dir)
    deadline = time.monotonic() + timeout_seconds
    found = find_running(folder)
    if found is not None:
        return found
    try:
        return _start(folder, deadline, timeout_seconds)
    except OSError as error:
        raise folder_error(folder, error) from error


def begin_running(data_dir: Path | None = None) -> None:
    """Have the server of a data folder started, if it does not run, while the caller does something else.

    Returns at once. `ensure_running` waits for it then, and says what kept it from starting.
    """

    def start() -> None:
        with suppress(TrainerError):
            ensure_running(data_dir)

    threading.Thread(target=start, name="server-start", daemon=True).start()


def _start(folder: Path, deadline: float, timeout_seconds: float) -> ServerAddress:
    """Start a server, or wait for the one that somebody else starts."""
    with start_lock(folder, deadline):
        process: subprocess.Popen[bytes] | None = None
        said_before = 0
        while time.monotonic() < deadline:
            found = find_running(folder)
            if found is not None:
                return found
            if process is None and not is_locked(folder):
                said_before = _log_size(folder)
                process = _spawn(folder)
            if process is not None and process.poll() is not None:
                if not is_locked(folder):
                    raise ServerError("The embedded server did not start.", hint=_last_words(folder, said_before))
                # Another one was quicker: its starter was killed, and it was not seen yet.
                process = None
            time.sleep(_POLL_SECONDS)
    raise ServerLostError(
        f"The embedded server did not answer within {timeout_seconds:g} s.", hint=f"See {folder / LOG_FILE}."
    )


def find_running(data_dir: Path | None = None) -> ServerAddress | None:
    """Return the server of a data folder if it runs and answers, else None."""
    folder = resolve_folder(data_dir)
    record = read_record(folder)
    if record is None or not _answers(record):
        return None
    return ServerAddress(record.base_url, read_key(folder), record.pid)


def stop_server(data_dir: Path | None = None, timeout_seconds: float = 15) -> bool:
    """End the server of a data folder and wait until it is gone.

    Returns:
        Whether one ran.

    Raises:
        ServerLostError: If it does not end in time.
    """
    folder = resolve_folder(data_dir)
    found = read_record(folder)
    if found is None:
        return False
    try:
        os.kill(found.pid, signal.SIGTERM)
    except ProcessLookupError:
        return True
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if not is_locked(folder):
            return True
        time.sleep(_POLL_SECONDS)
    raise ServerLostError(
        f"The server (process {found.pid}) did not end within {timeout_seconds:g} s.", hint=f"See {folder / LOG_FILE}."
    )


def serve_foreground(
    port: int | None = None,
    data_dir: Path | None = None,
    *,
    host: str | None = None,
    allowed_hosts: Sequence[str] = (),
    idle_minutes: float | None = None,
    on_ready: Callable[[ServerAddress], None] | None = None,
) -> None:
    """Run the server in this process until it is told to end.

    Args:
        port: None for the folder's own port, or a free one if that is taken.
        data_dir: None for the default folder.
        host: Address to listen on; None for loopback, which no other machine can reach.
        allowed_hosts: Names, beside its own address, that requests may call the server by.
        idle_minutes: End after so long without a request and without a live run; None for never.
        on_ready: Called once connections are accepted.

    Raises:
        PortTakenError: If `port` is taken.
        InputError: If `host` is not an address of this machine.
        ServerRunningError: If another server runs on the folder.
        ServerError: If the folder or its database cannot be used.
    """
    folder = prepare_folder(data_dir)
    # A port that was asked for is tried first: that it is taken is the better thing to say.
    with closing(listen(host, port, folder)) if port is not None else nullcontext() as asked, server_lock(folder):
        listener = asked or listen(host, None, folder)
        try:
            key = load_or_create_key(folder)
            from trainer.server.process import run_server  # the web framework: only the server itself pays for it

            listening = described(listener, host, allowed_hosts)
            keep_port(folder, listening.port)

            def announce() -> None:
                from trainer.server.migrations import SCHEMA_VERSION  # sqlite3: finders need none of it

                pid = os.getpid()
                record = ServerRecord(
                    pid, process_start(pid), listening.port, listening.host, SCHEMA_VERSION, time.time()
                )
                write_record(folder, record)
                if on_ready is not None:
                    on_ready(ServerAddress(record.base_url, key, pid, listening.is_open))

            run_server(folder, listener, listening, key, idle_minutes, announce)
        except OSError as error:
            raise folder_error(folder, error) from error
        finally:
            listener.close()
            remove_record(folder)


def _spawn(folder: Path) -> subprocess.Popen[bytes]:
    """Start the server detached: it outlives the terminal, and no Ctrl-C meant for its starter reaches it."""
    descriptor = os.open(folder / LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    # The starter's folder may not be there tomorrow, and its modules must not shadow ours.
    root = str(Path(__file__).resolve().parents[2])
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("WANDB_")}
    search_path = os.pathsep.join(filter(None, [root, inherited.get("PYTHONPATH", "")]))
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "trainer.server", "--data-dir", str(folder), "--background"],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=folder,
            env={**inherited, "PYTHONPATH": search_path},
            start_new_session=True,
        )
    finally:
        os.close(descriptor)


def _log_size(folder: Path) -> int:
    try:
        return (folder / LOG_FILE).stat().st_size
    except OSError:
        return 0


def _last_words(folder: Path, said_before: int) -> str:
    """Return the last line that a server wrote which did not start; nothing of what earlier ones wrote."""
    try:
        with (folder / LOG_FILE).open("rb") as file:
            file.seek(min(said_before, file.seek(0, os.SEEK_END)))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    if lines:
        return f"{lines[-1]} (log: {folder / LOG_FILE})"
    from trainer.server.faults import little_room  # sqlite3: finders need none of it

    if little_room(folder):
        return f"The disk of {folder} is full: make room."
    return f"See {folder / LOG_FILE}."


def _answers(record: ServerRecord) -> bool:
    """Return whether it answers at all: that it wants the key is an answer, and the key is not sent to find out."""
    connection = HTTPConnection(record.host, record.port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status in (200, 401)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
