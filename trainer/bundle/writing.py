"""Write a bundle: read from a server run after run, so that memory does not grow with what they logged.

No key goes into it: texts are searched for the keys that are known here, and for what looks like one of W&B's.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Protocol

from trainer.atomic_file import write_atomically
from trainer.bundle import layout
from trainer.bundle.content_writing import ContentWriter
from trainer.errors import ServerError, ServerLostError
from trainer.exports.origin import origins_of
from trainer.records import ConsoleLine, HistoryPoint, Metric, RunRecord, SweepRecord, SweepReference
from trainer.tracking.client import TrackingClient
from trainer.tracking.contents_reader import ContentsReader
from trainer.tracking.run_details import RUNS_PER_REQUEST, RunDetails

HISTORY_ROWS = 1000
CONSOLE_LINES = 200
_RUNS_PER_CHUNK = 4 * RUNS_PER_REQUEST
_WANDB_KEY = re.compile(r"wandb_v\d_[A-Za-z0-9_]{20,}")
"""Keys as W&B makes them today; older ones look like any checksum and are known only if they are in use here."""
_WANDB_KEY_BYTES = re.compile(_WANDB_KEY.pattern.encode())
_REMOVED = "[key removed]"


@dataclass(frozen=True, slots=True)
class BundleContent:
    """How much of each run a bundle takes."""

    history_rows: int = HISTORY_ROWS
    """Rows of history at most; longer ones are thinned evenly. 0 for none."""
    console_lines: int = CONSOLE_LINES
    """Last lines of the console at most; 0 for none."""
    with_files: bool = False
    """Whether the bytes of files go in, of those up to 10 MiB."""


class DetailsReader(Protocol):
    """What tells the long parts of runs."""

    def read(
        self, reference: SweepReference, run_ids: Sequence[str], *, samples: int, lines: int
    ) -> dict[str, RunDetails]:
        """Return the details of runs by their id."""


def write_bundle(
    client: TrackingClient,
    details: DetailsReader,
    sweeps: Sequence[SweepRecord],
    path: Path,
    *,
    contents: ContentsReader | None = None,
    content: BundleContent | None = None,
    secrets: Iterable[str] = (),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Write sweeps with all their runs to a file, whole or not at all; blocks for as long as the server takes.

    Args:
        client: The server.
        details: Its histories and console logs.
        sweeps: The sweep that is meant first, then those made for its missing points.
        path: The file; one that is there is replaced once the new one is complete.
        contents: Its origins, system metrics, files and artifacts; None to leave those out.
        content: How much of each run to take.
        secrets: Texts that must not be in it.
        on_progress: Is told how many runs are done of how many.

    Returns:
        How many runs are in it.

    Raises:
        InputError: If the file cannot be written.
        ServerError, AuthenticationError, NotFoundError: If the server cannot be read.
    """
    runs = [(sweep, run) for sweep in sweeps for run in client.read_runs(sweep)]
    writer = _Writer(client, details, contents, content or BundleContent(), [client.connection.api_key, *secrets])

    def write(file: IO[bytes]) -> None:
        # Levels above 1 halve the speed and win a tenth.
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1, allowZip64=True) as archive:
            writer.write(archive, sweeps, runs, on_progress)

    write_atomically(path, write)
    return len(runs)


def known_keys() -> list[str]:
    """Return the keys that the environment holds: a program may have printed one."""
    return [value for name, value in os.environ.items() if name.endswith(("API_KEY", "_TOKEN", "_SECRET"))]


