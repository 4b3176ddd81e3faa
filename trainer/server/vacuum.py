"""Giving space back to the disk: bytes that no row stands for, the free pages of the database, and its log."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from pathlib import Path

from trainer.errors import StorageError
from trainer.server import leftovers
from trainer.server.deletion import free_deleted_projects
from trainer.server.store import Store
from trainer.server.usage import database_bytes, folder_bytes

logger = logging.getLogger(__name__)

_UPLOAD_PATIENCE = 3600.0
"""Seconds: an unfinished upload that was not written to for so long has broken off."""


def vacuum(store: Store, files_dir: Path) -> tuple[int, int]:
    """Free what can be freed; return the bytes of database and files before and after. Writers wait meanwhile.

    It can be cut short at any moment: SQLite's VACUUM is whole or not at all, and the rest is done again.

    Raises:
        StorageError: If the disk has no room for the copy that VACUUM makes, or failed.
    """
    before = sum(database_bytes(store.path)) + folder_bytes(files_dir)
    free_deleted_projects(store, files_dir)
    _remove_broken_uploads(files_dir)
    orphans = leftovers.sweep(store, files_dir)
    store.alone(_rebuild)
    after = sum(database_bytes(store.path)) + folder_bytes(files_dir)
    logger.info("vacuum: %d files without a row removed; %d bytes before, %d after", orphans, before, after)
    return before, after


def _remove_broken_uploads(files_dir: Path) -> None:
    """Remove what uploads left that broke off while the server was killed."""
    now = time.time()
    for path in files_dir.glob("*.part"):
        try:
            if now - path.stat().st_mtime > _UPLOAD_PATIENCE:
                path.unlink()
        except FileNotFoundError:
            continue  # finished meanwhile


def _check_room(folder: Path, needed: int) -> None:
    """See that VACUUM has room: it writes the new database to a temporary file, and then through the log."""
    temporary = next((path for path in _temporary_folders() if path.is_dir() and os.access(path, os.W_OK)), folder)
    is_same_disk = temporary.stat().st_dev == folder.stat().st_dev
    for place in {folder, temporary}:
        disk = os.statvfs(place)
        available, wanted = disk.f_bavail * disk.f_frsize, needed * (2 if is_same_disk else 1)
        if available < wanted:
            raise StorageError(
                f"The disk of {place} has {available:,} bytes free; to write the database anew takes {wanted:,}.",
                hint="Make room. Nothing was lost.",
            )


def _temporary_folders() -> list[Path]:
    """Return where SQLite looks for room, in its order (its documentation, "Temporary Files", section 5)."""
    named = [os.environ.get(name, "") for name in ("SQLITE_TMPDIR", "TMPDIR")]
    return [Path(name) for name in (*named, "/var/tmp", "/usr/tmp", "/tmp") if name]


def _rebuild(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    _check_room(Path(connection.execute("PRAGMA database_list").fetchone()[2]).parent, (pages - free) * size)
    connection.execute("VACUUM")
    # Readers that are at work keep the log from being cut; it is cut at the next occasion.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.execute("PRAGMA optimize")
