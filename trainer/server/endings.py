"""How a run ends: its state by what its process said, or by its silence (SDK 0.31)."""

from __future__ import annotations

import sqlite3

from trainer.server.tables import runs
from trainer.states import RunState


def is_over(run: sqlite3.Row) -> bool:
    """Return whether a run has ended for good, unless it is resumed; one that crashed was only not heard of."""
    state = RunState(run["state"])
    return state.is_terminal and state is not RunState.CRASHED


def end_with_code(connection: sqlite3.Connection, run: sqlite3.Row, code: int) -> None:
    """End a run whose process said its exit code."""
    if code == 0:
        state = RunState.FINISHED
    elif run["stop_requested"]:
        state = RunState.KILLED
    else:
        state = RunState.PREEMPTED if run["state"] == RunState.PREEMPTING else RunState.FAILED
    _end(connection, run, state, code)


def end_unheard(connection: sqlite3.Connection, run: sqlite3.Row) -> None:
    """End a run that is gone without a word: its heartbeats stopped, or its agent no longer lists it."""
    if run["stop_requested"]:
        state = RunState.KILLED
    elif run["state"] == RunState.PREEMPTING:
        state = RunState.PREEMPTED
    else:
        state = RunState.FAILED if run["reported_at"] is None else RunState.CRASHED
    _end(connection, run, state, None)


def _end(connection: sqlite3.Connection, run: sqlite3.Row, state: RunState, code: int | None) -> None:
    runs.finish(connection, int(run["id"]), state, code)
    if state is RunState.PREEMPTED and run["sweep"]:
        # W&B hands a preempted run of a sweep to the next agent that asks, before anything new.
        runs.requeue(connection, int(run["id"]))
