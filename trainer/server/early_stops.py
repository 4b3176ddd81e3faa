"""Early termination: compares the runs of a sweep by hyperband's rule, and asks the losers to end.

Evaluated when an agent of the sweep beats. Curves are kept in memory and grow by the rows that are new, so a beat
costs what was logged since the last one; those of sweeps that are over are forgotten.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from array import array
from dataclasses import dataclass, field

from trainer.records import Json, logged_number
from trainer.server import controllers
from trainer.server.store import Store
from trainer.server.tables import runs, streams
from trainer.states import RunState

logger = logging.getLogger(__name__)

EVALUATION_SECONDS = 0.5
"""The rule is applied at most this often per sweep."""
_SHARE = 20
"""After an evaluation, so many times as long passes before the next: that of 100,000 runs takes most of a second."""
_LONGEST_PAUSE = 10.0
_CHUNK = 5000


@dataclass(slots=True)
class _Curve:
    values: array[float] = field(default_factory=lambda: array("d"))
    """Eight bytes each: a sweep may have millions."""
    next_line: int = 0
    begun_at: int | None = None
    """When the life of the run began that the values are from."""


@dataclass(slots=True)
class _Sweep:
    metric: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    curves: dict[int, _Curve] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    """Runs whose curve is complete."""
    evaluated_at: float = 0.0
    pause: float = EVALUATION_SECONDS


class EarlyStops:
    """The curves of the sweeps that stop runs early. Thread-safe."""

    def __init__(self) -> None:
        self._sweeps: dict[int, _Sweep] = {}
        self._guard = threading.Lock()

    @property
    def remembered(self) -> list[int]:
        """Return the numbers of the sweeps whose curves are kept in memory."""
        with self._guard:
            return list(self._sweeps)

    def forget(self, sweep_id: int) -> None:
        """Drop the curves of a sweep; they are read anew when needed."""
        with self._guard:
            self._sweeps.pop(sweep_id, None)

    def evaluate(self, store: Store, sweep: sqlite3.Row) -> None:
        """Ask the runs of a sweep to end that its `early_terminate` no longer lets run.

        Does nothing while another thread evaluates the sweep, or did a moment ago.
        """
        name = sweep["metric"]
        if name is None or '"early_terminate"' not in sweep["config"]:  # grids may have megabytes
            return
        config: dict[str, Json] = json.loads(sweep["config"])
        # A local controller decides itself, perhaps by another rule.
        if not config.get("early_terminate") or controllers.is_local(config):
            return
        with self._guard:
            known = self._sweeps.get(sweep["id"])
            if known is None or known.metric != name:
                known = self._sweeps[sweep["id"]] = _Sweep(name)
        if time.monotonic() - known.evaluated_at < known.pause or not known.lock.acquire(blocking=False):
            return
        started = time.thread_time()
        try:
            self._stop_losers(store, sweep, config, name, known)
            known.evaluated_at = time.monotonic()
            known.pause = min(max(EVALUATION_SECONDS, _SHARE * (time.thread_time() - started)), _LONGEST_PAUSE)
        finally:
            known.lock.release()

    def _stop_losers(
        self, store: Store, sweep: sqlite3.Row, config: dict[str, Json], metric: str, known: _Sweep
    ) -> None:
        from trainer.search.hyperband import RunCurve, runs_to_stop  # most sweeps stop nothing early

        rows = runs.outlines_of_sweep(store.reader, sweep["project_id"], sweep["name"])
        curves = []
        for row in rows:
            is_over = RunState(row["state"]).is_terminal
            if row["id"] not in known.ended or not is_over:
                _grow(store.reader, known.curves.setdefault(row["id"], _Curve()), row, metric)
            if is_over:
                known.ended.add(row["id"])
            else:
                known.ended.discard(row["id"])
            values = known.curves[row["id"]].values
            curves.append(RunCurve(str(row["id"]), values, not is_over and not row["stop_requested"]))
        decisions = runs_to_stop(config, curves)
        if not decisions:
            return

        def job(connection: sqlite3.Connection) -> None:
            for decision in decisions:
                runs.request_stop(connection, int(decision.run_id), f"early_terminate: {decision.reason}")

        store.write(job)
        logger.info("sweep %s: %d runs are stopped early", sweep["name"], len(decisions))


def _grow(connection: sqlite3.Connection, curve: _Curve, run: sqlite3.Row, metric: str) -> None:
    """Add what a run has logged since; begin anew if it started over."""
    if run["history_lines"] < curve.next_line or run["reported_at"] != curve.begun_at:
        del curve.values[:]
        curve.next_line = 0
        curve.begun_at = run["reported_at"]
    while curve.next_line < run["history_lines"]:
        found = streams.lines(connection, run["id"], "history", curve.next_line - 1, _CHUNK)
        if not found:
            return
        for number, text in found:
            value = logged_number(json.loads(text), metric)
            if value is not None:
                curve.values.append(value)
            curve.next_line = number + 1
