"""Where the best runs lie in one parameter, and the entry that is left of it. Pure; knows no sweep."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from trainer.records import Json
from trainer.search.evidence import CHANCE, chance_of_none, chance_of_range, quantile
from trainer.sweep.canonical import same_value
from trainer.sweep.choices import ListedChoices
from trainer.sweep.findings import is_number
from trainer.sweep.joint import is_joint, member_paths
from trainer.sweep.parameters import Bounded, Categorical, Constant, IntUniform, Normal, Parameter, ParameterPath
from trainer.sweep.space import MISSING, value_at

_WIDENED = 0.25
"""Share of the best runs' range that is added at each end: the best value may lie just outside of it."""
_MOST = 0.75
"""A range that would keep more than this of its width is left alone."""
_OUTLIERS_FROM = 20
"""So many best runs, and the outermost tenth of them does not count."""
_DIGITS = 2

Entry = dict[str, Json]
Outcome = tuple[Entry, str] | str
"""The entry that is left with the reason; or why it stays, empty for a constant."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A run that ended, as far as narrowing looks at it."""

    config: Mapping[str, Json]
    """Flat form, nested parameters nested."""
    value: float
    """Its value of the metric; finite."""


@dataclass(frozen=True)
class Sample:
    """The runs of a sweep, best first."""

    ranked: Sequence[Evaluated]
    best: int
    """How many count as the best."""
    method: str
    """How their configurations were chosen."""

    def values(self, path: ParameterPath, best_only: bool = False) -> list[object]:
        """Return the values of a parameter, in the runs that have one."""
        runs = self.ranked[: self.best] if best_only else self.ranked
        found = (value_at(run.config, path) for run in runs)
        return [value for value in found if value is not MISSING]

    def numbers(self, path: ParameterPath, best_only: bool = False) -> list[float]:
        """Return those of the values that are numbers, in order of size."""
        return _numbers(self.values(path, best_only))

    @cached_property
    def words(self) -> str:
        """The best runs, in words."""
        return f"the best {self.best} of {len(self.ranked)} runs"


def narrowed(parameter: Parameter, entry: Entry, sample: Sample) -> Outcome:
    """Return what is left of a parameter, or why it stays as it is."""
    if isinstance(parameter, Constant):
        return ""
    if isinstance(parameter, Categorical):
        return _narrowed_choices(parameter, entry, sample)
    if not isinstance(parameter, IntUniform | Bounded | Normal):
        return f"{parameter.distribution} has no ends to move"
    best = sample.numbers(parameter.path, best_only=True)
    if len(best) < sample.best:
        return f"{sample.words} do not all say their {parameter.name}"
    if isinstance(parameter, Normal):
        return _narrowed_normal(parameter, entry, best, sample)
    return _narrowed_range(parameter, entry, best, sample)


def _narrowed_range(parameter: IntUniform | Bounded, entry: Entry, best: list[float], sample: Sample) -> Outcome:
    low, high = float(parameter.low), float(parameter.high)
    is_log = isinstance(parameter, Bounded) and parameter.is_log
    ends = _core(best)
    inside = (max(ends[0], low), min(ends[1], high))
    if not low <= inside[0] <= inside[1] <= high:
        return f"{sample.words} lie outside of it"
    share = _share_within(inside, parameter, sample, is_log)
    if chance_of_range(share, len(best)) > CHANCE:
        return f"{sample.words} are spread over {share:.0%} of the range, which may be chance"
    new_low, new_high = _rounded(*_widened(inside, (low, high), is_log), low, high, is_log)
    if isinstance(parameter, IntUniform):
        new_low, new_high = math.floor(new_low), math.ceil(new_high)
    elif parameter.q is not None:
        new_low, new_high = _on_steps(new_low, new_high, parameter)
    if new_low >= new_high or _width(new_low, new_high, is_log) > _MOST * _width(low, high, is_log):
        return f"{sample.words} are spread over most of the range"
    reason = f"{sample.words} lie in {shown(ends[0])}..{shown(ends[1])}"
    if isinstance(parameter, IntUniform):
        return {**entry, "min": int(new_low), "max": int(new_high)}, reason
    if is_log and not parameter.distribution.endswith("_values"):
        entry = {**entry, "distribution": f"{parameter.distribution}_values"}
    return {**entry, "min": new_low, "max": new_high}, reason


def _core(best: Sequence[float]) -> tuple[float, float]:
    """Return the range of the best values, without the outermost ones where there are many."""
    if len(best) < _OUTLIERS_FROM:
        return best[0], best[-1]
    return quantile(best, 0.05), quantile(best, 0.95)


def _share_within(ends: tuple[float, float], parameter: IntUniform | Bounded, sample: Sample, is_log: bool) -> float:
    """Return which share of the configurations that were tried has its value between two others.

    Where bayes chose them they are where it expected the best, so that the share of the range counts.
    """
    if sample.method == "bayes":
        return _width(*ends, is_log) / (_width(float(parameter.low), float(parameter.high), is_log) or 1.0)
    values = sample.numbers(parameter.path)
    return sum(ends[0] <= value <= ends[1] for value in values) / len(values)


