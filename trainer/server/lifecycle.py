"""Starting, finding and stopping the embedded server's process. Imports nothing heavy: clients import this.

One server per data folder: the process holds a lock on the folder for as long as it lives, so a stale record of a
dead one misleads nobody. The port is kept from one start to the next, so that clients survive a restart.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from trainer import paths
from trainer.atomic_file import fsync_folder
from trainer.errors import PortTakenError, ServerError, ServerLostError, ServerRunningError
from trainer.server.security import load_or_create_key, read_key

HOST = "127.0.0.1"
LOG_FILE = "server.log"
_RECORD_FILE = "server.json"
_LOCK_FILE = "server.lock"
_START_LOCK_FILE = "start.lock"
_PORT_FILE = "port"
_MAX_LOG = 5_000_000
DEFAULT_IDLE_MINUTES = 15.0
_POLL_SECONDS = 0.03


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A server that answers."""

    base_url: str
    """Without a trailing slash."""
    api_key: str = field(repr=False)
    pid: int


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
        raise _folder_error(folder, error) from error


def _start(folder: Path, deadline: float, timeout_seconds: float) -> ServerAddress:
    """Start a server, or wait for the one that somebody else starts."""
    with _start_lock(folder, deadline):
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
                raise ServerError("The embedded server did not start.", hint=_last_words(folder, said_before))
            time.sleep(_POLL_SECONDS)
    raise ServerLostError(
        f"The embedded server did not answer within {timeout_seconds:g} s.", hint=f"See {folder / LOG_FILE}."
    )


