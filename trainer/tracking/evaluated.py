"""The runs of a sweep as narrowing looks at them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from trainer.records import Metric, Ranking, RunRecord
from trainer.search.narrowing import Evaluated


def evaluated(runs: Iterable[RunRecord], metric: Metric, by: Ranking = "best") -> list[Evaluated]:
    """Return the runs that ended and have a value of the metric; one that still runs has not said its last word."""
    ended = [run for run in runs if run.state.is_terminal]
    values = [(run, run.metric_value(metric, by)) for run in ended]
    return [Evaluated(run.config, value) for run, value in values if value is not None]
