"""Frozen values read from a W&B server or from local agents. Owns no I/O; JSON is parsed in `wire`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from trainer.states import AgentState, RunState, SweepState

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""Any value that JSON can carry. Treat containers inside records as read-only."""

ORIGIN_KEY = "provenance"
"""Under this key of a run's configuration stands where it comes from, which is no parameter of anything."""

Goal = Literal["minimize", "maximize"]
Ranking = Literal["best", "last"]
"""Which logged value of the metric ranks a run."""


@dataclass(frozen=True, slots=True)
class SweepReference:
    """Names one sweep on a server."""

    entity: str
    project: str
    id: str

    def __str__(self) -> str:
        return f"{self.entity}/{self.project}/{self.id}"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a sweep optimises."""

    name: str
    goal: Goal = "minimize"
    target: float | None = None
    """Value at which the sweep may stop; None for no target."""

    def is_better(self, value: float, than: float | None) -> bool:
        """Return whether `value` beats `than`; NaN never wins, and anything beats None."""
        if math.isnan(value):
            return False
        if than is None or math.isnan(than):
            return True
        return value < than if self.goal == "minimize" else value > than


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """One row of a run's history."""

    step: int
    values: Mapping[str, float]
    """Numeric metrics of the row, without W&B's own `_` keys."""
    runtime_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class SweepRecord:
    """A sweep as its server describes it."""

    reference: SweepReference
    name: str
    """Display name; the id when the sweep has none."""
    state: SweepState
    method: str
    """grid, random, bayes or custom."""
    metric: Metric | None
    config: Mapping[str, Json]
    """The sweep configuration as it was created."""
    created_at: datetime | None = None
    """Aware, UTC."""
    run_count: int = 0
    """Runs that exist, in any state."""
    run_count_expected: int | None = None
    """Runs there will be; None when the sweep has no end of its own."""
    best_value: float | None = None
    """The server's best value of the metric; None when there is none yet."""
    url: str = ""
    parts: tuple[SweepReference, ...] = ()
    """The sweeps that this one stands for, where several are shown as one; empty for a sweep."""

    def run_url(self, run_id: str) -> str:
        """Return the address of the page of one of its runs; empty where the sweep has none that a browser opens."""
        page, separator, _ = self.url.rpartition("/sweeps/")
        return f"{page}/runs/{quote(run_id)}" if separator and page.startswith(("http://", "https://")) else ""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as its server describes it."""

    id: str
    name: str
    state: RunState
    config: Mapping[str, Json] = field(default_factory=dict)
    """Flat form: `{"lr": 0.1}`, without W&B's own `_wandb`."""
    summary: Mapping[str, Json] = field(default_factory=dict)
    """Last logged values and what the program wrote, without W&B's own `_` keys."""
    tags: tuple[str, ...] = ()
    created_at: datetime | None = None
    heartbeat_at: datetime | None = None
    duration_seconds: float | None = None
    """Seconds from start to last sign of life; None before the start."""
    host: str = ""
    gpu: str = ""
    """The GPUs of its machine, as wandb told: `2 × NVIDIA A100`; empty for none."""
    commit: str = ""
    """Of the checkout that the program ran from, as wandb told it; empty where there was none."""
    group: str = ""
    job_type: str = ""
    notes: str = ""
    sweep_id: str = ""
    stop_reason: str = ""
    """Why it was asked to stop, as its server says; empty where nobody asked, or the server does not tell."""
    curve: tuple[HistoryPoint, ...] = ()
    """History of the sweep's metric, oldest first, perhaps sampled; empty where it was not asked for."""

    def metric_value(self, metric: Metric, by: Ranking) -> float | None:
        """Return the run's value of `metric`: its last, or the best of `curve` (and of the summary).

        Returns:
            A finite number, or None when the run has not logged one.
        """
        last = summary_number(self.summary, metric.name)
        if by == "last" or not self.curve:
            return last
        values = [point.values[metric.name] for point in self.curve if metric.name in point.values]
        finite = [value for value in (*values, last) if value is not None and math.isfinite(value)]
        if not finite:
            return None
        return min(finite) if metric.goal == "minimize" else max(finite)


@dataclass(frozen=True, slots=True)
class RateBudget:
    """How much a server still lets itself be asked."""

    remaining: float
    """Part of the whole, from 0 to 1."""
    reset_seconds: float = 0.0
    """Until it is whole again; 0 where that is not told."""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Runs that failed for the same reason."""

    fingerprint: str
    kind: str
    """Class of failure, as policies name it."""
    title: str
    """What happened and where: `CUDA out of memory at train.py:41`."""
    summary: str
    """One sentence about the last of them, with the program's own words."""
    run_id: str
    """The last of them."""
    count: int = 1


