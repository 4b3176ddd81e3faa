"""A tracking client whose sweeps and runs are given, for pictures of screens that read through the client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from tests.ui.feed_session import FeedSession
from tests.ui.memory_session import CONNECTION
from trainer.errors import TrainerError
from trainer.records import HistoryPoint, Metric, RunRecord, SweepRecord, SweepReference
from trainer.settings import Connection
from trainer.tracking.client import SweepSnapshot, TrackingClient


@dataclass
class GivenClient:
    """Answers what the comparing screens ask; raises `failure` while it is set."""

    runs: Mapping[str, Sequence[RunRecord]]
    """By the id of their sweep."""
    sweeps: Mapping[str, SweepRecord]
    connection: Connection = CONNECTION
    failure: TrainerError | None = field(default=None)

    def read_sweep(self, reference: SweepReference) -> SweepRecord:
        if self.failure is not None:
            raise self.failure
        return self.sweeps[reference.id]

    def read_runs(self, sweep: SweepRecord, metric: Metric | None = None) -> tuple[RunRecord, ...]:
        return tuple(self.runs[sweep.reference.id])

    def poll_sweep(self, reference: SweepReference, cursor: str = "", *, curves: bool = True) -> SweepSnapshot:
        return SweepSnapshot(self.sweeps[reference.id], () if cursor else tuple(self.runs[reference.id]), "all")

    def read_histories(
        self, entity: str, project: str, run_ids: Sequence[str], *, samples: int = 1000
    ) -> dict[str, list[HistoryPoint]]:
        return {run_id: [] for run_id in run_ids}


class SeveralSweepsSession(FeedSession):
    """A server with several sweeps, each with runs."""

    def __init__(self, cwd: Path, sweeps: Sequence[SweepRecord], runs: Sequence[Sequence[RunRecord]]) -> None:
        super().__init__(cwd=cwd)
        self.sweeps = list(sweeps)
        ids = [sweep.reference.id for sweep in sweeps]
        self.given = GivenClient(dict(zip(ids, runs, strict=True)), dict(zip(ids, sweeps, strict=True)))
        self._client = cast(TrackingClient, self.given)
