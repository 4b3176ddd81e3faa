"""The lives of a run: what begins one, goes on with it or branches off from it. How each ends is `endings`'.

A run's id may be used by one process after another. Told apart as the SDK behaves (0.31, wandb-core's runupserter):
the first upsert of a process names the run, and its storage id only if it resumes or rewinds it; a later upsert of a
changed configuration names entity, project and run and brings nothing else.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

from trainer.records import Json
from trainer.server.context import RequestError
from trainer.server.file_stream import dump_json, store_history
from trainer.server.tables import runs, streams

_EVER = 2**62
_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class BranchPoint:
    """A step of a run, up to which another run shares its history."""

    run: str
    step: int


def branch_point(config: str | None) -> BranchPoint | None:
    """Return where a configuration in wire form says that its run was forked or rewound; None if nowhere."""
    internal = json.loads(config or "{}").get("_wandb")
    value = internal.get("value") if isinstance(internal, dict) else None
    point = value.get("branch_point") if isinstance(value, dict) else None
    if not isinstance(point, dict):
        return None
    name, step = point.get("run_id"), point.get("step")
    if (
        not isinstance(name, str)
        or not isinstance(step, int | float)
        or isinstance(step, bool)
        or not abs(step) < _EVER
    ):
        return None
    return BranchPoint(name, int(step))


def is_begun_anew(run: sqlite3.Row, *, is_config_update: bool) -> bool:
    """Return whether an upsert that names an existing run, and not its storage id, begins a new life of it.

    Not for one that nothing was heard of, nor for what a process sends of itself later: that process may have been
    taken for crashed while it slept. One that said how it ended sends nothing more.
    """
    if run["reported_at"] is None and not _has_logged(run):
        return False
    return run["exit_code"] is not None or not is_config_update


def _has_logged(run: sqlite3.Row) -> bool:
    return any(run[column] for column in ("history_lines", "events_lines", "console_lines"))


def fork(connection: sqlite3.Connection, run: sqlite3.Row, point: BranchPoint) -> None:
    """Give a run that has logged nothing the history of another run of its project, up to a step.

    Raises:
        RequestError: If there is no run to fork from.
    """
    source = runs.find(connection, run["project_id"], point.run)
    if source is None:
        raise RequestError(f"There is no run {point.run[:80]!r} to fork from in this project.")
    _take_history(connection, int(run["id"]), _rows_until(connection, source, point.step))


def rewind(connection: sqlite3.Connection, run: sqlite3.Row, step: int) -> None:
    """Take a run back to a step: later rows go, the summary is what the rows left say, the configuration stays.

    System metrics and console go whole: W&B logs both anew after a rewind, and the SDK counts their lines from 0.
    """
    kept = _rows_until(connection, run, step)
    runs.forget_logged(connection, int(run["id"]))
    _take_history(connection, int(run["id"]), kept)
    runs.resume(connection, int(run["id"]))


def _rows_until(connection: sqlite3.Connection, run: sqlite3.Row, step: int) -> list[str]:
    return streams.history(connection, int(run["id"]), -_EVER, step, max(int(run["history_lines"]), 1))


def _take_history(connection: sqlite3.Connection, run_id: int, rows: list[str]) -> None:
    summary: dict[str, Json] = {}
    for start in range(0, len(rows), _PAGE):
        page = rows[start : start + _PAGE]
        store_history(connection, run_id, start, page)
        for text in page:
            summary |= json.loads(text)
    if summary:
        runs.update(connection, run_id, {"summary": dump_json(summary)})
