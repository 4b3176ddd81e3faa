"""Copies of the database beside it, taken before its format changes. They are the user's to restore: see the README."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from trainer.atomic_file import fsync_folder
from trainer.errors import ServerError

logger = logging.getLogger(__name__)

KEPT = 2
"""Backups that stay, the newest; each is as large as the database was."""
_SPARE = 16 * 2**20
"""Bytes that must be left beside the backup, for the change itself."""


def backups_of(database: Path) -> list[Path]:
    """Return the backups of a database, oldest first."""
    # The name ends in the time, and begins with a version that only grows.
    return sorted(database.parent.glob(f"{database.name}.backup-v*Z"), key=lambda path: path.name.rpartition("-")[2])


def back_up(connection: sqlite3.Connection, database: Path, version: int) -> Path:
    """Copy a database that has a format of `version`, to disk, and return where; older backups make room.

    Raises:
        ServerError: If the disk has no room for it.
        OSError: If it cannot be written.
        sqlite3.Error: If the database cannot be read, or the copy not be written.
    """
    made = backups_of(database)
    if made and f".backup-v{version}-" in made[-1].name and made[-1].stat().st_mtime_ns > _changed_at(database):
        return made[-1]  # of a change that was tried before, and failed
    size = int(connection.execute("PRAGMA page_count").fetchone()[0])
    size *= int(connection.execute("PRAGMA page_size").fetchone()[0])
    disk = os.statvfs(database.parent)
    free = disk.f_bavail * disk.f_frsize
    if free < size + _SPARE:
        raise ServerError(
            f"The database {database} is to get a new format, and its disk has no room for the backup before that:"
            f" {size + _SPARE:,} bytes are needed, {free:,} are free.",
            hint="Make room, and start again.",
        )
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = database.with_name(f"{database.name}.backup-v{version}-{moment}")
    partial = target.with_name(f"{target.name}.part")
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        with closing(sqlite3.connect(partial, isolation_level=None)) as copy:
            connection.backup(copy, pages=4096)
            copy.execute("PRAGMA journal_mode = DELETE")
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    fsync_folder(database.parent)
    logger.info("the database, of format %d, was backed up to %s (%d bytes)", version, target, size)
    for old in backups_of(database)[:-KEPT]:
        old.unlink(missing_ok=True)
    return target


def _changed_at(database: Path) -> int:
    """Return when a database was last written, in nanoseconds; an empty log of changes does not count."""
    log = database.with_name(f"{database.name}-wal")
    found = [path.stat() for path in (database, log) if path.exists()]
    return max(entry.st_mtime_ns for entry in found if entry.st_size)
