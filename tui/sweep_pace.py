"""How fast a sweep goes and when it ends, estimated from measured durations and the slots at work. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trainer.records import RunRecord

WINDOW = 20
"""Ended runs that an estimate looks back on: old ones say little when the space is uneven."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What is known about the speed of a sweep."""

    runs_per_second: float | None = None
    """None before the first run ended, or when nothing runs."""
    eta_seconds: float | None = None
    """None when it cannot be told: no run ended yet, nothing runs, or the sweep has no end of its own."""


def ended_at(run: RunRecord) -> datetime | None:
    """Return when a run showed its last sign of life; None when the server does not say."""
    if run.heartbeat_at is not None:
        return run.heartbeat_at
    if run.created_at is None or run.duration_seconds is None:
        return None
    return run.created_at + timedelta(seconds=run.duration_seconds)


def pace_of(ended: Iterable[RunRecord], alive: Sequence[RunRecord], slots: int, left: int | None) -> Pace:
    """Estimate the rate and the time left.

    A slot needs a run's mean duration, and between two runs the mean gap that was measured (start-up, upload).

    Args:
        ended: Runs that ended, in any order; the `WINDOW` last ones count.
        alive: Runs at work now.
        slots: Runs that can be at work at once.
        left: Runs that have not started; None when the sweep has no end of its own.
    """
    recent = sorted(
        ((end, run.duration_seconds, run) for run in ended if (end := ended_at(run)) and run.duration_seconds),
        key=lambda item: item[0],
    )[-WINDOW:]
    if not recent or slots < 1:
        return Pace()
    durations = [duration for _, duration, _ in recent]
    mean = sum(durations) / len(durations)
    gap = _mean_gap([run for _, _, run in recent], slots, sum(durations), mean)
    rate = slots / (mean + gap)
    if left is None:
        return Pace(rate)
    work = sum(max(mean - (run.duration_seconds or 0.0), 0.0) for run in alive) + left * (mean + gap)
    return Pace(rate, work / slots)


def _mean_gap(recent: Sequence[RunRecord], slots: int, busy_seconds: float, mean: float) -> float:
    """Return the mean seconds a slot idled per run; bounded, since a pause of the sweep is no such gap."""
    starts = [run.created_at for run in recent if run.created_at]
    ends = [end for run in recent if (end := ended_at(run))]
    if len(recent) < 2 or not starts or not ends:
        return 0.0
    span = (max(ends) - min(starts)).total_seconds()
    idle = max(span * slots - busy_seconds, 0.0) / len(recent)
    return min(idle, 3 * mean + 10.0)
