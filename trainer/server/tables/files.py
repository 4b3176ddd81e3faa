"""Rows of files: of runs, of artifacts, and artifact manifests. Their bytes lie in the files folder, by id."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Literal

from trainer.server.store import now_micros

Kind = Literal["run", "artifact", "manifest"]
_NAMES_AT_ONCE = 500


def by_id(connection: sqlite3.Connection, file_id: int) -> sqlite3.Row | None:
    """Return a file, or None."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM files WHERE id = ?", (file_id,)).fetchone()
    return row


def announce_run_files(connection: sqlite3.Connection, run_id: int, names: Sequence[str]) -> list[sqlite3.Row]:
    """Return a run's files of some names, in their order, those made now that were not there."""
    now = now_micros()
    connection.executemany(
        "INSERT INTO files (run_id, kind, name, updated_at) VALUES (?, 'run', ?, ?) ON CONFLICT DO NOTHING",
        [(run_id, name, now) for name in names],
    )
    found: dict[str, sqlite3.Row] = {}
    for start in range(0, len(names), _NAMES_AT_ONCE):
        part = names[start : start + _NAMES_AT_ONCE]
        marks = ", ".join("?" * len(part))
        sql = f"SELECT * FROM files WHERE run_id = ? AND kind = 'run' AND name IN ({marks})"
        found |= {row["name"]: row for row in connection.execute(sql, (run_id, *part))}
    return [found[name] for name in names]


def announce_artifact_file(
    connection: sqlite3.Connection, artifact_id: int, name: str, md5: str | None, mimetype: str | None
) -> int:
    """Return the id of an artifact's file, made now if it was not there. Other bytes than announced before count."""
    row = connection.execute(
        "INSERT INTO files (artifact_id, kind, name, md5, mimetype, updated_at) VALUES (?, 'artifact', ?, ?, ?, ?)"
        " ON CONFLICT (artifact_id, kind, name) WHERE kind != 'run' DO UPDATE SET"
        " size = iif(md5 IS excluded.md5, size, NULL), md5 = excluded.md5 RETURNING id",
        (artifact_id, name, md5, mimetype, now_micros()),
    ).fetchone()
    return int(row[0])


def announce_manifest(connection: sqlite3.Connection, artifact_id: int, name: str) -> int:
    """Return the id of an artifact's manifest, made now if it was not there."""
    row = connection.execute(
        "INSERT INTO files (artifact_id, kind, name, mimetype, updated_at)"
        " VALUES (?, 'manifest', ?, 'application/json', ?)"
        " ON CONFLICT (artifact_id, kind, name) WHERE kind != 'run' DO UPDATE SET name = name RETURNING id",
        (artifact_id, name, now_micros()),
    ).fetchone()
    return int(row[0])


def uploaded(connection: sqlite3.Connection, file_id: int, size: int, md5: str, mimetype: str) -> bool:
    """Note that a file's bytes are here; return whether there still is such a file."""
    cursor = connection.execute(
        "UPDATE files SET size = ?, md5 = ?, mimetype = ifnull(mimetype, ?), updated_at = ? WHERE id = ?",
        (size, md5, mimetype, now_micros(), file_id),
    )
    connection.execute(
        "UPDATE artifacts SET updated_at = ? WHERE state = 'PENDING'"
        " AND id = (SELECT artifact_id FROM files WHERE id = ?)",
        (now_micros(), file_id),
    )
    return cursor.rowcount > 0


def closed_md5(connection: sqlite3.Connection, file_id: int) -> str | None:
    """Return the digest of an uploaded file that must not change any more, or None if it may."""
    row = connection.execute(
        "SELECT files.md5 FROM files JOIN artifacts ON artifacts.id = files.artifact_id"
        " WHERE files.id = ? AND files.kind != 'run' AND files.size IS NOT NULL AND artifacts.state != 'PENDING'",
        (file_id,),
    ).fetchone()
    return None if row is None else str(row[0])


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
    pattern: str | None = None,
) -> list[sqlite3.Row]:
    """Return uploaded files of a run by name: those like `pattern` (SQL LIKE), else all."""
    condition, values = ("name LIKE ?", [pattern]) if pattern else ("1", [])
    return connection.execute(
        f"SELECT * FROM files WHERE run_id = ? AND kind = 'run' AND size IS NOT NULL AND name > ? AND {condition}"
        " ORDER BY name LIMIT ?",
        (run_id, after_name, *values, limit),
    ).fetchall()


