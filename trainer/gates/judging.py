"""Whether a sweep that has ended passes its gates, and by how much it misses them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from trainer.gates.assertions import Assertion
from trainer.gates.baseline import Baseline
from trainer.records import Metric, RunRecord, SweepRecord
from trainer.states import RunState
from trainer.sweep.findings import did_you_mean

ReadRuns = Callable[[Metric], Sequence[RunRecord]]
"""Reads all runs of the sweep with the curve of a metric."""


@dataclass(frozen=True, slots=True)
class Gates:
    """What is asked of a sweep."""

    assertions: tuple[Assertion, ...] = ()
    baseline: Baseline | None = None
    margin: float = 0.0
    """How much worse than the baseline is no miss."""

    def __bool__(self) -> bool:
        return bool(self.assertions) or self.baseline is not None

    def check(self, own: Metric | None) -> None:
        """Raise, before anything runs, for what could not be decided after it.

        Raises:
            InputError: If nothing says which direction of a metric is better.
        """
        for assertion in self.assertions:
            if assertion.metric:
                assertion.metric_of(own)
        if self.baseline is not None:
            self.baseline.metric_of(own)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a gate was decided."""

    gate: str
    """What was asked, as the user wrote it."""
    passed: bool
    value: float | None
    """What the sweep reached; None where it has no value."""
    bound: float
    sentence: str
    """For people: what was reached, and what was missed by how much."""


def judge(gates: Gates, sweep: SweepRecord, runs: Sequence[RunRecord], seconds: float, read: ReadRuns) -> list[Verdict]:
    """Decide the gates of a sweep that has ended.

    Args:
        gates: What is asked.
        sweep: The sweep.
        runs: All its runs; the best values of its own metric are taken from `read`, which sees whole curves.
        seconds: How long it took.
        read: Reads the runs for a metric, and is asked for one several times.
    """
    verdicts = []
    for assertion in gates.assertions:
        if assertion.metric:
            metric = assertion.metric_of(sweep.metric)
            with_metric = read(metric)
            value = _reached(assertion.left, metric, with_metric)
        else:
            with_metric, value = runs, _counted(assertion.left, runs, seconds)
        verdicts.append(_verdict(assertion, value, with_metric))
    if gates.baseline is not None:
        metric = gates.baseline.metric_of(sweep.metric)
        runs_then = read(metric)
        verdicts.append(_against(gates.baseline, gates.margin, metric, _reached("best", metric, runs_then), runs_then))
    return verdicts


def _reached(function: str, metric: Metric, runs: Iterable[RunRecord]) -> float | None:
    if function in ("mean", "median"):
        finished = [run.metric_value(metric, "last") for run in runs if run.state is RunState.FINISHED]
        values = [value for value in finished if value is not None]
        if not values:
            return None
        return statistics.fmean(values) if function == "mean" else statistics.median(values)
    reached = [run.metric_value(metric, "last" if function == "last" else "best") for run in runs]
    values = [value for value in reached if value is not None]
    if not values:
        return None
    return min(values) if metric.goal == "minimize" else max(values)


def _counted(what: str, runs: Iterable[RunRecord], seconds: float) -> float:
    if what == "seconds":
        return seconds
    states = [run.state for run in runs]
    if what == "finished":
        return sum(state is RunState.FINISHED for state in states)
    if what == "failed":
        return sum(state.is_failure for state in states)
    if what == "killed":
        return sum(state is RunState.KILLED for state in states)
    return len(states)


def _verdict(assertion: Assertion, value: float | None, runs: Sequence[RunRecord]) -> Verdict:
    wanted = f"{assertion.operator} {assertion.bound:.6g}"
    if value is None:
        return Verdict(assertion.text, False, None, assertion.bound, _never(assertion.subject, assertion.metric, runs))
    passed = assertion.holds(value)
    sentence = f"{assertion.subject} is {value:.6g}, wanted {wanted}"
    if not passed:
        gap = abs(value - assertion.bound)
        sentence += f": missed by {gap:.6g}" if gap else ": it is not"
    return Verdict(assertion.text, passed, value, assertion.bound, sentence + ".")


def _against(
    baseline: Baseline, margin: float, metric: Metric, value: float | None, runs: Sequence[RunRecord]
) -> Verdict:
    gate = f"no worse than {baseline.source}"
    subject = f"best({metric.name})"
    if value is None:
        return Verdict(gate, False, None, baseline.value, _never(subject, metric.name, runs))
    better_by = (value - baseline.value) * (1.0 if metric.goal == "maximize" else -1.0)
    sentence = f"{subject} is {value:.6g}, the baseline {baseline.source} has {baseline.value:.6g}"
    allowed = f" (up to {margin:.6g} is allowed)" if margin else ""
    if better_by >= -margin:
        word = f"better by {better_by:.6g}" if better_by > 0 else "as good" if not better_by else "no worse" + allowed
        return Verdict(gate, True, value, baseline.value, f"{sentence}: {word}.")
    return Verdict(gate, False, value, baseline.value, f"{sentence}: worse by {-better_by:.6g}{allowed}.")


def _never(subject: str, metric: str, runs: Sequence[RunRecord]) -> str:
    names = dict.fromkeys(name for run in runs for name in run.summary)
    hint = did_you_mean(metric, list(names)) if names else ""
    return f"{subject} has no value: no run has logged {metric}. {hint}".rstrip()
