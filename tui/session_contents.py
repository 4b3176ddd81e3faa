"""RunReads: what a session reads of what hangs on a run. Every method blocks; screens call them in workers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.records import ConsolePage, HistoryPoint, RunRecord, SweepRecord, SweepReference

if TYPE_CHECKING:
    from trainer.run_contents import RunArtifact, RunFile, RunOrigin
    from trainer.tracking.client import TrackingClient
    from trainer.tracking.run_news import RunAsk, RunNews

TEXT_BYTES = 512 * 1024
"""Bytes of a file that is looked at; of a longer one, its beginning."""


class RunReads:
    """The part of `Session` that reads consoles, system metrics, files, artifacts and origins."""

    @property
    def client(self) -> TrackingClient:
        """The client of the connection."""
        raise NotImplementedError

    def read_console_page(
        self, reference: SweepReference, run_id: str, *, lines: int, before: str = "", after: str | None = None
    ) -> ConsolePage:
        """Return the last lines a run printed before a mark, or the first behind one; blocks."""
        where = (reference.entity, reference.project, run_id)
        return self.client.read_console_page(*where, lines=lines, before=before, after=after)

    def read_news(self, asks: Sequence[RunAsk], stop: threading.Event | None = None) -> list[RunNews | None]:
        """Return news of runs, None for those that are gone; with the next poll where there is a `stop`; blocks."""
        return self.client.read_news(asks, stop)

    def look_at_console(self, reference: SweepReference, run_id: str, stop: threading.Event, lines: int) -> ConsolePage:
        """Return the last lines a run printed, with the next poll; none where `stop` was set meanwhile. Blocks."""
        from trainer.tracking.run_news import RunAsk

        ask = RunAsk(reference.entity, reference.project, run_id, last_lines=lines)
        (news,) = self.read_news([ask], stop)
        return news.console if news is not None else ConsolePage()

    def read_system(self, reference: SweepReference, run_id: str) -> list[HistoryPoint]:
        """Return rows of a run's system metrics, oldest first; blocks."""
        return self.client.read_system(reference.entity, reference.project, run_id)

    def read_files(self, reference: SweepReference, run_id: str, names: Sequence[str] = ()) -> list[RunFile]:
        """Return the files of a run, or those of some names; blocks."""
        return self.client.read_files(reference.entity, reference.project, run_id, names)

    def read_artifacts(self, reference: SweepReference, run_id: str) -> list[RunArtifact]:
        """Return the artifacts that a run logged, then those it used; blocks."""
        return self.client.read_artifacts(reference.entity, reference.project, run_id)

    def read_artifact_files(self, reference: SweepReference, artifact: RunArtifact) -> list[RunFile]:
        """Return the files of an artifact; blocks."""
        return self.client.read_artifact_files(reference.entity, reference.project, artifact)

    def read_origin(self, reference: SweepReference, run_id: str) -> RunOrigin:
        """Return where a run comes from; blocks."""
        return self.client.read_origin(reference.entity, reference.project, run_id)

    def read_text(self, file: RunFile) -> tuple[str, bool]:
        """Return a file as a text, and whether only its beginning; blocks.

        Raises:
            InputError: If it is no text.
        """
        from trainer.tracking.downloads import read_text

        return read_text(self.client, file, TEXT_BYTES)

    def save_files(
        self,
        files: Sequence[tuple[RunFile, Path]],
        *,
        replace: bool,
        on_bytes: Callable[[RunFile, int], object],
        stop: threading.Event,
    ) -> int:
        """Write files of a run to paths; those that are there with the same bytes are left. Blocks.

        Returns:
            How many were written.

        Raises:
            InputError: If one is there with other bytes, or the disk does not take it.
            DownloadStoppedError: If `stop` was set.
        """
        from trainer.tracking.downloads import is_here, save_file

        written = 0
        for file, path in files:
            if is_here(file, path):
                on_bytes(file, file.size)
                continue
            save_file(self.client, file, path, replace=replace, stop=stop, on_bytes=partial(on_bytes, file))
            written += 1
        return written

    def read_all_curves(self, sweep: SweepRecord) -> Sequence[RunRecord]:
        """Return all runs of a sweep with the history of its metric as their curve, sampled; blocks."""
        return self.client.read_runs(sweep, sweep.metric)
