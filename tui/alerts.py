"""What is worth calling the user for: the end of a sweep, a new best, runs that keep failing. Pure; rings nothing.

A watch hears what became of a sweep and says what to call for; the gate lets through one call at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from trainer.records import SweepRecord, SweepReference
from trainer.states import RunState, SweepState
from tui.formatting import count_text, metric_text
from tui.last_look import gain_text

if TYPE_CHECKING:
    from tui.feeds import SweepFeed

FAILURES_IN_A_ROW = 3
"""As many runs as agents take to give up on a program that always fails."""
MIN_SECONDS = 15.0
"""Between two calls, whatever happens."""


class AlertKind(IntEnum):
    """Why the user is called, the most important last."""

    BEST = 1
    FAILURES = 2
    DONE = 3


@dataclass(frozen=True, slots=True)
class Alert:
    """One reason to call the user."""

    kind: AlertKind
    reference: SweepReference
    text: str


class SweepWatch:
    """Watches the feed of one sweep. What it hears first is how things stand, and no reason to call."""

    def __init__(self) -> None:
        self._was_over: bool | None = None
        self._best_id = ""
        self._best: float | None = None
        self._told_failures = False

    def note(self, feed: SweepFeed) -> list[Alert]:
        """Return what happened since the last call."""
        sweep = feed.sweep
        if sweep is None or not feed.has_all:
            return []
        found = [*self._new_best(sweep, feed), *self._failures(sweep, feed), *self._end(sweep, feed)]
        is_first, self._was_over = self._was_over is None, feed.is_over
        return [] if is_first else found

    def _new_best(self, sweep: SweepRecord, feed: SweepFeed) -> Iterable[Alert]:
        best_id, best, known = feed.board.best_id, feed.best_value, self._best
        metric = feed.board.metric
        if metric is None or best is None or not metric.is_better(best, known):
            return
        # A run that goes on and gets better step by step is one new best, not one for each step.
        is_another, self._best_id, self._best = best_id != self._best_id, best_id, best
        if known is not None and is_another:
            name = feed.board.runs[best_id].name
            text = f"{sweep.name}: new best {metric.name} {metric_text(best)} ({gain_text(best - known)}) by {name}"
            yield Alert(AlertKind.BEST, sweep.reference, text)

    def _failures(self, sweep: SweepRecord, feed: SweepFeed) -> Iterable[Alert]:
        states = [feed.board.runs[run_id].state for run_id in feed.best_so_far.last_ids(FAILURES_IN_A_ROW)]
        if len(states) < FAILURES_IN_A_ROW or not all(state.is_failure for state in states):
            # One that ended well ends the row; one that runs says nothing yet.
            self._told_failures = self._told_failures and RunState.FINISHED not in states
            return
        if not self._told_failures:
            self._told_failures = True
            groups = [group for agent in feed.agents for group in agent.failures]
            reason = f": {max(groups, key=lambda group: group.count).title}" if groups else ""
            text = f"{sweep.name}: {FAILURES_IN_A_ROW} runs in a row failed{reason}"
            yield Alert(AlertKind.FAILURES, sweep.reference, text)

    def _end(self, sweep: SweepRecord, feed: SweepFeed) -> Iterable[Alert]:
        if feed.is_over and self._was_over is False:
            done, failed = feed.progress.done, feed.progress.failed
            parts = [f"{sweep.name} is {_end_word(sweep.state)}: {count_text(done, 'run')}"]
            parts += [f"{failed:,} failed"] if failed else []
            metric = feed.board.metric
            parts += [f"best {metric.name} {metric_text(feed.best_value)}"] if metric and feed.best else []
            yield Alert(AlertKind.DONE, sweep.reference, ", ".join(parts))


class ListedWatch:
    """Watches sweeps by their records alone, as the list of sweeps reads them."""

    def __init__(self) -> None:
        self._known: dict[SweepReference, SweepRecord] = {}

    def note(self, sweeps: Iterable[SweepRecord], wanted: Collection[SweepReference]) -> list[Alert]:
        """Return what happened to the sweeps that are wanted since the last list."""
        alerts: list[Alert] = []
        known, self._known = self._known, {sweep.reference: sweep for sweep in sweeps}
        for reference, sweep in self._known.items():
            before = known.get(reference)
            if before is None or before == sweep or reference not in wanted:
                continue
            metric, best, old = sweep.metric, sweep.best_value, before.best_value
            said = f"best {metric.name} {metric_text(best)}" if metric and best is not None else ""
            if sweep.state.is_terminal and not before.state.is_terminal:
                runs = count_text(sweep.run_count, "run")
                text = f"{sweep.name} is {_end_word(sweep.state)}: {', '.join(filter(None, (runs, said)))}"
                alerts.append(Alert(AlertKind.DONE, reference, text))
            elif metric and best is not None and old is not None and metric.is_better(best, old):
                alerts.append(Alert(AlertKind.BEST, reference, f"{sweep.name}: new {said} ({gain_text(best - old)})"))
        return alerts


class AlertGate:
    """Lets one call through at a time; what comes too soon waits, and is told together with what follows."""

    def __init__(self, min_seconds: float = MIN_SECONDS) -> None:
        self._min_seconds = min_seconds
        self._open_at = 0.0
        self._waiting: dict[SweepReference, Alert] = {}

    def offer(self, alerts: Iterable[Alert]) -> None:
        """Take alerts in; of one sweep the most important one stays, the newest of those that are alike."""
        for alert in alerts:
            waiting = self._waiting.get(alert.reference)
            if waiting is None or alert.kind >= waiting.kind:
                self._waiting[alert.reference] = alert

    def wait_seconds(self, now: float) -> float | None:
        """Return how long what waits has to wait; None where nothing does."""
        return max(self._open_at - now, 0.0) if self._waiting else None

    def take(self, now: float) -> str:
        """Return what to call for, in one line; empty for nothing, or not yet."""
        if not self._waiting or now < self._open_at:
            return ""
        alerts = sorted(self._waiting.values(), key=lambda alert: -alert.kind)
        self._waiting.clear()
        self._open_at = now + self._min_seconds
        more = f" · and {len(alerts) - 2} more" if len(alerts) > 2 else ""
        return " · ".join(alert.text for alert in alerts[:2]) + more


def _end_word(state: SweepState) -> str:
    return "done" if state is SweepState.FINISHED else "canceled"
