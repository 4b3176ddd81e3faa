"""`TrackingClient` over a bundle: what a server would say, from a file. Nothing in it can be steered."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from trainer.bundle import layout
from trainer.bundle.contents import BundleContents
from trainer.bundle.layout import BundledRun
from trainer.bundle.reading import BundleFile
from trainer.errors import BundleError, NotFoundError
from trainer.records import (
    AgentCommand,
    ConsoleLine,
    ConsolePage,
    HistoryPoint,
    Json,
    Metric,
    RunRecord,
    SweepRecord,
    SweepReference,
)
from trainer.settings import Connection, ServerKind
from trainer.states import SweepState
from trainer.tracking.client import SweepSnapshot
from trainer.tracking.run_news import Curves, CurvesAsk, RunAsk, RunNews, read_one_by_one
from trainer.tracking.sweep_cursor import CURVED_BEST_RUNS
from trainer.tracking.sweep_reads import CURVE_SAMPLES

MAX_RUNS = 1_000_000
_CURSOR = "bundle"


class BundleClient(BundleContents):
    """A bundle, read as a server is. Runs are kept in memory; histories and console lines stay in the file."""

    def __init__(self, path: Path) -> None:
        """Open a bundle.

        Raises:
            BundleError: If it is missing, damaged, or not one.
        """
        self._file = BundleFile(path)
        self._sweeps = self._read_sweeps()
        self._lock = threading.Lock()
        self._loaded: dict[str, BundledRun] | None = None
        owner = self.sweep.reference
        self.connection = Connection(ServerKind.BUNDLE, str(path), "", owner.entity, owner.project)

    @property
    def sweep(self) -> SweepRecord:
        """The sweep that the bundle was made of."""
        return next(iter(self._sweeps.values()))

    @property
    def made_at(self) -> datetime:
        """When the bundle was made; nothing in it is newer."""
        try:
            moment = datetime.fromisoformat(str(self._file.manifest.get("made_at")))
        except ValueError:
            return self.sweep.created_at or datetime.fromtimestamp(0, UTC)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    @property
    def server(self) -> str:
        """Where it was made: the server's address; empty if the bundle does not tell."""
        told = self._file.manifest.get("server")
        url = told.get("url") if isinstance(told, dict) else ""
        return url if isinstance(url, str) else ""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def default_entity(self) -> str:
        """Return the entity of the sweep."""
        return self.connection.entity

    def sweep_pages(self, project: str | None = None, *, entity: str | None = None) -> Iterator[list[SweepRecord]]:
        """Yield them, all at once."""
        yield self.list_sweeps(project, None, entity=entity)

    def changed_sweeps(self, known: Sequence[SweepRecord], project: str | None = None) -> list[SweepRecord] | None:
        """Return None: reading all of them costs nothing."""

    def list_sweeps(
        self, project: str | None = None, limit: int | None = 200, *, entity: str | None = None
    ) -> list[SweepRecord]:
        """Return the sweep, then those made for its missing points."""
        found = [
            sweep
            for sweep in self._sweeps.values()
            if project in (None, sweep.reference.project) and entity in (None, sweep.reference.entity)
        ]
        return found[:limit]

    def read_sweep(self, reference: SweepReference) -> SweepRecord:
        """Return one sweep."""
        sweep = self._sweeps.get(reference.id)
        if sweep is None or sweep.reference != reference:
            raise NotFoundError(f"{self._file.path.name} holds no sweep {reference}.", hint="Open it without a name.")
        return sweep

    def poll_sweep(self, reference: SweepReference, cursor: str = "", *, curves: bool = True) -> SweepSnapshot:
        """Return everything the first time, with the curves of the best runs; then that nothing has changed."""
        return self._poll(reference, cursor, curves, None)

    def _poll(self, reference: SweepReference, cursor: str, curves: bool, metric: Metric | None) -> SweepSnapshot:
        sweep = self.read_sweep(reference)
        metric = metric or sweep.metric
        if cursor:
            return SweepSnapshot(sweep, (), cursor)
        runs = self._runs_of(sweep)
        if curves and metric is not None:
            chosen = _best_ids(runs, metric)
            found = self._curves(chosen, metric)
            runs = [replace(run, curve=found[run.id]) if found.get(run.id) else run for run in runs]
        return SweepSnapshot(sweep, tuple(runs), _CURSOR)

    @property
    def gate(self) -> None:
        """Nothing is ever held back."""
        return None

    def poll_sweeps(
        self, asked: Sequence[tuple[SweepReference, str]], *, curves: bool = True, metric: Metric | None = None
    ) -> list[SweepSnapshot | None]:
        """Return each as `poll_sweep` does."""
        return [self._poll(reference, cursor, curves, metric) for reference, cursor in asked]

    def polling(self) -> AbstractContextManager[None]:
        """Do nothing: nothing need ride along."""
        return nullcontext()

    def read_news(self, asks: Sequence[RunAsk], stop: threading.Event | None = None) -> list[RunNews | None]:
        """Return what is asked of runs; None for those that are not in the bundle."""
        return [read_one_by_one(self, ask) if ask.run_id in self._all() else None for ask in asks]

    def read_curves(self, asks: Sequence[CurvesAsk], stop: threading.Event | None = None) -> Curves:
        """Return sampled curves of metrics."""
        found: Curves = {}
        for ask in asks:
            wanted = {run_id for run_id in ask.run_ids if run_id in self._all()}
            for name in ask.metrics:
                for run_id, points in self._curves(wanted, Metric(name)).items():
                    found.setdefault(run_id, {})[name] = list(points)
        return found

    def read_runs(self, sweep: SweepRecord, metric: Metric | None = None) -> tuple[RunRecord, ...]:
        """Return every run of a sweep, oldest first; with the curve of `metric` where one is given."""
        runs = self._runs_of(self.read_sweep(sweep.reference))
        if metric is not None:
            found = self._curves({run.id for run in runs}, metric)
            own = sweep.metric is not None and metric.name == sweep.metric.name
            runs = [replace(run, curve=found.get(run.id) or (run.curve if own else ())) for run in runs]
        return tuple(runs)

    def read_prior_runs(self, reference: SweepReference) -> tuple[RunRecord, ...]:
        """Return none: what other sweeps ran is not in a bundle."""
        return ()

    def read_run(self, entity: str, project: str, run_id: str) -> RunRecord:
        """Return one run."""
        return self._bundled(run_id).run

    def read_history(
        self, entity: str, project: str, run_id: str, *, min_step: int = 0, samples: int = 1000
    ) -> list[HistoryPoint]:
        """Return up to `samples` rows of a run's history, from `min_step` on, oldest first."""
        rows = [point for point in self._history(self._bundled(run_id)) if point.step >= min_step]
        return rows[:samples] if min_step > 0 else list(_thinned(rows, samples))

    def read_histories(
        self, entity: str, project: str, run_ids: Sequence[str], *, samples: int = 1000
    ) -> dict[str, list[HistoryPoint]]:
        """Return up to `samples` rows of each run's history, oldest first; unknown runs are left out."""
        wanted = {run_id for run_id in run_ids if run_id in self._all()}
        found = {run_id: list(_thinned(points, samples)) for run_id, points in self._histories(wanted)}
        return {run_id: found.get(run_id, []) for run_id in run_ids if run_id in wanted}

    def read_console(self, entity: str, project: str, run_id: str, *, after: int = -1) -> list[ConsoleLine]:
        """Return the lines a run printed whose number is greater than `after`: the last ones it printed."""
        name = layout.console_name(self._bundled(run_id).chunk)
        for entry in self._file.lines(name, run_id):
            if entry.get("run") == run_id:
                with _Damage(self._file, name):
                    return [line for line in layout.console_of(entry) if line.number > after]
        return []

    def read_console_page(
        self, entity: str, project: str, run_id: str, *, lines: int, before: str = "", after: str | None = None
    ) -> ConsolePage:
        """Return some of the last lines a run printed: all that the file has of them, whatever is asked for first."""
        if before or after:
            return ConsolePage()
        kept = self.read_console(entity, project, run_id)
        return ConsolePage(kept, kept[-1].number + 1 if kept else 0)

    def server_features(self) -> frozenset[str]:
        """Return none."""
        return frozenset()

    def create_sweep(
        self, config: Mapping[str, Json], entity: str, project: str, prior_runs: Sequence[str] = ()
    ) -> SweepRecord:
        """Refuse."""
        self.refuse()

    def set_sweep_state(self, reference: SweepReference, state: SweepState) -> None:
        """Refuse."""
        self.refuse()

    def stop_run(self, entity: str, project: str, run_id: str) -> None:
        """Refuse."""
        self.refuse()

    def change_run(
        self, entity: str, project: str, run_id: str, *, tags: Sequence[str] | None = None, notes: str | None = None
    ) -> None:
        """Refuse."""
        self.refuse()

    def delete_run(self, entity: str, project: str, run_id: str) -> None:
        """Refuse."""
        self.refuse()

    def enqueue_run(self, reference: SweepReference, config: Mapping[str, Json]) -> str:
        """Refuse."""
        self.refuse()

    def create_agent(self, reference: SweepReference, host: str) -> str:
        """Refuse."""
        self.refuse()

    def heartbeat(self, agent_id: str, live_run_ids: Sequence[str]) -> list[AgentCommand]:
        """Refuse."""
        self.refuse()

    def refuse(self) -> NoReturn:
        """Say that nothing here can be changed.

        Raises:
            BundleError: Always.
        """
        where = f"Open {self.sweep.reference} on {self.server}." if self.server else "Open the sweep on its server."
        raise BundleError(f"{self._file.path.name} is a bundle: it can be read, and nothing more.", hint=where)

    def _read_sweeps(self) -> dict[str, SweepRecord]:
        sweeps: dict[str, SweepRecord] = {}
        for entry in self._file.lines(layout.SWEEPS):
            with _Damage(self._file, layout.SWEEPS):
                sweep = layout.sweep_of(entry)
                sweeps[sweep.reference.id] = sweep
        if not sweeps:
            raise BundleError(f"{self._file.path.name} holds no sweep.", hint="Make it anew with `sweep-tui bundle`.")
        return sweeps

    def _all(self) -> dict[str, BundledRun]:
        with self._lock:
            if self._loaded is None:
                metrics = {
                    sweep.reference.id: sweep.metric.name if sweep.metric else "" for sweep in self.list_sweeps()
                }
                loaded: dict[str, BundledRun] = {}
                with _Damage(self._file, layout.RUNS):
                    for entry in self._file.lines(layout.RUNS):
                        bundled = layout.run_of(entry, metrics)
                        loaded[bundled.run.id] = bundled
                        if len(loaded) > MAX_RUNS:
                            raise ValueError(f"it holds more than {MAX_RUNS:,} runs")
                self._loaded = loaded
            return self._loaded

    def _bundled(self, run_id: str) -> BundledRun:
        bundled = self._all().get(run_id)
        if bundled is None:
            raise NotFoundError(f"{self._file.path.name} holds no run {run_id}.", hint="Check its id.")
        return bundled

    def _runs_of(self, sweep: SweepRecord) -> list[RunRecord]:
        return [bundled.run for bundled in self._all().values() if bundled.run.sweep_id == sweep.reference.id]

    def _history(self, bundled: BundledRun) -> list[HistoryPoint]:
        return next((points for _, points in self._histories({bundled.run.id})), [])

    def _histories(self, run_ids: set[str]) -> Iterator[tuple[str, list[HistoryPoint]]]:
        """Yield the histories of runs, each file of the bundle read once."""
        runs = self._all()
        chunks: dict[int, set[str]] = {}
        for run_id in run_ids:
            chunks.setdefault(runs[run_id].chunk, set()).add(run_id)
        for chunk, wanted in sorted(chunks.items()):
            name = layout.history_name(chunk)
            for entry in self._file.lines(name, next(iter(wanted)) if len(wanted) == 1 else None):
                told = entry.get("run")
                if isinstance(told, str) and told in wanted:
                    with _Damage(self._file, name):
                        yield told, layout.history_of(entry)

    def _curves(self, run_ids: set[str], metric: Metric) -> dict[str, tuple[HistoryPoint, ...]]:
        found: dict[str, tuple[HistoryPoint, ...]] = {}
        for run_id, points in self._histories(run_ids):
            own = [
                HistoryPoint(point.step, {metric.name: point.values[metric.name]}, point.runtime_seconds)
                for point in points
                if metric.name in point.values
            ]
            found[run_id] = tuple(_thinned(own, CURVE_SAMPLES, metric))
        return found


