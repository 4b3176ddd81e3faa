"""Early stopping replayed on runs that have ended: what a rule would have saved, and whether it costs the best.

Values are replayed in the order in which they were logged, and a run that is stopped logs no more. Pure: the
median rule is written out, so that nothing heavy is imported.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trainer.records import Goal, Json, Metric, RunRecord
from trainer.search.hyperband import HyperbandRule, hyperband_rule

SAMPLED_FROM = 200
"""Curves of this many points are samples of longer ones."""


@dataclass(frozen=True)
class RunHistory:
    """The values of the metric that a run logged."""

    run_id: str
    values: tuple[float, ...]
    counts: tuple[int, ...]
    """How many values had been logged with each of `values`: 1, 2, 3, … unless the curve is a sample."""
    times: tuple[float, ...]
    """When each was logged, in seconds from any beginning."""

    @property
    def length(self) -> int:
        """How many values it logged in all."""
        return self.counts[-1] if self.counts else 0


class StopRule(Protocol):
    """A rule that stops runs early. Values are such that less is better."""

    def logged(self, run: int, count: int, value: float) -> list[int]:
        """Hear of a run's value, its `count`-th; return the runs to stop now."""

    def ended(self, run: int) -> None:
        """Hear that a run has logged all it had to."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What a rule would have done."""

    rule: str
    """The rule, in words."""
    entry: Mapping[str, Json] | None
    """It as a sweep's `early_terminate`; None where W&B knows no such rule."""
    runs: int
    stopped: int
    saved_values: int
    """Logged values that would not have been computed."""
    all_values: int
    winner_stopped_at: int | None
    """The logged value at which the best run would have been stopped; None if it would have run on."""
    best: float
    """The best value of all runs."""
    best_left: float
    """The best value that would have been logged."""

    @property
    def saved_share(self) -> float:
        """Which share of the logged values would not have been computed."""
        return self.saved_values / self.all_values if self.all_values else 0.0

    @property
    def loses_best(self) -> bool:
        """Whether the best value would not have been reached."""
        return self.best_left != self.best


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What several rules would have done on the same runs."""

    replays: tuple[Replay, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""


def run_histories(runs: Sequence[RunRecord], metric: Metric) -> list[RunHistory]:
    """Return the histories of the runs that ended and logged the metric more than never, in order of creation."""
    ended = [run for run in runs if run.state.is_terminal]
    ended.sort(key=lambda run: (run.created_at.timestamp() if run.created_at else math.inf, run.id))
    made: list[RunHistory] = []
    clock = 0.0
    for run in ended:
        points = [point for point in run.curve if math.isfinite(point.values.get(metric.name, math.nan))]
        if not points:
            continue
        steps = [point.step for point in points]
        counts = _counts(steps)
        start = run.created_at.timestamp() if run.created_at else clock
        seconds = run.duration_seconds if run.created_at and run.duration_seconds else 1.0
        times = tuple(start + seconds * count / counts[-1] for count in counts)
        clock = times[-1]
        values = tuple(point.values[metric.name] for point in points)
        made.append(RunHistory(run.id, values, counts, times))
    return made


def _counts(steps: Sequence[int]) -> tuple[int, ...]:
    """Return how many values had been logged at each step; of a sample, by the distance at which it was logged."""
    if len(steps) < SAMPLED_FROM:
        return tuple(range(1, len(steps) + 1))
    gaps = [later - earlier for earlier, later in zip(steps, steps[1:], strict=False)]
    stride = math.gcd(*gaps) or 1
    return tuple((step - steps[0]) // stride + 1 for step in steps)


@dataclass
class HyperbandStops:
    """Hyperband as W&B runs it: each time a run reaches a band, those whose last band it is are compared."""

    rule: HyperbandRule
    _at_band: dict[int, list[float]] = field(default_factory=dict)
    _live: dict[int, dict[int, float]] = field(default_factory=dict)
    """By band, the live runs whose last band it is, with their value there."""
    _bands: dict[int, int] = field(default_factory=dict)
    """By run, how many bands it has reached."""
    _best: dict[int, float] = field(default_factory=dict)

    def logged(self, run: int, count: int, value: float) -> list[int]:
        """Hear of a run's value; return the runs that are worse than their band lets pass."""
        self._best[run] = min(value, self._best.get(run, math.inf))
        reached = self._bands.get(run, 0)
        if reached >= len(self.rule.bands) or count < self.rule.bands[reached]:
            return []
        while reached < len(self.rule.bands) and count >= self.rule.bands[reached]:
            band = self.rule.bands[reached]
            bisect.insort(self._at_band.setdefault(band, []), value)
            if reached:
                self._live[self.rule.bands[reached - 1]].pop(run, None)
            self._live.setdefault(band, {})[run] = value
            reached += 1
        self._bands[run] = reached
        band = self.rule.bands[reached - 1]
        threshold = self.rule.threshold(self._at_band[band])
        worse = [
            other
            for other, there in self._live[band].items()
            if (there if self.rule.is_strict else self._best[other]) > threshold
        ]
        for other in worse:
            del self._live[band][other]
        return worse

    def ended(self, run: int) -> None:
        """Forget a run: it can no longer be stopped, but still sets the thresholds."""
        for live in self._live.values():
            live.pop(run, None)


