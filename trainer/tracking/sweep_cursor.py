"""What `poll_sweep` remembers between polls, the filters made of it, and which curves it begins with. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trainer.records import Json, Metric, RunRecord
from trainer.states import RunState

LIVE_STATES = tuple(state.value for state in RunState if not state.is_terminal)
CURVED_BEST_RUNS = 100
"""Ended runs whose curves the first snapshot of a sweep reads: the best by last value; live runs come on top."""
_OVERLAP = timedelta(seconds=5)
"""Runs created this shortly before the newest one known are read again: clocks and commits are not that exact."""


@dataclass(frozen=True)
class SweepCursor:
    """How far a sweep has been read."""

    metric: str = ""
    """Metric whose curve was read; empty for none."""
    newest: datetime | None = None
    """Creation time of the newest run known."""
    live: tuple[str, ...] = field(default=())
    """Runs that were alive, and so may have ended or logged since."""

    def dump(self) -> str:
        """Return the cursor as the opaque text that callers keep."""
        newest = self.newest.isoformat() if self.newest else None
        return json.dumps({"metric": self.metric, "newest": newest, "live": self.live})

    @classmethod
    def load(cls, text: str) -> SweepCursor:
        """Return the cursor that `dump` wrote.

        Raises:
            ValueError: If the text is not such a cursor.
        """
        try:
            kept = json.loads(text)
            newest = datetime.fromisoformat(kept["newest"]) if kept["newest"] else None
            return cls(str(kept["metric"]), newest, tuple(kept["live"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"{text!r} is not a cursor of poll_sweep") from error

    def advanced(self, runs: Iterable[RunRecord], metric: Metric | None) -> SweepCursor:
        """Return the cursor after `runs` were read."""
        newest, live = self.newest, []
        for run in runs:
            if run.created_at and (newest is None or run.created_at > newest):
                newest = run.created_at
            if not run.state.is_terminal:
                live.append(run.id)
        return SweepCursor(metric.name if metric else "", newest, tuple(live))

    def changed_filter(self, sweep_id: str) -> dict[str, Json]:
        """Return the run filter for what may have changed since; everything while no run is known."""
        if self.newest is None:
            return runs_filter(sweep_id)
        candidates: list[Json] = [{"state": {"$in": list(LIVE_STATES)}}]
        if self.live:
            candidates.append({"name": {"$in": list(self.live)}})
        since = (self.newest - _OVERLAP).strftime("%Y-%m-%dT%H:%M:%S")
        candidates.append({"created_at": {"$gt": since}})
        return {"$and": [{"sweep": sweep_id}, {"$or": candidates}]}


def runs_filter(sweep_id: str, names: Iterable[str] | None = None) -> dict[str, Json]:
    """Return the filter for a sweep's runs: all of them, or those named."""
    parts: list[Json] = [{"sweep": sweep_id}]
    if names is not None:
        parts.append({"name": {"$in": list(names)}})
    return {"$and": parts}


def runs_worth_a_curve(runs: Sequence[RunRecord], metric: Metric) -> list[str]:
    """Return the ids of the live runs and of the best ended ones by their last value."""
    live = [run.id for run in runs if not run.state.is_terminal]
    valued = [
        (value, run.id)
        for run in runs
        if run.state.is_terminal and (value := run.metric_value(metric, "last")) is not None
    ]
    valued.sort(key=lambda entry: entry[0], reverse=metric.goal == "maximize")
    return live + [run_id for _, run_id in valued[:CURVED_BEST_RUNS]]
