"""Run a trial: the sweep's command as agents start it, watched until it has shown enough, then stopped.

Everything that starts, stops and judges a run is the agents' own. What differs: each run is a fresh process, the server
is the embedded one whatever the sweep will use, and nothing of it stays.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trainer.agents.aftermath import metric_problem
from trainer.agents.assignment import assign_devices
from trainer.agents.devices import DevicePlan, DeviceWish
from trainer.agents.failure_signs import FailureKind
from trainer.agents.guard import Guard
from trainer.agents.host_files import SlotStatus
from trainer.agents.host_life import Retry
from trainer.agents.log_tail import read_tail
from trainer.agents.process import ASK, KILL, TERMINATE, StopStep
from trainer.agents.python_command import PythonCommand, python_command, reason_against_warm
from trainer.agents.run_start import RunStarter
from trainer.agents.slot_run import RunEnd, SlotRun
from trainer.connection import connect
from trainer.errors import NotFoundError, ProgramError, TrainerError
from trainer.records import AgentCommand, HistoryPoint, Json, LocalAgent, RunRecord
from trainer.settings import ServerKind, Settings
from trainer.states import AgentState
from trainer.sweep.command import command_argv
from trainer.sweep.config import metric_of
from trainer.tracking.wandb_client import WandbClient
from trainer.trial.report import Ending, TrialReport, TrialRun, config_changes
from trainer.trial.scratch import Scratch, clear_away

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.25
_LEFTOVER_SECONDS = 12.0
"""Longer than it takes to terminate what a run left behind."""
_QUIET_SECONDS = 1.5
"""A little longer than rows take to arrive."""
_TAIL_LINES = 20
_MODES = ("offline", "disabled", "dryrun", "off")


@dataclass(frozen=True, slots=True)
class TrialLimits:
    """When a run of a trial has shown enough."""

    rows: int = 5
    """Logged rows after which it is stopped."""
    seconds: float = 60.0
    """Time after which it is stopped, whatever it has logged."""
    patience_seconds: float = 3.0
    """After its first row, or after it has gone quiet, it is given this to end by itself: then it tells how long a run
    takes."""
    ask_seconds: float = 5.0
    """Between asking it to end and terminating it, and between that and killing it."""


@dataclass(frozen=True, slots=True)
class TrialProgress:
    """Where a trial is."""

    number: int
    """The configuration under way, counted from 1."""
    planned: int
    config: Mapping[str, Json]
    log_path: Path
    """Where its output goes."""
    seconds: float
    rows: int = 0
    stopping: str = ""
    """`asked`, `terminated` or `killed` while it is being stopped."""


class Trial:
    """One trial: some configurations of a sweep, one after the other. `run` once; `stop` from any thread."""

    def __init__(
        self,
        config: Mapping[str, Json],
        configurations: Sequence[Mapping[str, Json]],
        cwd: Path,
        limits: TrialLimits | None = None,
        *,
        on_progress: Callable[[TrialProgress], None] = lambda _: None,
        on_run: Callable[[TrialRun], None] = lambda _: None,
        left_out: tuple[str, ...] = (),
    ) -> None:
        """Prepare; nothing is started.

        Args:
            config: The sweep configuration, without violations.
            configurations: What to run, flat form.
            cwd: Folder the program runs in.
            limits: When a run has shown enough.
            on_progress: Called a few times a second, by the thread that is in `run`.
            on_run: Called when a run has ended.
            left_out: What the configurations do not cover.
        """
        self._config = config
        self._configurations = list(configurations)
        self._cwd = cwd
        self._limits = limits or TrialLimits()
        self._on_progress = on_progress
        self._on_run = on_run
        self._left_out = left_out
        self._stop_level = 0
        self._wake = threading.Event()
        metric = metric_of(config)
        self._metric = metric.name if metric else ""

    def stop(self, *, now: bool = False) -> None:
        """End the trial: ask the run under way to end, or kill it."""
        self._stop_level = 2 if now or self._stop_level else 1
        self._wake.set()

    def run(self) -> TrialReport:
        """Run it, and return what was found out; blocks. Nothing of it is left when this returns.

        Raises:
            ProgramError: If the program is missing, or nothing can start it.
            DeviceError: If the GPUs cannot be had.
            ServerError: If the embedded server does not start, or refuses.
        """
        client = WandbClient(connect(Settings(ServerKind.EMBEDDED, "")))
        clear_away(client)
        plan = assign_devices(DeviceWish(), 1)
        runs: list[TrialRun] = []
        try:
            scratch = Scratch(client, self._config, self._cwd, plan.cpu_threads)
            guard = Guard(scratch.files.directory, lambda event, **details: logger.debug("%s %s", event, details))
            try:
                starter = RunStarter(scratch.spec, scratch.files, _environment(client))
                starter.check()
                guard.keep()
                for number, config in enumerate(self._configurations, start=1):
                    if self._stop_level:
                        break
                    runs.append(self._run_one(client, scratch, starter, plan, number, config))
                    self._on_run(runs[-1])
            finally:
                guard.dismiss()
                scratch.delete()
        finally:
            plan.release()
        return TrialReport(tuple(runs), len(self._configurations), self._left_out, _is_warm(self._config))

    def _run_one(
        self,
        client: WandbClient,
        scratch: Scratch,
        starter: RunStarter,
        plan: DevicePlan,
        number: int,
        config: Mapping[str, Json],
    ) -> TrialRun:
        command = AgentCommand("run", f"{scratch.project}-{number}", dict(config))
        log_path = starter.log_path(command)
        argv = tuple(command_argv(self._config, config, args_json_file="config.json"))
        began_at = time.monotonic()
        retry = Retry(command, 1, {})
        try:
            run = SlotRun(retry, lambda: starter.start(command, self._wake.set, plan.slots[0]), log_path, None)
        except ProgramError as error:
            kind = FailureKind.MISSING_PROGRAM.value
            return TrialRun(
                number, config, argv, Ending.FAILED, 0.0, failure_kind=kind, failure=str(error), began=False
            )
        self._note(scratch, run)
        watched = _Watched(client, scratch, command.run_id)
        ending, end, seconds = self._watch(run, watched, number, config, began_at)
        leftovers = _leftovers(run)
        self._note(scratch, None)
        watched.look()
        return self._judged(watched, run, end, ending, TrialRun(number, config, argv, ending, seconds), leftovers)

    def _watch(
        self, run: SlotRun, watched: _Watched, number: int, config: Mapping[str, Json], began_at: float
    ) -> tuple[Ending, RunEnd, float]:
        """Wait for the end of a run, and bring it about when it has shown enough; tell when that was."""
        limits, ending, stopped_at = self._limits, Ending.FINISHED, 0.0
        # Told of before anything else: a run that is over at the first look has printed something, too.
        self._tell(run, watched, number, config, began_at)
        while (end := run.end(lambda _run_id: "")) is None:
            seconds = time.monotonic() - began_at
            if not run.process.stop_requested:
                watched.look()
                reason = self._reason_to_stop(watched, seconds)
                if reason is not None:
                    ending, stopped_at = reason, seconds
                    run.process.begin_stop(self._ladder())
            if self._stop_level == 2:
                run.process.begin_stop([(KILL, 0.0)])
            due = run.process.advance_stop()
            self._tell(run, watched, number, config, began_at)
            left = limits.seconds - seconds
            waits = [_POLL_SECONDS, due if due is not None else _POLL_SECONDS, left if left > 0 else _POLL_SECONDS]
            self._wake.wait(max(min(waits), 0.01))
            self._wake.clear()
        return (Ending.FAILED if end.failure is not None else ending), end, stopped_at or end.seconds

    def _tell(self, run: SlotRun, watched: _Watched, number: int, config: Mapping[str, Json], began_at: float) -> None:
        state = run.process.stop_state
        self._on_progress(
            TrialProgress(
                number, len(self._configurations), config, run.process.log_path, time.monotonic() - began_at,
                len(watched.history), state.done if state else "",
            )
        )  # fmt: skip

    def _reason_to_stop(self, watched: _Watched, seconds: float) -> Ending | None:
        limits, now = self._limits, time.monotonic()
        quiet, logging_for = now - watched.grew_at, now - watched.first_at if watched.first_at else 0.0
        if self._stop_level:
            return Ending.STOPPED
        if len(watched.history) >= limits.rows and logging_for >= limits.patience_seconds:
            # One that has gone quiet is about to end, most likely: it uploads what it has.
            if quiet < _QUIET_SECONDS or quiet > limits.patience_seconds + _QUIET_SECONDS:
                return Ending.ENOUGH
        return Ending.TIME if seconds >= limits.seconds else None

    def _ladder(self) -> list[StopStep]:
        if self._stop_level == 2:
            return [(KILL, 0.0)]
        return [(ASK, self._limits.ask_seconds), (TERMINATE, self._limits.ask_seconds), (KILL, 0.0)]

    def _judged(
        self, watched: _Watched, run: SlotRun, end: RunEnd, ending: Ending, plain: TrialRun, leftovers: str
    ) -> TrialRun:
        record, history = watched.record, watched.history
        names = list(dict.fromkeys(name for point in history for name in point.values))
        summary = record.summary if record is not None else {}
        own = [self._metric] if self._metric in {*names, *summary} else []
        metrics = tuple(dict.fromkeys([*own, *sorted(names), *sorted(summary)]))
        problem = metric_problem(summary.get(self._metric), self._metric) if self._metric and record else ""
        if problem and self._metric in names and self._metric not in summary:
            problem = ""  # logged, and left out of the summary
        state = run.process.stop_state
        mode = os.environ.get("WANDB_MODE", "")
        return TrialRun(
            plain.number,
            plain.config,
            plain.argv,
            ending,
            plain.seconds,
            end.exit_code,
            end.failure.kind.value if end.failure else "",
            end.failure.summary if end.failure else "",
            state.done if state is not None and ending is not Ending.FAILED else "",
            record is not None,
            record.duration_seconds if record is not None else None,
            max(end.seconds - plain.seconds, 0.0),
            tuple(history),
            metrics,
            self._metric,
            problem,
            config_changes(plain.config, record.config) if record is not None else (),
            leftovers,
            f"WANDB_MODE={mode}" if mode in _MODES and record is None else "",
            tuple(read_tail(run.process.log_path)[-_TAIL_LINES:]),
        )

    @staticmethod
    def _note(scratch: Scratch, run: SlotRun | None) -> None:
        """Put the process on record, so that the guard can end it when this process is gone."""
        state = AgentState.RUNNING if run is not None else AgentState.WAITING
        agent = LocalAgent(
            1, state, host_pid=os.getpid(), run_id=run.run_id if run else "", run_started_at=datetime.now(UTC)
        )
        pid, start = (run.process.pid, run.process.start) if run is not None else (0, "")
        scratch.files.write_state([SlotStatus(agent, pid, start)])


class _Watched:
    """What the server knows of a run."""

    def __init__(self, client: WandbClient, scratch: Scratch, run_id: str) -> None:
        self._client = client
        self._reference = scratch.sweep.reference
        self._run_id = run_id
        self.record: RunRecord | None = None
        """None before the program has called wandb.init."""
        self.history: list[HistoryPoint] = []
        self.grew_at = time.monotonic()
        """When the last row was seen first."""
        self.first_at: float | None = None
        """When the first row was; None before."""

    def look(self) -> None:
        """Ask the server; what it does not answer leaves things as they were."""
        entity, project = self._reference.entity, self._reference.project
        try:
            self.record = self._client.read_run(entity, project, self._run_id)
            history = self._client.read_history(entity, project, self._run_id)
        except NotFoundError:
            return
        except TrainerError as error:
            logger.debug("%s", error)
        else:
            if len(history) > len(self.history):
                self.grew_at = time.monotonic()
                self.first_at = self.first_at or self.grew_at
            self.history = history


def _environment(client: WandbClient) -> dict[str, str]:
    """Return the environment of the trial's runs, with the key of its server and without a folder of the user's."""
    kept = {name: text for name, text in os.environ.items() if name != "WANDB_DIR"}
    return kept | {"WANDB_API_KEY": client.connection.api_key}


def _leftovers(run: SlotRun) -> str:
    """Return what a run left behind and what became of it; empty if it left nothing."""
    try:
        report = run.process.leftovers.result(_LEFTOVER_SECONDS)
    except FutureTimeoutError:
        return "some that do not end"
    # What ends by itself at once is the SDK's own.
    return f"{', '.join(report.names)}, {report.how}" if report.names and report.how else ""


def _is_warm(config: Mapping[str, Json]) -> bool:
    argv = command_argv(config, {})
    return not reason_against_warm() and isinstance(python_command(argv), PythonCommand)
