"""A server with one sweep, in memory: what `write_bundle` asks of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from trainer.bundle.client import BundleClient
from trainer.bundle.writing import BundleContent, write_bundle
from trainer.records import ConsoleLine, HistoryPoint, Metric, RunRecord, SweepRecord, SweepReference
from trainer.settings import Connection, ServerKind
from trainer.tracking.client import TrackingClient
from trainer.tracking.run_details import RunDetails

KEY = "local-canary-0123456789abcdef0123456789abcdef"


class OneSweepServer:
    """Its sweep, its runs, and their details by run."""

    def __init__(self, sweep: SweepRecord, runs: Sequence[RunRecord], details: dict[str, RunDetails]) -> None:
        self.connection = Connection(ServerKind.EMBEDDED, "http://me:secret@127.0.0.1:1", KEY, "me")
        self.sweep, self.runs, self.details = sweep, tuple(runs), details

    def read_runs(self, sweep: SweepRecord, metric: Metric | None = None) -> tuple[RunRecord, ...]:
        return tuple(replace(run, curve=()) for run in self.runs)

    def read(
        self, reference: SweepReference, run_ids: Sequence[str], *, samples: int, lines: int
    ) -> dict[str, RunDetails]:
        return {run_id: self.details[run_id] for run_id in run_ids if run_id in self.details}

    def bundle(self, path: Path, content: BundleContent | None = None) -> BundleClient:
        """Write a bundle of everything and open it."""
        write_bundle(cast(TrackingClient, self), self, [self.sweep], path, content=content)
        return BundleClient(path)


def details_of(run: RunRecord, *console: str) -> RunDetails:
    """Return the curve of a run as its history, and lines that it printed."""
    history = [HistoryPoint(p.step, {**p.values, "loss": -p.step}, float(p.step)) for p in run.curve]
    return RunDetails(history, [ConsoleLine(number, text, number == 1) for number, text in enumerate(console)])
