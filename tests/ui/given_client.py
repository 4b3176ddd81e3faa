"""A tracking client whose sweeps and runs are given, for pictures of screens that read through the client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from tests.ui.feed_session import FeedSession
from tests.ui.memory_session import CONNECTION
from trainer.errors import TrainerError
from trainer.records import Metric, RunRecord, SweepRecord, SweepReference
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

    def polling(self) -> AbstractContextManager[None]:
        return nullcontext()

    def poll_sweeps(
        self, asked: Sequence[tuple[SweepReference, str]], *, curves: bool = True, metric: Metric | None = None
    ) -> list[SweepSnapshot | None]:
        return [
            SweepSnapshot(self.sweeps[reference.id], () if cursor else tuple(self.runs[reference.id]), "all")
            for reference, cursor in asked
        ]


class SeveralSweepsSession(FeedSession):
    """A server with several sweeps, each with runs."""

    def __init__(self, cwd: Path, sweeps: Sequence[SweepRecord], runs: Sequence[Sequence[RunRecord]]) -> None:
        super().__init__(cwd=cwd)
        self.sweeps = list(sweeps)
        ids = [sweep.reference.id for sweep in sweeps]
        self.given = GivenClient(dict(zip(ids, runs, strict=True)), dict(zip(ids, sweeps, strict=True)))
        self._client = cast(TrackingClient, self.given)
