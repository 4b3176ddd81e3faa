"""Runs: their rows, states and assignments. Their history and console are in `streams`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence

from trainer.records import Json
from trainer.server.store import now_micros
from trainer.server.tables import best_values, writer_spans
from trainer.states import RunState

EDITABLE = frozenset(
    {
        "display_name", "config", "summary", "tags", "group_name", "job_type", "notes", "description", "host",
        "program", "repo", "commit_hash", "sweep", "state",
    }
)  # fmt: skip
"""Columns that `update` may set."""

_ALIVE = (RunState.RUNNING, RunState.PREEMPTING)


def find(connection: sqlite3.Connection, project_id: int, name: str) -> sqlite3.Row | None:
    """Return a run by its short id, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM runs WHERE project_id = ? AND name = ?", (project_id, name)
    ).fetchone()
    return row


def find_by_path(connection: sqlite3.Connection, entity: str, project: str, name: str) -> sqlite3.Row | None:
    """Return a run by entity, project and short id, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT runs.* FROM runs JOIN projects ON projects.id = runs.project_id"
        " WHERE projects.entity = ? AND projects.name = ? AND runs.name = ?",
        (entity, project, name),
    ).fetchone()
    return row


def by_id(connection: sqlite3.Connection, run_id: int) -> sqlite3.Row | None:
    """Return a run by its number, or None."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
    return row


def insert(
    connection: sqlite3.Connection,
    project_id: int,
    name: str,
    display_name: str,
    state: RunState,
    *,
    sweep: str | None = None,
    config: str = "{}",
) -> int:
    """Make a run and return its number."""
    now = now_micros()
    cursor = connection.execute(
        "INSERT INTO runs (project_id, name, display_name, state, sweep, config, created_at, heartbeat_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (project_id, name, display_name, state, sweep, config, now, now),
    )
    connection.execute("DELETE FROM deleted_runs WHERE project_id = ? AND name = ?", (project_id, name))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def update(connection: sqlite3.Connection, run_id: int, values: Mapping[str, str]) -> None:
    """Set columns of a run.

    Raises:
        ValueError: If a column is not in `EDITABLE`.
    """
    if not values:
        return
    if unknown := values.keys() - EDITABLE:
        raise ValueError(f"not columns of a run that may be set: {sorted(unknown)}")
    assignments = ", ".join(f"{column} = ?" for column in values)
    connection.execute(f"UPDATE runs SET {assignments} WHERE id = ?", (*values.values(), run_id))
    if "sweep" in values:
        best_values.note_run(connection, run_id)
    elif "summary" in values:
        best_values.note_summary(connection, run_id)


def report(connection: sqlite3.Connection, run_id: int) -> None:
    """Note a word from the run itself: it is alive."""
    now = now_micros()
    connection.execute(
        "UPDATE runs SET heartbeat_at = ?, reported_at = ifnull(reported_at, ?),"
        " assigned_at = ifnull(assigned_at, ?),"
        " state = iif(state = ?, state, ?), exit_code = NULL WHERE id = ?",
        (now, now, now, RunState.PREEMPTING, RunState.RUNNING, run_id),
    )


def finish(connection: sqlite3.Connection, run_id: int, state: RunState, exit_code: int | None = None) -> None:
    """Put a run into a terminal state."""
    connection.execute("UPDATE runs SET state = ?, exit_code = ? WHERE id = ?", (state, exit_code, run_id))


def request_stop(connection: sqlite3.Connection, run_id: int, reason: str) -> None:
    """Ask a run that has not ended to end."""
    connection.execute(
        "UPDATE runs SET stop_requested = 1, stop_reason = ifnull(stop_reason, ?) WHERE id = ? AND state IN (?, ?, ?)",
        (reason, run_id, RunState.PENDING, *_ALIVE),
    )


def start_over(connection: sqlite3.Connection, run_id: int) -> None:
    """Forget what a run logged: its id is used again by a program that does not resume it."""
    forget_logged(connection, run_id)
    connection.execute(
        "UPDATE runs SET exit_code = NULL, stop_requested = 0, stop_reason = NULL, is_resuming = 0,"
        " state = ?, reported_at = ?, created_at = ? WHERE id = ?",
        (RunState.RUNNING, now_micros(), now_micros(), run_id),
    )


