"""What goes wrong with the disk: which errors mean that, how clients are told, and that the log is not flooded.

No request is to blame for it: the client gets HTTP 503, which the SDK answers by sending the same again (0.31), and
nothing of what it asked is kept. Everything goes on by itself as soon as the disk works.
"""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import threading
import time
from pathlib import Path

from trainer.errors import StorageError

logger = logging.getLogger(__name__)

STATUS = 503
"""HTTP status of a request that met a fault: retried by the SDK on every route (0.31), where a 4xx loses data."""
_REPEAT_SECONDS = 60.0
"""The same fault is written to the log at most this often, however many requests meet it."""
_LITTLE_ROOM = 256 * 1024
"""Bytes: with less than this, a write that failed has most likely met a full disk, whatever the system called it."""
_SAFE = "What was acknowledged is safe, and clients send the rest again."
_DISK_ERRORS = frozenset({errno.EIO, errno.EROFS, errno.ENODEV, errno.ENXIO, errno.ESTALE})
_FULL_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT})


class Faults:
    """The faults of one data folder: names them and writes each incident to the log once. Thread-safe."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._folder = database.parent
        self._lock = threading.Lock()
        self._said: dict[str, float] = {}
        self._since: float | None = None
        self._current = ""

    @property
    def current(self) -> str:
        """Return the fault that keeps the database from being written now; empty when it is written."""
        return self._current

    def of(self, error: BaseException | None) -> StorageError | None:
        """Return the fault that an error means, noted in the log; None for an error that is no fault of the disk."""
        if isinstance(error, StorageError):
            return error
        fault = self._named(error)
        if fault is not None:
            self._say(fault)
        return fault

    def write_failed(self, fault: StorageError) -> None:
        """Note that the database could not be written."""
        with self._lock:
            self._since = self._since or time.monotonic()
            self._current = fault.message

    def write_worked(self) -> None:
        """Note that the database was written; the end of an incident is told once."""
        if self._since is None:
            return
        with self._lock:
            since, self._since, self._current = self._since, None, ""
        if since is not None:
            logger.warning("the database is written again, after %.0f s", time.monotonic() - since)

    def _say(self, fault: StorageError) -> None:
        now = time.monotonic()
        with self._lock:
            is_new = now - self._said.get(fault.message, -_REPEAT_SECONDS) >= _REPEAT_SECONDS
            if is_new:
                self._said[fault.message] = now
        if is_new:
            logger.error("%s", fault)

    def _named(self, error: BaseException | None) -> StorageError | None:
        if isinstance(error, sqlite3.Error):
            return self._of_sqlite(error)
        if isinstance(error, OSError):
            if error.errno in _FULL_ERRORS:
                return self._full()
            if error.errno == errno.EFBIG:
                return StorageError(
                    f"Files in {self._folder} may not grow further: the process's limit is reached.",
                    hint=f"Raise `ulimit -f`. {_SAFE}",
                )
            if error.errno in _DISK_ERRORS:
                return self._broken(error.strerror or str(error))
        return None

    def _of_sqlite(self, error: sqlite3.Error) -> StorageError | None:
        # An extended code holds its primary one in the low byte. Python's own complaints have none.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return self._full()
        if code == sqlite3.SQLITE_IOERR:
            return self._full() if little_room(self._folder) else self._broken(str(error))
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL):
            return StorageError(
                f"Another program keeps the database {self._database} locked.",
                hint=f"End it (a sqlite3 shell, a backup?). {_SAFE}",
            )
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return StorageError(
                f"The database {self._database} cannot be used: {error}.",
                hint="Stop the server; restore a backup, or move the file away.",
            )
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            return StorageError(
                f"The database {self._database} cannot be written: {error}.", hint=f"Mend its permissions. {_SAFE}"
            )
        return None

    def _full(self) -> StorageError:
        return StorageError(f"The disk of {self._folder} is full: nothing more is stored.", hint=f"Make room. {_SAFE}")

    def _broken(self, reason: str) -> StorageError:
        return StorageError(
            f"The disk of {self._folder} failed: {reason}.", hint=f"Look at the disk, quotas and limits. {_SAFE}"
        )


def little_room(folder: Path) -> bool:
    """Return whether the disk of a folder has next to no room for this user."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < _LITTLE_ROOM or (found.f_files > 0 and found.f_favail == 0)
