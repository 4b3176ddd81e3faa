"""SweepReads: a sweep with its runs, all of them or what changed, over W&B's wire protocol. A part of `WandbClient`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trainer.errors import NotFoundError
from trainer.records import Json, Metric, RunRecord, SweepRecord, SweepReference
from trainer.settings import Connection, ServerKind
from trainer.states import RunState
from trainer.tracking import documents
from trainer.tracking.client import SweepSnapshot
from trainer.tracking.run_pages import Ready, at_once, read_run_pages
from trainer.tracking.sweep_cursor import SweepCursor, runs_filter, runs_worth_a_curve
from trainer.tracking.transport import GraphQLTransport

CURVE_SAMPLES = 200
"""Points per curve: more than a terminal has columns."""
_CURVES_PER_REQUEST = 200


class SweepReads:
    """Polls sweeps, and reads their runs."""

    connection: Connection
    _transport: GraphQLTransport
    _page_size: int

    def _sweep(self, node: Mapping[str, Any], project: str, entity: str | None = None) -> SweepRecord:
        raise NotImplementedError

    def _missing(self, what: str) -> NotFoundError:
        raise NotImplementedError

    def poll_sweep(self, reference: SweepReference, cursor: str = "", *, curves: bool = True) -> SweepSnapshot:
        """Return what changed since `cursor`, in one request (more only while the first snapshot pages).

        The cost is bounded by the runs alive and new since, not by those finished before. The first snapshot
        holds curves of the live runs and of the `CURVED_BEST_RUNS` best; later ones of every run in them.
        """
        if not cursor:
            return self.first_snapshot(reference, curves)
        known = SweepCursor.load(cursor)
        wanted = Metric(known.metric) if curves and known.metric else None
        sweep, runs = self._runs(reference, known.changed_filter(reference.id), wanted, with_sweep=True)
        assert sweep is not None
        return SweepSnapshot(sweep, tuple(runs), known.advanced(runs, sweep.metric).dump(), self._transport.budget)

    def read_runs(self, sweep: SweepRecord, metric: Metric | None = None) -> tuple[RunRecord, ...]:
        """Return every run of a sweep, oldest first; with the curve of `metric` where one is given."""
        filters = runs_filter(sweep.reference.id)
        return tuple(self._runs(sweep.reference, filters, metric, with_sweep=False)[1])

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
        runs = self._runs(reference, filters, None, with_sweep=False)[1]
        # Those that were in no sweep have become runs of this one.
        return tuple(run for run in runs if run.sweep_id not in ("", reference.id))

    def first_snapshot(self, reference: SweepReference, curves: bool = True, ready: Ready = at_once) -> SweepSnapshot:
        """Read every run without its curve, then the curves worth showing; `ready` is as `read_run_pages`."""
        sweep, runs = self._runs(reference, runs_filter(reference.id), None, with_sweep=True, ready=ready)
        assert sweep is not None
        metric = sweep.metric
        if curves and metric:
            chosen = runs_worth_a_curve(runs, metric)
            curved: dict[str, RunRecord] = {}
            for start in range(0, len(chosen), _CURVES_PER_REQUEST):
                names = runs_filter(reference.id, chosen[start : start + _CURVES_PER_REQUEST])
                curved |= {run.id: run for run in self._runs(reference, names, metric, with_sweep=False)[1]}
            runs = [curved.get(run.id, run) for run in runs]
        return SweepSnapshot(sweep, tuple(runs), SweepCursor().advanced(runs, metric).dump(), self._transport.budget)

    def _runs(
        self,
        reference: SweepReference,
        filters: Mapping[str, Json],
        metric: Metric | None,
        *,
        with_sweep: bool,
        ready: Ready = at_once,
    ) -> tuple[SweepRecord | None, list[RunRecord]]:
        """Page through the runs that match; the sweep comes with the first page, curves of `metric` with each."""
        variables: dict[str, Any] = {
            "entity": reference.entity,
            "project": reference.project,
            "filters": json.dumps(filters),
            "order": "+created_at",
            "perPage": self._page_size,
            "cursor": None,
        }
        if metric:
            variables["specs"] = [json.dumps({"keys": ["_step", metric.name], "samples": CURVE_SAMPLES})]
        named, own = {"sweep": reference.id} if with_sweep else {}, self.connection.kind is ServerKind.EMBEDDED
        document = documents.sweep_runs(with_sweep=with_sweep, curves=metric is not None, is_embedded=own)
        # Who polls waits by itself when the server asks for it, and says so.
        project = self._transport.execute(document, variables | named, waits=not with_sweep).get("project") or {}
        sweep: SweepRecord | None = None
        if with_sweep:
            if not project.get("sweep"):
                raise self._missing(f"sweep {reference}")
            sweep = self._sweep(project["sweep"], reference.project, reference.entity)
        document = documents.sweep_runs(with_sweep=False, curves=metric is not None, is_embedded=own)
        return sweep, read_run_pages(self._transport, document, variables, project, metric, ready)
