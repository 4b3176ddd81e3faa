"""The data folder of a server: made private, held by one process at a time, and the small files that lie in it.

Imports nothing heavy: clients look here for the server. The database is `store`'s, the key is `security`'s.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from trainer import paths
from trainer.atomic_file import write_text_atomically
from trainer.errors import InputError, ServerError, ServerLostError, ServerRunningError
from trainer.process_identity import is_running

DATABASE_FILE = "server.sqlite"
FILES_FOLDER = "files"
LOG_FILE = "server.log"
_RECORD_FILE = "server.json"
_LOCK_FILE = "server.lock"
_START_LOCK_FILE = "start.lock"
_PORT_FILE = "port"
_POLL_SECONDS = 0.03
_OTHER_DIR = "Give another with --data-dir."
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """What a running server says of itself to those who look for it."""

    pid: int
    started: str
    """What `process_start` says of the process, so that a later one with the same number is not taken for it."""
    port: int
    host: str
    """The address to reach it at from this machine; IPv6 without brackets."""
    format: int
    """Of its database."""
    since: float
    """Seconds since 1970."""

    @property
    def base_url(self) -> str:
        """Return where it listens, without a trailing slash."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"


def resolve_folder(data_dir: Path | None) -> Path:
    """Return a data folder's absolute path; None stands for the user's default one."""
    return (data_dir or paths.server_dir()).expanduser().absolute()


def readable_folder(data_dir: Path | None) -> Path:
    """Return a data folder's absolute path, for who only looks: it need not be there.

    Raises:
        ServerError: If it cannot be looked into.
    """
    folder = resolve_folder(data_dir)
    try:
        os.scandir(folder).close()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise folder_error(folder, error) from error
    return folder


def prepare_folder(data_dir: Path | None) -> Path:
    """Return the data folder, made now if need be, open to its owner only.

    Raises:
        ServerError: If it cannot be made or written, or is not the user's own.
    """
    folder = resolve_folder(data_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = folder.stat()
        if found.st_uid != os.geteuid():
            raise ServerError(f"The data folder {folder} belongs to another user.", hint=_OTHER_DIR)
        if found.st_mode & stat.S_ISVTX:
            # Shared by all users, such as /tmp: it must not be closed to them.
            raise ServerError(f"The data folder {folder} is shared by all users.", hint="Name a folder inside it.")
        if stat.S_IMODE(found.st_mode) != 0o700:
            folder.chmod(0o700)
    except OSError as error:
        raise folder_error(folder, error) from error
    return folder


def folder_error(folder: Path, error: OSError) -> ServerError:
    """Return the error of a folder that the system does not let us use."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ServerError(f"The disk of the data folder {folder} is full.", hint="Make room, or give another folder.")
    is_file = isinstance(error, FileExistsError | NotADirectoryError)
    reason = "it is not a folder" if is_file else error.strerror or error
    return ServerError(f"The data folder {folder} cannot be used: {reason}.", hint=_OTHER_DIR)


def is_locked(folder: Path) -> bool:
    """Return whether some server process holds the data folder."""
    try:
        descriptor = os.open(folder / _LOCK_FILE, os.O_RDONLY)
    except OSError:
        # A folder that cannot be read cannot be served from either; who tries is told why.
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


@contextmanager
def server_lock(folder: Path) -> Iterator[None]:
    """Hold the data folder for as long as the block runs.

    Raises:
        ServerRunningError: If another process holds it.
        ServerError: If it cannot be held.
    """
    # `is_locked` looks by taking the lock for an instant; a few tries tell that from a server.
    with _locked(folder, _LOCK_FILE, time.monotonic() + 0.4, 0.02) as is_mine:
        if not is_mine:
            raise ServerRunningError(
                f"A server already runs on the data folder {folder}.",
                hint="Use it (`sweep-tui env` says where it is), or give another --data-dir.",
            )
        yield


@contextmanager
def start_lock(folder: Path, deadline: float) -> Iterator[None]:
    """Let one caller at a time start the server; the others wait and then find it running.

    Raises:
        ServerLostError: If the others take longer than the deadline, by the monotonic clock.
        ServerError: If the lock cannot be taken at all.
    """
    with _locked(folder, _START_LOCK_FILE, deadline, _POLL_SECONDS) as is_mine:
        if not is_mine:
            raise ServerLostError("Another process has been starting the server for too long.")
        yield


@contextmanager
def _locked(folder: Path, name: str, deadline: float, poll_seconds: float) -> Iterator[bool]:
    try:
        descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise folder_error(folder, error) from error
    try:
        yield _try_lock(descriptor, folder, deadline, poll_seconds)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, folder: Path, deadline: float, poll_seconds: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(poll_seconds)
        except OSError as error:
            why = "its file system has no locks (NFS?)" if error.errno in _NO_LOCKS else error.strerror
            raise ServerError(
                f"The data folder {folder} cannot be held: {why}.", hint="Give one on a local disk with --data-dir."
            ) from error
        else:
            return True


def read_record(folder: Path) -> ServerRecord | None:
    """Return what the folder's server says of itself if its process is alive, else None."""
    try:
        entry = json.loads((folder / _RECORD_FILE).read_text(encoding="utf-8"))
        record = ServerRecord(
            pid=int(entry["pid"]),
            started=str(entry["started"]),
            port=int(entry["port"]),
            host=str(entry.get("host", "127.0.0.1")),
            format=int(entry.get("format", 0)),
            since=float(entry.get("since", 0)),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return record if is_running(record.pid, record.started) else None


def has_died(folder: Path) -> bool:
    """Return whether the folder's last server ended without having been told to: it had no time to say so."""
    return (folder / _RECORD_FILE).exists() and read_record(folder) is None


def write_record(folder: Path, record: ServerRecord) -> None:
    """Let others find the server.

    Raises:
        ServerError: If that cannot be written.
    """
    _write(folder / _RECORD_FILE, json.dumps(asdict(record)))


def remove_record(folder: Path) -> None:
    """Remove this process's record; in a folder that was made anew, another server's may be there."""
    try:
        if json.loads((folder / _RECORD_FILE).read_text(encoding="utf-8"))["pid"] == os.getpid():
            (folder / _RECORD_FILE).unlink()
    except (OSError, ValueError, KeyError, TypeError):
        pass


def kept_port(folder: Path) -> int:
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


def keep_port(folder: Path, port: int) -> None:
    """Remember the port for the next start.

    Raises:
        ServerError: If that cannot be written.
    """
    if kept_port(folder) != port or not (folder / _PORT_FILE).exists():
        _write(folder / _PORT_FILE, str(port))


def _write(path: Path, text: str) -> None:
    try:
        write_text_atomically(path, text)
    except InputError as error:
        if isinstance(error.__cause__, OSError):
            raise folder_error(path.parent, error.__cause__) from error
        raise
