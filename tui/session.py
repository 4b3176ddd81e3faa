"""What is alive while the app runs: the connection, its client, local agents. Owns no widget and starts no thread.

Every method that blocks says so; screens call those in thread workers only. What they need is imported inside
`connect` and its kin, in the worker: requests and the agent pool cost 150 ms that the first paint must not wait for.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.records import HistoryPoint, Json, Metric, RunRecord, SweepRecord, SweepReference
from trainer.settings import Connection, ServerKind, Settings
from trainer.states import SweepState
from tui.head_start import BeginsEarly
from tui.session_agents import AgentActions
from tui.session_contents import RunReads
from tui.session_runs import RunActions
from tui.session_servers import ServerChoice
from tui.session_waiting import SessionWaiting

if TYPE_CHECKING:
    from trainer.events import SweepEvent
    from trainer.insight.apart import InsightProcess
    from trainer.insight.report import Insight
    from trainer.launch import LaunchRequest
    from trainer.records import Ranking
    from trainer.search.cost import RunTime
    from trainer.search.narrowing import Narrowing
    from trainer.sweep.seed_names import Seeds
    from trainer.tracking.client import TrackingClient
    from trainer.tracking.history_cache import HistoryCache
    from trainer.tracking.retry import RetryReport
    from trainer.trial.extremes import Extremes
    from trainer.trial.report import TrialRun
    from trainer.trial.runner import Trial, TrialProgress


PATIENCE_SECONDS = 600.0
"""So long is waited where the server asks to be left alone: who looks on sees that, and may give it up."""


class Session(SessionWaiting, AgentActions, RunActions, RunReads, ServerChoice, BeginsEarly):
    """The server, client and agents of one app. Thread-safe."""

    why_read_only = ""
    """Why nothing can be changed, in one sentence; empty where it can."""
    frozen_at: datetime | None = None
    """When what is shown was so, where it does not go on; None where it does."""

    def __init__(self, settings: Settings, cwd: Path) -> None:
        """Remember the user's choice of server; nothing is contacted yet.

        Args:
            settings: Which server to use.
            cwd: Folder in which programs run and relative paths start.
        """
        super().__init__()
        self.settings = settings
        self.cwd = cwd
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._histories: HistoryCache | None = None
        self._insights: InsightProcess | None = None
        self._insight_lock = threading.Lock()

    def on_server(self, settings: Settings) -> Session:
        """Return the session of another server; this one where it is the same."""
        if settings == self.settings:
            return self
        other = Session(settings, self.cwd)
        other._kin = self._kin
        self._kin.append(other)
        return other

    @property
    def is_connected(self) -> bool:
        """Whether the server has answered once."""
        return self._connection is not None

    @property
    def label(self) -> str:
        """The words that name the server; says so while it has not answered yet."""
        if self._connection is not None:
            return self._connection.label
        if self.settings.kind is ServerKind.EMBEDDED:
            return "embedded server starting…"
        return f"connecting to {self.settings.base_url}…"

    @property
    def project(self) -> str | None:
        """The project the user asked for; None for every project."""
        return self.settings.project

    def connect(self) -> Connection:
        """Connect unless connected already; blocks until the server answered (up to 15 s where it must be started).

        Raises:
            ServerLostError: If the server does not answer.
            AuthenticationError: If it refuses the key.
        """
        with self._lock:
            if self._connection is None:
                from trainer.connection import connect
                from trainer.tracking.wandb_client import WandbClient

                connection = connect(self.settings, self.note_connecting)
                self.use(WandbClient(connection, patience_seconds=PATIENCE_SECONDS))
                self._connection = connection
            return self._connection

    @property
    def client(self) -> TrackingClient:
        """The client of the connection; blocks like `connect` on first use."""
        self.connect()
        assert self._client is not None
        return self._client

    def resolve_reference(self, text: str) -> SweepReference:
        """Return the sweep that a text names (id, `project/id`, `entity/project/id` or URL); blocks.

        Raises:
            SweepReferenceError: If the text does not name a sweep.
        """
        from trainer.tracking.references import find_sweep_reference

        return find_sweep_reference(self.client, text)

    def read_sweep(self, reference: SweepReference) -> SweepRecord:
        """Return one sweep; blocks."""
        return self.client.read_sweep(reference)

    def reusable_runs(self, reference: SweepReference) -> list[RunRecord]:
        """Return the runs of a sweep and of those made for its missing points; blocks."""
        from trainer.tracking.forking import read_reusable_runs

        return read_reusable_runs(self.client, reference)

    def narrowing(self, sweep: SweepRecord) -> Narrowing:
        """Return how a sweep with a metric is narrowed to its best runs; blocks."""
        from trainer.search.narrowing import narrowing
        from trainer.tracking.evaluated import evaluated

        assert sweep.metric is not None
        runs = self.client.read_runs(sweep, sweep.metric)
        return narrowing(sweep.config, evaluated(runs, sweep.metric), sweep.metric.goal)

    def insight(self, sweep: SweepRecord, by: Ranking, metric: Metric, seeds: Seeds | None = None) -> Insight:
        """Return what the runs of a sweep say about a metric; blocks, and computes for seconds.

        Raises:
            SweepConfigError: If its parameters or its `early_terminate` cannot be read.
            ServerError: If the server refuses.
            AnalysisError: If the process that computes it ended.
        """
        from trainer.insight.apart import InsightProcess

        with self._insight_lock:
            process = self._insights = self._insights or InsightProcess()
        process.begin()
        return process.insight_of(sweep, self.client.read_runs(sweep, metric), metric, by, seeds)

    def end_insight(self) -> None:
        """Give up what `insight` is computing, and what it has in memory."""
        with self._insight_lock:
            process, self._insights = self._insights, None
        if process is not None:
            process.close()

    def launch(
        self,
        config: Mapping[str, Json],
        agents: int | None,
        project: str | None = None,
        *,
        gpus: str = "",
        given: LaunchRequest | None = None,
    ) -> SweepRecord:
        """Check a configuration, create the sweep and start its local agents; blocks.

        Args:
            config: The sweep configuration.
            agents: Local agents to start; 0 creates the sweep only, None starts as many as the GPUs have room for.
            project: Where to create it; None for the session's project, else the configuration's.
            gpus: GPUs for the agents: `all`, `none`, numbers or UUIDs; empty where nothing was said.
            given: What the command line asked for besides.

        Raises:
            SweepConfigError, ProgramError, DeviceError: If it cannot run; nothing has been created then.
            ServerError, AgentError: If the server or this machine refuses.
        """
        from trainer.agents.devices import DeviceWish
        from trainer.launch import LaunchRequest, launch_sweep

        request = given or LaunchRequest(config, agents, self.cwd, devices=DeviceWish(gpus) if gpus else DeviceWish())
        connection = self.connect()
        if project:
            connection = dataclasses.replace(connection, project=project)
        return launch_sweep(connection, self.client, request).sweep

    def run_time(self, config: Mapping[str, Json]) -> RunTime | None:
        """Return what a run of a sweep's program takes, from what is known here and on the server; blocks.

        A server that has not been connected to is neither started nor asked, but for an embedded one that runs.
        """
        from trainer.run_times import known_run_time, told_run_time

        if self._connection is None:
            return known_run_time(config, self.cwd, self.settings)
        return told_run_time(config, self.cwd, self._connection, self.project)

    def count_gpus(self) -> int:
        """Return how many GPUs agents here may use; blocks."""
        from trainer.agents.assignment import our_gpus

        return len(our_gpus().gpus)

    def trial(
        self,
        config: Mapping[str, Json],
        extremes: Extremes,
        on_progress: Callable[[TrialProgress], None],
        on_run: Callable[[TrialRun], None],
    ) -> Trial:
        """Return a trial of some configurations of a sweep, which has not begun. Its `run` blocks."""
        from trainer.trial.runner import Trial

        return Trial(
            config, extremes.configurations, self.cwd, on_progress=on_progress, on_run=on_run,
            left_out=extremes.left_out,
        )  # fmt: skip

    def remember_run_time(self, config: Mapping[str, Json], run_time: RunTime) -> None:
        """Note what a run of a sweep's program took; blocks.

        Raises:
            InputError: If it cannot be written.
        """
        from trainer.run_times import remember

        remember(config, self.cwd, run_time)

    def list_gpus(self) -> str:
        """Return the GPUs that agents here may use, in a few words; empty when there are none. Blocks."""
        from trainer.agents.assignment import our_gpus
        from trainer.agents.devices import inventory_summary

        return inventory_summary(our_gpus())

    def logged_metrics(self, project: str | None) -> list[str]:
        """Return what runs of earlier sweeps logged, the metrics of sweeps first; blocks.

        Asks only a server that has answered already: suggestions are no reason to start one.

        Args:
            project: The project; None for the session's, else for every one.

        Raises:
            ServerError: If the server refuses.
        """
        if not self.is_connected:
            return []
        sweeps = self.client.list_sweeps(project or self.project, limit=50)
        names = [sweep.metric.name for sweep in sweeps if sweep.metric is not None]
        small = [sweep for sweep in sweeps if 0 < sweep.run_count <= 500][:3]
        for sweep in small:
            for run in self.client.poll_sweep(sweep.reference, curves=False).runs[:20]:
                names += [name for name, value in run.summary.items() if type(value) in (int, float)]
        return list(dict.fromkeys(names))

    def follow(self, reference: SweepReference, stop: threading.Event) -> Iterator[SweepEvent]:
        """Yield everything about a sweep and its local agents, then what changes, until `stop` is set; blocks."""
        from trainer.agents.pool import known_agents
        from trainer.watch import watch_sweep

        client, first = self.client, self.take_begun(reference)
        return watch_sweep(client, reference, stop, agents=lambda: known_agents(reference), forever=True, first=first)

    def set_sweep_state(self, reference: SweepReference, state: SweepState) -> None:
        """Pause, resume, stop or cancel a sweep; blocks."""
        self.client.set_sweep_state(reference, state)

    def plan_retry(self, reference: SweepReference) -> RetryReport:
        """Return what `retry_failed` would do; blocks."""
        from trainer.tracking.retry import retry_failed

        return retry_failed(self.client, self.client.read_sweep(reference), dry_run=True)

    def retry_failed(self, reference: SweepReference) -> RetryReport:
        """Have the failed points of a sweep run again, and start an agent where none would do it; blocks.

        Raises:
            InputError, ServerError: If the points cannot be run again; AgentError: if no agent can be started.
        """
        from trainer.agents.pool import live_hosts
        from trainer.tracking.retry import retry_failed

        report = retry_failed(self.client, self.client.read_sweep(reference))
        for target in report.to_work_on if report.has_work else ():
            if not any(agent.is_ready for host in live_hosts(target) for agent in host.agents()):
                self.start_agents(target, 1)
        return report

    def read_run(self, reference: SweepReference, run_id: str) -> RunRecord:
        """Return one run of a sweep, without its curve; blocks."""
        return self.client.read_run(reference.entity, reference.project, run_id)

    def read_history(
        self, reference: SweepReference, run_id: str, *, min_step: int = 0, samples: int = 1000
    ) -> list[HistoryPoint]:
        """Return rows of a run's history, oldest first; blocks."""
        return self.client.read_history(reference.entity, reference.project, run_id, min_step=min_step, samples=samples)

    def read_histories(
        self, reference: SweepReference, runs: Sequence[RunRecord], *, samples: int = 1000,
        stop: threading.Event | None = None,
    ) -> dict[str, list[HistoryPoint]]:  # fmt: skip
        """Return rows of histories, in one request at most; those of ended runs are kept on disk; blocks.

        Args:
            reference: Their sweep.
            runs: The runs as they are known.
            samples: Rows of each at most.
            stop: Where given, what has to be asked is asked with the next poll, and setting it ends the wait.
        """
        from trainer.paths import histories_dir
        from trainer.tracking.history_cache import HistoryCache
        from trainer.tracking.run_news import RunAsk

        client, self._histories = self.client, self._histories or HistoryCache(histories_dir())

        def ask(run_ids: Sequence[str]) -> dict[str, list[HistoryPoint]]:
            if stop is None:
                return client.read_histories(reference.entity, reference.project, run_ids, samples=samples)
            where = (reference.entity, reference.project)
            asks = [RunAsk(*where, run_id, from_step=0, samples=samples) for run_id in run_ids]
            found = client.read_news(asks, stop)
            return {run_id: list(news.history) for run_id, news in zip(run_ids, found, strict=True) if news is not None}

        return self._histories.read(client.connection.base_url, reference, runs, samples, ask)

    def read_curves(self, sweep: SweepRecord, metric_name: str) -> Sequence[RunRecord]:
        """Return all runs of a sweep with the sampled history of a metric as their curve; blocks."""
        return self.client.read_runs(sweep, Metric(metric_name))

    def read_samples(
        self, reference: SweepReference, run_ids: Sequence[str], metric_name: str, samples: int,
        stop: threading.Event | None = None,
    ) -> dict[str, list[HistoryPoint]]:  # fmt: skip
        """Return sampled histories of a metric, in one request; with the next poll where there is a `stop`; blocks."""
        from trainer.tracking.run_news import CurvesAsk

        ask = CurvesAsk(reference.entity, reference.project, tuple(run_ids), (metric_name,), samples)
        found = self.client.read_curves([ask], stop)
        return {run_id: curves.get(metric_name, []) for run_id, curves in found.items()}