def _width(low: float, high: float, is_log: bool) -> float:
    return math.log(high / low) if is_log else high - low


def _widened(ends: tuple[float, float], outer: tuple[float, float], is_log: bool) -> tuple[float, float]:
    margin = max(_WIDENED * _width(*ends, is_log), 0.02 * _width(*outer, is_log))
    if is_log:
        return max(ends[0] / math.exp(margin), outer[0]), min(ends[1] * math.exp(margin), outer[1])
    return max(ends[0] - margin, outer[0]), min(ends[1] + margin, outer[1])


def _rounded(low: float, high: float, least: float, most: float, is_log: bool) -> tuple[float, float]:
    """Return readable bounds around a range, not beyond the outer ones."""
    if is_log:
        steps = [10.0 ** (math.floor(math.log10(bound)) - _DIGITS + 1) for bound in (low, high)]
    else:
        steps = [10.0 ** (math.floor(math.log10(high - low)) - 1)] * 2 if high > low else [0.0, 0.0]
    down = _floored(low, steps[0]) if low > least else least
    up = -_floored(-high, steps[1]) if high < most else most
    return max(down, least), min(up, most)


def _floored(value: float, step: float) -> float:
    if not step:
        return value
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return round(math.floor(value / step + 1e-9) * step, digits)


def _on_steps(low: float, high: float, parameter: Bounded) -> tuple[float, float]:
    """Return bounds that a number of steps separates from the old ones, so that the values stay those they were."""
    q = parameter.q or 1.0
    first = parameter.low + math.floor((low - parameter.low) / q + 1e-9) * q
    last = parameter.low + math.ceil((high - parameter.low) / q - 1e-9) * q
    ends = (float(f"{max(first, parameter.low):.12g}"), float(f"{min(last, parameter.high):.12g}"))
    if all(isinstance(number, int) for number in (parameter.low, parameter.high, parameter.q)):
        return int(ends[0]), int(ends[1])
    return ends


def _narrowed_normal(parameter: Normal, entry: Entry, best: list[float], sample: Sample) -> Outcome:
    if parameter.is_log:
        if best[0] <= 0:
            return f"{sample.words} lie outside of it"
        best = [math.log(value) for value in best]
    curve = statistics.NormalDist(parameter.mu, parameter.sigma or 1e-300)
    share = curve.cdf(best[-1]) - curve.cdf(best[0])
    sigma = statistics.stdev(best)
    if chance_of_range(share, len(best)) > CHANCE or sigma >= _MOST * parameter.sigma or not sigma:
        return f"{sample.words} are spread over {share:.0%} of the curve, which may be chance"
    mu, sigma = float(f"{statistics.fmean(best):.3g}"), float(f"{(1 + _WIDENED) * sigma:.2g}")
    ends = (math.exp(best[0]), math.exp(best[-1])) if parameter.is_log else (best[0], best[-1])
    return {**entry, "mu": mu, "sigma": sigma}, f"{sample.words} lie in {shown(ends[0])}..{shown(ends[1])}"


def _narrowed_choices(parameter: Categorical, entry: Entry, sample: Sample) -> Outcome:
    choices = ListedChoices(parameter.values)
    if len(parameter.path) == 1 and is_joint(parameter.name, entry):
        poor, names = _poor_combinations(choices, member_paths(parameter.name, entry), parameter.path, sample)
        return _without(poor, names, parameter, entry, sample)
    poor = _poor(choices, sample.values(parameter.path), sample.values(parameter.path, best_only=True), sample)
    numbers = [choices.value(index) for index in range(choices.count)]
    if sample.method == "grid" and len(numbers) >= 3 and all(is_number(value) for value in numbers):
        among_best = _counts(choices, sample.values(parameter.path, best_only=True))
        return _range_around(numbers, poor, among_best, sample)  # type: ignore[arg-type]
    return _without(poor, [shown(choices.value(index)) for index in poor], parameter, entry, sample)


def _without(poor: list[int], names: list[str], parameter: Categorical, entry: Entry, sample: Sample) -> Outcome:
    """Return the entry without the values that do not do well; `names` says which these are."""
    choices = ListedChoices(parameter.values)
    left = [index for index in range(choices.count) if index not in poor]
    if not poor or not left:
        return f"every value that was tried often is among {sample.words}, or may be missing by chance"
    tried = _counts(choices, sample.values(parameter.path))
    runs = sum(tried[index] for index in poor)
    reason = f"none of the {runs} runs with {', '.join(names)} is among the best {sample.best} of {len(sample.ranked)}"
    if len(left) == 1:
        return {"value": choices.value(left[0])}, reason
    changed: Entry = {**entry, "values": [choices.value(index) for index in left]}
    if parameter.probabilities is not None:
        weights = [_weight(parameter, choices, index) for index in left]
        whole = math.fsum(weights) or 1.0
        changed["probabilities"] = [weight / whole for weight in weights]
    return changed, reason


