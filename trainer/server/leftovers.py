"""Frees what nobody needs any more: expired and abandoned artifact versions, and bytes that no row stands for.

Bytes are shared by all versions with the same content, so deleting a version frees only those that no other lists.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from trainer.server import file_store
from trainer.server.store import Store, now_micros
from trainer.server.tables import artifacts, files

logger = logging.getLogger(__name__)

ABANDONED_AFTER = 24 * 3600 * 1_000_000
"""An artifact version begun and not committed is given up when neither it nor its run was heard of for so long."""

_BATCH = 500
"""Rows per transaction: other writers wait for no more."""


def delete_artifacts(connection: sqlite3.Connection, numbers: Iterable[int]) -> list[int]:
    """Delete versions; return the numbers of files whose bytes may go once this is committed."""
    freed: list[int] = []
    for number in numbers:
        digests = artifacts.delete(connection, number)
        freed += files.drop_manifests(connection, number)
        freed += files.drop_unneeded(connection, digests)
    return freed


def sweep(store: Store, folder: Path) -> int:
    """Do one whole round; return how many files' bytes were removed."""
    now = now_micros()
    while numbers := [
        *artifacts.abandoned(store.reader, now - ABANDONED_AFTER, _BATCH),
        *artifacts.expired(store.reader, now, _BATCH),
    ]:
        logger.info("%d artifact versions were abandoned or have outlived their ttl", len(numbers))
        store.write(lambda connection, numbers=numbers: delete_artifacts(connection, numbers))  # type: ignore[misc]
    while store.write(lambda connection: files.drop_ownerless(connection, _BATCH)):
        pass
    # The folder is read before the rows: a row is there before its bytes are, so bytes without a row are garbage.
    stored = file_store.stored_numbers(folder)
    known = files.numbers(store.reader)
    garbage = [number for number in stored if number not in known]
    file_store.discard(folder, garbage)
    if garbage:
        logger.info("%d files without an owner were removed", len(garbage))
    return len(garbage)
