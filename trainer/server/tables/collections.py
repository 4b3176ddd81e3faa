"""Collections of artifacts: sequences that runs log into, portfolios that versions are linked into, and aliases."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trainer.server.store import now_micros

CollectionKind = Literal["sequence", "portfolio"]

_MEMBERS = (
    "SELECT artifacts.*, memberships.collection_id AS member_collection_id, memberships.version AS member_version,"
    " memberships.created_at AS member_created_at"
    " FROM memberships JOIN artifacts ON artifacts.id = memberships.artifact_id"
)
"""A member: a version's row, and the collection, number and time under which a collection shows it."""

_ORDERS = {
    "created_at": "memberships.created_at",
    "createdAt": "memberships.created_at",
    "updated_at": "artifacts.updated_at",
    "updatedAt": "artifacts.updated_at",
    "version_index": "memberships.version",
    "versionIndex": "memberships.version",
    "version": "memberships.version",
    "size": "artifacts.size",
    "digest": "artifacts.digest",
}


@dataclass(frozen=True, slots=True)
class MemberOrder:
    """How the versions of a collection are ordered: by one expression, then by number."""

    expression: str = "memberships.version"
    descending: bool = True

    @classmethod
    def parse(cls, text: str | None) -> MemberOrder | None:
        """Return the order of a text such as `-size`; newest first for none; None for a key that versions lack."""
        if not text:
            return cls()
        expression = _ORDERS.get(text.strip().lstrip("+-"))
        return None if expression is None else cls(expression, text.strip().startswith("-"))


def find(connection: sqlite3.Connection, project_id: int, name: str) -> sqlite3.Row | None:
    """Return a collection by name, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM collections WHERE project_id = ? AND name = ?", (project_id, name)
    ).fetchone()
    return row


def by_id(connection: sqlite3.Connection, collection_id: int) -> sqlite3.Row | None:
    """Return a collection by its number, or None."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM collections WHERE id = ?", (collection_id,)).fetchone()
    return row


def ensure(
    connection: sqlite3.Connection, project_id: int, name: str, type_name: str, kind: CollectionKind
) -> sqlite3.Row:
    """Return a collection, made now if it was not there."""
    now = now_micros()
    connection.execute(
        "INSERT INTO collections (project_id, name, type, kind, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (project_id, name, type_name, kind, now, now),
    )
    row = find(connection, project_id, name)
    assert row is not None
    return row


def page(
    connection: sqlite3.Connection, project_id: int, type_name: str | None, after: int, limit: int
) -> list[sqlite3.Row]:
    """Return collections of a project (of one type), oldest first."""
    return connection.execute(
        "SELECT * FROM collections WHERE project_id = ? AND (? IS NULL OR type = ?) AND id > ? ORDER BY id LIMIT ?",
        (project_id, type_name, type_name, after, limit),
    ).fetchall()


def count(connection: sqlite3.Connection, project_id: int, type_name: str | None) -> int:
    """Return how many collections a project has (of one type)."""
    row = connection.execute(
        "SELECT count(*) FROM collections WHERE project_id = ? AND (? IS NULL OR type = ?)",
        (project_id, type_name, type_name),
    ).fetchone()
    return int(row[0])


def types(connection: sqlite3.Connection, project_id: int) -> list[sqlite3.Row]:
    """Return (type, id of its first collection, when that was made) of a project, by name."""
    return connection.execute(
        "SELECT type, min(id) AS id, min(created_at) AS created_at FROM collections WHERE project_id = ?"
        " GROUP BY type ORDER BY type",
        (project_id,),
    ).fetchall()


def change(connection: sqlite3.Connection, collection_id: int, values: dict[str, object]) -> None:
    """Set columns of a collection; names come from our own code."""
    assignments = "".join(f"{column} = ?, " for column in values)
    connection.execute(
        f"UPDATE collections SET {assignments}updated_at = ? WHERE id = ?",
        (*values.values(), now_micros(), collection_id),
    )


def delete(connection: sqlite3.Connection, collection_id: int) -> None:
    """Forget a collection with its aliases, memberships and own versions; bytes are `leftovers`' concern."""
    connection.execute("DELETE FROM collections WHERE id = ?", (collection_id,))


def change_tags(connection: sqlite3.Connection, row: sqlite3.Row, added: Sequence[str], removed: Sequence[str]) -> None:
    """Add tags to a collection and take others from it."""
    tags = dict.fromkeys([*json.loads(row["tags"]), *added])
    change(connection, row["id"], {"tags": json.dumps([tag for tag in tags if tag not in removed])})


def admit(connection: sqlite3.Connection, collection_id: int, artifact_id: int) -> int:
    """Let a collection show a version; return the number it has there, the old one if it was there already."""
    known = connection.execute(
        "SELECT version FROM memberships WHERE artifact_id = ? AND collection_id = ?", (artifact_id, collection_id)
    ).fetchone()
    if known is not None:
        return int(known["version"])
    number = int(
        connection.execute(
            "UPDATE collections SET next_version = next_version + 1 WHERE id = ? RETURNING next_version - 1",
            (collection_id,),
        ).fetchone()[0]
    )
    connection.execute(
        "INSERT INTO memberships (collection_id, version, artifact_id, created_at) VALUES (?, ?, ?, ?)",
        (collection_id, number, artifact_id, now_micros()),
    )
    return number


