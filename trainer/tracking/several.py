"""Several sweeps read as one: a `TrackingClient` whose runs are those of all of them, each with its sweep's name.

What concerns a run goes to the server under the run's own project and id; what concerns a whole sweep is refused, since
it would be said of several at once. Ids that occur in two projects are told apart by the project before them.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from trainer.errors import InputError
from trainer.records import (
    AgentCommand,
    ConsoleLine,
    ConsolePage,
    Goal,
    HistoryPoint,
    Json,
    Metric,
    RunRecord,
    SweepRecord,
    SweepReference,
    summary_number,
)
from trainer.states import SweepState
from trainer.tracking.client import SweepSnapshot, TrackingClient
from trainer.tracking.several_contents import SeveralContents

MAX_SWEEPS = 50
_CURVES_PER_REQUEST, _MAX_CURVES, _CURVE_SAMPLES = 100, 1000, 200
"""Of a sweep with another metric: runs beyond these count by their last value."""
_LOOK_AGAIN = 10
"""A sweep that is over, with no run alive, is asked for in one poll of so many: it may be resumed."""


@dataclass(frozen=True, slots=True)
class SharedMetric:
    """What ranks the runs of several sweeps."""

    metric: Metric | None
    note: str = ""
    """What is to be known about it, in sentences: who has another metric, or another goal; empty for nothing."""


def shared_metric(sweeps: Sequence[SweepRecord], name: str | None = None, goal: Goal | None = None) -> SharedMetric:
    """Return what ranks the runs of several sweeps together: what most of them optimise, the first where none leads.

    Args:
        sweeps: The sweeps.
        name: The metric to take; None to choose.
        goal: Its goal; None for that of most sweeps that optimise it, minimize where none does.
    """
    counts = Counter(sweep.metric.name for sweep in sweeps if sweep.metric)
    chosen = name or (counts.most_common(1)[0][0] if counts else "")
    if not chosen:
        return SharedMetric(None, "None of these sweeps names a metric: their runs are listed, not ranked.")
    having = [sweep for sweep in sweeps if sweep.metric and sweep.metric.name == chosen]
    others = [sweep for sweep in sweeps if sweep not in having]
    goals = Counter(sweep.metric.goal for sweep in having if sweep.metric)
    direction: Goal = goal or (goals.most_common(1)[0][0] if goals else "minimize")
    notes = []
    if others:
        told = "; ".join(
            f"{sweep.name} optimises {sweep.metric.name}" if sweep.metric else f"{sweep.name} names none"
            for sweep in others[:3]
        )
        more = f"; and {len(others) - 3} more" if len(others) > 3 else ""
        notes.append(f"Ranked by {chosen}, the metric of {len(having)} of {len(sweeps)}: {told}{more}.")
    against = [sweep.name for sweep in having if sweep.metric and sweep.metric.goal != direction]
    if against:
        word = {"minimize": "least", "maximize": "greatest"}[direction]
        names = ", ".join(against[:3]) + (" and others" if len(against) > 3 else "")
        other = "minimize" if direction == "maximize" else "maximize"
        verb = other if len(against) > 1 else f"{other}s"
        notes.append(f"{names} {verb} {chosen}, the others {direction} it: the {word} comes first.")
    return SharedMetric(Metric(chosen, direction), " ".join(notes))


def combined(sweeps: Sequence[SweepRecord], metric: Metric | None) -> SweepRecord:
    """Return the record of several sweeps taken as one."""
    references = [sweep.reference for sweep in sweeps]
    projects = dict.fromkeys(reference.project for reference in references)
    expected = [sweep.run_count_expected for sweep in sweeps]
    best: float | None = None
    for sweep in sweeps:
        value = sweep.best_value
        if value is not None and metric and sweep.metric and sweep.metric.name == metric.name:
            best = value if metric.is_better(value, best) else best
    return SweepRecord(
        reference=SweepReference(
            references[0].entity, "+".join(projects), "-".join(reference.id for reference in references)[:60]
        ),
        name=f"{len(sweeps)} sweeps",
        state=_state(sweep.state for sweep in sweeps),
        method=", ".join(dict.fromkeys(sweep.method for sweep in sweeps)),
        metric=metric,
        config={"method": sweeps[0].method, "parameters": _parameters(sweeps)},
        created_at=min((sweep.created_at for sweep in sweeps if sweep.created_at), default=None),
        run_count=sum(sweep.run_count for sweep in sweeps),
        run_count_expected=None if None in expected else sum(count or 0 for count in expected),
        best_value=best,
        parts=tuple(references),
    )


def _state(states: Iterable[SweepState]) -> SweepState:
    found = set(states)
    for state in (SweepState.RUNNING, SweepState.PENDING, SweepState.PAUSED, SweepState.FINISHED):
        if state in found:
            return state
    return SweepState.CANCELED


def _parameters(sweeps: Sequence[SweepRecord]) -> dict[str, Json]:
    """Return the parameters of all: one that several sweeps have in a different form as one that varies."""
    forms: dict[str, list[Json]] = {}
    for sweep in sweeps:
        given = sweep.config.get("parameters")
        for name, form in given.items() if isinstance(given, Mapping) else ():
            if form not in forms.setdefault(name, []):
                forms[name].append(form)
    return {name: found[0] if len(found) == 1 else _varying(found) for name, found in forms.items()}


def _varying(forms: Sequence[Json]) -> Json:
    for form in forms:
        if isinstance(form, Mapping) and "value" not in form:
            return dict(form)
    values: list[Json] = [form["value"] for form in forms if isinstance(form, Mapping)]
    return {"values": values}


def labels_of(sweeps: Sequence[SweepRecord]) -> dict[SweepReference, str]:
    """Return a name for each sweep that no other has."""
    counts = Counter(sweep.name for sweep in sweeps)
    return {
        sweep.reference: sweep.name if counts[sweep.name] == 1 else f"{sweep.name} ({sweep.reference.id})"
        for sweep in sweeps
    }


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

    def poll_sweep(self, reference: SweepReference, cursor: str = "", *, curves: bool = True) -> SweepSnapshot:
        """Return what changed in any of the sweeps since `cursor`; one request for each that is not over."""
        cursors: dict[str, str] = json.loads(cursor) if cursor else {}
        runs: list[RunRecord] = []
        for part in self.labels:
            known = cursors.get(str(part), "")
            if known and self._rests(part):
                continue
            snapshot = self.client.poll_sweep(part, known, curves=curves)
            cursors[str(part)] = snapshot.cursor
            runs += self._owned(self._with_curves(snapshot.sweep, snapshot.runs) if curves else snapshot.runs, part)
            is_over = snapshot.sweep.state.is_terminal and all(run.state.is_terminal for run in snapshot.runs)
            with self._lock:
                self._parts[part] = snapshot.sweep
                self._quiet[part] = _LOOK_AGAIN if is_over and known else 0
        return SweepSnapshot(self._record(), tuple(runs), json.dumps(cursors))

    def _with_curves(self, sweep: SweepRecord, runs: Sequence[RunRecord]) -> list[RunRecord]:
        """Return runs with the curve of what ranks them; a poll brings that of their own sweep's metric."""
        metric = self.metric
        if metric is None or (sweep.metric is not None and sweep.metric.name == metric.name):
            return list(runs)
        wanted = [run.id for run in runs if summary_number(run.summary, metric.name) is not None]
        found: dict[str, list[HistoryPoint]] = {}
        for start in range(0, min(len(wanted), _MAX_CURVES), _CURVES_PER_REQUEST):
            ids = wanted[start : start + _CURVES_PER_REQUEST]
            found |= self.client.read_histories(
                sweep.reference.entity, sweep.reference.project, ids, samples=_CURVE_SAMPLES
            )
        return [replace(run, curve=tuple(found.get(run.id, ()))) for run in runs]

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
        by_project: dict[tuple[str, str], dict[str, str]] = {}
        for run_id in run_ids:
            owner, home, own = self._where(entity, project, run_id)
            by_project.setdefault((owner, home), {})[own] = run_id
        found: dict[str, list[HistoryPoint]] = {}
        for (owner, home), ids in by_project.items():
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
