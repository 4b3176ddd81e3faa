"""What a trial found out, in values and in words. Pure."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from trainer.records import HistoryPoint, Json
from trainer.run_filter import flat_items
from trainer.search.cost import START_SECONDS, RunTime, seconds_text
from trainer.sweep.canonical import loose_key
from trainer.sweep.findings import nearest

_EPOCHS = (
    "epochs", "n_epochs", "num_epochs", "max_epochs", "num_train_epochs", "steps", "n_steps", "num_steps", "max_steps",
    "iterations", "n_iter", "num_iterations", "max_iter",
)  # fmt: skip
"""How parameters are called that say how many rows a run logs, most likely."""
_MAX_NAMES = 8


class Ending(StrEnum):
    """How one run of a trial ended."""

    FINISHED = "finished"
    """By itself, and well."""
    ENOUGH = "enough"
    """Stopped, because it had logged the rows it was to log."""
    TIME = "time"
    """Stopped, because its time was over."""
    STOPPED = "stopped"
    """Stopped by the user."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TrialRun:
    """One run of a trial."""

    number: int
    """Among those of the trial, counted from 1."""
    config: Mapping[str, Json]
    """What it was given, flat form."""
    argv: tuple[str, ...]
    ending: Ending
    seconds: float
    """From its start to its end, or to when it was asked to end."""
    exit_code: int | None = None
    failure_kind: str = ""
    """Class of failure, as policies name it; empty if it did not fail."""
    failure: str = ""
    """Why it failed, in one sentence."""
    stop_step: str = ""
    """How firm the stop had to be: `asked`, `terminated`, `killed`; empty if it was not stopped."""
    began: bool = True
    """Whether it called wandb.init, as far as the server knows."""
    run_seconds: float | None = None
    """What the server says that it took, from wandb.init on."""
    stop_seconds: float = 0.0
    """From when it was asked to end to its end."""
    history: tuple[HistoryPoint, ...] = ()
    metrics: tuple[str, ...] = ()
    """Names of what it logged."""
    metric: str = ""
    """The sweep's metric; empty without one."""
    metric_problem: str = ""
    """What is wrong with it; empty if it was logged, or none is wanted."""
    changed: tuple[str, ...] = ()
    """What wandb.config had at the end in place of what the run was given: `lr: 0.1, given 0.01`."""
    leftovers: str = ""
    """Processes that it left behind, and what became of them."""
    offline: str = ""
    """Why nothing could reach the server: `WANDB_MODE=offline`."""
    tail: tuple[str, ...] = ()
    """The last lines it printed."""

    @property
    def rows(self) -> int:
        """Rows with numbers that it logged."""
        return len(self.history)

    @property
    def is_good(self) -> bool:
        """Whether nothing speaks against a launch."""
        if self.ending is Ending.FAILED or not self.began:
            return False
        # What was cut short may log its metric at its end.
        return not (self.metric_problem and self.ending is Ending.FINISHED)

    @property
    def first_row_seconds(self) -> float | None:
        """From wandb.init to the first logged row; None before that."""
        return self.history[0].runtime_seconds if self.history else None

    @property
    def step_seconds(self) -> float | None:
        """Between two rows; None before the second."""
        times = [point.runtime_seconds for point in self.history if point.runtime_seconds is not None]
        return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else None

    def headline(self) -> str:
        """Return how it went in one sentence, with a mark: `✓`, `!` or `✗`."""
        took, rows = seconds_text(self.seconds), _rows_text(self.rows)
        if self.ending is Ending.FAILED:
            return f"✗ failed after {took}: {self.failure} [{self.failure_kind}]"
        mark = "✓" if self.is_good and not self.metric_problem else "!"
        if self.ending is Ending.FINISHED:
            return f"{mark} ended by itself after {took}, {rows} logged"
        if self.ending is Ending.ENOUGH:
            return f"{mark} runs: stopped after {rows}, at {took}"
        if self.ending is Ending.TIME and not self.rows:
            return f"! logged nothing within {took} and was stopped: it hangs, or needs longer to begin"
        if self.ending is Ending.TIME:
            return f"{mark} still at work after {took}, {rows} logged; stopped"
        return f"! stopped by you after {took}, {rows} logged"

    def notes(self) -> list[str]:
        """Return what else is worth knowing, a sentence each."""
        notes = [self._metric_note()]
        if self.step_seconds is not None and self.first_row_seconds is not None:
            first = seconds_text(self.first_row_seconds)
            notes.append(f"A step takes about {_step_text(self.step_seconds)}; the first was logged after {first}.")
        if self.changed:
            more = f" and {len(self.changed) - 4} more" if len(self.changed) > 4 else ""
            notes.append(f"The program changed its configuration: {'; '.join(self.changed[:4])}{more}.")
        if self.stop_step in ("terminated", "killed"):
            notes.append(f"It did not end when asked to and had to be {self.stop_step}: agents would wait for it too.")
        if self.leftovers:
            notes.append(f"It left processes behind: {self.leftovers}.")
        return [note for note in notes if note]

    def _metric_note(self) -> str:
        if self.offline:
            return f"Nothing it logs reaches the server: {self.offline} is set."
        if not self.began:
            if self.ending is Ending.FAILED:
                return ""
            so_far = "has not called" if self.ending is not Ending.FINISHED else "never called"
            return f"It {so_far} wandb.init, so the sweep would see nothing of it."
        logged = _names_text(self.metrics)
        if not self.metrics:
            return "It logged nothing." if self.ending is not Ending.FAILED else ""
        if not self.metric:
            return f"It logged {logged}."
        if not self.metric_problem:
            return f"The sweep's metric {self.metric} was logged; it logged {logged}."
        if self.metric in self.metrics:
            return f"{self.metric_problem[:1].upper()}{self.metric_problem[1:]}; it logged {logged}."
        parts = (name for name in self.metrics if self.metric in name or name in self.metric)
        alike = nearest(self.metric, self.metrics) or next(parts, None)
        meant = f" Did you mean {alike}?" if alike else ""
        yet = "" if self.ending is Ending.FINISHED else " yet"
        return f"The sweep's metric {self.metric} was not logged{yet}; it logged {logged}.{meant}"

    def as_json(self) -> dict[str, Json]:
        """Return the object that `try --json` prints for it."""
        return {
            "number": self.number,
            "config": dict(self.config),
            "argv": list(self.argv),
            "ending": self.ending.value,
            "is_good": self.is_good,
            "exit_code": self.exit_code,
            "failure": {"kind": self.failure_kind, "summary": self.failure} if self.failure_kind else None,
            "seconds": round(self.seconds, 3),
            "step_seconds": None if self.step_seconds is None else round(self.step_seconds, 4),
            "rows": self.rows,
            "metrics": list(self.metrics),
            "metric_problem": self.metric_problem,
            "changed": list(self.changed),
            "leftovers": self.leftovers,
            "notes": list(self.notes()),
            "tail": list(self.tail),
        }


