"""Artifacts: collections, versions, aliases, entries, and who used them. Their bytes are `files`' rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.server.store import now_micros


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an artifact as its manifest lists it."""

    name: str
    digest: str
    size: int
    ref: str | None
    """Where the bytes are when they are not here."""


def collection(connection: sqlite3.Connection, project_id: int, name: str) -> sqlite3.Row | None:
    """Return a collection by name, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM collections WHERE project_id = ? AND name = ?", (project_id, name)
    ).fetchone()
    return row


def collection_by_id(connection: sqlite3.Connection, collection_id: int) -> sqlite3.Row | None:
    """Return a collection by its number, or None."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM collections WHERE id = ?", (collection_id,)).fetchone()
    return row


def ensure_collection(connection: sqlite3.Connection, project_id: int, name: str, kind: str) -> sqlite3.Row:
    """Return a collection, made now if it was not there."""
    now = now_micros()
    connection.execute(
        "INSERT INTO collections (project_id, name, type, created_at, updated_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (project_id, name, kind, now, now),
    )
    row = collection(connection, project_id, name)
    assert row is not None
    return row


def collections(
    connection: sqlite3.Connection, project_id: int, kind: str | None, after: int, limit: int
) -> list[sqlite3.Row]:
    """Return collections of a project (of one type), oldest first."""
    return connection.execute(
        "SELECT * FROM collections WHERE project_id = ? AND (? IS NULL OR type = ?) AND id > ? ORDER BY id LIMIT ?",
        (project_id, kind, kind, after, limit),
    ).fetchall()


def collection_count(connection: sqlite3.Connection, project_id: int, kind: str | None) -> int:
    """Return how many collections a project has (of one type)."""
    row = connection.execute(
        "SELECT count(*) FROM collections WHERE project_id = ? AND (? IS NULL OR type = ?)", (project_id, kind, kind)
    ).fetchone()
    return int(row[0])


def types(connection: sqlite3.Connection, project_id: int) -> list[sqlite3.Row]:
    """Return (type, id of its first collection, when that was made) of a project, by name."""
    return connection.execute(
        "SELECT type, min(id) AS id, min(created_at) AS created_at FROM collections WHERE project_id = ?"
        " GROUP BY type ORDER BY type",
        (project_id,),
    ).fetchall()


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


def latest(connection: sqlite3.Connection, collection_id: int) -> sqlite3.Row | None:
    """Return the newest committed version of a collection, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM artifacts WHERE collection_id = ? AND state = 'COMMITTED' ORDER BY version DESC LIMIT 1",
        (collection_id,),
    ).fetchone()
    return row


def with_alias(connection: sqlite3.Connection, collection_id: int, alias: str) -> sqlite3.Row | None:
    """Return the committed version that an alias or `v<number>` names, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT artifacts.* FROM aliases JOIN artifacts ON artifacts.id = aliases.artifact_id"
        " WHERE aliases.collection_id = ? AND alias = ? AND state = 'COMMITTED'",
        (collection_id, alias),
    ).fetchone()
    number = alias[1:]
    if row is None and alias[:1] == "v" and number.isascii() and number.isdigit() and len(number) < 10:
        row = connection.execute(
            "SELECT * FROM artifacts WHERE collection_id = ? AND version = ? AND state = 'COMMITTED'",
            (collection_id, int(number)),
        ).fetchone()
    return row


def versions(connection: sqlite3.Connection, collection_id: int, before: int | None, limit: int) -> list[sqlite3.Row]:
    """Return committed versions of a collection, newest first, older than version `before`."""
    return connection.execute(
        "SELECT * FROM artifacts WHERE collection_id = ? AND state = 'COMMITTED' AND (? IS NULL OR version < ?)"
        " ORDER BY version DESC LIMIT ?",
        (collection_id, before, before, limit),
    ).fetchall()


def version_count(connection: sqlite3.Connection, collection_id: int) -> int:
    """Return how many committed versions a collection has."""
    row = connection.execute(
        "SELECT count(*) FROM artifacts WHERE collection_id = ? AND state = 'COMMITTED'", (collection_id,)
    ).fetchone()
    return int(row[0])


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


