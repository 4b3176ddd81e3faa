"""Groups of runs with their mean and its confidence, and how sure it is that the first group is really the best.

The command line, the analysis and the leaderboard all ask here. numpy is imported by the first chance that is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from trainer.insight.features import RunTable
from trainer.insight.intervals import CONFIDENCE, mean_of
from trainer.records import Goal, HistoryPoint, Metric
from trainer.sweep.seed_names import Seeds
from trainer.tracking.leaderboard import flatten_config

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DRAWS = 10_000
SEED = 0
MOST_CONTENDERS = 100
_MANY_RUNS = 100
"""Runs of a group from which its mean is drawn as a normal number, and not run by run."""
_NEAR = 8.0
"""Groups further behind the first than so many standard errors have no chance."""
_WILD = 10.0
"""Times the median deviation of `_LEAST_REPEATED` configurations or more: chance alone hardly ever does that."""
_LEAST_REPEATED = 5
_TAIL = 0.2
_LEAST_TAIL = 5


@dataclass(frozen=True, slots=True)
class Group:
    """Runs that agree in some keys."""

    key: tuple[tuple[str, str], ...]
    """The keys and their values as text; `–` where the runs have none."""
    places: tuple[int, ...]
    """Where its runs are in the table."""
    mean: float
    deviation: float | None
    """Standard deviation of the runs (n − 1); None for a single run."""
    half_width: float | None
    """Half of the 95 % confidence interval of the mean, by Student's t; None for a single run."""

    @property
    def count(self) -> int:
        """How many runs it has."""
        return len(self.places)


@dataclass(frozen=True, slots=True)
class Contender:
    """A configuration that may be the best."""

    group: Group
    chance: float
    """Probability that it is really the best."""
    is_tied: bool
    """Whether it cannot be told from the first with 95 % confidence."""


@dataclass(frozen=True, slots=True)
class Ties:
    """Which configurations may be the best."""

    contenders: tuple[Contender, ...] = ()
    """By mean, best first; those without a chance are left out, the first is always there."""
    configurations: int = 0
    repeated: int = 0
    """Configurations with two runs or more."""
    noise: float | None = None
    """Standard deviation that a run of one configuration is taken to have; None where nothing says."""
    assumption: str = ""
    """Where the noise is known from, in a sentence."""
    problem: str = ""
    """Why nothing can be said; empty if something can."""

    @property
    def tied(self) -> int:
        """How many share the first place."""
        return sum(contender.is_tied for contender in self.contenders)


def grouped(table: RunTable, keys: Sequence[str]) -> list[Group]:
    """Return the runs grouped by any keys of their configuration, the best mean first."""
    from trainer.tracking.tables import cell_text

    members: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for place, run in enumerate(table.runs):
        flat = flatten_config(run.config)
        shown = [(name, flat.get(name)) for name in keys]
        key = tuple(
            (
                name,
                "–"
                if value is None
                else cell_text(value)
                if isinstance(value, int | float) and not isinstance(value, bool)
                else str(value),
            )
            for name, value in shown
        )
        members.setdefault(key, []).append(place)
    groups = [group_of(key, places, table.values) for key, places in members.items()]
    return ranked(groups, table.metric.goal)


def group_of(key: tuple[tuple[str, str], ...], places: Sequence[int], values: Sequence[float]) -> Group:
    """Return the group of the runs at some places, of which each has a value."""
    found = mean_of([values[place] for place in places])
    return Group(key, tuple(places), found.mean, found.deviation, found.half_width)


def ranked(groups: Sequence[Group], goal: Goal) -> list[Group]:
    """Return groups, the best mean first."""
    sign = -1.0 if goal == "maximize" else 1.0
    return sorted(groups, key=lambda group: sign * group.mean)


def ties(table: RunTable, seeds: Seeds | None = None, *, draws: int = DRAWS, seed: int = SEED) -> Ties:
    """Return which configurations may be the best, runs that differ in seeds only taken together."""
    seeds = seeds or Seeds()
    names = [feature.name for feature in table.features if not seeds.are(feature.name)]
    groups = grouped(table, names)
    return contest(groups, groups, table.values, [run.curve for run in table.runs], table.metric, draws, seed)


