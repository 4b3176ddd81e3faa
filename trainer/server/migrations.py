"""Bringing an older database to the format of `schema.sql`, one version at a time.

A step says what it does in SQL and plain values of its own time; it uses nothing that later versions may change. It
runs in the one transaction of the whole change: no `executescript`, which commits.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

from trainer.errors import ServerError
from trainer.records import logged_number
from trainer.server.backups import back_up

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 3
"""What `schema.sql` makes. A change to a table needs the next number, and a step that leads to it."""


def _keep_best_values(connection: sqlite3.Connection) -> None:
    """1 to 2: the best value that each run of a sweep has logged."""
    connection.execute("ALTER TABLE runs ADD COLUMN history_best REAL")
    connection.execute("ALTER TABLE runs ADD COLUMN history_best_line INTEGER")
    found = connection.execute(
        "SELECT runs.id, sweeps.metric, json_extract(sweeps.config, '$.metric.goal') FROM runs JOIN sweeps"
        " ON sweeps.project_id = runs.project_id AND sweeps.name = runs.sweep WHERE sweeps.metric IS NOT NULL"
    ).fetchall()
    for run_id, metric, goal in found:
        rows = connection.execute("SELECT line, row FROM history WHERE run_id = ?", (run_id,))
        values = [
            (value, line) for line, text in rows if (value := logged_number(json.loads(text), metric)) is not None
        ]
        if values:
            best = max(values) if goal == "maximize" else min(values)
            connection.execute("UPDATE runs SET history_best = ?, history_best_line = ? WHERE id = ?", (*best, run_id))


def _let_artifacts_be_linked(connection: sqlite3.Connection) -> None:
    """2 to 3: collections that show versions of others, and bytes that outlive the artifact they came with."""
    for column in (
        "kind TEXT NOT NULL DEFAULT 'sequence'",
        "tags TEXT NOT NULL DEFAULT '[]'",
        "next_version INTEGER NOT NULL DEFAULT 0",
    ):
        connection.execute(f"ALTER TABLE collections ADD COLUMN {column}")
    connection.execute("ALTER TABLE artifacts ADD COLUMN distributed_id TEXT")
    connection.execute(
        "CREATE TABLE memberships (collection_id INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,"
        " version INTEGER NOT NULL, artifact_id INTEGER NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,"
        " created_at INTEGER NOT NULL, PRIMARY KEY (collection_id, version)) WITHOUT ROWID"
    )
    connection.execute(
        "INSERT INTO memberships SELECT collection_id, version, id, created_at FROM artifacts"
        " WHERE state = 'COMMITTED' AND version IS NOT NULL"
    )
    connection.execute(
        "UPDATE collections SET next_version = (SELECT ifnull(max(version), -1) + 1 FROM artifacts"
        " WHERE artifacts.collection_id = collections.id)"
    )
    connection.execute(
        "DELETE FROM artifact_entries WHERE artifact_id IN (SELECT id FROM artifacts WHERE state = 'DELETED')"
    )
    connection.execute("ALTER TABLE files RENAME TO old_files")
    connection.execute(
        "CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " run_id INTEGER REFERENCES runs (id) ON DELETE CASCADE,"
        " artifact_id INTEGER REFERENCES artifacts (id) ON DELETE SET NULL, kind TEXT NOT NULL, name TEXT NOT NULL,"
        " size INTEGER, md5 TEXT, mimetype TEXT, updated_at INTEGER NOT NULL)"
    )
    connection.execute(
        "INSERT INTO files SELECT id, run_id, artifact_id, kind, name, size, md5, mimetype, updated_at FROM old_files"
    )
    connection.execute("DROP TABLE old_files")


_STEPS: Mapping[int, Callable[[sqlite3.Connection], None]] = {
    1: _keep_best_values,
    2: _let_artifacts_be_linked,
}
"""By the version they start from."""


def format_of(connection: sqlite3.Connection) -> int:
    """Return the format of a database; 0 for an empty one, or one of another program."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def newer_format(version: int) -> str:
    """Return what to say of a database whose format is not known yet."""
    return f"was written by a newer sweep-tui: it has format {version}, this one knows {SCHEMA_VERSION}"


def migrate(connection: sqlite3.Connection, path: Path) -> str | None:
    """Bring a database to `SCHEMA_VERSION`; return why that cannot be done, or None when it is.

    An empty one gets its number only: `schema.sql` makes the tables. One of an older format is backed up beside itself
    first. All steps are on disk, or none.

    Raises:
        ServerError: If there is no room for the backup, or a step failed; the database is as it was.
    """
    version = format_of(connection)
    if version > SCHEMA_VERSION:
        return newer_format(version)
    if version == 0:
        if connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            return "was not written by sweep-tui: it has tables, but no format number"
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        return None
    if version == SCHEMA_VERSION:
        return None
    backup = back_up(connection, path, version)
    # A table that is made anew must not take the rows with it that refer to it (SQLite's advice for ALTER TABLE).
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        connection.execute("BEGIN IMMEDIATE")
        for number in range(version, SCHEMA_VERSION):
            _STEPS[number](connection)
            if not connection.in_transaction:
                raise RuntimeError(f"the step from format {number} ended the transaction")
        if connection.execute("PRAGMA foreign_key_check").fetchone():
            raise RuntimeError("rows would refer to rows that are gone")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except Exception as error:
        # Whatever a step met in data of long ago: nobody must be left with half a change, or without the reason.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        logger.exception("the database could not be brought to format %d", SCHEMA_VERSION)
        raise ServerError(
            f"The database {path} could not be brought from format {version} to {SCHEMA_VERSION}: {error}.",
            hint=f"It is as it was, and so is its backup {backup}.",
        ) from error
    finally:
        connection.execute("PRAGMA foreign_keys = ON")
    return None