def commit(connection: sqlite3.Connection, artifact: sqlite3.Row, entries: Sequence[Entry]) -> None:
    """Give a version its number, its entries and its aliases."""
    connection.executemany(
        "INSERT OR REPLACE INTO artifact_entries (artifact_id, name, digest, size, ref) VALUES (?, ?, ?, ?, ?)",
        [(artifact["id"], entry.name, entry.digest, entry.size, entry.ref) for entry in entries],
    )
    connection.execute(
        "UPDATE artifacts SET state = 'COMMITTED', size = ?, updated_at = ?, version ="
        " (SELECT ifnull(max(version), -1) + 1 FROM artifacts WHERE collection_id = ?) WHERE id = ?",
        (sum(entry.size for entry in entries), now_micros(), artifact["collection_id"], artifact["id"]),
    )
    for alias in dict.fromkeys(["latest", *json.loads(artifact["wanted_aliases"])]):
        set_alias(connection, artifact["collection_id"], alias, artifact["id"])
    connection.execute("UPDATE collections SET updated_at = ? WHERE id = ?", (now_micros(), artifact["collection_id"]))


def update(connection: sqlite3.Connection, artifact_id: int, values: dict[str, object]) -> None:
    """Set columns of a version; names come from our own code."""
    assignments = "".join(f"{column} = ?, " for column in values)
    connection.execute(
        f"UPDATE artifacts SET {assignments}updated_at = ? WHERE id = ?", (*values.values(), now_micros(), artifact_id)
    )


def set_alias(connection: sqlite3.Connection, collection_id: int, alias: str, artifact_id: int) -> None:
    """Let an alias name a version, and no other."""
    connection.execute(
        "INSERT OR REPLACE INTO aliases (collection_id, alias, artifact_id) VALUES (?, ?, ?)",
        (collection_id, alias, artifact_id),
    )


def drop_alias(connection: sqlite3.Connection, collection_id: int, alias: str, artifact_id: int) -> None:
    """Take an alias from a version, if it has it."""
    connection.execute(
        "DELETE FROM aliases WHERE collection_id = ? AND alias = ? AND artifact_id = ?",
        (collection_id, alias, artifact_id),
    )


def aliases(connection: sqlite3.Connection, artifact_id: int) -> list[str]:
    """Return the aliases of a version, by name."""
    rows = connection.execute("SELECT alias FROM aliases WHERE artifact_id = ? ORDER BY alias", (artifact_id,))
    return [str(row[0]) for row in rows]


def collection_aliases(connection: sqlite3.Connection, collection_id: int) -> list[str]:
    """Return all aliases of a collection, by name."""
    rows = connection.execute("SELECT alias FROM aliases WHERE collection_id = ? ORDER BY alias", (collection_id,))
    return [str(row[0]) for row in rows]


def delete(connection: sqlite3.Connection, artifact_id: int) -> None:
    """Hide a version for good; its bytes stay, since other versions may share them."""
    connection.execute("DELETE FROM aliases WHERE artifact_id = ?", (artifact_id,))
    update(connection, artifact_id, {"state": "DELETED"})


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


def manifest_file(connection: sqlite3.Connection, artifact_id: int) -> sqlite3.Row | None:
    """Return the file that holds a version's manifest, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM files WHERE artifact_id = ? AND kind = 'manifest' ORDER BY id LIMIT 1", (artifact_id,)
    ).fetchone()
    return row


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
    source = (
        "artifact_uses JOIN artifacts ON artifacts.id = artifact_uses.artifact_id WHERE artifact_uses.run_id = ?"
        if used
        else "artifacts WHERE artifacts.run_id = ?"
    )
    return connection.execute(
        f"SELECT artifacts.* FROM {source} AND state = 'COMMITTED' AND artifacts.id > ? ORDER BY artifacts.id LIMIT ?",
        (run_id, after, limit),
    ).fetchall()
