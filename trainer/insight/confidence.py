"""Groups of runs with their mean and its confidence, and how sure it is that the first group is really the best.

numpy and scipy are imported on the first call.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.insight.features import RunTable
from trainer.records import Goal, Metric
from trainer.tracking.leaderboard import flatten_config

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CONFIDENCE = 0.95
DRAWS = 10_000
SEED = 0
MOST_CONTENDERS = 100
_NEAR = 8.0
"""Groups further behind the first than so many standard errors have no chance."""
_SEEDS = re.compile(
    r"^(.*[._-])?(random_?)?(seed|random_?state|fold|repeat|replicate|trial_?seed)([._-]?(id|index|number))?$", re.I
)
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


def is_seed(name: str) -> bool:
    """Return whether a parameter only repeats a configuration: `seed`, `random_state`, `data.fold`."""
    return _SEEDS.match(name) is not None


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
    groups = [_group(key, places, table.values) for key, places in members.items()]
    sign = -1.0 if table.metric.goal == "maximize" else 1.0
    return sorted(groups, key=lambda group: sign * group.mean)


def _group(key: tuple[tuple[str, str], ...], places: Sequence[int], values: Sequence[float]) -> Group:
    own = [values[place] for place in places]
    mean = math.fsum(own) / len(own)
    if len(own) < 2:
        return Group(key, tuple(places), mean, None, None)
    from scipy.stats import t

    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in own) / (len(own) - 1))
    half = float(t.ppf(0.5 + CONFIDENCE / 2, len(own) - 1)) * deviation / math.sqrt(len(own))
    return Group(key, tuple(places), mean, deviation, half)


def ties(table: RunTable, *, draws: int = DRAWS, seed: int = SEED) -> Ties:
    """Return which configurations may be the best, runs that differ in seeds only taken together.

    A bootstrap: the deviations of the repeats from their configuration's mean are drawn again, pooled, since few
    repeats each say little about themselves; their spread is drawn too, as wide as so few leave it open (chi-squared).
    Where nothing was repeated, the restlessness of the curves' last fifth stands for the noise, and is said to.
    """
    names = [feature.name for feature in table.features if not is_seed(feature.name)]
    groups = grouped(table, names)
    repeated = sum(group.count > 1 for group in groups)
    if len(groups) < 2:
        return Ties(
            configurations=len(groups), repeated=repeated, problem="There are no two configurations to compare."
        )
    deviations, freedom, assumption = _noise(table, groups)
    if freedom < 1:
        first = Contender(groups[0], math.nan, True)
        return Ties((first,), len(groups), repeated, None, "", f"{assumption} Run the best few again with other seeds.")
    noise = math.sqrt(sum(value * value for value in deviations) / len(deviations))
    near = [group for group in groups if _distance(group, groups[0], noise) <= _NEAR][:MOST_CONTENDERS]
    contenders = _contenders(near, deviations, noise, freedom, table.metric.goal, draws, seed)
    return Ties(tuple(contenders), len(groups), repeated, noise, assumption)


def _distance(group: Group, first: Group, noise: float) -> float:
    error = noise * math.sqrt(1 / group.count + 1 / first.count)
    gap = abs(group.mean - first.mean)
    return gap / error if error > 0 else (0.0 if gap == 0 else math.inf)


def _noise(table: RunTable, groups: Sequence[Group]) -> tuple[list[float], int, str]:
    """Return deviations to draw from, scaled to be without bias, their degrees of freedom, and where they are from."""
    repeats = [group for group in groups if group.count > 1]
    freedom = sum(group.count - 1 for group in repeats)
    if freedom:
        deviations = [
            (table.values[place] - group.mean) * math.sqrt(group.count / (group.count - 1))
            for group in repeats
            for place in group.places
        ]
        single = len(groups) - len(repeats)
        runs = sum(group.count for group in repeats)
        where = f"Noise from {runs} runs of {_configurations(len(repeats))} that were repeated"
        where += f"; the {single} single ones are taken to be as noisy." if single else "."
        if freedom < 5:
            where += " So few repeats leave much open."
        return deviations, freedom, where
    deviations = [deviation for run in table.runs for deviation in _restlessness(run.curve, table.metric)]
    if len(deviations) < _LEAST_TAIL:
        return [], 0, "No configuration was run twice, and the curves are too short to show their noise."
    where = (
        "No configuration was run twice: the noise of a run is taken to be that of the last fifth of its curve, "
        "which says nothing about other seeds."
    )
    return deviations, len(deviations), where


def _restlessness(curve: Sequence[object], metric: Metric) -> list[float]:
    """Return the deviations of a curve's last fifth from the line through it, scaled to be without bias."""
    from trainer.records import HistoryPoint

    values = [
        point.values[metric.name]
        for point in curve
        if isinstance(point, HistoryPoint) and math.isfinite(point.values.get(metric.name, math.nan))
    ]
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
        drawn = generator.choice(pool, size=(draws, min(group.count, 1000))).mean(axis=1)
        means[row] = group.mean + spread * drawn
    sign = -1.0 if goal == "maximize" else 1.0
    means *= sign
    best = means.min(axis=0)
    wins = (means == best).astype(np.float64)
    chances = (wins / wins.sum(axis=0)).mean(axis=1)
    # The first, compared with each: one that is better in 5 % of the draws cannot be told from it.
    ahead = (means <= means[0]).mean(axis=1)
    return [
        Contender(group, float(chance), row == 0 or bool(ahead[row] >= 1 - CONFIDENCE))
        for row, (group, chance) in enumerate(zip(groups, chances, strict=True))
    ]


def _configurations(count: int) -> str:
    return f"{count} configuration{'' if count == 1 else 's'}"
