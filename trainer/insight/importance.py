"""How much each parameter matters: a random forest, PED-ANOVA and correlation; and when not to believe it.

scikit-learn, Optuna and numpy are imported on the first call: they cost more than a second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainer.insight.features import Feature, RunTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAST_RUNS = 10
"""Of fewer runs nothing can be said."""
RUNS_PER_PARAMETER = 10
"""So many runs for each parameter, and importance begins to be more than chance."""
SEED = 0
TREES = 100
_WEAK_FIT = 0.1
"""A forest that explains less than this of the metric in runs that it has not seen has learnt little."""
_FAR = 20.0
"""A value this many times further from the median than is usual takes the forest over."""
_MOST_CATEGORIES = 50
_FEW_LEVELS = 10
"""So few numbers are a list to Optuna: on a line it finds a parameter without any effect worth 0.16 (1,000 runs with
the values 16, 32 and 64), as a list 0.003."""


@dataclass(frozen=True, slots=True)
class Importance:
    """How much one parameter matters."""

    name: str
    forest: float
    """Its share of what the random forest learnt; all shares add up to 1."""
    ped_anova: float | None
    """Its share of what sets the best tenth of the runs apart (Optuna); None where Optuna cannot say."""
    correlation: float | None
    """Pearson's, on the parameter's own scale; of the category `level` where there is one; None where undefined."""
    level: str = ""
    """The category that correlates most; empty for a number."""
    present: int = 0
    """How many runs have the parameter."""


@dataclass(frozen=True, slots=True)
class ImportanceReport:
    """The parameters, the most important first, and what to know before believing it."""

    rows: tuple[Importance, ...] = ()
    runs: int = 0
    fit: float | None = None
    """Share of the metric's variance that the forest explains in runs it was not grown from (R²); below 0 is none."""
    warnings: tuple[str, ...] = ()
    problem: str = ""
    """Why there is nothing to say; empty if there is."""


def importance(table: RunTable, *, trees: int = TREES, seed: int = SEED) -> ImportanceReport:
    """Return how much each parameter matters for the metric.

    The random forest is W&B's measure: mean decrease of impurity, the shares of the categories of one parameter added
    up; logarithms where the space is logarithmic. That a run lacks a parameter counts as a value of its own.

    Source: W&B, "Parameter importance"; Watanabe et al., "PED-ANOVA", https://arxiv.org/abs/2304.10255.
    """
    count = len(table.runs)
    if count < LEAST_RUNS:
        have = f"{count} run{'' if count == 1 else 's'} with a value of {table.metric.name}"
        return ImportanceReport(runs=count, problem=f"Too few runs to say: {have}; it takes {LEAST_RUNS}.")
    if not table.features:
        return ImportanceReport(runs=count, problem="The runs do not differ in any parameter.")
    if min(table.values) == max(table.values):
        problem = f"Every run has the same {table.metric.name}, {table.values[0]:.6g}: nothing makes a difference."
        return ImportanceReport(runs=count, problem=problem)
    import numpy as np
    from sklearn.ensemble import RandomForestRegressor

    target = np.asarray(table.values)
    blocks = [encoded(feature) for feature in table.features]
    forest = RandomForestRegressor(n_estimators=trees, random_state=seed, oob_score=True, n_jobs=1)
    # Scaled to a standard deviation of 1, so that impurities of values such as 1e-200 do not vanish.
    scaled = (target - target.mean()) / _deviation(target)
    forest.fit(np.column_stack(blocks), scaled)
    ends = np.cumsum([block.shape[1] for block in blocks])
    shares = [float(part.sum()) for part in np.split(forest.feature_importances_, ends[:-1])]
    anova = _ped_anova(table)
    rows = []
    for feature, share in zip(table.features, shares, strict=True):
        level, correlation = strongest_correlation(feature, scaled)
        rows.append(Importance(feature.name, share, anova.get(feature.name), correlation, level, feature.present))
    rows.sort(key=lambda row: -row.forest)
    fit = float(forest.oob_score_)
    return ImportanceReport(tuple(rows), count, fit, tuple(_warnings(table, fit, target)))


def encoded(feature: Feature) -> NDArray[np.float64]:
    """Return a feature as columns of numbers: one for a number, one per category.

    A missing number lies below all others by as much as they spread, so that one split sets it apart.
    """
    import numpy as np

    if feature.kind == "category":
        levels = feature.levels[:_MOST_CATEGORIES]
        columns = [[float(value == level) for value in feature.values] for level in levels]
        return np.asarray(columns, dtype=np.float64).T.reshape(len(feature.values), len(levels))
    positions = feature.positions()
    known = [position for position in positions if position is not None]
    below = min(known) - ((max(known) - min(known)) or 1.0)
    return np.asarray([[below if position is None else position] for position in positions])


