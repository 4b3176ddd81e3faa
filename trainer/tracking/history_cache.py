"""Keeps the histories of ended runs on disk, so that none is asked for twice; what is kept may vanish at any time.

A file holds one run as it was when it was last alive: a run that was resumed since has another version, and is read
again. The folder is bounded; what was not looked at for longest goes first.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import math
import os
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from trainer.records import HistoryPoint, Json, RunRecord, SweepReference

MAX_BYTES = 200_000_000
"""Bytes that all histories together may take."""
_FORM = 1
"""Counts the forms that files had; one of another form is not read."""

Histories = dict[str, list[HistoryPoint]]


class HistoryCache:
    """A folder of histories. Safe to be shared by processes: files are replaced whole."""

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        """Remember the folder; it is made when the first history is kept."""
        self._folder = folder
        self._max_bytes = max_bytes
        self._kept_bytes: int | None = None

    def read(
        self,
        server: str,
        reference: SweepReference,
        runs: Sequence[RunRecord],
        samples: int,
        ask: Callable[[Sequence[str]], Histories],
    ) -> Histories:
        """Return the histories of runs: those of ended runs from the folder where it has them, the rest from `ask`.

        Args:
            server: Address of the server.
            reference: Names entity and project of the runs.
            runs: The runs as they are known now.
            samples: Rows that `ask` returns at most for a run.
            ask: Reads the histories of runs by their ids; those that the server lacks are left out.

        Raises:
            TrainerError: If `ask` does; a folder that cannot be read or written is no error.
        """
        found: Histories = {}
        missing: list[RunRecord] = []
        for run in runs:
            kept = self._kept(self._path(server, reference, run, samples)) if run.state.is_terminal else None
            if kept is None:
                missing.append(run)
            else:
                found[run.id] = kept
        if missing:
            found |= ask([run.id for run in missing])
        for run in missing:
            if run.state.is_terminal and run.id in found:
                self._keep(self._path(server, reference, run, samples), found[run.id])
        return found

    def _path(self, server: str, reference: SweepReference, run: RunRecord, samples: int) -> Path:
        version = (run.state.value, str(run.created_at), str(run.heartbeat_at), run.duration_seconds, run.summary)
        names = (_FORM, server, reference.entity, reference.project, run.id, samples, version)
        digest = hashlib.sha256(json.dumps(names, sort_keys=True, default=str).encode()).hexdigest()
        return self._folder / f"{digest[:40]}.json.gz"

    def _kept(self, path: Path) -> list[HistoryPoint] | None:
        try:
            rows = json.loads(gzip.decompress(path.read_bytes()))
            history = [
                HistoryPoint(int(step), {str(name): _number(value) for name, value in values.items()}, runtime)
                for step, values, runtime in rows
            ]
        except (OSError, EOFError, zlib.error, ValueError, TypeError, AttributeError):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return history

    def _keep(self, path: Path, history: Sequence[HistoryPoint]) -> None:
        rows = [[row.step, {n: _json(v) for n, v in row.values.items()}, row.runtime_seconds] for row in history]
        content = gzip.compress(json.dumps(rows).encode(), compresslevel=1)
        if len(content) > self._max_bytes:
            return
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._make_room(len(content))
            part.write_bytes(content)
            os.replace(part, path)
        except OSError:
            # A full disk costs the next reader a request, and nothing else.
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            return
        self._kept_bytes = (self._kept_bytes or 0) + len(content)

    def _make_room(self, wanted: int) -> None:
        if self._kept_bytes is not None and self._kept_bytes + wanted <= self._max_bytes:
            return
        files = sorted((entry.stat().st_mtime, entry.stat().st_size, entry) for entry in self._folder.iterdir())
        total = sum(size for _, size, _ in files)
        for _, size, entry in files:
            if total + wanted <= self._max_bytes:
                break
            entry.unlink(missing_ok=True)
            total -= size
        self._kept_bytes = total


def _json(value: float) -> Json:
    return value if math.isfinite(value) else str(value)


def _number(value: Json) -> float:
    """Return the number that `_json` wrote.

    Raises:
        ValueError: If it is none.
    """
    if isinstance(value, int | float | str):
        return float(value)
    raise ValueError(f"{value!r} is no number")