def dismiss(connection: sqlite3.Connection, collection_id: int, artifact_id: int) -> bool:
    """Take a version and its aliases out of a collection; return whether it was in it."""
    connection.execute("DELETE FROM aliases WHERE collection_id = ? AND artifact_id = ?", (collection_id, artifact_id))
    cursor = connection.execute(
        "DELETE FROM memberships WHERE artifact_id = ? AND collection_id = ?", (artifact_id, collection_id)
    )
    return cursor.rowcount > 0


def memberships(connection: sqlite3.Connection, artifact_id: int) -> list[sqlite3.Row]:
    """Return a version as a member of each collection that shows it, its own first."""
    return connection.execute(
        f"{_MEMBERS} WHERE memberships.artifact_id = ?"
        " ORDER BY memberships.collection_id != artifacts.collection_id, memberships.created_at LIMIT 500",
        (artifact_id,),
    ).fetchall()


def member(connection: sqlite3.Connection, collection_id: int, name: str) -> sqlite3.Row | None:
    """Return the member that an alias, `v<number>` or digest names, or None."""
    number = name[1:]
    if name[:1] == "v" and number.isascii() and number.isdigit() and len(number) < 10:
        condition, value = "memberships.version = ?", int(number)
        return _member(connection, collection_id, condition, value)
    found = _member(
        connection,
        collection_id,
        "memberships.artifact_id ="
        " (SELECT artifact_id FROM aliases WHERE aliases.collection_id = memberships.collection_id AND alias = ?)",
        name,
    )
    return found or _member(connection, collection_id, "artifacts.digest = ?", name)


def _member(connection: sqlite3.Connection, collection_id: int, condition: str, value: str | int) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(
        f"{_MEMBERS} WHERE memberships.collection_id = ? AND state = 'COMMITTED' AND {condition}"
        " ORDER BY memberships.version DESC LIMIT 1",
        (collection_id, value),
    ).fetchone()
    return row


def newest(connection: sqlite3.Connection, collection_id: int) -> sqlite3.Row | None:
    """Return the member with the highest number, or None."""
    return _member(connection, collection_id, "memberships.version >= ?", 0)


def members(
    connection: sqlite3.Connection,
    collection_id: int,
    order: MemberOrder,
    after: tuple[str | int | float, int] | None,
    limit: int,
) -> list[sqlite3.Row]:
    """Return members of a collection in an order, behind one that has (value of the order, number)."""
    word, than = ("DESC", "<") if order.descending else ("ASC", ">")
    condition, values = "1", list[object]()
    if after is not None:
        condition, values = f"({order.expression}, memberships.version) {than} (?, ?)", list(after)
    return connection.execute(
        f"{_MEMBERS.replace(' FROM', f', {order.expression} AS order_value FROM', 1)}"
        f" WHERE memberships.collection_id = ? AND state = 'COMMITTED' AND {condition}"
        f" ORDER BY {order.expression} {word}, memberships.version {word} LIMIT ?",
        (collection_id, *values, limit),
    ).fetchall()


def member_count(connection: sqlite3.Connection, collection_id: int) -> int:
    """Return how many versions a collection shows."""
    row = connection.execute("SELECT count(*) FROM memberships WHERE collection_id = ?", (collection_id,)).fetchone()
    return int(row[0])


def set_alias(connection: sqlite3.Connection, collection_id: int, alias: str, artifact_id: int) -> None:
    """Let an alias name a version, and no other of the collection."""
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


def aliases(connection: sqlite3.Connection, collection_id: int, artifact_id: int) -> list[str]:
    """Return the aliases that a version has in a collection, by name."""
    rows = connection.execute(
        "SELECT alias FROM aliases WHERE artifact_id = ? AND collection_id = ? ORDER BY alias",
        (artifact_id, collection_id),
    )
    return [str(row[0]) for row in rows]


def names_everywhere(connection: sqlite3.Connection, artifact_id: int) -> list[sqlite3.Row]:
    """Return (collection_id, name) of a version in all collections: its aliases, and `v<number>`."""
    return connection.execute(
        "SELECT collection_id, alias AS name FROM aliases WHERE artifact_id = ?"
        " UNION ALL SELECT collection_id, 'v' || version FROM memberships WHERE artifact_id = ?"
        " ORDER BY collection_id, name",
        (artifact_id, artifact_id),
    ).fetchall()


def alias_page(connection: sqlite3.Connection, collection_id: int, after: str, limit: int) -> list[str]:
    """Return aliases of a collection by name, behind `after`."""
    rows = connection.execute(
        "SELECT alias FROM aliases WHERE collection_id = ? AND alias > ? ORDER BY alias LIMIT ?",
        (collection_id, after, limit),
    )
    return [str(row[0]) for row in rows]