def forget_logged(connection: sqlite3.Connection, run_id: int, *, but_history: bool = False) -> None:
    """Drop a run's system metrics, console and (unless that stays) history, and what is known by them."""
    for table in ("events", "console") if but_history else ("history", "events", "console"):
        connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))
    writer_spans.forget(connection, run_id)
    connection.execute(
        "UPDATE runs SET metric_value = NULL, history_best = NULL, history_best_line = NULL, system_metrics = '{}',"
        " history_keys = '{}', history_lines = iif(?, history_lines, 0), events_lines = 0, console_lines = 0"
        " WHERE id = ?",
        (but_history, run_id),
    )
    update(connection, run_id, {"summary": "{}"})


def set_history_keys(connection: sqlite3.Connection, run_id: int, keys: str) -> None:
    """Keep what a run's history holds under which name."""
    connection.execute("UPDATE runs SET history_keys = ? WHERE id = ?", (keys, run_id))


def delete(connection: sqlite3.Connection, run_id: int) -> None:
    """Remove a run and all it logged; its name is remembered as that of a deleted run."""
    connection.execute(
        "INSERT OR IGNORE INTO deleted_runs (project_id, name) SELECT project_id, name FROM runs WHERE id = ?",
        (run_id,),
    )
    connection.execute("DELETE FROM runs WHERE id = ?", (run_id,))


def is_deleted(connection: sqlite3.Connection, project_id: int, name: str) -> bool:
    """Return whether a name that no run has was that of one that was deleted."""
    row = connection.execute(
        "SELECT 1 FROM deleted_runs WHERE project_id = ? AND name = ?", (project_id, name)
    ).fetchone()
    return row is not None


def of_sweep(connection: sqlite3.Connection, project_id: int, sweep: str) -> list[sqlite3.Row]:
    """Return every run of a sweep, oldest first."""
    return connection.execute(
        "SELECT * FROM runs WHERE project_id = ? AND sweep = ? ORDER BY id", (project_id, sweep)
    ).fetchall()


def count_of_sweep(connection: sqlite3.Connection, project_id: int, sweep: str) -> int:
    """Return how many runs a sweep has, in any state."""
    row = connection.execute(
        "SELECT count(*) FROM runs WHERE project_id = ? AND sweep = ?", (project_id, sweep)
    ).fetchone()
    return int(row[0])


def unfinished_of_sweep(connection: sqlite3.Connection, project_id: int, sweep: str) -> list[sqlite3.Row]:
    """Return the runs of a sweep that are pending, running or preempting, oldest first."""
    return connection.execute(
        "SELECT * FROM runs WHERE project_id = ? AND sweep = ? AND state IN (?, ?, ?) ORDER BY +id",
        (project_id, sweep, RunState.PENDING, *_ALIVE),
    ).fetchall()


def assign(connection: sqlite3.Connection, run_id: int, agent_id: int) -> None:
    """Hand a waiting run to an agent. One that was preempted is as one not begun: its order too may be lost."""
    now = now_micros()
    connection.execute(
        "UPDATE runs SET agent_id = ?, assigned_at = ?, heartbeat_at = ?, seen_alive = 0, attempts = attempts + 1,"
        " reported_at = iif(state = ?, NULL, reported_at), state = iif(state = ?, ?, state), exit_code = NULL"
        " WHERE id = ?",
        (agent_id, now, now, RunState.PREEMPTED, RunState.PREEMPTED, RunState.PENDING, run_id),
    )


def requeue(connection: sqlite3.Connection, run_id: int) -> None:
    """Let a preempted run of a sweep wait for an agent; it goes on being preempted until it is handed out."""
    connection.execute(
        "UPDATE runs SET agent_id = NULL, assigned_at = NULL, seen_alive = 0, attempts = 0 WHERE id = ?", (run_id,)
    )


def put_back(connection: sqlite3.Connection, run_id: int) -> None:
    """Let a run whose agent died before the run reported wait for another agent."""
    connection.execute(
        "UPDATE runs SET agent_id = NULL, assigned_at = NULL, seen_alive = 0, state = ? WHERE id = ?",
        (RunState.PENDING, run_id),
    )