def find_running(data_dir: Path | None = None) -> ServerAddress | None:
    """Return the server of a data folder if it runs and answers, else None."""
    folder = data_dir or paths.server_dir()
    try:
        record = json.loads((folder / _RECORD_FILE).read_text(encoding="utf-8"))
        pid, port, started = int(record["pid"]), int(record["port"]), str(record["started"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if process_start(pid) != started or not _answers(port):
        return None
    return ServerAddress(f"http://{HOST}:{port}", read_key(folder), pid)


def stop_server(data_dir: Path | None = None, timeout_seconds: float = 15) -> bool:
    """End the server of a data folder and wait until it is gone.

    Returns:
        Whether one ran.

    Raises:
        ServerLostError: If it does not end in time.
    """
    folder = data_dir or paths.server_dir()
    found = find_running(folder)
    if found is None:
        return False
    os.kill(found.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if not is_locked(folder):
            return True
        time.sleep(_POLL_SECONDS)
    raise ServerLostError(f"The server (process {found.pid}) did not end within {timeout_seconds:g} s.")


def serve_foreground(
    port: int | None = None,
    data_dir: Path | None = None,
    *,
    idle_minutes: float | None = None,
    on_ready: Callable[[ServerAddress], None] | None = None,
) -> None:
    """Run the server in this process until it is told to end.

    Args:
        port: None for the folder's own port, or a free one if that is taken.
        data_dir: None for the default folder.
        idle_minutes: End after so long without a request and without a live run; None for never.
        on_ready: Called once connections are accepted.

    Raises:
        PortTakenError: If `port` is taken.
        ServerRunningError: If another server runs on the folder.
        ServerError: If its database cannot be used.
    """
    folder = prepare_folder(data_dir)
    with closing(_listen(port, folder)) if port is not None else nullcontext() as asked, _server_lock(folder):
        listener = asked or _listen(None, folder)
        try:
            key = load_or_create_key(folder)
            from trainer.server.process import run_server  # the web framework: only the server itself pays for it

            bound = int(listener.getsockname()[1])
            _write_atomically(folder / _PORT_FILE, str(bound))
            address = ServerAddress(f"http://{HOST}:{bound}", key, os.getpid())

            def announce() -> None:
                _write_record(folder, bound)
                if on_ready is not None:
                    on_ready(address)

            run_server(folder, listener, key, idle_minutes, announce)
        except OSError as error:
            raise _folder_error(folder, error) from error
        finally:
            listener.close()
            _remove_record(folder)


def prepare_folder(data_dir: Path | None) -> Path:
    """Return the data folder, made now if need be, open to its owner only.

    Raises:
        ServerError: If it cannot be made or written.
    """
    folder = (data_dir or paths.server_dir()).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
    except OSError as error:
        raise _folder_error(folder, error) from error
    return folder


def _folder_error(folder: Path, error: OSError) -> ServerError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ServerError(f"The disk of the data folder {folder} is full.", hint="Make room, or give another folder.")
    return ServerError(
        f"The data folder {folder} cannot be used: {error.strerror or error}.", hint="Give another with --data-dir."
    )


def process_start(pid: int) -> str:
    """Return what tells a process from a later one with the same number; empty if there is none."""
    try:
        # Fields 3 and 22 of proc(5) stat; the name before them may hold spaces and brackets.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        # One that was killed and not yet waited for is no process any more: its successor may hold its port already.
        return "" if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        pass
    if Path("/proc/self/stat").exists():
        return ""
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip()


def is_locked(folder: Path) -> bool:
    """Return whether some server process holds the data folder."""
    try:
        descriptor = os.open(folder / _LOCK_FILE, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def _server_lock(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        # `is_locked` looks by taking the lock for an instant; a few tries tell that from a server.
        for attempt in range(20):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if attempt == 19:
                    raise ServerRunningError(
                        f"A server already runs on the data folder {folder}.",
                        hint="Use it (`sweep-tui env` says where it is), or give another --data-dir.",
                    ) from error
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _start_lock(folder: Path, deadline: float) -> Iterator[None]:
    """Let one caller at a time start the server; the others wait and then find it running."""
    descriptor = os.open(folder / _START_LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise ServerLostError("Another process has been starting the server for too long.") from error
                time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _spawn(folder: Path) -> subprocess.Popen[bytes]:
    """Start the server detached: it outlives the terminal, and no Ctrl-C meant for its starter reaches it."""
    log = folder / LOG_FILE
    too_large = log.exists() and log.stat().st_size > _MAX_LOG
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if too_large else os.O_APPEND)
    descriptor = os.open(log, flags, 0o600)
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


def _answers(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _listen(port: int | None, folder: Path) -> socket.socket:
    """Return a listening socket on loopback: on `port`, or on the folder's own, or on a free one."""
    if port is not None:
        try:
            return _bind(port)
        except (OSError, OverflowError) as error:
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                raise PortTakenError(
                    f"Port {port} is in use.", hint="Give another --port, or none to have one chosen."
                ) from error
            raise PortTakenError(f"Port {port} cannot be used: {error}.", hint="Give another --port.") from error
    for candidate in (_kept_port(folder), 0):
        try:
            return _bind(candidate)
        except OSError:
            continue
    raise ServerError("No port is free on 127.0.0.1.")


def _kept_port(folder: Path) -> int:
    """Return the port of the last start, else one that follows from the folder's path.

    20000 to 29999: below the ports that Linux and macOS give to outgoing connections.
    """
    try:
        kept = int((folder / _PORT_FILE).read_text(encoding="ascii"))
        if 0 < kept < 65536:
            return kept
    except (OSError, ValueError):
        pass
    return 20_000 + zlib.crc32(str(folder).encode()) % 10_000


def _bind(port: int) -> socket.socket:
    # Named as TCP, or asyncio leaves Nagle's algorithm on: answers on a kept connection then come 40 ms late.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # A port of a server that ended a moment ago is ours again at once; a listening one stays taken.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(512)
    except BaseException:
        listener.close()
        raise
    return listener


def _write_record(folder: Path, port: int) -> None:
    from trainer.server.migrations import SCHEMA_VERSION  # sqlite3: finders need none of it

    record = {
        "pid": os.getpid(), "started": process_start(os.getpid()), "port": port, "format": SCHEMA_VERSION,
    }  # fmt: skip
    _write_atomically(folder / _RECORD_FILE, json.dumps(record))


def _remove_record(folder: Path) -> None:
    """Remove this process's record; in a folder that was made anew, another server's may be there."""
    record = folder / _RECORD_FILE
    try:
        if json.loads(record.read_text(encoding="utf-8"))["pid"] == os.getpid():
            record.unlink()
    except (OSError, ValueError, KeyError, TypeError):
        pass


def _write_atomically(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # after a loss of power, too, it is the old text or the new
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    fsync_folder(path.parent)