@dataclass
class MedianStops:
    """Optuna's MedianPruner: stop a run whose best so far is worse than the median of the ended runs at that value.

    Source: Optuna 4.5, pruners/_median.py, with its defaults.
    """

    startup_runs: int = 5
    _histories: dict[int, dict[int, float]] = field(default_factory=dict)
    _at: dict[int, list[float]] = field(default_factory=dict)
    """Values of the runs that ended, by count, sorted."""
    _ended: int = 0
    _best: dict[int, float] = field(default_factory=dict)

    def logged(self, run: int, count: int, value: float) -> list[int]:
        """Hear of a run's value; return the run if it is to stop."""
        self._best[run] = min(value, self._best.get(run, math.inf))
        self._histories.setdefault(run, {})[count] = value
        if self._ended < self.startup_runs:
            return []
        there = self._at.get(count)
        if not there:
            return []
        middle = len(there) // 2
        median = there[middle] if len(there) % 2 else (there[middle - 1] + there[middle]) / 2
        return [run] if self._best[run] > median else []

    def ended(self, run: int) -> None:
        """Let a run that ended by itself count."""
        self._ended += 1
        for count, value in self._histories.pop(run, {}).items():
            bisect.insort(self._at.setdefault(count, []), value)


def replay(
    histories: Sequence[RunHistory], rule: StopRule, goal: Goal, words: str, entry: Mapping[str, Json] | None = None
) -> Replay:
    """Return what a rule would have done to runs that have ended.

    Args:
        histories: The runs; one at least.
        rule: A fresh rule.
        goal: Which direction of the metric is better.
        words: The rule in words.
        entry: It as a sweep's `early_terminate`.
    """
    sign = -1.0 if goal == "maximize" else 1.0
    stopped: dict[int, int] = {}
    logged = [0] * len(histories)
    for run, place in _in_order(histories):
        if run in stopped:
            continue
        history = histories[run]
        logged[run] = place + 1
        for loser in rule.logged(run, history.counts[place], sign * history.values[place]):
            stopped[loser] = logged[loser]
        if run not in stopped and place == len(history.values) - 1:
            rule.ended(run)
    bests = [min(sign * value for value in history.values) for history in histories]
    left = [
        min(sign * value for value in history.values[: stopped.get(run, len(history.values))])
        for run, history in enumerate(histories)
    ]
    winner = min(range(len(histories)), key=lambda run: bests[run])
    at = {run: histories[run].counts[kept - 1] for run, kept in stopped.items()}
    at = {run: count for run, count in at.items() if count < histories[run].length}
    saved = sum(histories[run].length - count for run, count in at.items())
    return Replay(
        words, entry, len(histories), len(at), saved, sum(history.length for history in histories),
        at.get(winner), sign * bests[winner], sign * min(left),
    )  # fmt: skip


def _in_order(histories: Sequence[RunHistory]) -> Iterator[tuple[int, int]]:
    """Yield the places of all values in the order in which they were logged."""
    everything = [
        (time, run, place) for run, history in enumerate(histories) for place, time in enumerate(history.times)
    ]
    everything.sort()
    for _, run, place in everything:
        yield run, place


def replay_report(config: Mapping[str, Json], runs: Sequence[RunRecord], metric: Metric) -> ReplayReport:
    """Return what the sweep's own rule, hyperband at a few settings, and the median rule would have saved.

    Raises:
        SweepConfigError: If the sweep's own `early_terminate` breaks W&B's rules.
    """
    histories = run_histories(runs, metric)
    longest = max((history.length for history in histories), default=0)
    if longest < 2:
        logged = "no run has logged it" if not histories else "each run logged it once"
        return ReplayReport(problem=f"There is nothing to stop early in {metric.name}: {logged}.")
    if len(histories) < 3:
        return ReplayReport(problem="Too few runs to compare: it takes 3 that ended with a curve.")
    own = config.get("early_terminate")
    entries: list[dict[str, Json]] = [dict(own)] if isinstance(own, Mapping) else []
    entries += [each for each in _settings(longest) if each not in entries]
    replays = []
    for entry in entries:
        judged: dict[str, Json] = {"metric": {"name": metric.name, "goal": metric.goal}, "early_terminate": entry}
        rule = hyperband_rule(judged)
        assert rule is not None
        words = _words(entry) + (" (the sweep's own)" if entry == own else "")
        replays.append(replay(histories, HyperbandStops(rule), metric.goal, words, entry))
    replays.append(replay(histories, MedianStops(), metric.goal, "median rule (Optuna's)"))
    return ReplayReport(tuple(replays), tuple(_notes(histories, isinstance(own, Mapping))))


def _settings(longest: int) -> list[dict[str, Json]]:
    """Return settings of hyperband whose first band lies after a twentieth, a ninth and a third of the longest run."""
    firsts = dict.fromkeys(max(longest // part, 1) for part in (27, 9, 3))
    return [
        {"type": "hyperband", "min_iter": first, "eta": eta} for first in firsts if first < longest for eta in (2, 3, 4)
    ]


def _words(entry: Mapping[str, Json]) -> str:
    numbers = [f"{key} {entry[key]}" for key in ("min_iter", "max_iter", "s", "eta") if key in entry]
    return " ".join(["hyperband", *numbers, *(["not strict"] if entry.get("strict") is False else [])])


def _notes(histories: Sequence[RunHistory], has_rule: bool) -> list[str]:
    notes = ["Replayed in the order in which the runs logged; what other runs would have come instead, nobody knows."]
    sampled = sum(len(history.values) >= SAMPLED_FROM for history in histories)
    if sampled:
        notes.append(f"{sampled} curves are samples of longer ones: their bands are met to within a sampled point.")
    if has_rule:
        notes.append("The sweep stopped runs early itself: what those would have logged, nobody knows.")
    return notes
