"""The lives of a run: what begins one, goes on with it or branches off from it. How each ends is `endings`'.

A run's id may be used by one process after another. Told apart as the SDK behaves (0.31, wandb-core's runupserter):
the first upsert of a process names the run, and its storage id only if it resumes or rewinds it; a later upsert of a
changed configuration names entity, project and run and brings nothing else.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from trainer.records import Json
from trainer.server.context import RequestError
from trainer.server.file_stream import dump_json
from trainer.server.history_keys import HistoryKeys
from trainer.server.tables import best_values, runs, streams

_EVER = 2**62
_PAGE = 2_000

_Row = tuple[int, str, dict[str, Json]]


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
    run_id, taken = int(run["id"]), 0
    digest = _Digest()
    for page in _pages(connection, int(source["id"])):
        kept = [(step, text, values) for step, text, values in page if step <= point.step]
        if not kept:
            break  # steps only grow
        streams.put_history(connection, run_id, [(taken + i, step, text) for i, (step, text, _) in enumerate(kept)])
        taken += len(kept)
        digest.add(kept)
    digest.keep(connection, run_id)


def rewind(connection: sqlite3.Connection, run: sqlite3.Row, step: int) -> None:
    """Take a run back to a step: later rows go, the summary is what the rows left say, the configuration stays.

    System metrics and console go whole: W&B logs both anew after a rewind, and the SDK counts their lines from 0.
    """
    run_id = int(run["id"])
    streams.drop_history_after(connection, run_id, step)
    runs.forget_logged(connection, run_id, but_history=True)
    digest = _Digest()
    for page in _pages(connection, run_id):
        digest.add(page)
    digest.keep(connection, run_id)
    runs.resume(connection, run_id)


class _Digest:
    """What is kept beside rows of a history: which names they have, and their last values."""

    def __init__(self) -> None:
        self._keys = HistoryKeys("{}")
        self._summary: dict[str, Json] = {}

    def add(self, rows: list[_Row]) -> None:
        for step, _, values in rows:
            self._keys.add(values, step)
            self._summary |= values

    def keep(self, connection: sqlite3.Connection, run_id: int) -> None:
        runs.set_history_keys(connection, run_id, self._keys.dump() if self._summary else "{}")
        runs.update(connection, run_id, {"summary": dump_json(self._summary)})
        best_values.note_run(connection, run_id)


def _pages(connection: sqlite3.Connection, run_id: int) -> Iterator[list[_Row]]:
    """Yield the rows of a history as (step, JSON, values), by line."""
    last = -1
    while lines := streams.lines(connection, run_id, "history", last, _PAGE):
        last = lines[-1][0]
        page = []
        for number, text in lines:
            values = json.loads(text)
            step = values.get("_step")
            page.append((step if isinstance(step, int) else number, text, values))
        yield page
