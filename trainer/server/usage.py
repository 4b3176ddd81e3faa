"""How much a data folder holds: read from its files, whether a server runs on it or not. Changes nothing."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from trainer.errors import ServerError
from trainer.server.backups import backups_of
from trainer.server.data_folder import DATABASE_FILE, FILES_FOLDER, LOG_FILE
from trainer.server.migrations import SCHEMA_VERSION, format_of, newer_format
from trainer.states import RunState

LARGE_DATABASE = 256 * 2**20
"""Bytes; reading so many takes some seconds."""
_STREAMS = ("history", "events", "console")
_SAMPLED_RUNS = 20
_SAMPLED_LINES = 50
_Measure = Callable[[sqlite3.Connection], Mapping[int, int]]


@dataclass(frozen=True, slots=True)
class ProjectUsage:
    """What one project holds."""

    entity: str
    project: str
    runs: int
    live_runs: int
    sweeps: int
    rows: int
    """Lines of history, system metrics and console."""
    row_bytes: int
    """Of these lines; their tables take a little more."""
    file_bytes: int
    """Of uploaded files of runs and artifacts."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a data folder holds, in bytes."""

    format: int | None
    """Of the database; None where there is none."""
    database_bytes: int
    wal_bytes: int
    """Of the log of changes that are not in the database's own file yet."""
    files_bytes: int
    backups_bytes: int
    logs_bytes: int
    free_bytes: int
    """Of the disk."""
    are_rows_estimated: bool
    """Whether `row_bytes` are by a sample: to measure the lines of a large database takes minutes."""
    projects: tuple[ProjectUsage, ...]
    """Newest first."""

    @property
    def total_bytes(self) -> int:
        """Return what the folder takes on disk."""
        return self.database_bytes + self.wal_bytes + self.files_bytes + self.backups_bytes + self.logs_bytes

    @property
    def live_runs(self) -> int:
        """Return how many runs are alive."""
        return sum(project.live_runs for project in self.projects)


def read_usage(folder: Path, *, with_rows: bool = True) -> Usage:
    """Return what a data folder holds.

    Args:
        folder: The data folder; may be empty.
        with_rows: Whether to measure the rows of each project, or, in a large database, to estimate them.

    Raises:
        ServerError: If its database is none, or has a format that is not known yet.
    """
    database = folder / DATABASE_FILE
    size, log = database_bytes(database)
    is_large = size + log > LARGE_DATABASE
    measure = _row_bytes if not is_large else _estimated_row_bytes
    found_format, projects = (None, ()) if not database.exists() else _read(database, measure if with_rows else None)
    disk = os.statvfs(next(path for path in (folder, *folder.parents) if path.exists()))
    return Usage(
        format=found_format,
        database_bytes=size,
        wal_bytes=log,
        files_bytes=folder_bytes(folder / FILES_FOLDER),
        backups_bytes=sum(_size(path) for path in backups_of(database)),
        logs_bytes=sum(_size(path) for path in folder.glob(f"{LOG_FILE}*")),
        free_bytes=disk.f_bavail * disk.f_frsize,
        are_rows_estimated=is_large and with_rows,
        projects=projects,
    )


def database_bytes(database: Path) -> tuple[int, int]:
    """Return the bytes of a database and of its log of changes."""
    return _size(database), _size(database.with_name(f"{database.name}-wal"))


def folder_bytes(folder: Path) -> int:
    """Return the bytes of the files in a folder."""
    try:
        with os.scandir(folder) as entries:
            return sum(_size(Path(entry.path)) for entry in entries)
    except FileNotFoundError:
        return 0


def size_text(size: int) -> str:
    """Return a number of bytes as people read it: `12.3 MB`."""
    value, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{size} bytes" if unit == "bytes" else f"{value:.1f} {unit}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # gone since its name was read


