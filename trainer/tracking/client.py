"""What the rest of the program may ask of a W&B server. `wandb_client` answers over W&B's wire protocol."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from trainer.records import (
    AgentCommand,
    ConsoleLine,
    ConsolePage,
    HistoryPoint,
    Json,
    Metric,
    RateBudget,
    RunRecord,
    SweepRecord,
    SweepReference,
)
from trainer.run_contents import RunArtifact, RunFile, RunOrigin
from trainer.settings import Connection
from trainer.states import SweepState
from trainer.tracking.request_gate import RequestGate
from trainer.tracking.run_news import Curves, CurvesAsk, RunAsk, RunNews

ENQUEUE_FEATURE = "SWEEPS_LOCAL_SCHEDULER"
"""What a server must offer for `enqueue_run` (SDK 0.31, `Sweep.enqueue_run`)."""


@dataclass(frozen=True, slots=True)
class SweepSnapshot:
    """One answer of the server about a sweep."""

    sweep: SweepRecord
    runs: tuple[RunRecord, ...]
    """The runs that may differ from the last snapshot; all of them in the first."""
    cursor: str
    """Opaque: give it to the next `poll_sweep` to hear only of what changed since."""
    budget: RateBudget | None = None
    """What is left of what the server lets itself be asked; None where it does not say."""
    clock_ahead_seconds: float | None = None
    """How much later it is by the server's clock than by ours; None where it does not say."""
    gone: tuple[str, ...] = ()
    """Ids of runs that were alive in the last snapshot, and that the server has no more."""


