"""The searches of the running sweeps, kept in memory between heartbeats: what to run next.

Built from the database when first needed, so a restart loses nothing: a suggestion counts once its run is a row. Each
sweep has one lock; a slow search (bayes) holds up its own sweep only. Sweeps that are over are forgotten.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from trainer.records import Json
from trainer.server import prior_runs
from trainer.server.tables import best_values, runs
from trainer.states import RunState

if TYPE_CHECKING:
    from trainer.records import Metric
    from trainer.search.optimizer import ObservedRun, Optimizer

LOCK_TIMEOUT_SECONDS = 20.0
"""How long a heartbeat waits for another one of its sweep before it is told to come again."""


@dataclass(slots=True)
class _Search:
    """One sweep's search and what it has been told."""

    config_text: str
    optimizer: Optimizer
    metric: Metric | None
    unfinished: dict[int, tuple[object, ...]] = field(default_factory=dict)
    """Runs that were told of and may still change, and how they stood then."""
    last_row: int = 0
    told: int = 0
    """How many runs it was told of."""


@dataclass(slots=True)
class _Desk:
    """One sweep's turn-taking and its search; kept while somebody uses it or there is a search to keep."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    users: int = 0
    """Threads that have the lock or wait for it."""
    search: _Search | None = None


class AgentHabits:
    """What agents that may have several runs at once were seen to do with several orders. Thread-safe.

    Forgotten with the process: it shows again the next time an agent is given several.
    """

    def __init__(self) -> None:
        self._takes_all: set[int] = set()
        self._takes_one: set[int] = set()

    def runs_at_once(self, agent_id: int, wanted: int, alive: int) -> int:
        """Return how many runs an agent is to have, which now has `alive`."""
        if alive > 1:
            self._takes_all.add(agent_id)
            self._takes_one.discard(agent_id)
        return 1 if agent_id in self._takes_one else wanted

    def takes_one(self, agent_id: int) -> bool:
        """Return whether an agent that began one of several runs begins one only, and remember it."""
        if agent_id in self._takes_all:
            return False
        self._takes_one.add(agent_id)
        return True


class Scheduler:
    """Chooses the configurations of runs. Thread-safe."""

    def __init__(self) -> None:
        self.habits = AgentHabits()
        self._desks: dict[int, _Desk] = {}
        self._guard = threading.Lock()

    @property
    def remembered(self) -> list[int]:
        """Return the numbers of the sweeps that something is kept in memory of."""
        with self._guard:
            return list(self._desks)

    @contextmanager
    def turn(self, sweep_id: int) -> Iterator[bool]:
        """Yield whether the caller has the sweep to itself; False when another one kept it too long."""
        with self._guard:
            desk = self._desks.setdefault(sweep_id, _Desk())
            desk.users += 1
        acquired = False
        try:
            acquired = desk.lock.acquire(timeout=LOCK_TIMEOUT_SECONDS)
            yield acquired
        finally:
            if acquired:
                desk.lock.release()
            with self._guard:
                desk.users -= 1
                self._clear_away(sweep_id, desk)

    def next_configuration(self, connection: sqlite3.Connection, sweep: sqlite3.Row) -> Mapping[str, Json] | None:
        """Return the next configuration of a sweep in flat form; None when nothing is left, ever.

        Call it within `turn`, and make the run a row before the turn ends. `connection` reads.

        Raises:
            TrainerError: If the sweep's configuration cannot be searched.
        """
        search = self._up_to_date(connection, sweep)
        suggestions = search.optimizer.ask(1)
        return suggestions[0].config if suggestions else None

    def forget(self, sweep_id: int) -> None:
        """Drop what is kept in memory of a sweep; it is built anew when needed."""
        with self._guard:
            desk = self._desks.get(sweep_id)
            if desk is not None:
                desk.search = None
                self._clear_away(sweep_id, desk)

    def _clear_away(self, sweep_id: int, desk: _Desk) -> None:
        # Never while a thread waits for its lock: another would make a second lock, and both had the sweep.
        if desk.users == 0 and desk.search is None:
            self._desks.pop(sweep_id, None)

    def _up_to_date(self, connection: sqlite3.Connection, sweep: sqlite3.Row) -> _Search:
        desk = self._desks[sweep["id"]]
        search = desk.search
        if search is None or search.config_text != sweep["config"]:
            search = _begin(connection, sweep)
        _tell(search, connection, sweep)
        if search.told != runs.count_of_sweep(connection, sweep["project_id"], sweep["name"]):
            # Runs went away, whose points are free again, or older ones were made part of the sweep.
            search = _begin(connection, sweep)
            _tell(search, connection, sweep)
        desk.search = search
        return search


def _begin(connection: sqlite3.Connection, sweep: sqlite3.Row) -> _Search:
    from trainer.search.optimizer import build_optimizer  # the search half of the imports costs a second start
    from trainer.sweep.config import metric_of

    config = json.loads(sweep["config"])
    optimizer, metric = build_optimizer(config, seed=sweep["seed"]), metric_of(config)
    prior_runs.tell(optimizer, connection, sweep, is_maximized=metric is not None and metric.goal == "maximize")
    return _Search(sweep["config"], optimizer, metric)


def _tell(search: _Search, connection: sqlite3.Connection, sweep: sqlite3.Row) -> None:
    """Report the runs that are new, and what changed of those that had not ended: a thousand may wait or run."""
    project, name = sweep["project_id"], sweep["name"]
    now = {row["id"]: tuple(row) for row in runs.standings_of_unfinished(connection, project, name)}
    changed = {
        run for run, standing in now.items() if run <= search.last_row and search.unfinished.get(run) != standing
    }
    changed |= search.unfinished.keys() - now.keys()
    known = runs.by_ids(connection, sorted(changed))
    for row in chain(known, runs.of_sweep_after(connection, project, name, search.last_row)):
        search.optimizer.tell(_observed(row, search))
        search.told += row["id"] > search.last_row
        search.last_row = max(search.last_row, row["id"])
        state = RunState(row["state"])
        if state.is_terminal and state is not RunState.PREEMPTED:  # which is run again
            search.unfinished.pop(row["id"], None)
        else:
            search.unfinished[row["id"]] = (row["id"], row["state"], row["history_best"], row["metric_value"])


def _observed(row: sqlite3.Row, search: _Search) -> ObservedRun:
    """Return a run as the search method sees it; what it never looks at is not even read."""
    from trainer.search.optimizer import ObservedRun

    suggested = json.loads(row["suggested"]) if row["suggested"] else None
    is_studied = search.optimizer.learns_from > 0 or suggested is None
    config = runs.plain_config(row) if is_studied else suggested
    metric = search.metric
    value = None if metric is None else best_values.of_run(row, is_maximized=metric.goal == "maximize")
    return ObservedRun(row["name"], config or {}, RunState(row["state"]), value, suggested)