class _Writer:
    """Writes one bundle."""

    def __init__(
        self,
        client: TrackingClient,
        details: DetailsReader,
        contents: ContentsReader | None,
        content: BundleContent,
        secrets: Iterable[str],
    ) -> None:
        self._contents = contents
        self._client = client
        self._details = details
        self._content = content
        self._secrets = [secret for secret in dict.fromkeys(secrets) if len(secret) >= 8]

    def write(
        self,
        archive: zipfile.ZipFile,
        sweeps: Sequence[SweepRecord],
        runs: Sequence[tuple[SweepRecord, RunRecord]],
        on_progress: Callable[[int, int], None],
    ) -> None:
        """Write everything: the short parts of runs wait on disk, since an archive takes one file after another."""
        contents = None
        if self._contents is not None:
            contents = ContentWriter(
                self._client,
                self._contents,
                with_files=self._content.with_files,
                without_keys=self._without_keys,
                line=self._line,
            )
        archive.writestr(layout.MANIFEST, self._line(self._manifest(sweeps, runs)))
        archive.writestr(layout.SWEEPS, "".join(self._line(layout.sweep_json(sweep)) for sweep in sweeps))
        with tempfile.TemporaryFile("w+", encoding="utf-8") as spool:
            for chunk, start in enumerate(range(0, len(runs), _RUNS_PER_CHUNK)):
                part = runs[start : start + _RUNS_PER_CHUNK]
                details = self._details_of(part)
                self._write_chunk(archive, chunk, part, details)
                if contents is not None:
                    contents.write_chunk(archive, chunk, part)
                for sweep, run in part:
                    best = _with_best(run, sweep.metric, details[run.id].history)
                    spool.write(self._line(layout.run_json(replace(best, sweep_id=sweep.reference.id), chunk)))
                on_progress(start + len(part), len(runs))
            spool.seek(0)
            with archive.open(layout.RUNS, "w", force_zip64=True) as file:
                while block := spool.read(1 << 20):
                    file.write(block.encode())

    def _manifest(self, sweeps: Sequence[SweepRecord], runs: Sequence[tuple[SweepRecord, RunRecord]]) -> dict[str, Any]:
        connection = self._client.connection
        origins = origins_of(run for _, run in runs)
        return {
            "format": layout.FORMAT,
            "version": layout.VERSION,
            "made_by": f"sweep-tui {importlib.metadata.version('sweep-tui')}",
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "server": {"kind": connection.kind.value, "url": layout.without_login(connection.base_url)},
            "sweep": str(sweeps[0].reference),
            "runs": len(runs),
            "history_rows": self._content.history_rows,
            "console_lines": self._content.console_lines,
            "origins": [
                {"branch": origin.branch, "commit": origin.commit, "runs": count} for origin, count in origins.items()
            ],
        }

    def _details_of(self, part: Sequence[tuple[SweepRecord, RunRecord]]) -> dict[str, RunDetails]:
        content = self._content
        nothing = RunDetails([], [])
        if not content.history_rows and not content.console_lines:
            return {run.id: nothing for _, run in part}
        found: dict[str, RunDetails] = {}
        for start in range(0, len(part), RUNS_PER_REQUEST):
            wanted = [run.id for _, run in part[start : start + RUNS_PER_REQUEST]]
            reference = part[start][0].reference
            try:
                found |= self._details.read(
                    reference, wanted, samples=content.history_rows, lines=content.console_lines
                )
            except ServerLostError:
                raise
            except ServerError:
                # A server that does not answer for several runs at once is asked for each.
                found |= {run_id: self._one_by_one(reference, run_id) for run_id in wanted}
        return {run.id: found.get(run.id, nothing) for _, run in part}

    def _one_by_one(self, reference: SweepReference, run_id: str) -> RunDetails:
        entity, project, content = reference.entity, reference.project, self._content
        history: list[HistoryPoint] = []
        console: list[ConsoleLine] = []
        if content.history_rows:
            history = self._client.read_history(entity, project, run_id, samples=content.history_rows)
        if content.console_lines:
            console = self._client.read_console(entity, project, run_id)[-content.console_lines :]
        return RunDetails(history, console)

    def _write_chunk(
        self,
        archive: zipfile.ZipFile,
        chunk: int,
        part: Sequence[tuple[SweepRecord, RunRecord]],
        details: Mapping[str, RunDetails],
    ) -> None:
        with archive.open(layout.history_name(chunk), "w", force_zip64=True) as file:
            for _, run in part:
                if history := details[run.id].history:
                    file.write(self._line(layout.history_json(run.id, history)).encode())
        with archive.open(layout.console_name(chunk), "w", force_zip64=True) as file:
            for _, run in part:
                if console := details[run.id].console:
                    file.write(self._line(layout.console_json(run.id, console)).encode())

    def _without_keys(self, content: bytes) -> bytes:
        for secret in self._secrets:
            content = content.replace(secret.encode(), _REMOVED.encode())
        return _WANDB_KEY_BYTES.sub(_REMOVED.encode(), content)

    def _line(self, entry: Mapping[str, Any]) -> str:
        """Return an entry as a line of JSON, without the keys that stand in it."""
        text = json.dumps(entry, separators=(",", ":"), ensure_ascii=True)
        for secret in self._secrets:
            text = text.replace(json.dumps(secret)[1:-1], _REMOVED)
        return _WANDB_KEY.sub(_REMOVED, text) + "\n"


def _with_best(run: RunRecord, metric: Metric | None, history: Sequence[HistoryPoint]) -> RunRecord:
    """Return a run whose curve is the point with its best value, where that is not known from the summary."""
    if metric is None:
        return run
    best: tuple[int, float] | None = None
    for point in history:
        value = point.values.get(metric.name)
        if value is not None and abs(value) != float("inf") and metric.is_better(value, best[1] if best else None):
            best = (point.step, value)
    return replace(run, curve=(HistoryPoint(best[0], {metric.name: best[1]}),) if best else ())