@dataclass(frozen=True, slots=True)
class TrialReport:
    """What a trial found out."""

    runs: tuple[TrialRun, ...]
    planned: int
    """Configurations that were to be run."""
    left_out: tuple[str, ...] = ()
    is_warm: bool = True
    """Whether agents start runs of this program from a process that has its imports done already."""

    @property
    def is_good(self) -> bool:
        """Whether nothing speaks against a launch."""
        return bool(self.runs) and all(run.is_good for run in self.runs)

    def headline(self) -> str:
        """Return the trial in one sentence."""
        bad = [run for run in self.runs if not run.is_good]
        of = f"{len(self.runs)} of {self.planned}" if len(self.runs) < self.planned else str(len(self.runs))
        if not self.runs:
            return "Nothing was tried."
        if not bad:
            return "The program works." if self.planned == 1 else f"The program works with {of} configurations."
        if self.planned == 1:
            is_failed = bad[0].ending is Ending.FAILED
            return "The program fails." if is_failed else "The program does not do what the sweep needs."
        return f"{len(bad)} of {len(self.runs)} configurations do not work: {_numbers_text([r.number for r in bad])}."

    def run_time(self) -> RunTime | None:
        """Return what a run takes, as far as the trial tells; None where no run of it went well."""
        whole = [run for run in self.runs if run.ending is Ending.FINISHED]
        partial = [run for run in self.runs if run.ending in (Ending.ENOUGH, Ending.TIME) and run.rows]
        if not whole and not partial:
            return None
        if whole:
            took = sorted(_own_seconds(run) for run in whole)
            low, median, high = statistics.quantiles(took, n=4, method="inclusive") if len(took) > 1 else took * 3
            source, is_whole = ("trial runs" if len(took) > 1 else "a trial"), True
        else:
            guesses = [_guessed_seconds(run) for run in partial]
            is_whole = all(guess is not None for guess in guesses)
            took = sorted(
                _own_seconds(run) if guess is None else guess for run, guess in zip(partial, guesses, strict=True)
            )
            low, median, high = took[0], statistics.median(took), took[-1]
            source = ("trial runs" if len(took) > 1 else "a trial") + (" cut short" if is_whole else "")
        steps = [run.step_seconds for run in (whole or partial) if run.step_seconds is not None]
        return RunTime(
            median,
            low,
            high,
            len(took),
            source,
            time.time(),
            self._start_seconds(whole or partial),
            is_whole,
            statistics.median(steps) if steps else None,
        )

    def _start_seconds(self, runs: Sequence[TrialRun]) -> float:
        """Return what a slot needs for a run beside what the run reports."""
        if self.is_warm:
            return START_SECONDS
        before = [max(run.seconds - _own_seconds(run), 0.0) for run in runs if run.ending is Ending.FINISHED]
        return max(statistics.median(before), START_SECONDS) if before else START_SECONDS

    def as_json(self) -> dict[str, Json]:
        """Return the object that `try --json` prints."""
        known = self.run_time()
        return {
            "is_good": self.is_good,
            "headline": self.headline(),
            "planned": self.planned,
            "left_out": list(self.left_out),
            "run_seconds": None if known is None else round(known.seconds, 3),
            "is_at_least": known is not None and not known.is_whole,
            "runs": [run.as_json() for run in self.runs],
        }


