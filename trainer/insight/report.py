"""Everything that the runs of a sweep say, in one value: what `sweep-tui insight` prints and the app shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trainer.insight.confidence import Ties, ties
from trainer.insight.features import RunTable, run_table
from trainer.insight.importance import ImportanceReport, importance
from trainer.insight.pareto import ParetoRun, pareto_runs
from trainer.insight.replay import ReplayReport, replay_report
from trainer.records import Metric, Ranking, RunRecord, SweepRecord
from trainer.search.narrowing import Narrowing, narrowing
from trainer.sweep.seed_names import Seeds, declared_seeds
from trainer.tracking.evaluated import evaluated


@dataclass(frozen=True)
class Insight:
    """What the runs of a sweep say."""

    sweep: SweepRecord
    metric: Metric
    by: Ranking
    table: RunTable
    importance: ImportanceReport
    ties: Ties
    replays: ReplayReport
    narrowing: Narrowing
    against: tuple[Metric, ...] = ()
    """Further metrics of the Pareto front; none where nobody asked for one."""
    front: tuple[ParetoRun, ...] = ()


def insight_of(
    sweep: SweepRecord,
    runs: Sequence[RunRecord],
    metric: Metric,
    by: Ranking = "best",
    against: Sequence[Metric] = (),
    seeds: Seeds | None = None,
) -> Insight:
    """Return what the runs of a sweep say; takes seconds of processor time for a thousand runs.

    Args:
        sweep: The sweep.
        runs: Its runs, with the curve of `metric`.
        metric: What counts.
        by: Which logged value of it.
        against: Metrics that are traded off against it.
        seeds: Which parameters only repeat; None for those that the sweep or their names say.

    Raises:
        SweepConfigError: If the sweep's parameters or its `early_terminate` cannot be read.
    """
    table = run_table(sweep, runs, metric, by)
    front = pareto_runs(runs, [metric, *against], by) if against else []
    return Insight(
        sweep,
        metric,
        by,
        table,
        importance(table),
        ties(table, seeds or Seeds(declared_seeds(sweep.config))),
        replay_report(sweep.config, runs, metric),
        narrowing(sweep.config, evaluated(runs, metric, by), metric.goal),
        tuple(against),
        tuple(front),
    )