@dataclass(frozen=True, slots=True)
class LocalAgent:
    """One slot of an agent host on this machine."""

    slot: int
    """Counts from 1 within its host."""
    state: AgentState
    agent_id: str = ""
    """Id the server gave; empty before registration."""
    host_pid: int = 0
    run_id: str = ""
    """The current run; empty when there is none."""
    run_started_at: datetime | None = None
    runs_done: int = 0
    runs_failed: int = 0
    last_line: str = ""
    """Last line the current (or last) run printed, or why the agent stopped."""
    log_path: Path | None = None
    """Log of the current (or last) run."""
    device: str = ""
    """What its runs may use, for people: `GPU 0 NVIDIA H100 (GPU-1a2b3c4d)`; empty where nothing was decided."""
    cpu_threads: int = 0
    """The threads that each of its runs is to keep to; 0 where nobody says."""
    gpu_uuids: tuple[str, ...] = ()
    """The GPUs it is pinned to; empty where it is not."""
    draining: bool = False
    """Whether it leaves after its current run."""
    life: int = 1
    """Counts the times that the current run was started: 2 and more are retries."""
    stopping: str = ""
    """The last step of a stop that is under way: `asked`, `terminated`, `killed`; else empty."""
    next_stop_step: str = ""
    """What comes when it does not end: `terminates`, `kills`."""
    next_stop_at: datetime | None = None
    """When that comes."""
    waits_until: datetime | None = None
    """When it goes on, where it waits before a retry or because its runs kept failing; see `last_line`."""
    failures: tuple[FailureGroup, ...] = ()
    """Why its runs failed for good, equal reasons together."""
    runs_retried: int = 0
    runs_waiting: int = 0
    """Runs that failed here and wait for another slot."""
    left_behind: str = ""
    """What the last run that left something left behind: processes and what became of them, memory of GPUs."""
    starts: str = ""
    """How its host starts runs, in a few words: `.venv/bin/python 3.11, warm`; empty where that is not known."""

    @property
    def is_ready(self) -> bool:
        """Whether it takes a run as soon as it has none: it neither leaves nor rests because its runs kept failing."""
        rests = self.waits_until is not None and not self.run_id
        return not (self.state.is_terminal or self.draining or rests)

    def stop_text(self, now: datetime) -> str:
        """Return how far a stop has come: `asked, terminates in 12 s`; empty when nothing is being stopped."""
        if not self.stopping or self.next_stop_at is None:
            return self.stopping
        return f"{self.stopping}, {self.next_stop_step} in {max(round((self.next_stop_at - now).total_seconds()), 0)} s"


@dataclass(frozen=True, slots=True)
class ConsoleLine:
    """One line a run printed."""

    number: int
    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """Some lines that a run printed, one after the other, and how to go on from them in both directions."""

    lines: Sequence[ConsoleLine] = ()
    total: int = 0
    """Lines that there are in all, as far as the server says."""
    older: str = ""
    """The server's own mark for reading the lines before these; empty where there are none."""
    newer: str = ""
    """The same for the lines behind these, of which there may be some later; empty where they cannot be read on."""


@dataclass(frozen=True, slots=True)
class AgentCommand:
    """What the server tells an agent to do."""

    type: str
    """run, resume, stop or exit."""
    run_id: str = ""
    args: Mapping[str, Json] | None = None
    """Hyperparameters in flat form; None but for run and resume."""


def summary_number(summary: Mapping[str, Json], name: str) -> float | None:
    """Return a number of a run's summary by its name, dots leading into nested objects; None if there is none."""
    value = _named(summary, name)
    if isinstance(value, dict):
        # `define_metric(..., summary="min")` keeps the statistics in an object.
        value = next((value[key] for key in ("last", "best", "min", "max", "mean") if key in value), None)
    return _finite(value)


def logged_number(row: Mapping[str, Json], name: str) -> float | None:
    """Return a number of a row of history by its name, dots leading into nested objects; None if there is none."""
    return _finite(_named(row, name))


def _named(mapping: Mapping[str, Json], name: str) -> Json:
    value: Json = mapping.get(name)
    if value is None and "." in name:
        value = dict(mapping)
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
    return value


def _finite(value: Json) -> float | None:
    if type(value) is not float:
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        try:
            value = float(value)
        except OverflowError:  # an integer beyond what a float holds
            return None
    return value if math.isfinite(value) else None
