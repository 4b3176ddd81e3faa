"""Deleting a project: gone for everybody at once, then freed in slices, so that no other writer waits for long.

A deletion that a crash cut short goes on when the server starts again.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from trainer.server import leftovers
from trainer.server.store import Store
from trainer.server.tables import projects

_SLICE_LINES = 20_000
"""Lines of history, events and console that one transaction deletes."""
_SLICE_RUNS = 200
_STREAMS = ("history", "events", "console")


def delete_project(store: Store, files_dir: Path, entity: str, name: str) -> None:
    """Delete a project and all it holds; one that is not there is deleted already.

    Raises:
        StorageError: If the disk failed; what is left is freed by `free_deleted_projects`.
    """
    row = projects.find(store.reader, entity, name)
    if row is not None:
        store.write(lambda connection: projects.hide(connection, row["id"]))
    free_deleted_projects(store, files_dir)


def free_deleted_projects(store: Store, files_dir: Path) -> None:
    """Free what hidden projects hold, until nothing of them is left; their files' bytes go too.

    Raises:
        StorageError: If the disk failed; what is left is freed by the next call.
    """
    if projects.hidden(store.reader) is None:
        return
    while (project := projects.hidden(store.reader)) is not None:
        project_id = int(project["id"])
        while runs := _some_runs(store.reader, project_id):
            store.write(lambda connection, runs=runs: _delete_slice(connection, runs))  # type: ignore[misc]
        store.write(lambda connection, number=project_id: projects.delete(connection, number))  # type: ignore[misc]
    # Bytes that versions in other projects share stay.
    leftovers.sweep(store, files_dir)


def _some_runs(connection: sqlite3.Connection, project_id: int) -> list[tuple[int, int]]:
    """Return (id, lines) of runs to be deleted together: few that are long, or many that are short."""
    rows = connection.execute(
        "SELECT id, history_lines + events_lines + console_lines FROM runs WHERE project_id = ? LIMIT ?",
        (project_id, _SLICE_RUNS),
    ).fetchall()
    chosen: list[tuple[int, int]] = []
    lines = 0
    for number, length in rows:
        if chosen and lines + length > _SLICE_LINES:
            break
        chosen.append((int(number), int(length)))
        lines += length
    return chosen


def _delete_slice(connection: sqlite3.Connection, runs: list[tuple[int, int]]) -> None:
    if len(runs) == 1 and runs[0][1] > _SLICE_LINES:
        run_id = runs[0][0]
        for stream in _STREAMS:
            part = f"SELECT line FROM {stream} WHERE run_id = ? LIMIT ?"
            found = connection.execute(
                f"DELETE FROM {stream} WHERE run_id = ? AND line IN ({part})", (run_id, run_id, _SLICE_LINES)
            )
            if found.rowcount == _SLICE_LINES:
                return
    connection.executemany("DELETE FROM runs WHERE id = ?", [(number,) for number, _ in runs])
