"""Versions of artifacts, their entries, and who used them. Collections and aliases: `collections`; bytes: `files`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.server.store import now_micros
from trainer.server.tables import collections

WHOLE_MANIFEST = "wandb_manifest.json"
"""The name of the manifest that lists a whole version (SDK 0.31); others list a part of one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an artifact as its manifest lists it."""

    name: str
    digest: str
    size: int
    ref: str | None
    """Where the bytes are when they are not here."""


def by_id(connection: sqlite3.Connection, artifact_id: int) -> sqlite3.Row | None:
    """Return an artifact by its number, or None."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM artifacts WHERE id = ?", (artifact_id,)).fetchone()
    return row


def by_client_id(connection: sqlite3.Connection, client_id: str) -> sqlite3.Row | None:
    """Return the artifact that a client named so, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM artifacts WHERE client_id = ? ORDER BY id DESC LIMIT 1", (client_id,)
    ).fetchone()
    return row


def committed_with_digest(connection: sqlite3.Connection, collection_id: int, digest: str) -> sqlite3.Row | None:
    """Return a committed version of a collection with this digest, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM artifacts WHERE collection_id = ? AND digest = ? AND state = 'COMMITTED' LIMIT 1",
        (collection_id, digest),
    ).fetchone()
    return row


def insert(
    connection: sqlite3.Connection,
    collection_id: int,
    digest: str,
    values: dict[str, object],
    wanted_aliases: Sequence[str],
) -> int:
    """Begin a version and return its number. `values` are optional columns."""
    now = now_micros()
    columns: dict[str, object] = {
        "collection_id": collection_id,
        "state": "PENDING",
        "digest": digest,
        "wanted_aliases": json.dumps(list(wanted_aliases)),
        "created_at": now,
        "updated_at": now,
        **values,
    }
    marks = ", ".join("?" * len(columns))
    cursor = connection.execute(
        f"INSERT INTO artifacts ({', '.join(columns)}) VALUES ({marks})", tuple(columns.values())
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def commit(connection: sqlite3.Connection, artifact: sqlite3.Row, digest: str, entries: Sequence[Entry]) -> None:
    """Give a version its number, its entries and its aliases."""
    connection.executemany(
        "INSERT OR REPLACE INTO artifact_entries (artifact_id, name, digest, size, ref) VALUES (?, ?, ?, ?, ?)",
        [(artifact["id"], entry.name, entry.digest, entry.size, entry.ref) for entry in entries],
    )
    collection_id = artifact["collection_id"]
    values: dict[str, object] = {
        "state": "COMMITTED",
        "digest": digest,
        "size": sum(entry.size for entry in entries),
        "version": collections.admit(connection, collection_id, artifact["id"]),
    }
    update(connection, artifact["id"], values)
    for alias in dict.fromkeys(["latest", *json.loads(artifact["wanted_aliases"])]):
        collections.set_alias(connection, collection_id, alias, artifact["id"])
    collections.change(connection, collection_id, {})


def update(connection: sqlite3.Connection, artifact_id: int, values: dict[str, object]) -> None:
    """Set columns of a version; names come from our own code."""
    assignments = "".join(f"{column} = ?, " for column in values)
    connection.execute(
        f"UPDATE artifacts SET {assignments}updated_at = ? WHERE id = ?", (*values.values(), now_micros(), artifact_id)
    )


def delete(connection: sqlite3.Connection, artifact_id: int) -> list[str]:
    """Hide a version for good, everywhere it was linked; return the digests of the bytes it let go of."""
    digests = [
        str(row[0])
        for row in connection.execute(
            "SELECT digest FROM artifact_entries WHERE artifact_id = ? AND ref IS NULL UNION"
            " SELECT md5 FROM files WHERE artifact_id = ? AND kind = 'artifact' AND md5 IS NOT NULL",
            (artifact_id, artifact_id),
        )
    ]
    for table in ("aliases", "memberships", "artifact_entries"):
        connection.execute(f"DELETE FROM {table} WHERE artifact_id = ?", (artifact_id,))
    update(connection, artifact_id, {"state": "DELETED"})
    return digests


def logged_by(connection: sqlite3.Connection, run_id: int) -> list[int]:
    """Return the numbers of all versions that a run logged, pending ones among them."""
    rows = connection.execute("SELECT id FROM artifacts WHERE run_id = ? AND state != 'DELETED'", (run_id,))
    return [int(row[0]) for row in rows]


def of_collection(connection: sqlite3.Connection, collection_id: int) -> list[int]:
    """Return the numbers of all versions that were logged into a collection, pending ones among them."""
    rows = connection.execute(
        "SELECT id FROM artifacts WHERE collection_id = ? AND state != 'DELETED'", (collection_id,)
    )
    return [int(row[0]) for row in rows]


def pending_of_distributed(
    connection: sqlite3.Connection, collection_id: int, distributed_id: str
) -> sqlite3.Row | None:
    """Return the unfinished version that processes write together under this id, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM artifacts WHERE collection_id = ? AND distributed_id = ? AND state = 'PENDING'"
        " ORDER BY id LIMIT 1",
        (collection_id, distributed_id),
    ).fetchone()
    return row


def add_wanted_aliases(connection: sqlite3.Connection, artifact: sqlite3.Row, names: Sequence[str]) -> None:
    """Let an unfinished version have more aliases once it is committed."""
    wanted = list(dict.fromkeys([*json.loads(artifact["wanted_aliases"]), *names]))
    update(connection, artifact["id"], {"wanted_aliases": json.dumps(wanted)})


def abandoned(connection: sqlite3.Connection, before: int, limit: int) -> list[int]:
    """Return versions begun and never committed, untouched since `before`, whose run is over."""
    rows = connection.execute(
        "SELECT artifacts.id FROM artifacts LEFT JOIN runs ON runs.id = artifacts.run_id"
        " WHERE artifacts.state = 'PENDING' AND artifacts.updated_at < ?"
        " AND (runs.id IS NULL OR runs.heartbeat_at < ?) LIMIT ?",
        (before, before, limit),
    )
    return [int(row[0]) for row in rows]


def expired(connection: sqlite3.Connection, now: int, limit: int) -> list[int]:
    """Return versions older than the life time they were given; one that is linked elsewhere stays."""
    rows = connection.execute(
        "SELECT id FROM artifacts WHERE ttl_seconds > 0 AND created_at + ttl_seconds * 1000000 < ?"
        " AND state = 'COMMITTED' AND (SELECT count(*) FROM memberships WHERE artifact_id = artifacts.id) < 2 LIMIT ?",
        (now, limit),
    )
    return [int(row[0]) for row in rows]


def entries(
    connection: sqlite3.Connection, artifact_id: int, names: Sequence[str] | None, after: str, limit: int
) -> list[sqlite3.Row]:
    """Return entries of a version by name; only `names` if given."""
    condition, values = "1", list[object]()
    if names:
        condition, values = f"name IN ({', '.join('?' * len(names))})", list(names)
    return connection.execute(
        f"SELECT * FROM artifact_entries WHERE artifact_id = ? AND name > ? AND {condition} ORDER BY name LIMIT ?",
        (artifact_id, after, *values, limit),
    ).fetchall()


def entry_count(connection: sqlite3.Connection, artifact_id: int) -> int:
    """Return how many entries a version has."""
    row = connection.execute("SELECT count(*) FROM artifact_entries WHERE artifact_id = ?", (artifact_id,)).fetchone()
    return int(row[0])


def manifest_files(connection: sqlite3.Connection, artifact_id: int) -> list[sqlite3.Row]:
    """Return the files that hold a version's manifest: the whole one first, then partial ones in their order."""
    return connection.execute(
        "SELECT * FROM files WHERE artifact_id = ? AND kind = 'manifest' ORDER BY name != ?, id",
        (artifact_id, WHOLE_MANIFEST),
    ).fetchall()


def use(connection: sqlite3.Connection, run_id: int, artifact_id: int) -> None:
    """Note that a run uses a version."""
    connection.execute(
        "INSERT INTO artifact_uses (run_id, artifact_id, used_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (run_id, artifact_id, now_micros()),
    )


def users(connection: sqlite3.Connection, artifact_id: int) -> list[sqlite3.Row]:
    """Return the runs that used a version, first use first."""
    return connection.execute(
        "SELECT runs.* FROM artifact_uses JOIN runs ON runs.id = artifact_uses.run_id"
        " WHERE artifact_id = ? ORDER BY used_at",
        (artifact_id,),
    ).fetchall()


def of_run(connection: sqlite3.Connection, run_id: int, *, used: bool, after: int, limit: int) -> list[sqlite3.Row]:
    """Return the versions that a run logged, or used, oldest first."""
    return connection.execute(
        f"SELECT artifacts.* FROM {_of_run(used)} AND artifacts.id > ? ORDER BY artifacts.id LIMIT ?",
        (run_id, after, limit),
    ).fetchall()


def count_of_run(connection: sqlite3.Connection, run_id: int, *, used: bool) -> int:
    """Return how many versions a run logged, or used."""
    return int(connection.execute(f"SELECT count(*) FROM {_of_run(used)}", (run_id,)).fetchone()[0])


def _of_run(used: bool) -> str:
    source = (
        "artifact_uses JOIN artifacts ON artifacts.id = artifact_uses.artifact_id WHERE artifact_uses.run_id = ?"
        if used
        else "artifacts WHERE artifacts.run_id = ?"
    )
    return f"{source} AND state = 'COMMITTED'"