def strongest_correlation(feature: Feature, target: NDArray[np.float64]) -> tuple[str, float | None]:
    """Return Pearson's correlation with the metric, in the runs that have the parameter.

    Returns:
        The category that correlates most and its correlation; no category for a number; None where either does not
        vary.
    """
    import numpy as np

    if feature.kind == "category":
        found = [(str(level), _pearson(column, target)) for level, column in zip(feature.levels, encoded(feature).T)]  # noqa: B905
        known = [(level, value) for level, value in found if value is not None]
        return max(known, key=lambda pair: abs(pair[1]), default=("", None))
    positions = feature.positions()
    places = [place for place, position in enumerate(positions) if position is not None]
    return "", _pearson(np.asarray([positions[place] for place in places], dtype=np.float64), target[places])


def _pearson(left: NDArray[np.float64], right: NDArray[np.float64]) -> float | None:
    import numpy as np

    if len(left) < 3 or left.min() == left.max() or right.min() == right.max():
        return None
    return float(np.corrcoef(left, right)[0, 1])


def _deviation(target: NDArray[np.float64]) -> float:
    deviation = float(target.std())
    return deviation if math.isfinite(deviation) and deviation > 0 else 1.0


def _ped_anova(table: RunTable) -> dict[str, float]:
    """Return Optuna's PED-ANOVA, shares that add up to 1; without the parameters that Optuna cannot assess."""
    import warnings

    import optuna

    names = [feature.name for feature in table.features]
    sign = -1.0 if table.metric.goal == "maximize" else 1.0
    distributions = [_distribution(feature) for feature in table.features]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            study = optuna.create_study(direction="minimize")
            trials = []
            for place, value in enumerate(table.values):
                row = [(name, each.values[place]) for name, each in zip(names, table.features, strict=True)]
                params: dict[str, Any] = {name: level for name, level in row if level is not None}
                chosen = {name: dist for name, dist in zip(names, distributions, strict=True) if name in params}
                trials.append(optuna.trial.create_trial(params=params, distributions=chosen, value=sign * value))
            study.add_trials(trials)
            found = optuna.importance.get_param_importances(
                study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
            )
        except (ValueError, RuntimeError, ArithmeticError):
            # What Optuna cannot assess, conditional spaces before its version 5 among it, has no number here.
            return {}
        finally:
            optuna.logging.set_verbosity(verbosity)
    return {name: float(share) for name, share in found.items() if math.isfinite(share)}


def _distribution(feature: Feature) -> Any:
    import optuna

    if feature.kind == "category" or len(feature.levels) <= _FEW_LEVELS:
        return optuna.distributions.CategoricalDistribution(feature.levels)
    numbers = [level for level in feature.levels if not isinstance(level, str)]
    return optuna.distributions.FloatDistribution(min(numbers), max(numbers), log=feature.kind == "log")


def _warnings(table: RunTable, fit: float, target: NDArray[np.float64]) -> list[str]:
    import numpy as np

    found: list[str] = []
    count, wanted = len(table.runs), RUNS_PER_PARAMETER * len(table.features)
    if count < wanted:
        found.append(
            f"Few runs: {count} for {_parameters(len(table.features))}; from about {wanted} on the order settles."
        )
    if fit < _WEAK_FIT:
        found.append(
            "The forest cannot predict runs that it has not seen "
            f"(R² {fit:.2f}): what it calls important may be chance."
        )
    if table.constant:
        does, them = ("does", "it") if len(table.constant) == 1 else ("do", "them")
        found.append(f"{_listed(table.constant)} {does} not vary in these runs: nothing can be said about {them}.")
    partial = [each for each in table.features if each.present < count]
    if partial:
        named = _listed([f"{each.name} ({each.present})" for each in partial])
        found.append(f"Only some of the {count} runs have {named}.")
    distance = np.abs(target - np.median(target))
    usual = float(np.quantile(distance, 0.75))
    far = int((distance > _FAR * usual).sum()) if usual > 0 else 0
    if far:
        who = "1 run lies far from the others and rules" if far == 1 else f"{far} runs lie far from the others and rule"
        found.append(f"{who} the forest and the correlation; PED-ANOVA goes by ranks.")
    return found


def _parameters(count: int) -> str:
    return f"{count} parameter{'' if count == 1 else 's'}"


def _listed(names: Sequence[str], most: int = 4) -> str:
    shown = list(names[:most])
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
