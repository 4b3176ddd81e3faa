"""Several sweeps read as one: a `TrackingClient` whose runs are those of all of them, each with its sweep's name.

What concerns a run goes to the server under the run's own project and id; what concerns a whole sweep is refused, since
it would be said of several at once. Ids that occur in two projects are told apart by the project before them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import NoReturn

from trainer.errors import InputError, NotFoundError
from trainer.records import (
    AgentCommand,
    ConsoleLine,
    ConsolePage,
    HistoryPoint,
    Json,
    Metric,
    RateBudget,
    RunRecord,
    SweepRecord,
    SweepReference,
)
from trainer.states import SweepState
from trainer.tracking.client import SweepSnapshot, TrackingClient
from trainer.tracking.request_gate import RequestGate
from trainer.tracking.run_news import Curves, CurvesAsk, RunAsk, RunNews
from trainer.tracking.several_contents import SeveralContents
from trainer.tracking.sweeps_as_one import combined, labels_of

MAX_SWEEPS = 50
_LOOK_AGAIN = 10
"""A sweep that is over, with no run alive, is asked for in one poll of so many: it may be resumed."""


class SeveralClient(SeveralContents):
    """Several sweeps of one server as one sweep. Thread-safe, as the client it asks is."""

    def __init__(self, client: TrackingClient, sweeps: Sequence[SweepRecord], metric: Metric | None) -> None:
        """Take the sweeps together.

        Args:
            client: Their server.
            sweeps: The sweeps, each once.
            metric: What ranks their runs.

        Raises:
            InputError: If they are none, or too many.
        """
        if not 1 <= len(sweeps) <= MAX_SWEEPS:
            raise InputError(f"{len(sweeps)} sweeps cannot be shown as one.", hint=f"Choose 1 to {MAX_SWEEPS}.")
        self.client = client
        self.connection = client.connection
        self.metric = metric
        self.labels = labels_of(sweeps)
        self.reference = combined(sweeps, metric).reference
        self._parts = {sweep.reference: sweep for sweep in sweeps}
        self._owners: dict[str, tuple[SweepReference, str]] = {}
        self._quiet: dict[SweepReference, int] = {}
        self._deleted: set[SweepReference] = set()
        self._lock = threading.Lock()

    # Reading the whole

    @property
    def parts(self) -> tuple[SweepRecord, ...]:
        """The sweeps as they were read last."""
        with self._lock:
            return tuple(self._parts.values())

    def owner(self, run_id: str) -> SweepReference | None:
        """Return the sweep of a run that has been read; None for any other."""
        with self._lock:
            found = self._owners.get(run_id)
        return found[0] if found else None

    def own_id(self, run_id: str) -> str:
        """Return a run's id on its server."""
        with self._lock:
            found = self._owners.get(run_id)
        return found[1] if found else run_id

    def _record(self) -> SweepRecord:
        return combined(self.parts, self.metric)

    def _owned(self, runs: Iterable[RunRecord], reference: SweepReference) -> list[RunRecord]:
        label, owned = self.labels[reference], []
        with self._lock:
            for run in runs:
                run_id = run.id
                if self._owners.setdefault(run_id, (reference, run.id))[0].project != reference.project:
                    run_id = f"{reference.project}:{run.id}"
                self._owners[run_id] = (reference, run.id)
                owned.append(replace(run, id=run_id, sweep_id=label))
        return owned

    def sweep_pages(self, project: str | None = None, *, entity: str | None = None) -> Iterator[list[SweepRecord]]:
        """Yield them, all at once."""
        yield self.list_sweeps(project, None, entity=entity)

    def changed_sweeps(self, known: Sequence[SweepRecord], project: str | None = None) -> list[SweepRecord] | None:
        """Return None: reading all of them costs nothing."""

    def list_sweeps(
        self, project: str | None = None, limit: int | None = 200, *, entity: str | None = None
    ) -> list[SweepRecord]:
        """Return the sweeps that are taken together."""
        found = [sweep for sweep in self.parts if project in (None, sweep.reference.project)]
        return [sweep for sweep in found if entity in (None, sweep.reference.entity)][:limit]

    def read_sweep(self, reference: SweepReference) -> SweepRecord:
        """Return the sweeps as one, or one of them where `reference` names it."""
        if reference != self.reference:
            return self.client.read_sweep(reference)
        for part in self.labels:
            sweep = self.client.read_sweep(part)
            with self._lock:
                self._parts[part] = sweep
        return self._record()

    def polling(self) -> AbstractContextManager[None]:
        """Note that this thread polls until the context is left."""
        return self.client.polling()

    def poll_sweep(self, reference: SweepReference, cursor: str = "", *, curves: bool = True) -> SweepSnapshot:
        """Return what changed in any of the sweeps since `cursor`, in one request once each has been read.

        Raises:
            NotFoundError: If the server has none of them.
        """
        cursors: dict[str, str] = json.loads(cursor) if cursor else {}
        known_of = {part: cursors.get(str(part), "") for part in self.labels}
        asked = [(part, known) for part, known in known_of.items() if not (known and self._rests(part))]
        runs: list[RunRecord] = []
        gone: list[str] = []
        budget: RateBudget | None = None
        clock: float | None = None
        found = self.client.poll_sweeps(asked, curves=curves, metric=self.metric)
        if asked and not any(found) and not self._is_anyone_left({part for part, _ in asked}):
            raise NotFoundError("The server has none of these sweeps any more.", hint="Somebody deleted them.")
        for (part, known), snapshot in zip(asked, found, strict=True):
            if snapshot is None:
                gone += self._forget(part)
                continue
            cursors[str(part)] = snapshot.cursor
            runs += self._owned(snapshot.runs, part)
            gone += [self._shown_id(part, run_id) for run_id in snapshot.gone]
            budget, clock = snapshot.budget, snapshot.clock_ahead_seconds
            is_over = snapshot.sweep.state.is_terminal and all(run.state.is_terminal for run in snapshot.runs)
            with self._lock:
                self._parts[part] = snapshot.sweep
                self._quiet[part] = _LOOK_AGAIN if is_over and known else 0
        return SweepSnapshot(self._record(), tuple(runs), json.dumps(cursors), budget, clock, tuple(gone))

    def poll_sweeps(
        self, asked: Sequence[tuple[SweepReference, str]], *, curves: bool = True, metric: Metric | None = None
    ) -> list[SweepSnapshot | None]:
        """Return each as `poll_sweep` does."""
        return [self.poll_sweep(reference, cursor, curves=curves) for reference, cursor in asked]

    def _is_anyone_left(self, missing: set[SweepReference]) -> bool:
        return any(part not in missing and part not in self._deleted for part in self.labels)

    def _forget(self, part: SweepReference) -> list[str]:
        """Return the runs that went with a sweep, as they are shown, once."""
        with self._lock:
            if part in self._deleted:
                return []
            self._deleted.add(part)
            return [shown for shown, (owner, _) in self._owners.items() if owner == part]

    def _shown_id(self, part: SweepReference, run_id: str) -> str:
        other = f"{part.project}:{run_id}"
        with self._lock:
            return other if self._owners.get(other) == (part, run_id) else run_id

    def read_news(self, asks: Sequence[RunAsk], stop: threading.Event | None = None) -> list[RunNews | None]:
        """Return what is new of runs, each asked for in its own project."""
        placed = []
        for ask in asks:
            entity, project, run_id = self._where(ask.entity, ask.project, ask.run_id)
            placed.append(replace(ask, entity=entity, project=project, run_id=run_id))
        found = []
        for ask, news in zip(asks, self.client.read_news(placed, stop), strict=True):
            owner = self.owner(ask.run_id)
            if news is not None and news.run is not None and owner is not None:
                news = replace(news, run=replace(news.run, id=ask.run_id, sweep_id=self.labels[owner]))
            found.append(news)
        return found

    def read_curves(self, asks: Sequence[CurvesAsk], stop: threading.Event | None = None) -> Curves:
        """Return sampled curves of metrics, of each project's runs together."""
        placed, shown = [], []
        for ask in asks:
            for (owner, home), ids in self._by_project(ask.entity, ask.project, ask.run_ids).items():
                placed.append(replace(ask, entity=owner, project=home, run_ids=tuple(ids)))
                shown.append(ids)
        found: Curves = {}
        for ask, ids in zip(placed, shown, strict=True):
            for own, curves in self.client.read_curves([ask], stop).items():
                found[ids[own]] = curves
        return found

    def _rests(self, part: SweepReference) -> bool:
        with self._lock:
            left = self._quiet.get(part, 0)
            self._quiet[part] = max(left - 1, 0)
        return left > 0

    def read_runs(self, sweep: SweepRecord, metric: Metric | None = None) -> tuple[RunRecord, ...]:
        """Return every run of every sweep, oldest first within each."""
        return tuple(
            run for part in self.parts for run in self._owned(self.client.read_runs(part, metric), part.reference)
        )

    def read_prior_runs(self, reference: SweepReference) -> tuple[RunRecord, ...]:
        """Return none: which points each sweep does not run again is its own matter."""
        return ()

    # Runs

    def _where(self, entity: str, project: str, run_id: str) -> tuple[str, str, str]:
        with self._lock:
            found = self._owners.get(run_id)
        return (entity, project, run_id) if found is None else (found[0].entity, found[0].project, found[1])

    def _by_project(self, entity: str, project: str, run_ids: Iterable[str]) -> dict[tuple[str, str], dict[str, str]]:
        """Return runs by entity and project, and there by their id on the server."""
        found: dict[tuple[str, str], dict[str, str]] = {}
        for run_id in run_ids:
            owner, home, own = self._where(entity, project, run_id)
            found.setdefault((owner, home), {})[own] = run_id
        return found

    def read_run(self, entity: str, project: str, run_id: str) -> RunRecord:
        """Return one run, without its curve."""
        run, owner = self.client.read_run(*self._where(entity, project, run_id)), self.owner(run_id)
        return run if owner is None else replace(run, id=run_id, sweep_id=self.labels[owner])

    def read_history(
        self, entity: str, project: str, run_id: str, *, min_step: int = 0, samples: int = 1000
    ) -> list[HistoryPoint]:
        """Return up to `samples` rows of a run's history, from `min_step` on, oldest first."""
        return self.client.read_history(*self._where(entity, project, run_id), min_step=min_step, samples=samples)

    def read_histories(
        self, entity: str, project: str, run_ids: Sequence[str], *, samples: int = 1000
    ) -> dict[str, list[HistoryPoint]]:
        """Return rows of each run's history, in one request for each project."""
        found: dict[str, list[HistoryPoint]] = {}
        for (owner, home), ids in self._by_project(entity, project, run_ids).items():
            rows = self.client.read_histories(owner, home, list(ids), samples=samples)
            found |= {ids[own]: points for own, points in rows.items()}
        return found

    def read_console(self, entity: str, project: str, run_id: str, *, after: int = -1) -> list[ConsoleLine]:
        """Return the lines a run printed whose number is greater than `after`."""
        return self.client.read_console(*self._where(entity, project, run_id), after=after)

    def read_console_page(
        self, entity: str, project: str, run_id: str, *, lines: int, before: str = "", after: str | None = None
    ) -> ConsolePage:
        """Return up to `lines` lines: the last before a mark, or the first behind one (empty: from the beginning)."""
        where = self._where(entity, project, run_id)
        return self.client.read_console_page(*where, lines=lines, before=before, after=after)

    def stop_run(self, entity: str, project: str, run_id: str) -> None:
        """Ask a run to end; it ends at its next step."""
        self.client.stop_run(*self._where(entity, project, run_id))

    def change_run(
        self, entity: str, project: str, run_id: str, *, tags: Sequence[str] | None = None, notes: str | None = None
    ) -> None:
        """Give a run other tags or notes; what is None stays."""
        self.client.change_run(*self._where(entity, project, run_id), tags=tags, notes=notes)

    def delete_run(self, entity: str, project: str, run_id: str) -> None:
        """Delete a run, what it logged and its files; artifacts stay."""
        self.client.delete_run(*self._where(entity, project, run_id))

    @property
    def gate(self) -> RequestGate | None:
        """What holds back requests."""
        return self.client.gate

    def close(self) -> None:
        """Let nobody wait any more."""
        self.client.close()

    def default_entity(self) -> str:
        """Return the entity that owns the key."""
        return self.client.default_entity()

    def server_features(self) -> frozenset[str]:
        """Return the names of the newer parts of the protocol that the server speaks."""
        return self.client.server_features()

    # What would be said of several sweeps at once

    def refuse(self) -> NoReturn:
        """Say that one sweep has to be chosen.

        Raises:
            InputError: Always.
        """
        raise InputError(f"{len(self.labels)} sweeps are shown as one here.", hint="Open the one that is meant.")

    def create_sweep(
        self, config: Mapping[str, Json], entity: str, project: str, prior_runs: Sequence[str] = ()
    ) -> SweepRecord:
        """Create a sweep beside them."""
        return self.client.create_sweep(config, entity, project, prior_runs)

    def set_sweep_state(self, reference: SweepReference, state: SweepState) -> None:
        """Refuse, unless one of the sweeps is meant."""
        if reference == self.reference:
            self.refuse()
        self.client.set_sweep_state(reference, state)

    def enqueue_run(self, reference: SweepReference, config: Mapping[str, Json]) -> str:
        """Refuse, unless one of the sweeps is meant."""
        if reference == self.reference:
            self.refuse()
        return self.client.enqueue_run(reference, config)

    def create_agent(self, reference: SweepReference, host: str) -> str:
        """Refuse, unless one of the sweeps is meant."""
        if reference == self.reference:
            self.refuse()
        return self.client.create_agent(reference, host)

    def heartbeat(self, agent_id: str, live_run_ids: Sequence[str]) -> list[AgentCommand]:
        """Report an agent's live runs and return the commands to obey."""
        return self.client.heartbeat(agent_id, live_run_ids)
