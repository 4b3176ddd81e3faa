"""The best value of a sweep's metric: per run over what it logged and its summary, per sweep over its runs.

Kept beside the runs as rows arrive, so that the best of 100,000 runs is one look into an index.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping

from trainer.records import Json, logged_number, summary_number

_METRIC = "sweeps.metric, json_extract(sweeps.config, '$.metric.goal') = 'maximize' AS is_maximized"
_SWEEP_OF_RUN = "JOIN sweeps ON sweeps.project_id = runs.project_id AND sweeps.name = runs.sweep"


def note_rows(connection: sqlite3.Connection, run_id: int, rows: Iterable[tuple[int, Mapping[str, Json]]]) -> None:
    """Take note of rows of a run's history, given as (line, values); those noted before change nothing."""
    metric = connection.execute(
        f"SELECT {_METRIC} FROM runs {_SWEEP_OF_RUN} WHERE runs.id = ? AND sweeps.metric IS NOT NULL", (run_id,)
    ).fetchone()
    if metric is None:
        return
    name, is_maximized = metric
    logged = [(value, line) for line, values in rows if (value := logged_number(values, name)) is not None]
    if not logged:
        return
    value, line = max(logged) if is_maximized else min(logged)
    connection.execute(
        "UPDATE runs SET history_best = ?, history_best_line = ?"
        f" WHERE id = ? AND (history_best IS NULL OR history_best {'<' if is_maximized else '>'} ?)",
        (value, line, run_id, value),
    )


def note_summary(connection: sqlite3.Connection, run_id: int) -> None:
    """Keep the metric's value in a run's summary beside it."""
    row = connection.execute(
        f"SELECT runs.summary, sweeps.metric FROM runs {_SWEEP_OF_RUN} WHERE runs.id = ? AND sweeps.metric IS NOT NULL",
        (run_id,),
    ).fetchone()
    if row is not None:
        value = summary_number(json.loads(row["summary"]), row["metric"])
        connection.execute("UPDATE runs SET metric_value = ? WHERE id = ?", (value, run_id))


def note_run(connection: sqlite3.Connection, run_id: int) -> None:
    """Read a run anew: its sweep, or its sweep's metric, has changed."""
    connection.execute(
        "UPDATE runs SET metric_value = NULL, history_best = NULL, history_best_line = NULL WHERE id = ?", (run_id,)
    )
    note_summary(connection, run_id)
    rows = connection.execute("SELECT line, row FROM history WHERE run_id = ?", (run_id,))
    note_rows(connection, run_id, ((line, json.loads(text)) for line, text in rows))


def note_sweep(connection: sqlite3.Connection, project_id: int, sweep: str) -> None:
    """Read every run of a sweep anew."""
    found = connection.execute("SELECT id FROM runs WHERE project_id = ? AND sweep = ?", (project_id, sweep)).fetchall()
    for row in found:
        note_run(connection, row["id"])


def of_run(run: sqlite3.Row, *, is_maximized: bool) -> float | None:
    """Return a run's best value: over its history and its summary, as W&B's own search engines take it."""
    return _best_of((run["history_best"], run["metric_value"]), is_maximized=is_maximized)


def of_sweep(connection: sqlite3.Connection, project_id: int, sweep: str, *, is_maximized: bool) -> float | None:
    """Return the best value of a sweep's runs; None if no run has one."""
    pick = "max" if is_maximized else "min"
    values = [
        connection.execute(
            f"SELECT {pick}({column}) FROM runs WHERE project_id = ? AND sweep = ?", (project_id, sweep)
        ).fetchone()[0]
        for column in ("history_best", "metric_value")
    ]
    return _best_of(values, is_maximized=is_maximized)


def _best_of(values: Iterable[float | None], *, is_maximized: bool) -> float | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return max(known) if is_maximized else min(known)