def silent(connection: sqlite3.Connection, before: int) -> list[sqlite3.Row]:
    """Return the runs that should be alive and were last heard of before a time."""
    return connection.execute(
        "SELECT * FROM runs WHERE state IN (?, ?) AND heartbeat_at < ?", (*_ALIVE, before)
    ).fetchall()


def any_alive(connection: sqlite3.Connection) -> bool:
    """Return whether some run is alive."""
    row = connection.execute("SELECT 1 FROM runs WHERE state IN (?, ?) LIMIT 1", _ALIVE).fetchone()
    return row is not None


def plain_config(row: sqlite3.Row) -> dict[str, Json]:
    """Return a run's config in flat form: `{"lr": 0.1}`, without W&B's own keys."""
    wire = json.loads(row["config"])
    return {
        key: item["value"] if isinstance(item, dict) and "value" in item else item
        for key, item in wire.items()
        if not key.startswith("_")
    }


def add_alert(
    connection: sqlite3.Connection, run_id: int, title: str, text: str, severity: str, wait_micros: int
) -> None:
    """Keep an alert that a run sent, unless one with its title came less than `wait_micros` before."""
    now = now_micros()
    connection.execute(
        "INSERT INTO alerts (run_id, title, text, severity, created_at) SELECT ?, ?, ?, ?, ? WHERE NOT EXISTS"
        " (SELECT 1 FROM alerts WHERE run_id = ? AND title = ? AND created_at > ?)",
        (run_id, title, text, severity, now, run_id, title, now - wait_micros),
    )


def alerts(connection: sqlite3.Connection, run_id: int, limit: int) -> list[sqlite3.Row]:
    """Return the newest alerts of a run, newest first."""
    return connection.execute(
        "SELECT * FROM alerts WHERE run_id = ? ORDER BY id DESC LIMIT ?", (run_id, limit)
    ).fetchall()


def mark_resuming(connection: sqlite3.Connection, run_id: int) -> None:
    """Note that a client is about to resume a run: its next upsert continues it, any other starts it anew."""
    connection.execute("UPDATE runs SET is_resuming = 1 WHERE id = ?", (run_id,))


def resume(connection: sqlite3.Connection, run_id: int) -> None:
    """Let a run go on in a new process; a request to end it, or its preemption, was of its life before."""
    connection.execute(
        "UPDATE runs SET is_resuming = 0, stop_requested = 0, stop_reason = NULL, exit_code = NULL, state = ?"
        " WHERE id = ?",
        (RunState.RUNNING, run_id),
    )


def by_ids(connection: sqlite3.Connection, run_ids: Sequence[int]) -> list[sqlite3.Row]:
    """Return runs by their numbers, oldest first."""
    found: list[sqlite3.Row] = []
    for start in range(0, len(run_ids), 500):
        part = run_ids[start : start + 500]
        marks = ", ".join("?" * len(part))
        found += connection.execute(f"SELECT * FROM runs WHERE id IN ({marks}) ORDER BY id", part).fetchall()
    return found


def of_sweep_after(connection: sqlite3.Connection, project_id: int, sweep: str, run_id: int) -> Iterator[sqlite3.Row]:
    """Yield what a search looks at of the runs of a sweep with a greater number than `run_id`, oldest first.

    Read in parts: a sweep may have more runs than fit into memory at once.
    """
    while True:
        part = connection.execute(
            "SELECT id, name, state, config, suggested, history_best, metric_value FROM runs"
            " WHERE project_id = ? AND sweep = ? AND id > ? ORDER BY id LIMIT 1000",
            (project_id, sweep, run_id),
        ).fetchall()
        if not part:
            return
        yield from part
        run_id = part[-1]["id"]


def unfinished_of_agent(connection: sqlite3.Connection, agent_id: int) -> list[sqlite3.Row]:
    """Return the runs that an agent was given and that have not ended, oldest first."""
    return connection.execute(
        "SELECT * FROM runs WHERE agent_id = ? AND state IN (?, ?, ?) ORDER BY id",
        (agent_id, RunState.PENDING, *_ALIVE),
    ).fetchall()