def config_changes(given: Mapping[str, Json], used: Mapping[str, Json]) -> tuple[str, ...]:
    """Return which values of a run's configuration are no longer what it was given; `0.1` for `"1e-1"` is no change."""
    flat = dict(flat_items(used))
    return tuple(
        f"{key} is {flat[key]!r}, given {value!r}"
        for key, value in flat_items(given)
        if key in flat and loose_key(flat[key]) != loose_key(value)
    )


def _own_seconds(run: TrialRun) -> float:
    """Return what a run took by its own account; less than what its process took, which began before."""
    return min(run.run_seconds, run.seconds) if run.run_seconds else run.seconds


def _guessed_seconds(run: TrialRun) -> float | None:
    """Return what a run that was cut short takes if it logs a row per epoch; None if nothing says how many."""
    flat = {key.rpartition(".")[2]: value for key, value in flat_items(run.config)}
    for name in _EPOCHS:
        rows = flat.get(name)
        if isinstance(rows, int) and not isinstance(rows, bool) and rows >= run.rows and run.step_seconds is not None:
            return (run.first_row_seconds or 0.0) + run.step_seconds * (rows - 1)
    return None


def _rows_text(rows: int) -> str:
    return "nothing" if not rows else f"{rows} row{'' if rows == 1 else 's'}"


def _names_text(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MAX_NAMES])
    return f"{shown} and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else shown


def _numbers_text(numbers: Sequence[int]) -> str:
    return ", ".join(f"number {number}" if at == 0 else str(number) for at, number in enumerate(numbers))


def _step_text(seconds: float) -> str:
    if seconds < 0.001:
        return "under 1 ms"
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)} ms"
    return seconds_text(seconds)
