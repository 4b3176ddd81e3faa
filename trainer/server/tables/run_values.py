"""Which values inside the JSON of runs have a table of their own, and the filling of those tables.

Triggers (in `schema.sql`) keep a table in step with the runs from the moment its key is noted; the runs that were there
before are added in small parts, so that no writer waits for 100,000 of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from trainer.server.store import now_micros

Source = tuple[str, str]
"""A JSON column of runs (config or summary) and a path into it."""

MAX_KEYS = 40
"""Per project: every summary that arrives changes a row in each table of a summary's value."""
_PART = 250
_DAY = 86_400_000_000
_HOUR = 3_600_000_000


def kept(connection: sqlite3.Connection, project_id: int) -> dict[Source, int]:
    """Return the numbers of the keys of a project whose tables are complete."""
    rows = connection.execute(
        "SELECT source, path, id FROM value_keys WHERE project_id = ? AND filled_to IS NULL", (project_id,)
    )
    return {(source, path): number for source, path, number in rows}


def has_more_runs(connection: sqlite3.Connection, project_id: int, runs: int) -> bool:
    """Return whether a project has more than so many runs."""
    row = connection.execute(
        "SELECT 1 FROM runs WHERE project_id = ? ORDER BY created_at LIMIT 1 OFFSET ?", (project_id, runs)
    ).fetchone()
    return row is not None


def are_noted(connection: sqlite3.Connection, project_id: int, sources: Collection[Source]) -> bool:
    """Return whether all of some keys are noted as used lately, or there is no room for more."""
    rows = connection.execute(
        "SELECT source, path, used_at FROM value_keys WHERE project_id = ?", (project_id,)
    ).fetchall()
    now = now_micros()
    lately = {(source, path) for source, path, used_at in rows if now - used_at < _HOUR}
    if all(source in lately for source in sources):
        return True
    known = {(source, path) for source, path, _ in rows}
    is_full = len(rows) >= MAX_KEYS and all(now - used_at < _DAY for _, _, used_at in rows)
    return is_full and not any(source in known for source in sources)


def note(connection: sqlite3.Connection, project_id: int, sources: Collection[Source]) -> None:
    """Note that keys are used; a table of each is made soon. The one not used for longest gives way, after a day."""
    now = now_micros()
    for source, path in sources:
        changed = connection.execute(
            "UPDATE value_keys SET used_at = ? WHERE project_id = ? AND source = ? AND path = ?",
            (now, project_id, source, path),
        )
        if changed.rowcount:
            continue
        count, oldest = connection.execute(
            "SELECT count(*), min(used_at) FROM value_keys WHERE project_id = ?", (project_id,)
        ).fetchone()
        if count >= MAX_KEYS:
            if now - oldest < _DAY:
                return
            connection.execute(
                "DELETE FROM value_keys WHERE id = (SELECT id FROM value_keys WHERE project_id = ?"
                " ORDER BY used_at LIMIT 1)",
                (project_id,),
            )
        connection.execute(
            "INSERT INTO value_keys (project_id, source, path, filled_to, used_at) VALUES (?, ?, ?, 0, ?)",
            (project_id, source, path, now),
        )


def is_filling(connection: sqlite3.Connection) -> bool:
    """Return whether some table is not complete."""
    return connection.execute("SELECT 1 FROM value_keys WHERE filled_to IS NOT NULL LIMIT 1").fetchone() is not None


def fill(connection: sqlite3.Connection) -> None:
    """Add some runs to the tables of a project that are not complete."""
    first = connection.execute(
        "SELECT project_id, min(filled_to) FROM value_keys WHERE filled_to IS NOT NULL GROUP BY project_id LIMIT 1"
    ).fetchone()
    if first is None:
        return
    project_id, start = first
    # By number: the plus keeps SQLite from an index of the project that it would have to sort.
    part = connection.execute(
        "SELECT id FROM runs WHERE +project_id = ? AND id > ? ORDER BY id LIMIT ?", (project_id, start, _PART)
    ).fetchall()
    of_keys = "project_id = ? AND filled_to = ?"
    if not part:
        connection.execute(f"UPDATE value_keys SET filled_to = NULL WHERE {of_keys}", (project_id, start))
        return
    last = part[-1][0]
    connection.execute(
        "INSERT OR REPLACE INTO run_values (key, sweep, value, run_id, kind)"
        " SELECT value_keys.id, ifnull(sweep, ''), json_extract(iif(source = 'config', config, summary), path),"
        " runs.id, json_type(iif(source = 'config', config, summary), path)"
        " FROM runs CROSS JOIN value_keys ON value_keys.project_id = runs.project_id"
        " WHERE +runs.project_id = ? AND runs.id > ? AND runs.id <= ? AND filled_to = ?"
        " AND json_extract(iif(source = 'config', config, summary), path) IS NOT NULL",
        (project_id, start, last, start),
    )
    connection.execute(f"UPDATE value_keys SET filled_to = ? WHERE {of_keys}", (last, project_id, start))
