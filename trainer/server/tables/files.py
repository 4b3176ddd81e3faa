"""Rows of files: of runs, of artifacts, and artifact manifests. Their bytes lie in the files folder, by id."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Literal

from trainer.server.store import now_micros

Kind = Literal["run", "artifact", "manifest"]


def by_id(connection: sqlite3.Connection, file_id: int) -> sqlite3.Row | None:
    """Return a file, or None."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM files WHERE id = ?", (file_id,)).fetchone()
    return row


def announce_run_file(connection: sqlite3.Connection, run_id: int, name: str) -> int:
    """Return the id of a run's file, made now if it was not there."""
    connection.execute(
        "INSERT INTO files (run_id, kind, name, updated_at) VALUES (?, 'run', ?, ?) ON CONFLICT DO NOTHING",
        (run_id, name, now_micros()),
    )
    row = connection.execute(
        "SELECT id FROM files WHERE run_id = ? AND name = ? AND kind = 'run'", (run_id, name)
    ).fetchone()
    return int(row[0])


def announce_artifact_file(
    connection: sqlite3.Connection, artifact_id: int, kind: Kind, name: str, md5: str | None, mimetype: str | None
) -> int:
    """Return the id of an artifact's file or manifest, made now if it was not there."""
    connection.execute(
        "INSERT INTO files (artifact_id, kind, name, md5, mimetype, updated_at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (artifact_id, kind, name, md5, mimetype, now_micros()),
    )
    row = connection.execute(
        "SELECT id FROM files WHERE artifact_id = ? AND kind = ? AND name = ?", (artifact_id, kind, name)
    ).fetchone()
    return int(row[0])


def uploaded(connection: sqlite3.Connection, file_id: int, size: int, md5: str, mimetype: str) -> None:
    """Note that a file's bytes are here."""
    connection.execute(
        "UPDATE files SET size = ?, md5 = ?, mimetype = ifnull(mimetype, ?), updated_at = ? WHERE id = ?",
        (size, md5, mimetype, now_micros(), file_id),
    )


def stored_with_md5(connection: sqlite3.Connection, md5: str) -> sqlite3.Row | None:
    """Return an uploaded artifact file with these bytes, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM files WHERE md5 = ? AND kind = 'artifact' AND size IS NOT NULL LIMIT 1", (md5,)
    ).fetchone()
    return row


def page_of_run(
    connection: sqlite3.Connection,
    run_id: int,
    limit: int,
    after_name: str,
    names: Sequence[str] | None = None,
    pattern: str | None = None,
) -> list[sqlite3.Row]:
    """Return uploaded files of a run by name: those in `names`, else those like `pattern` (SQL LIKE), else all."""
    condition, values = "1", list[object]()
    if names:
        condition, values = f"name IN ({', '.join('?' * len(names))})", list(names)
    elif pattern:
        condition, values = "name LIKE ?", [pattern]
    return connection.execute(
        f"SELECT * FROM files WHERE run_id = ? AND kind = 'run' AND size IS NOT NULL AND name > ? AND {condition}"
        " ORDER BY name LIMIT ?",
        (run_id, after_name, *values, limit),
    ).fetchall()


def count_of_run(connection: sqlite3.Connection, run_id: int) -> int:
    """Return how many uploaded files a run has."""
    row = connection.execute(
        "SELECT count(*) FROM files WHERE run_id = ? AND kind = 'run' AND size IS NOT NULL", (run_id,)
    ).fetchone()
    return int(row[0])


def delete_run_file(connection: sqlite3.Connection, file_id: int) -> None:
    """Forget a run's file; artifacts keep theirs."""
    connection.execute("DELETE FROM files WHERE id = ? AND kind = 'run'", (file_id,))
