"""Bringing an older database to the format of `schema.sql`, one version at a time.

A step says what it does in SQL and plain values of its own time; it uses nothing that later versions may change.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping

from trainer.records import logged_number

SCHEMA_VERSION = 2
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


_STEPS: Mapping[int, Callable[[sqlite3.Connection], None]] = {1: _keep_best_values}
"""By the version they start from."""


def migrate(connection: sqlite3.Connection) -> str | None:
    """Bring a database to `SCHEMA_VERSION`; return why that cannot be done, or None when it is.

    An empty one gets its number only: `schema.sql` makes the tables. Each step is on disk whole, or not at all.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        return f"was written by a newer sweep-tui: it has format {version}, this one knows {SCHEMA_VERSION}"
    if version == 0:
        if connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            return "was not written by sweep-tui: it has tables, but no format number"
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        return None
    for number in range(version, SCHEMA_VERSION):
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            _STEPS[number](connection)
            connection.execute(f"PRAGMA user_version = {number + 1}")
    return None
