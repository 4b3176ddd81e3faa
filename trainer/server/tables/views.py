"""Reports and saved workspaces: found by number, or by name within their project and type."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from trainer.server.store import now_micros

REPORT = "runs"
"""W&B's type of a report; of a draft it is `runs/draft`, of a workspace `project-view` (wandb-workspaces 0.4)."""
EDITABLE = frozenset({"type", "name", "display_name", "description", "spec"})
"""Columns that `update` may set."""


def by_id(connection: sqlite3.Connection, view_id: int) -> sqlite3.Row | None:
    """Return a view by its number, or None."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM views WHERE id = ?", (view_id,)).fetchone()
    return row


def find(connection: sqlite3.Connection, project_id: int, kind: str, name: str) -> sqlite3.Row | None:
    """Return a view of a type by its name, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM views WHERE project_id = ? AND type = ? AND name = ?", (project_id, kind, name)
    ).fetchone()
    return row


def insert(connection: sqlite3.Connection, project_id: int, kind: str, name: str, spec: str) -> int:
    """Make a view and return its number."""
    now = now_micros()
    cursor = connection.execute(
        "INSERT INTO views (project_id, type, name, display_name, description, spec, created_at, updated_at)"
        " VALUES (?, ?, ?, '', '', ?, ?, ?)",
        (project_id, kind, name, spec, now, now),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def update(connection: sqlite3.Connection, view_id: int, values: Mapping[str, str]) -> None:
    """Set columns of a view.

    Raises:
        ValueError: If a column is not in `EDITABLE`.
    """
    if unknown := values.keys() - EDITABLE:
        raise ValueError(f"not columns of a view that may be set: {sorted(unknown)}")
    assignments = "".join(f"{column} = ?, " for column in values)
    connection.execute(
        f"UPDATE views SET {assignments}updated_at = ? WHERE id = ?", (*values.values(), now_micros(), view_id)
    )


def delete(connection: sqlite3.Connection, view_id: int) -> None:
    """Delete a view."""
    connection.execute("DELETE FROM views WHERE id = ?", (view_id,))


def page(
    connection: sqlite3.Connection,
    project_id: int,
    kind: str | None,
    name: str | None,
    limit: int,
    before_id: int | None = None,
) -> list[sqlite3.Row]:
    """Return views of a project, of one type and name where these are given, newest first, older than `before_id`."""
    return connection.execute(
        "SELECT * FROM views WHERE project_id = ? AND (? IS NULL OR type = ?) AND (? IS NULL OR name = ?)"
        " AND (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?",
        (project_id, kind, kind, name, name, before_id, before_id, limit),
    ).fetchall()


def count(connection: sqlite3.Connection, project_id: int, kind: str) -> int:
    """Return how many views of a type a project has."""
    found = connection.execute("SELECT count(*) FROM views WHERE project_id = ? AND type = ?", (project_id, kind))
    return int(found.fetchone()[0])