def waiting_of_sweep(connection: sqlite3.Connection, project_id: int, sweep: str) -> sqlite3.Row | None:
    """Return the oldest run of a sweep that waits for an agent, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM runs WHERE project_id = ? AND sweep = ? AND state IN (?, ?) AND agent_id IS NULL"
        " AND assigned_at IS NULL ORDER BY +id LIMIT 1",
        (project_id, sweep, RunState.PENDING, RunState.PREEMPTED),
    ).fetchone()
    return row


def mark_seen(connection: sqlite3.Connection, run_ids: Sequence[int]) -> None:
    """Note that an agent lists these runs among its live ones: the order to start them has arrived."""
    connection.executemany(
        "UPDATE runs SET seen_alive = 1, heartbeat_at = ? WHERE id = ?", [(now_micros(), run) for run in run_ids]
    )


def insert_assigned(
    connection: sqlite3.Connection, sweep: sqlite3.Row, name: str, display_name: str, suggested: str, config: str
) -> int:
    """Make a run of a sweep with the configuration it is told to use, waiting for an agent, and return its number."""
    run_id = insert(
        connection, sweep["project_id"], name, display_name, RunState.PENDING, sweep=sweep["name"], config=config
    )
    connection.execute("UPDATE runs SET suggested = ? WHERE id = ?", (suggested, run_id))
    return run_id


def outlines_of_sweep(connection: sqlite3.Connection, project_id: int, sweep: str) -> list[sqlite3.Row]:
    """Return (id, state, stop_requested, history_lines, reported_at) of every run of a sweep, oldest first."""
    return connection.execute(
        "SELECT id, state, stop_requested, history_lines, reported_at FROM runs"
        " WHERE project_id = ? AND sweep = ? ORDER BY id",
        (project_id, sweep),
    ).fetchall()


def standings_of_unfinished(connection: sqlite3.Connection, project_id: int, sweep: str) -> list[sqlite3.Row]:
    """Return (id, state, history_best, metric_value) of the runs of a sweep that are pending, running or preempting."""
    return connection.execute(
        "SELECT id, state, history_best, metric_value FROM runs WHERE project_id = ? AND sweep = ?"
        " AND state IN (?, ?, ?)",
        (project_id, sweep, RunState.PENDING, *_ALIVE),
    ).fetchall()


def any_running_of_sweep(connection: sqlite3.Connection, project_id: int, sweep: str) -> bool:
    """Return whether some run of a sweep has begun and not ended."""
    row = connection.execute(
        "SELECT 1 FROM runs WHERE project_id = ? AND sweep = ? AND state IN (?, ?) LIMIT 1",
        (project_id, sweep, *_ALIVE),
    ).fetchone()
    return row is not None


def by_names(connection: sqlite3.Connection, project_id: int, sweep: str, names: Sequence[str]) -> list[sqlite3.Row]:
    """Return the runs of a sweep that have one of these short ids."""
    found: list[sqlite3.Row] = []
    for start in range(0, len(names), 500):
        part = names[start : start + 500]
        marks = ", ".join("?" * len(part))
        found += connection.execute(
            f"SELECT * FROM runs WHERE project_id = ? AND name IN ({marks}) AND sweep = ?", (project_id, *part, sweep)
        ).fetchall()
    return found


def return_order(connection: sqlite3.Connection, run_id: int) -> None:
    """Let a run wait for an agent again whose order was not taken: it does not count as an attempt."""
    put_back(connection, run_id)
    connection.execute("UPDATE runs SET attempts = max(attempts - 1, 0) WHERE id = ?", (run_id,))


def handed_out_of_sweep(connection: sqlite3.Connection, project_id: int, sweep: str) -> int:
    """Return how many runs of a sweep an agent was given, or began by themselves."""
    row = connection.execute(
        "SELECT count(*) - (SELECT count(*) FROM runs WHERE project_id = ? AND sweep = ? AND state = ?"
        " AND agent_id IS NULL) FROM runs WHERE project_id = ? AND sweep = ?",
        (project_id, sweep, RunState.PENDING, project_id, sweep),
    ).fetchone()
    return int(row[0])


def claim(connection: sqlite3.Connection, run_id: int, agent_id: int) -> None:
    """Give a waiting run to the agent that already runs it."""
    now = now_micros()
    connection.execute(
        "UPDATE runs SET agent_id = ?, assigned_at = ?, heartbeat_at = ?, seen_alive = 1 WHERE id = ?",
        (agent_id, now, now, run_id),
    )
