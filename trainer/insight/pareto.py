"""The runs that no other run beats in every metric at once. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trainer.records import Goal, Metric, Ranking, RunRecord, summary_number


@dataclass(frozen=True, slots=True)
class ParetoRun:
    """A run of the front."""

    run: RunRecord
    values: tuple[float, ...]
    """Its value of each metric."""


def pareto_places(points: Sequence[Sequence[float]], goals: Sequence[Goal]) -> list[int]:
    """Return the places of the points that no other point beats.

    A point beats another that it is as good as in everything and better than in something; of equal points all stay.

    Args:
        points: Each with a finite number per goal.
        goals: Which direction of each number is better.
    """
    signs = [-1.0 if goal == "maximize" else 1.0 for goal in goals]
    costs = [tuple(sign * value for sign, value in zip(signs, point, strict=True)) for point in points]
    # In this order nothing that comes later beats anything before, so that each is compared with the front only.
    front: list[tuple[float, ...]] = []
    for cost in sorted(set(costs)):
        if len(signs) == 2:
            # Ordered by the first number, a front falls in the second.
            if not front or cost[1] < front[-1][1]:
                front.append(cost)
        elif not any(all(mine <= theirs for mine, theirs in zip(each, cost, strict=True)) for each in front):
            front.append(cost)
    kept = set(front)
    return [place for place, cost in enumerate(costs) if cost in kept]


def pareto_runs(runs: Iterable[RunRecord], metrics: Sequence[Metric], by: Ranking = "best") -> list[ParetoRun]:
    """Return the runs of the front, ordered by the first metric, best first; runs without one of the metrics are none.

    The first metric counts by `by`, where the runs carry its curve; the others by their last value.
    """
    found: list[ParetoRun] = []
    for run in runs:
        values = [run.metric_value(metrics[0], by), *(summary_number(run.summary, each.name) for each in metrics[1:])]
        numbers = tuple(value for value in values if value is not None and math.isfinite(value))
        if len(numbers) == len(metrics):
            found.append(ParetoRun(run, numbers))
    places = pareto_places([each.values for each in found], [metric.goal for metric in metrics])
    sign = -1.0 if metrics[0].goal == "maximize" else 1.0
    return sorted((found[place] for place in places), key=lambda each: sign * each.values[0])