def _read(database: Path, measure: _Measure | None) -> tuple[int, tuple[ProjectUsage, ...]]:
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            version = format_of(connection)
            if version > SCHEMA_VERSION:
                raise ServerError(f"The database {database} {newer_format(version)}.", hint="Update sweep-tui.")
            if version == 0:
                return 0, ()
            connection.execute("BEGIN")
            return version, _projects(connection, measure)
    except sqlite3.DatabaseError as error:
        raise ServerError(
            f"The database {database} cannot be read: {error}.", hint="Look at its permissions and its disk."
        ) from error


def _projects(connection: sqlite3.Connection, measure: _Measure | None) -> tuple[ProjectUsage, ...]:
    by_project = partial(_by_project, connection)
    runs = by_project("SELECT project_id, count(*) FROM runs GROUP BY project_id")
    live = by_project(
        "SELECT project_id, count(*) FROM runs WHERE state IN (?, ?) GROUP BY project_id",
        RunState.RUNNING,
        RunState.PREEMPTING,
    )
    sweeps = by_project("SELECT project_id, count(*) FROM sweeps GROUP BY project_id")
    rows = by_project(
        "SELECT project_id, sum(history_lines + events_lines + console_lines) FROM runs GROUP BY project_id"
    )
    of_runs = by_project(
        "SELECT runs.project_id, sum(files.size) FROM files JOIN runs ON runs.id = files.run_id GROUP BY 1"
    )
    of_artifacts = by_project(
        "SELECT collections.project_id, sum(files.size) FROM files JOIN artifacts ON artifacts.id = files.artifact_id"
        " JOIN collections ON collections.id = artifacts.collection_id GROUP BY 1"
    )
    row_bytes = {} if measure is None else measure(connection)
    return tuple(
        ProjectUsage(
            entity=entity,
            project=name,
            runs=runs.get(number, 0),
            live_runs=live.get(number, 0),
            sweeps=sweeps.get(number, 0),
            rows=rows.get(number, 0),
            row_bytes=row_bytes.get(number, 0),
            file_bytes=of_runs.get(number, 0) + of_artifacts.get(number, 0),
        )
        for number, entity, name in connection.execute(
            "SELECT id, entity, name FROM projects WHERE entity != '' ORDER BY id DESC"
        )
    )


def _by_project(connection: sqlite3.Connection, statement: str, *values: object) -> dict[int, int]:
    return {int(key): int(value or 0) for key, value in connection.execute(statement, values) if key is not None}


def _row_bytes(connection: sqlite3.Connection) -> dict[int, int]:
    """Return the bytes of the lines of each project; reads the whole database."""
    found: Counter[int] = Counter()
    for stream in _STREAMS:
        found.update(
            _by_project(
                connection,
                f"SELECT runs.project_id, sum(length(CAST(row AS BLOB))) FROM {stream}"
                f" JOIN runs ON runs.id = {stream}.run_id GROUP BY 1",
            )
        )
    return found


def _estimated_row_bytes(connection: sqlite3.Connection) -> dict[int, int]:
    """Return about how many bytes the lines of each project have, by the first lines of some of its runs."""
    found: Counter[int] = Counter()
    for project, count in _by_project(connection, "SELECT project_id, count(*) FROM runs GROUP BY 1").items():
        sampled = f"project_id = ? AND (id % {max(1, count // _SAMPLED_RUNS)}) = 0"
        for stream in _STREAMS:
            lines = f"{stream}_lines"
            total = connection.execute(f"SELECT sum({lines}) FROM runs WHERE project_id = ?", (project,)).fetchone()[0]
            # Each run counts by its lines: a few long runs may hold most of them.
            weighted = weights = 0.0
            for run, length in connection.execute(
                f"SELECT id, {lines} FROM runs WHERE {sampled} AND {lines} > 0 LIMIT ?", (project, 2 * _SAMPLED_RUNS)
            ).fetchall():
                mean = connection.execute(
                    f"SELECT avg(length(CAST(row AS BLOB))) FROM"
                    f" (SELECT row FROM {stream} WHERE run_id = ? ORDER BY line LIMIT ?)",
                    (run, _SAMPLED_LINES),
                ).fetchone()[0]
                weighted, weights = weighted + length * (mean or 0), weights + length
            found[project] += round((total or 0) * weighted / weights) if weights else 0
    return found
