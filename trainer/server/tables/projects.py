"""Projects: found by entity and name, made by the first run or sweep that names them."""

from __future__ import annotations

import sqlite3

from trainer.server.store import now_micros


def find(connection: sqlite3.Connection, entity: str, name: str) -> sqlite3.Row | None:
    """Return a project, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM projects WHERE entity = ? AND name = ?", (entity, name)
    ).fetchone()
    return row


def by_id(connection: sqlite3.Connection, project_id: int) -> sqlite3.Row | None:
    """Return a project by its number, or None."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM projects WHERE id = ?", (project_id,)).fetchone()
    return row


def ensure(connection: sqlite3.Connection, entity: str, name: str) -> sqlite3.Row:
    """Return a project, made now if it was not there."""
    connection.execute(
        "INSERT INTO projects (entity, name, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (entity, name, now_micros()),
    )
    row = find(connection, entity, name)
    assert row is not None
    return row


def describe(connection: sqlite3.Connection, project_id: int, description: str) -> None:
    """Set a project's description."""
    connection.execute("UPDATE projects SET description = ? WHERE id = ?", (description, project_id))


def page(connection: sqlite3.Connection, entity: str, limit: int, before_id: int | None) -> list[sqlite3.Row]:
    """Return projects of an entity, newest first, older than `before_id`."""
    return connection.execute(
        "SELECT * FROM projects WHERE entity = ? AND (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?",
        (entity, before_id, before_id, limit),
    ).fetchall()


_NOBODY = ""
"""The entity of projects that are being deleted: none that a request can name."""


def hide(connection: sqlite3.Connection, project_id: int) -> None:
    """Take a project from everybody's sight; `hidden` finds it, to be freed."""
    connection.execute("UPDATE projects SET entity = ?, name = id WHERE id = ?", (_NOBODY, project_id))


def hidden(connection: sqlite3.Connection) -> sqlite3.Row | None:
    """Return a project that is being deleted, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM projects WHERE entity = ? LIMIT 1", (_NOBODY,)
    ).fetchone()
    return row


def delete(connection: sqlite3.Connection, project_id: int) -> None:
    """Delete a project and all that is left in it."""
    connection.execute("DELETE FROM projects WHERE id = ?", (project_id,))
