"""What becomes of a sweep's runs that nobody runs now: the sweep ends, their agent died, or their machine was taken.

Also the run into which a scheduler outside (`wandb sweep-scheduler`) writes its log: it ends with its sweep.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from trainer.server import endings
from trainer.server.tables import runs, sweeps
from trainer.states import RunState, SweepState

MAX_ATTEMPTS = 2
"""How often the order to start a run is given that is never heard of."""
_LOG_PREFIX = "scheduler-"


def finish_sweep(connection: sqlite3.Connection, sweep: sqlite3.Row) -> None:
    """End a sweep: what runs goes on, what waits is dropped."""
    sweeps.update(connection, sweep["id"], {"state": SweepState.FINISHED})
    drop_waiting_runs(connection, sweep)
    close_log(connection, sweep)


def stop_live_runs(connection: sqlite3.Connection, sweep: sqlite3.Row, reason: str) -> None:
    """Ask every run of a sweep to end; drop those that only wait."""
    drop_waiting_runs(connection, sweep)
    for run in runs.unfinished_of_sweep(connection, sweep["project_id"], sweep["name"]):
        runs.request_stop(connection, run["id"], reason)


def drop_waiting_runs(connection: sqlite3.Connection, sweep: sqlite3.Row) -> None:
    """Remove the runs of an ended sweep that no agent ever took; a run that was handed out once is killed.

    The process of the latter may live where nobody hears of it; what was never handed out leaves no trace, so that a
    resumed sweep runs its point.
    """
    for run in runs.unfinished_of_sweep(connection, sweep["project_id"], sweep["name"]):
        if run["agent_id"] is not None or run["reported_at"] is not None:
            continue
        if run["attempts"]:
            runs.finish(connection, run["id"], RunState.KILLED)
        else:
            runs.delete(connection, run["id"])


def take_waiting_run(connection: sqlite3.Connection, sweep: sqlite3.Row, agent_id: int) -> sqlite3.Row | None:
    """Hand the oldest run that waits to an agent: enqueued from outside, given back by a dead agent, or preempted.

    A preempted run goes on under its id: its program resumes it, or starts it over.
    """
    run = runs.waiting_of_sweep(connection, sweep["project_id"], sweep["name"])
    if run is not None:
        runs.assign(connection, run["id"], agent_id)
    return run


def give_back_runs_of_dead_agents(connection: sqlite3.Connection, dead_agents: Iterable[int]) -> None:
    """Let the runs that dead agents never began wait for others, once; after that they have failed.

    Those of a sweep that is over are nobody's to begin: they end.
    """
    for agent_id in dead_agents:
        for run in runs.unfinished_of_agent(connection, agent_id):
            if run["reported_at"] is not None:
                continue
            sweep = sweeps.find(connection, run["project_id"], run["sweep"])
            if sweep is None or SweepState(sweep["state"]).is_terminal:
                runs.finish(connection, run["id"], RunState.KILLED)
            elif run["attempts"] >= MAX_ATTEMPTS or run["stop_requested"]:
                endings.end_unheard(connection, run)
            else:
                runs.put_back(connection, run["id"])


def log_run_name(sweep_name: str) -> str:
    """Return the short id of the run into which a scheduler writes what it does."""
    return f"{_LOG_PREFIX}{sweep_name}"


def close_log(connection: sqlite3.Connection, sweep: sqlite3.Row) -> None:
    """End the log run of a sweep that is over; the scheduler itself never does (SDK 0.31)."""
    run = runs.find(connection, sweep["project_id"], log_run_name(sweep["name"]))
    if run is not None and not RunState(run["state"]).is_terminal:
        runs.finish(connection, run["id"], RunState.FINISHED)


def logs_to_close(connection: sqlite3.Connection, silent_since: int) -> list[int]:
    """Return the log runs that are alive though their sweep is over, or not heard of since a time."""
    rows = connection.execute(
        "SELECT runs.id FROM runs JOIN sweeps ON sweeps.project_id = runs.project_id"
        " AND sweeps.name = substr(runs.name, ?) WHERE runs.state = ? AND runs.name LIKE ? || '%'"
        " AND runs.sweep IS NULL AND (sweeps.state IN (?, ?) OR runs.heartbeat_at < ?)",
        (
            len(_LOG_PREFIX) + 1, RunState.RUNNING, _LOG_PREFIX, SweepState.FINISHED, SweepState.CANCELED, silent_since,
        ),
    ).fetchall()  # fmt: skip
    return [int(row[0]) for row in rows]
