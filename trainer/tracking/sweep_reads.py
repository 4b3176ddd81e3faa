"""SweepReads: a sweep with its runs, all of them or what changed, over W&B's wire protocol. A part of `WandbClient`."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from trainer.errors import AuthenticationError, NotFoundError, ServerBusyError, ServerLostError, TrainerError
from trainer.records import Json, Metric, RunRecord, SweepRecord, SweepReference
from trainer.settings import Connection, ServerKind
from trainer.states import RunState
from trainer.tracking import documents
from trainer.tracking.client import SweepSnapshot
from trainer.tracking.parts import Part, answers_of, document_of
from trainer.tracking.riders import MOST_PARTS, Riders
from trainer.tracking.run_pages import Ready, at_once, read_run_pages
from trainer.tracking.sweep_cursor import SweepCursor, runs_filter, runs_worth_a_curve
from trainer.tracking.transport import GraphQLTransport

CURVE_SAMPLES = 200
"""Points per curve: more than a terminal has columns."""
_CURVES_PER_REQUEST = 200
_POLL = "SweepRuns"
"""Name of the operation."""


class SweepReads:
    """Polls sweeps, and reads their runs."""

    connection: Connection
    _transport: GraphQLTransport
    _page_size: int
    _riders: Riders

    def _sweep(self, node: Mapping[str, Any], project: str, entity: str | None = None) -> SweepRecord:
        raise NotImplementedError

    def _missing(self, what: str) -> NotFoundError:
        raise NotImplementedError

    def polling(self) -> AbstractContextManager[None]:
        """Note that this thread polls until the context is left: others may ask in its requests."""
        return self._riders.polling()

    def poll_sweep(self, reference: SweepReference, cursor: str = "", *, curves: bool = True) -> SweepSnapshot:
        """Return what changed since `cursor`, in one request (more only while the first snapshot pages).

        The cost is bounded by the runs alive and new since, not by those finished before. The first snapshot
        holds curves of the live runs and of the `CURVED_BEST_RUNS` best; later ones of every run in them.
        """
        (snapshot,) = self.poll_sweeps([(reference, cursor)], curves=curves)
        if snapshot is None:
            raise self._missing(f"sweep {reference}")
        return snapshot

    def poll_sweeps(
        self, asked: Sequence[tuple[SweepReference, str]], *, curves: bool = True, metric: Metric | None = None
    ) -> list[SweepSnapshot | None]:
        """Return what changed of sweeps since a cursor of each, in one request for all that have one.

        What rides along is asked in the same request.

        Args:
            asked: Sweeps with their cursors; the empty cursor reads a sweep whole, in requests of its own.
            curves: Whether curves are wanted.
            metric: Of which metric; None for what each sweep optimises.

        Returns:
            A snapshot for each; None for a sweep that the server does not have.
        """
        later = [(reference, SweepCursor.load(cursor)) for reference, cursor in asked if cursor]
        wanted = [Metric(known.metric) if curves and known.metric else None for _, known in later]
        parts = [
            self._part(reference, known.changed_filter(reference.id), of, with_sweep=True)
            for (reference, known), of in zip(later, wanted, strict=True)
        ]
        projects = dict(zip((reference for reference, _ in later), self._ask_along(parts), strict=True))
        snapshots: list[SweepSnapshot | None] = []
        of_each = {reference: (known, of) for (reference, known), of in zip(later, wanted, strict=True)}
        for reference, cursor in asked:
            if not cursor:
                snapshots.append(self._first_snapshot(reference, curves, metric))
            elif not projects[reference].get("sweep"):
                snapshots.append(None)
            else:
                snapshots.append(self._news(reference, projects[reference], *of_each[reference], metric))
        return snapshots

    def _news(
        self, reference: SweepReference, project: Mapping[str, Any], known: SweepCursor, of: Metric | None,
        metric: Metric | None,
    ) -> SweepSnapshot:  # fmt: skip
        sweep = self._sweep(project["sweep"], reference.project, reference.entity)
        runs = self._pages_of(reference, known.changed_filter(reference.id), of, project)
        gone = tuple(set(known.live) - {run.id for run in runs})
        cursor = known.advanced(runs, metric or sweep.metric).dump()
        return self._snapshot(sweep, runs, cursor, gone)

    def _snapshot(
        self, sweep: SweepRecord, runs: Sequence[RunRecord], cursor: str, gone: tuple[str, ...] = ()
    ) -> SweepSnapshot:
        way = self._transport
        return SweepSnapshot(sweep, tuple(runs), cursor, way.budget, way.clock_ahead_seconds, gone)

    def _ask_along(self, parts: Sequence[Part]) -> list[dict[str, Any]]:
        """Poll: in one request with what rides along, or riding along with whoever polls longer."""
        if not parts:
            return []
        if not self._riders.drives:
            answers = self._riders.ride(parts)
            if answers is not None:
                return answers
        trip = self._riders.board()
        document, variables = document_of([*parts, *trip.parts], _POLL)
        try:
            # Who polls waits by itself when the server asks for it, and says so.
            data = self._transport.execute(document, variables, waits=False)
        except ServerBusyError:
            trip.put_off()
            raise
        except (ServerLostError, AuthenticationError) as error:
            trip.failed(error)
            raise
        except TrainerError:
            if not trip.parts:
                raise
            # What rides along must not keep the sweep from being seen: a server may refuse a document for one part.
            trip.refused()
            document, variables = document_of(parts, _POLL)
            return answers_of(self._transport.execute(document, variables, waits=False), len(parts))
        except BaseException:
            trip.refused()
            raise
        answers = answers_of(data, len(parts) + len(trip.parts))
        trip.arrived(answers[len(parts) :])
        return answers[: len(parts)]

    def ask_parts(self, parts: Sequence[Part], stop: threading.Event | None, name: str) -> list[dict[str, Any]]:
        """Return what is answered to each part: with the next poll where a `stop` is given, else at once; blocks.

        Args:
            parts: What to ask.
            stop: Ends waiting for the poll when set; None not to wait for it.
            name: Of the operation where they are asked alone.

        Raises:
            ServerError: As every request.
        """
        answers = self._riders.ride(parts, stop) if stop is not None else None
        if answers is not None:
            return answers
        found: list[dict[str, Any]] = []
        for start in range(0, len(parts), MOST_PARTS):
            if stop is not None and stop.is_set():
                return [{} for _ in parts]
            some = parts[start : start + MOST_PARTS]
            found += answers_of(self._transport.execute(*document_of(some, name)), len(some))
        return found

    def read_runs(self, sweep: SweepRecord, metric: Metric | None = None) -> tuple[RunRecord, ...]:
        """Return every run of a sweep, oldest first; with the curve of `metric` where one is given."""
        filters = runs_filter(sweep.reference.id)
        return tuple(self._runs(sweep.reference, filters, metric))

    def read_prior_runs(self, reference: SweepReference) -> tuple[RunRecord, ...]:
        """Return the finished runs of other sweeps whose points a sweep does not run again.

        Only the embedded server is asked: whether another one leaves such points out, nobody promises.
        """
        if self.connection.kind is not ServerKind.EMBEDDED:
            return ()
        variables = {"name": reference.id, "project": reference.project, "entity": reference.entity}
        sweep = (self._transport.execute(documents.PRIOR_RUNS, variables).get("project") or {}).get("sweep") or {}
        if not sweep.get("priorRunsFilters"):
            return ()
        filters: dict[str, Json] = {"$and": [json.loads(sweep["priorRunsFilters"]), {"state": RunState.FINISHED.value}]}
        runs = self._runs(reference, filters, None)
        # Those that were in no sweep have become runs of this one.
        return tuple(run for run in runs if run.sweep_id not in ("", reference.id))

    def first_snapshot(self, reference: SweepReference, curves: bool = True, ready: Ready = at_once) -> SweepSnapshot:
        """Read every run without its curve, then the curves worth showing; `ready` is as `read_run_pages`.

        Raises:
            NotFoundError: If the server has no such sweep.
        """
        snapshot = self._first_snapshot(reference, curves, None, ready)
        if snapshot is None:
            raise self._missing(f"sweep {reference}")
        return snapshot

    def _first_snapshot(
        self, reference: SweepReference, curves: bool, metric: Metric | None, ready: Ready = at_once
    ) -> SweepSnapshot | None:
        part = self._part(reference, runs_filter(reference.id), None, with_sweep=True)
        document, variables = document_of([part], _POLL)
        (project,) = answers_of(self._transport.execute(document, variables, waits=False), 1)
        if not project.get("sweep"):
            return None
        sweep = self._sweep(project["sweep"], reference.project, reference.entity)
        runs = self._pages_of(reference, runs_filter(reference.id), None, project, ready)
        metric = metric or sweep.metric
        if curves and metric:
            chosen = runs_worth_a_curve(runs, metric)
            curved: dict[str, RunRecord] = {}
            for start in range(0, len(chosen), _CURVES_PER_REQUEST):
                names = runs_filter(reference.id, chosen[start : start + _CURVES_PER_REQUEST])
                curved |= {run.id: run for run in self._runs(reference, names, metric)}
            runs = [curved.get(run.id, run) for run in runs]
        return self._snapshot(sweep, runs, SweepCursor().advanced(runs, metric).dump())

    def _part(
        self, reference: SweepReference, filters: Mapping[str, Json], metric: Metric | None, *, with_sweep: bool
    ) -> Part:
        return documents.sweep_runs_part(
            reference, with_sweep=with_sweep, curves=metric is not None,
            is_embedded=self.connection.kind is ServerKind.EMBEDDED, values=self._values(filters, metric),
        )  # fmt: skip

    def _values(self, filters: Mapping[str, Json], metric: Metric | None) -> dict[str, Any]:
        values: dict[str, Any] = {"filters": json.dumps(filters), "order": "+created_at", "perPage": self._page_size}
        if metric:
            values["specs"] = [curve_spec(metric.name)]
        return values

    def _runs(self, reference: SweepReference, filters: Mapping[str, Json], metric: Metric | None) -> list[RunRecord]:
        """Return the runs that match, with curves of `metric`."""
        document, variables = document_of([self._part(reference, filters, metric, with_sweep=False)], _POLL)
        (project,) = answers_of(self._transport.execute(document, variables), 1)
        return self._pages_of(reference, filters, metric, project)

    def _pages_of(
        self, reference: SweepReference, filters: Mapping[str, Json], metric: Metric | None,
        project: Mapping[str, Any], ready: Ready = at_once,
    ) -> list[RunRecord]:  # fmt: skip
        """Return the runs of a page that was read, and of those that follow it."""
        own = self.connection.kind is ServerKind.EMBEDDED
        document = documents.sweep_runs(with_sweep=False, curves=metric is not None, is_embedded=own)
        variables = {"entity": reference.entity, "project": reference.project, **self._values(filters, metric)}
        return read_run_pages(self._transport, document, variables, project, metric, ready)


def curve_spec(metric_name: str, samples: int = CURVE_SAMPLES) -> str:
    """Return what `sampledHistory` is to bring of a metric (SDK 0.31, `specs`)."""
    return json.dumps({"keys": ["_step", metric_name], "samples": samples})