def named_of_run(
    connection: sqlite3.Connection, run_id: int, limit: int, after_name: str, names: Sequence[str]
) -> list[sqlite3.Row]:
    """Return a row for each name of a run's file, by name.

    What is not here has the id 0, the MD5 "0" and no time: so W&B answers, and `wandb.restore` and the command line of
    SDK 0.31 tell by it that a run has no such file.
    """
    return connection.execute(
        "SELECT ifnull(files.id, 0) AS id, wanted.value AS name, files.size, ifnull(files.md5, '0') AS md5,"
        " files.mimetype, files.updated_at FROM (SELECT DISTINCT value FROM json_each(?)) AS wanted LEFT JOIN files"
        " ON files.run_id = ? AND files.kind = 'run' AND files.name = wanted.value AND files.size IS NOT NULL"
        " WHERE wanted.value > ? ORDER BY wanted.value LIMIT ?",
        (json.dumps(list(names)), run_id, after_name, limit),
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


def stored_bytes(connection: sqlite3.Connection) -> int:
    """Return the bytes of all uploaded files."""
    return int(connection.execute("SELECT ifnull(sum(size), 0) FROM files").fetchone()[0])


_NEEDED = (
    "(EXISTS (SELECT 1 FROM artifact_entries WHERE digest = files.md5 AND ref IS NULL)"
    " OR EXISTS (SELECT 1 FROM files AS announced JOIN artifacts ON artifacts.id = announced.artifact_id"
    " WHERE announced.md5 = files.md5 AND announced.kind = 'artifact' AND artifacts.state = 'PENDING'))"
)
"""Whether an artifact's bytes are listed by a version, or were promised to one that is being logged."""


def drop_unneeded(connection: sqlite3.Connection, digests: Sequence[str]) -> list[int]:
    """Forget artifact files with these digests that no version needs; return their ids."""
    dropped: list[int] = []
    for digest in digests:
        rows = connection.execute(
            f"DELETE FROM files WHERE md5 = ? AND kind = 'artifact' AND NOT {_NEEDED} RETURNING id", (digest,)
        ).fetchall()
        dropped += [int(row[0]) for row in rows]
    return dropped


def drop_manifests(connection: sqlite3.Connection, artifact_id: int, *, except_id: int = 0) -> list[int]:
    """Forget the manifests of an artifact (but one); return their ids."""
    rows = connection.execute(
        "DELETE FROM files WHERE artifact_id = ? AND kind = 'manifest' AND id != ? RETURNING id",
        (artifact_id, except_id),
    ).fetchall()
    return [int(row[0]) for row in rows]


def drop_unsent(connection: sqlite3.Connection, artifact_id: int) -> None:
    """Forget files of an artifact that were announced and never sent: their bytes are here under another row."""
    connection.execute("DELETE FROM files WHERE artifact_id = ? AND kind = 'artifact' AND size IS NULL", (artifact_id,))


def drop_ownerless(connection: sqlite3.Connection, limit: int) -> int:
    """Forget files whose artifact is gone and that no version needs; return how many there were."""
    gone = (
        "SELECT files.id FROM files LEFT JOIN artifacts ON artifacts.id = files.artifact_id"
        " WHERE files.kind != 'run' AND (files.artifact_id IS NULL OR artifacts.state = 'DELETED')"
        f" AND (files.kind = 'manifest' OR files.md5 IS NULL OR NOT {_NEEDED}) LIMIT ?"
    )
    return connection.execute(f"DELETE FROM files WHERE id IN ({gone})", (limit,)).rowcount


def numbers(connection: sqlite3.Connection) -> set[int]:
    """Return the ids of all files."""
    return {int(row[0]) for row in connection.execute("SELECT id FROM files")}


def missing_entry(connection: sqlite3.Connection, artifact_id: int) -> str | None:
    """Return the name of an entry of a version whose bytes are not here, or None."""
    row = connection.execute(
        "SELECT name FROM artifact_entries WHERE artifact_id = ? AND ref IS NULL AND NOT EXISTS"
        " (SELECT 1 FROM files WHERE md5 = artifact_entries.digest AND kind = 'artifact' AND size IS NOT NULL) LIMIT 1",
        (artifact_id,),
    ).fetchone()
    return None if row is None else str(row[0])