class TrackingClient(Protocol):
    """A W&B server as the program sees it. Every call blocks for at most the client's timeout; thread-safe.

    Every method raises `ServerLostError` when the server does not answer, `AuthenticationError` when it refuses
    the key, `NotFoundError` when it has no such thing, and `ServerError` for any other error it reports.
    """

    connection: Connection

    @property
    def gate(self) -> RequestGate | None:
        """What holds back requests while the server asks for it; None where nothing ever is."""

    def close(self) -> None:
        """Have everybody who waits for the server hear at once that it will not answer; ask nothing more."""

    def default_entity(self) -> str:
        """Return the entity that owns the key."""

    def sweep_pages(self, project: str | None = None, *, entity: str | None = None) -> Iterator[list[SweepRecord]]:
        """Yield sweeps of an entity as they are read, of one project or (None) of all; in no order."""

    def changed_sweeps(self, known: Sequence[SweepRecord], project: str | None = None) -> list[SweepRecord] | None:
        """Return sweeps, newest first, with what is new; None where that takes reading all of them."""

    def list_sweeps(
        self, project: str | None = None, limit: int | None = 200, *, entity: str | None = None
    ) -> list[SweepRecord]:
        """Return sweeps of an entity, newest first, of one project or (None) of all.

        Args:
            project: The project; None for every one.
            limit: How many at most; None for all there are.
            entity: The entity; None for the connection's.
        """

    def read_sweep(self, reference: SweepReference) -> SweepRecord:
        """Return one sweep."""

    def create_sweep(
        self, config: Mapping[str, Json], entity: str, project: str, prior_runs: Sequence[str] = ()
    ) -> SweepRecord:
        """Create a sweep; the configuration is sent as the stock SDK sends it."""

    def set_sweep_state(self, reference: SweepReference, state: SweepState) -> None:
        """Pause (PAUSED), resume (RUNNING), stop (FINISHED: current runs end by themselves) or cancel a sweep."""

    def poll_sweep(self, reference: SweepReference, cursor: str = "", *, curves: bool = True) -> SweepSnapshot:
        """Return what changed since `cursor`, in one request (more only while the first snapshot pages).

        The cost is bounded by the runs alive and new since, not by those finished before.
        """

    def poll_sweeps(
        self, asked: Sequence[tuple[SweepReference, str]], *, curves: bool = True, metric: Metric | None = None
    ) -> list[SweepSnapshot | None]:
        """Return what changed of several sweeps since a cursor of each, in one request for all that have one.

        Args:
            asked: Sweeps with their cursors.
            curves: Whether curves are wanted.
            metric: Of which metric; None for what each sweep optimises.

        Returns:
            A snapshot for each; None for a sweep that the server does not have.
        """

    def polling(self) -> AbstractContextManager[None]:
        """Note that this thread polls until the context is left: what others want to know rides along."""

    def read_news(self, asks: Sequence[RunAsk], stop: threading.Event | None = None) -> list[RunNews | None]:
        """Return what is new of runs, in one request; None for those that the server does not have.

        Args:
            asks: What to know of which runs.
            stop: Where given, the answers come with the next poll of whoever polls this server, and setting it ends
                the wait for that; the server is asked at once where nobody polls.
        """

    def read_curves(self, asks: Sequence[CurvesAsk], stop: threading.Event | None = None) -> Curves:
        """Return sampled curves of metrics, in one request; `stop` as in `read_news`."""

    def read_runs(self, sweep: SweepRecord, metric: Metric | None = None) -> tuple[RunRecord, ...]:
        """Return every run of a sweep, oldest first; with the curve of `metric` where one is given."""

    def read_prior_runs(self, reference: SweepReference) -> tuple[RunRecord, ...]:
        """Return the finished runs of other sweeps whose points a sweep does not run again; none where nobody knows."""

    def read_run(self, entity: str, project: str, run_id: str) -> RunRecord:
        """Return one run, without its curve."""

    def read_history(
        self, entity: str, project: str, run_id: str, *, min_step: int = 0, samples: int = 1000
    ) -> list[HistoryPoint]:
        """Return up to `samples` rows of a run's history, from `min_step` on, oldest first."""

    def read_histories(
        self, entity: str, project: str, run_ids: Sequence[str], *, samples: int = 1000
    ) -> dict[str, list[HistoryPoint]]:
        """Return up to `samples` rows of each run's history, oldest first, in one request; no unknown runs."""

    def read_console(self, entity: str, project: str, run_id: str, *, after: int = -1) -> list[ConsoleLine]:
        """Return the lines a run printed whose number is greater than `after`."""

    def read_console_page(
        self, entity: str, project: str, run_id: str, *, lines: int, before: str = "", after: str | None = None
    ) -> ConsolePage:
        """Return up to `lines` lines: the last before a mark, or the first behind one (empty: from the beginning)."""

    def read_system(self, entity: str, project: str, run_id: str, *, samples: int = 500) -> list[HistoryPoint]:
        """Return up to `samples` rows of a run's system metrics, oldest first, without `system.` in their names."""

    def read_files(self, entity: str, project: str, run_id: str, names: Sequence[str] = ()) -> list[RunFile]:
        """Return the files of a run whose bytes arrived; of `names` only, where some are given."""

    def read_artifacts(self, entity: str, project: str, run_id: str) -> list[RunArtifact]:
        """Return the artifacts that a run logged, then those that it used."""

    def read_artifact_files(self, entity: str, project: str, artifact: RunArtifact) -> list[RunFile]:
        """Return the files of an artifact."""

    def read_origin(self, entity: str, project: str, run_id: str) -> RunOrigin:
        """Return where a run comes from."""

    def stream_file(self, file: RunFile) -> Iterator[bytes]:
        """Yield the bytes of a file as they arrive; NotFoundError where they are not to be had."""

    def stop_run(self, entity: str, project: str, run_id: str) -> None:
        """Ask a run to end; it ends at its next step."""

    def change_run(
        self, entity: str, project: str, run_id: str, *, tags: Sequence[str] | None = None, notes: str | None = None
    ) -> None:
        """Give a run other tags or notes; what is None stays."""

    def delete_run(self, entity: str, project: str, run_id: str) -> None:
        """Delete a run, what it logged and its files; artifacts stay."""

    def server_features(self) -> frozenset[str]:
        """Return the names of the newer parts of the protocol that the server speaks (SDK 0.31: `ServerFeature`)."""

    def enqueue_run(self, reference: SweepReference, config: Mapping[str, Json]) -> str:
        """Have an agent of a sweep run a configuration, in flat form; return the id of its run.

        The server must have the feature `ENQUEUE_FEATURE`. Asked twice it makes two runs.
        """

    def create_agent(self, reference: SweepReference, host: str) -> str:
        """Register an agent for a sweep and return its id."""

    def heartbeat(self, agent_id: str, live_run_ids: Sequence[str]) -> list[AgentCommand]:
        """Report an agent's live runs and return the commands to obey; empty means wait."""