def contest(
    rows: Sequence[Group],
    repeats: Sequence[Group],
    values: Sequence[float],
    curves: Sequence[Sequence[HistoryPoint]],
    metric: Metric,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Ties:
    """Return which of some rows, groups or single runs, may be the best.

    A bootstrap: the deviations of the repeats from their group's mean are drawn again, pooled, since few
    repeats each say little about themselves; their spread is drawn too, as wide as so few leave it open (chi-squared).
    Where nothing was repeated, the restlessness of the curves' last fifth stands for the noise, and is said to.

    Args:
        rows: What is compared, the best mean first.
        repeats: The groups whose spread is the noise: runs of one configuration, or the rows themselves.
        values: The value of each run, at the places of the groups.
        curves: The history of each run at the same places; empty where it is not known.
        metric: What the values are of.
        draws: How often to draw.
        seed: Of the draws.
    """
    repeated = sum(group.count > 1 for group in repeats)
    if len(rows) < 2:
        return Ties(configurations=len(rows), repeated=repeated, problem="There are no two configurations to compare.")
    deviations, freedom, assumption = _noise(repeats, values, curves, metric)
    if freedom < 1:
        first = Contender(rows[0], math.nan, True)
        return Ties((first,), len(rows), repeated, None, "", f"{assumption} Run the best few again with other seeds.")
    noise = math.hypot(*deviations) / math.sqrt(len(deviations))
    near = [group for group in rows if _distance(group, rows[0], noise) <= _NEAR]
    contenders = _contenders(near[:MOST_CONTENDERS], deviations, noise, freedom, metric.goal, draws, seed)
    return Ties(tuple(contenders), len(rows), repeated, noise, assumption)


def _distance(group: Group, first: Group, noise: float) -> float:
    error = noise * math.sqrt(1 / group.count + 1 / first.count)
    gap = abs(group.mean - first.mean)
    return gap / error if error > 0 else (0.0 if gap == 0 else math.inf)


def _noise(
    groups: Sequence[Group], values: Sequence[float], curves: Sequence[Sequence[HistoryPoint]], metric: Metric
) -> tuple[list[float], int, str]:
    """Return deviations to draw from, scaled to be without bias, their degrees of freedom, and where they are from."""
    repeats = [group for group in groups if group.count > 1]
    calm = _without_wild(repeats)
    wild, repeats = len(repeats) - len(calm), calm
    freedom = sum(group.count - 1 for group in repeats)
    if freedom:
        deviations = [
            (values[place] - group.mean) * math.sqrt(group.count / (group.count - 1))
            for group in repeats
            for place in group.places
        ]
        single = len(groups) - len(repeats) - wild
        runs = sum(group.count for group in repeats)
        where = f"Noise from {runs} runs of {_configurations(len(repeats))} that were repeated"
        where += f"; the {single} single ones are taken to be as noisy." if single else "."
        if wild:
            where += (
                f" {_configurations(wild)} scattered more than {_WILD:g} times as much, and count for nothing here."
            )
        if freedom < 5:
            where += " So few repeats leave much open."
        # In an order of their own, so that the same runs give the same draws whatever order they are in.
        return sorted(deviations), freedom, where
    deviations = [deviation for curve in curves for deviation in _restlessness(curve, metric)]
    if len(deviations) < _LEAST_TAIL:
        return [], 0, "No configuration was run twice, and the curves are too short to show their noise."
    where = (
        "No configuration was run twice: the noise of a run is taken to be that of the last fifth of its curve, "
        "which says nothing about other seeds."
    )
    return deviations, len(deviations), where


def _without_wild(repeats: Sequence[Group]) -> list[Group]:
    """Return the groups without those that scatter out of all proportion: where training diverges, seeds decide all.

    What such a group says of noise is not true of the others, and would make equals of all of them.
    """
    middle = median([group.deviation or 0.0 for group in repeats]) if len(repeats) >= _LEAST_REPEATED else 0.0
    return [group for group in repeats if not middle or (group.deviation or 0.0) <= _WILD * middle]


def _restlessness(curve: Sequence[HistoryPoint], metric: Metric) -> list[float]:
    """Return the deviations of a curve's last fifth from the line through it, scaled to be without bias."""
    values = [point.values[metric.name] for point in curve if math.isfinite(point.values.get(metric.name, math.nan))]
    tail = values[-max(int(len(values) * _TAIL), _LEAST_TAIL) :]
    count = len(tail)
    if count < _LEAST_TAIL:
        return []
    middle, mean = (count - 1) / 2, math.fsum(tail) / count
    slope = math.fsum((x - middle) * (y - mean) for x, y in enumerate(tail))
    slope /= math.fsum((x - middle) ** 2 for x in range(count))
    return [(y - mean - slope * (x - middle)) * math.sqrt(count / (count - 2)) for x, y in enumerate(tail)]


def _contenders(
    groups: Sequence[Group], deviations: Sequence[float], noise: float, freedom: int, goal: Goal, draws: int, seed: int
) -> list[Contender]:
    import numpy as np

    generator = np.random.default_rng(seed)
    pool = np.asarray(deviations) / noise if noise > 0 else np.zeros(1)
    spread = noise * np.sqrt(freedom / generator.chisquare(freedom, draws))
    means: NDArray[np.float64] = np.empty((len(groups), draws))
    for row, group in enumerate(groups):
        if group.count < _MANY_RUNS:
            drawn = generator.choice(pool, size=(draws, group.count)).mean(axis=1)
        else:
            drawn = generator.normal(0.0, 1 / math.sqrt(group.count), draws)
        means[row] = group.mean + spread * drawn
    sign = -1.0 if goal == "maximize" else 1.0
    means *= sign
    best = means.min(axis=0)
    wins = (means == best).astype(np.float64)
    chances = (wins / wins.sum(axis=0)).mean(axis=1)
    # The first, compared with each: one that is better in 5 % of the draws cannot be told from it.
    ahead = (means <= means[0]).mean(axis=1)
    # What the draws cannot tell apart is not told apart by their chance: equals are tied together, or none of them is.
    alike: dict[tuple[float, int], list[int]] = {}
    for row, group in enumerate(groups):
        alike.setdefault((group.mean, group.count), []).append(row)
    for rows in alike.values():
        ahead[rows], chances[rows] = ahead[rows].mean(), chances[rows].mean()
    return [
        Contender(group, float(chance), row == 0 or bool(ahead[row] >= 1 - CONFIDENCE))
        for row, (group, chance) in enumerate(zip(groups, chances, strict=True))
    ]


def _configurations(count: int) -> str:
    return f"{count} configuration{'' if count == 1 else 's'}"
