"""How fast a sweep goes and when it ends, estimated from measured durations and the slots at work. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

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


def pace_of(
    ended: Iterable[RunRecord],
    alive: Sequence[RunRecord],
    slots: int,
    left: int | None,
    began_at: datetime | None = None,
) -> Pace:
    """Estimate the rate and the time left.

    The time per run is what passed between the ends of the last runs: unlike their durations it holds the start of
    the program, uploads, and whatever else slots wait for. It is never less than the durations allow.

    Args:
        ended: Runs that ended, in any order; the `WINDOW` last ones count.
        alive: Runs at work now.
        slots: Runs that can be at work at once.
        left: Runs that have not started; None when the sweep has no end of its own.
        began_at: When the sweep was created, for the time that its first run took to appear.
    """
    recent = sorted(
        ((end, run.duration_seconds) for run in ended if (end := ended_at(run)) and run.duration_seconds is not None),
    )[-WINDOW:]
    if not recent or slots < 1:
        return Pace()
    mean = sum(duration for _, duration in recent) / len(recent)
    per_run = max(_mean_interval(recent, mean, began_at), mean / slots, 0.001)
    if left is None:
        return Pace(1 / per_run)
    unfinished = sum(max(1 - (run.duration_seconds or 0.0) / mean, 0.0) for run in alive) if mean else 0.0
    return Pace(1 / per_run, per_run * (left + unfinished))


def _mean_interval(recent: Sequence[tuple[datetime, float]], mean: float, began_at: datetime | None) -> float:
    """Return the mean seconds between the ends of runs; each bounded, since a pause of the sweep says nothing."""
    longest = 3 * mean + 30.0
    first_end, first_duration = recent[0]
    start = first_end - timedelta(seconds=first_duration)
    if began_at is not None and len(recent) < WINDOW:
        start = min(start, began_at)
    moments = [start, *(end for end, _ in recent)]
    return sum(min((b - a).total_seconds(), longest) for a, b in pairwise(moments)) / len(recent)
