"""Sweeps and their agents. Their runs are in `runs`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from trainer.server.store import now_micros
from trainer.states import RunState, SweepState

EDITABLE = frozenset(
    {"display_name", "description", "state", "config_yaml", "config", "controller", "scheduler", "prior_runs",
     "expected_runs", "exhausted", "metric"}
)  # fmt: skip
"""Columns that `update` may set."""


def find(connection: sqlite3.Connection, project_id: int, name: str) -> sqlite3.Row | None:
    """Return a sweep by its short id, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM sweeps WHERE project_id = ? AND name = ?", (project_id, name)
    ).fetchone()
    return row


def by_id(connection: sqlite3.Connection, sweep_id: int) -> sqlite3.Row | None:
    """Return a sweep by its number, or None."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM sweeps WHERE id = ?", (sweep_id,)).fetchone()
    return row


def insert(connection: sqlite3.Connection, project_id: int, name: str, seed: int, state: SweepState) -> int:
    """Make a sweep without a configuration and return its number."""
    now = now_micros()
    cursor = connection.execute(
        "INSERT INTO sweeps (project_id, name, state, config_yaml, config, seed, created_at, updated_at)"
        " VALUES (?, ?, ?, '', '{}', ?, ?, ?)",
        (project_id, name, state, seed, now, now),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def update(connection: sqlite3.Connection, sweep_id: int, values: Mapping[str, str | int | None]) -> None:
    """Set columns of a sweep.

    Raises:
        ValueError: If a column is not in `EDITABLE`.
    """
    if unknown := values.keys() - EDITABLE:
        raise ValueError(f"not columns of a sweep that may be set: {sorted(unknown)}")
    assignments = "".join(f"{column} = ?, " for column in values)
    connection.execute(
        f"UPDATE sweeps SET {assignments}updated_at = ? WHERE id = ?", (*values.values(), now_micros(), sweep_id)
    )


def page(
    connection: sqlite3.Connection, project_id: int, limit: int, before_id: int | None, where: str, values: list[object]
) -> list[sqlite3.Row]:
    """Return sweeps of a project that match, newest first, older than `before_id`."""
    return connection.execute(
        f"SELECT * FROM sweeps WHERE project_id = ? AND (? IS NULL OR id < ?) AND ({where}) ORDER BY id DESC LIMIT ?",
        (project_id, before_id, before_id, *values, limit),
    ).fetchall()


def count(connection: sqlite3.Connection, project_id: int) -> int:
    """Return how many sweeps a project has."""
    return int(connection.execute("SELECT count(*) FROM sweeps WHERE project_id = ?", (project_id,)).fetchone()[0])


def insert_agent(connection: sqlite3.Connection, sweep_id: int, name: str, host: str) -> int:
    """Make an agent and return its number."""
    now = now_micros()
    cursor = connection.execute(
        "INSERT INTO agents (sweep_id, name, host, created_at, heartbeat_at) VALUES (?, ?, ?, ?, ?)",
        (sweep_id, name, host, now, now),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def agent_by_id(connection: sqlite3.Connection, agent_id: int) -> sqlite3.Row | None:
    """Return an agent by its number, or None."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM agents WHERE id = ?", (agent_id,)).fetchone()
    return row


def agent_by_name(connection: sqlite3.Connection, sweep_id: int, name: str) -> sqlite3.Row | None:
    """Return an agent of a sweep by its name, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM agents WHERE sweep_id = ? AND name = ?", (sweep_id, name)
    ).fetchone()
    return row


def agents(connection: sqlite3.Connection, sweep_id: int, after: int, limit: int) -> list[sqlite3.Row]:
    """Return agents of a sweep whose number is greater than `after`, oldest first."""
    return connection.execute(
        "SELECT * FROM agents WHERE sweep_id = ? AND id > ? ORDER BY id LIMIT ?", (sweep_id, after, limit)
    ).fetchall()


def silent_agents(connection: sqlite3.Connection, before: int) -> list[int]:
    """Return the agents last heard of before a time that own runs which never reported."""
    rows = connection.execute(
        "SELECT DISTINCT agents.id FROM runs JOIN agents ON agents.id = runs.agent_id"
        " WHERE runs.state = 'pending' AND runs.reported_at IS NULL AND agents.heartbeat_at < ?",
        (before,),
    ).fetchall()
    return [int(row[0]) for row in rows]


def exhausted(connection: sqlite3.Connection) -> list[sqlite3.Row]:
    """Return the running sweeps whose search is at its end and none of whose runs is left."""
    return connection.execute(
        "SELECT * FROM sweeps WHERE exhausted = 1 AND state = ? AND NOT EXISTS (SELECT 1 FROM runs"
        " WHERE runs.project_id = sweeps.project_id AND runs.sweep = sweeps.name AND runs.state IN (?, ?, ?))",
        (SweepState.RUNNING, RunState.PENDING, RunState.RUNNING, RunState.PREEMPTING),
    ).fetchall()


def agent_run_count(connection: sqlite3.Connection, agent_id: int) -> int:
    """Return how many runs an agent was given and still owns."""
    return int(connection.execute("SELECT count(*) FROM runs WHERE agent_id = ?", (agent_id,)).fetchone()[0])


def beat(connection: sqlite3.Connection, agent_id: int, sweep_id: int) -> None:
    """Note an agent's sign of life."""
    now = now_micros()
    connection.execute("UPDATE agents SET heartbeat_at = ? WHERE id = ?", (now, agent_id))
    connection.execute("UPDATE sweeps SET heartbeat_at = ? WHERE id = ?", (now, sweep_id))