class _Damage:
    """Says of what is not as the format has it in which file that is."""

    def __init__(self, file: BundleFile, name: str) -> None:
        self._file = file
        self._name = name

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Turn what a damaged line raises into one sentence."""
        if isinstance(error, ValueError | TypeError | OverflowError | RecursionError):
            raise self._file.damaged(self._name, error) from error


def _thinned(points: Sequence[HistoryPoint], samples: int, metric: Metric | None = None) -> Iterator[HistoryPoint]:
    """Yield at most `samples` points, evenly, the last and the best of `metric` among them."""
    if len(points) <= samples:
        yield from points
        return
    kept = {round(number * (len(points) - 1) / max(samples - 1, 1)) for number in range(samples)}
    if metric is not None:
        sign = 1 if metric.goal == "minimize" else -1
        values = [(sign * point.values[metric.name], index) for index, point in enumerate(points)]
        kept.add(min(value for value in values if value[0] == value[0])[1] if any(v[0] == v[0] for v in values) else 0)
    yield from (points[index] for index in sorted(kept))


def _best_ids(runs: Sequence[RunRecord], metric: Metric) -> set[str]:
    valued = [(value, run.id) for run in runs if (value := run.metric_value(metric, "best")) is not None]
    valued.sort(key=lambda entry: entry[0], reverse=metric.goal == "maximize")
    return {run_id for _, run_id in valued[:CURVED_BEST_RUNS]}