def _poor_combinations(
    choices: ListedChoices, members: Sequence[ParameterPath], path: ParameterPath, sample: Sample
) -> tuple[list[int], list[str]]:
    """Return which values of a joint parameter do not do well, and what they have in common, by its members.

    Each combination is tried too seldom to tell anything about it alone; what a member is in many of them does.
    """
    tried = [choices.index_of(value) for value in sample.values(path)]  # type: ignore[arg-type]
    best = [choices.index_of(value) for value in sample.values(path, best_only=True)]  # type: ignore[arg-type]
    poor: set[int] = set()
    names: list[str] = []
    for member in members:
        values = [value_at(choices.value(index), member) for index in range(choices.count)]  # type: ignore[arg-type]
        listed = ListedChoices([value for value in values if value is not MISSING])  # type: ignore[misc]
        seen, seen_best = (
            [values[index] for index in indices if index is not None and values[index] is not MISSING]
            for indices in (tried, best)
        )
        for place in _poor(listed, seen, seen_best, sample):
            value = listed.value(place)
            names.append(f"{'.'.join(member)}={shown(value)}")
            poor |= {index for index, its in enumerate(values) if its is not MISSING and same_value(its, value)}  # type: ignore[arg-type]
    return sorted(poor), names


def _poor(choices: ListedChoices, tried: Sequence[object], best: Sequence[object], sample: Sample) -> list[int]:
    """Return which values are missing among the best runs, if that is no chance."""
    counts, among_best = _counts(choices, tried), _counts(choices, best)
    total = len(sample.ranked)
    poor = [
        index
        for index in range(choices.count)
        if not among_best[index] and counts[index] and chance_of_none(counts[index], sample.best, total) <= CHANCE
    ]
    numbers = [choices.value(index) for index in range(choices.count)]
    if not poor and len(numbers) >= 3 and all(is_number(value) for value in numbers):
        poor = _outside(numbers, _numbers(tried), _numbers(best), sample)  # type: ignore[arg-type]
    return poor


def _numbers(values: Iterable[object]) -> list[float]:
    return sorted(float(value) for value in values if is_number(value))


def _outside(numbers: list[float], tried: list[float], best: list[float], sample: Sample) -> list[int]:
    """Return which of the listed numbers lie outside of the best runs' range; none if that may be chance.

    Each may have been tried too seldom to tell anything about it alone.
    """
    if len(best) < sample.best:
        return []
    low, high = _core(best)
    share = sum(low <= value <= high for value in tried) / len(tried)
    if chance_of_range(share, len(best)) > CHANCE:
        return []
    return [index for index, value in enumerate(numbers) if not low <= value <= high]


def _weight(parameter: Categorical, choices: ListedChoices, index: int) -> float:
    pairs = zip(parameter.values, parameter.probabilities or (), strict=False)
    return math.fsum(share for value, share in pairs if choices.index_of(value) == index)


def _counts(choices: ListedChoices, values: Iterable[object]) -> list[int]:
    counts = [0] * choices.count
    for value in values:
        index = choices.index_of(value)  # type: ignore[arg-type]
        if index is not None:
            counts[index] += 1
    return counts


def _range_around(numbers: list[float], poor: list[int], among_best: list[int], sample: Sample) -> Outcome:
    """Return the range between the neighbours of the values that a grid found good: it has only these few values."""
    order = sorted(range(len(numbers)), key=lambda index: numbers[index])
    good = [place for place, index in enumerate(order) if index not in poor]
    if not poor or not good:
        return f"every value is among {sample.words}, or may be missing by chance"
    first, last = max(good[0] - 1, 0), min(good[-1] + 1, len(order) - 1)
    if (first, last) == (0, len(order) - 1) and len(order) > 3:
        return f"{sample.words} are spread over most of the values"
    ordered = [numbers[index] for index in order]
    low, high = ordered[first], ordered[last]
    counted = [f"{shown(ordered[place])} ({among_best[order[place]]})" for place in good if among_best[order[place]]]
    reason = f"{sample.words} have {', '.join(counted)}; between its neighbours a grid has not looked"
    if all(isinstance(value, int) for value in numbers):
        return {"min": low, "max": high}, reason
    if low > 0 and _is_geometric(ordered):
        return {"distribution": "log_uniform_values", "min": float(low), "max": float(high)}, reason
    return {"min": float(low), "max": float(high)}, reason


def _is_geometric(ordered: Sequence[float]) -> bool:
    """Return whether values rise by factors rather than by steps: 0.1, 0.01, 0.001."""
    ratios = [later / earlier for earlier, later in zip(ordered, ordered[1:], strict=False)]
    return min(ratios) >= 1.8


def shown(value: object) -> str:
    """Return a value for a reason: numbers with three digits."""
    return f"{value:.3g}" if is_number(value) and not isinstance(value, int) else str(value)
