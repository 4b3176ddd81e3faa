"""What a report says of a sweep, read and computed; how it is laid out, `parts` knows."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from trainer.agents.failures import ExitFacts, classify, grouped
from trainer.errors import TrainerError
from trainer.exports.origin import Origin, origins_of
from trainer.insight.text import Section
from trainer.records import FailureGroup, Metric, Ranking, RunRecord, SweepRecord
from trainer.tracking.client import TrackingClient
from trainer.tracking.leaderboard import RankedRun, rank_runs

logger = logging.getLogger(__name__)

FAILURES_READ = 50
"""Failed runs whose last words are read: the newest; what fails often shows among them."""
_LAST_LINES = 200
INSIGHT_RUNS = 20_000
"""Beyond, a forest of all runs takes minutes."""


@dataclass(frozen=True)
class ReportFacts:
    """Everything in a report."""

    sweep: SweepRecord
    runs: Sequence[RunRecord]
    ranked: Sequence[RankedRun]
    metric: Metric | None
    by: Ranking
    server: str
    """Where it was read, in words."""
    read_at: datetime
    """When what is in it was so."""
    states: dict[str, int] = field(default_factory=dict)
    origins: dict[Origin, int] = field(default_factory=dict)
    failures: tuple[FailureGroup, ...] = ()
    failed: int = 0
    """Runs that failed, those whose reason was not looked for included."""
    insight: tuple[Section, ...] = ()
    """What matters, and whether the first is really the best."""

    @property
    def best(self) -> RankedRun | None:
        """The best run; None where none has a value."""
        return self.ranked[0] if self.ranked and self.ranked[0].value is not None else None


def read_facts(
    client: TrackingClient,
    sweep: SweepRecord,
    runs: Sequence[RunRecord],
    metric: Metric | None,
    by: Ranking = "best",
    read_at: datetime | None = None,
    *,
    with_insight: bool = True,
) -> ReportFacts:
    """Return the facts of a report; blocks for the last words of failed runs, and computes for some seconds.

    Args:
        client: The server, or the bundle.
        sweep: The sweep.
        runs: All its runs, with the curve of `metric`.
        metric: What ranks them; None where nothing does.
        by: Which value of it.
        read_at: When the runs were read; None for now.
        with_insight: Whether it is computed what matters; that imports scikit-learn.

    Raises:
        ServerError, AuthenticationError: If the server cannot be read.
    """
    failed = [run for run in runs if run.state.is_failure]
    return ReportFacts(
        sweep=sweep,
        runs=runs,
        ranked=rank_runs(runs, metric, by),
        metric=metric,
        by=by,
        server=client.connection.label,
        read_at=read_at or datetime.now(UTC),
        states=dict(Counter(run.state.value for run in runs).most_common()),
        origins=origins_of(runs),
        failures=_failures(client, sweep, failed),
        failed=len(failed),
        insight=_insight(sweep, runs, metric, by) if with_insight else (),
    )


def _failures(client: TrackingClient, sweep: SweepRecord, failed: Sequence[RunRecord]) -> tuple[FailureGroup, ...]:
    """Return why runs failed, equal reasons together, as far as what they printed tells."""
    groups = []
    for run in failed[-FAILURES_READ:]:
        lines = client.read_console(sweep.reference.entity, sweep.reference.project, run.id)
        tail = [line.text for line in lines[-_LAST_LINES:]]
        if not any(map(str.strip, tail)):
            groups.append(FailureGroup("silent", "silent", "ended without a word", "It printed nothing.", run.id))
            continue
        # The server does not tell the exit status: any that is no success will do.
        found = classify(1, tail, ExitFacts(run_id=run.id))
        groups.append(FailureGroup(found.fingerprint, found.kind.value, found.title, found.summary, run.id))
    return grouped(groups)


def _insight(sweep: SweepRecord, runs: Sequence[RunRecord], metric: Metric | None, by: Ranking) -> tuple[Section, ...]:
    # Imported when needed: scikit-learn and Optuna cost two seconds.
    if metric is None:
        return ()
    if len(runs) > INSIGHT_RUNS:
        return (Section("Parameter importance", (f"Left out: more than {INSIGHT_RUNS:,} runs.",)),)
    from trainer.insight.confidence import ties
    from trainer.insight.features import run_table
    from trainer.insight.importance import importance
    from trainer.insight.text import importance_section, ties_section
    from trainer.sweep.seed_names import Seeds, declared_seeds

    try:
        table = run_table(sweep, runs, metric, by)
        return importance_section(importance(table)), ties_section(ties(table, Seeds(declared_seeds(sweep.config))))
    except TrainerError as error:
        logger.debug("%s", error)
        return (Section("Parameter importance", (str(error),)),)
