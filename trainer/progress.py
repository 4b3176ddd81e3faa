"""What is known of a running sweep, folded from events, and as one line of text. Pure: reads and writes nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trainer.durations import duration_text
from trainer.events import AgentsChanged, RunsChanged, RunsGone, SweepChanged, SweepEvent
from trainer.records import Json, LocalAgent, RunRecord, SweepRecord
from trainer.states import RunState
from trainer.sweep.space import run_count
from trainer.tracking.leaderboard import best_run, flatten_config, swept_columns


@dataclass
class SweepProgress:
    """What is known of a sweep so far, folded from events."""

    sweep: SweepRecord
    runs: dict[str, RunRecord] = field(default_factory=dict)
    agents: tuple[LocalAgent, ...] = ()
    started: float = field(default_factory=time.monotonic)
    ended_before: frozenset[str] = frozenset()
    """Ids of runs that had ended before this command began; what they did is neither its pace nor its failure."""

    def apply(self, event: SweepEvent) -> None:
        """Fold one event in; events about the connection change nothing here."""
        if isinstance(event, SweepChanged):
            self.sweep = event.sweep
        elif isinstance(event, RunsChanged):
            self.runs.update((run.id, run) for run in event.runs)
        elif isinstance(event, RunsGone):
            for run_id in event.run_ids:
                self.runs.pop(run_id, None)
        elif isinstance(event, AgentsChanged):
            self.agents = event.agents

    @property
    def states(self) -> dict[str, int]:
        """Runs per state, only states that occur, in the order of `RunState`."""
        counts = {state.value: 0 for state in RunState}
        for run in self.runs.values():
            counts[run.state.value] += 1
        return {state: count for state, count in counts.items() if count}

    @property
    def done(self) -> int:
        """Runs that ended, whatever the end."""
        return sum(run.state.is_terminal for run in self.runs.values())

    @property
    def failed(self) -> int:
        """Runs that failed since this command began."""
        return sum(run.state.is_failure and run.id not in self.ended_before for run in self.runs.values())

    @property
    def expected(self) -> int | None:
        """Runs there will be; None for a sweep without an end.

        Points that were run again make it more than the sweep's own count.
        """
        known = self.sweep.run_count_expected
        counted = run_count(self.sweep.config) if known is None else known
        return None if counted is None else max(counted, len(self.runs))

    @property
    def best(self) -> RunRecord | None:
        """The best run so far by the best value it logged; None without a metric or a value."""
        metric = self.sweep.metric
        return best_run(tuple(self.runs.values()), metric, "best") if metric else None

    def eta_seconds(self) -> float | None:
        """Return the seconds left at the rate so far; None before the first run ends and after the last."""
        expected = self.expected
        done_here = self.done - len(self.ended_before)
        if not done_here or expected is None or self.done >= expected:
            return None
        return (time.monotonic() - self.started) / done_here * (expected - self.done)

    def line(self) -> str:
        """Return one line of progress: the headline and the time left."""
        eta = None if self.sweep.state.is_terminal else self.eta_seconds()
        return self.headline() if eta is None else f"{self.headline()} · ETA {duration_text(eta)}"

    def headline(self) -> str:
        """Return what changes only when something happened: done, running, failed, best so far."""
        states = self.states
        expected = self.expected
        parts = [f"{self.done}/{'?' if expected is None else expected} done"]
        for state in (RunState.RUNNING, RunState.FAILED, RunState.CRASHED, RunState.KILLED):
            if states.get(state):
                parts.append(f"{states[state]} {state}")
        metric, best = self.sweep.metric, self.best
        value = best.metric_value(metric, "best") if metric and best else None
        if metric and best and value is not None:
            varying = swept_columns(self.sweep, tuple(self.runs.values()))
            config = flat_text(best.config, varying)
            parts.append(f"best {metric.name} {value:.6g}" + (f" ({config})" if config else ""))
        return " · ".join(parts)


def flat_text(config: Mapping[str, Json], keys: Sequence[str]) -> str:
    """Return `k=v` pairs of the dotted `keys` that occur in a nested configuration."""
    flat = flatten_config(config)
    shown = {key: flat[key] for key in keys if key in flat}
    return " ".join(
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}" for key, value in shown.items()
    )
