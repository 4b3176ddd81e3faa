"""Which configurations a trial runs: one point, or a few that reach every bound and every choice. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainer.errors import InputError
from trainer.records import Json
from trainer.search.distributions import quantile
from trainer.search.plan import PlannedRuns
from trainer.sweep.canonical import canonical_key
from trainer.sweep.parameters import Beta, Categorical, Constant, Normal, Parameter
from trainer.sweep.space import nest, parameters_of

MAX_EXTREMES = 8
_TAIL = 0.025
"""Of a distribution whose bounds are no values one meets, all but this share on each side."""
_LISTED = 2_000
"""Values of one list that are looked at."""


@dataclass(frozen=True, slots=True)
class Extremes:
    """A small set of configurations that covers a space."""

    configurations: tuple[dict[str, Json], ...]
    left_out: tuple[str, ...] = ()
    """What did not fit: `optimizer: 8 of 12 values`."""


def nth_point(config: Mapping[str, Json], number: int = 1) -> dict[str, Json]:
    """Return a configuration of a sweep by the number that `plan` gives it, counted from 1.

    Raises:
        SweepConfigError: If the sweep cannot be read.
        InputError: If it has no such configuration.
    """
    if config.get("method") == "custom" or config.get("scheduler"):
        config = {**config, "method": "random", "scheduler": None}
    runs = PlannedRuns(config, sample=number if config.get("method") != "grid" else None)
    if not 1 <= number <= runs.count:
        few = f"it has {runs.count:,}" if runs.count else "it has none"
        raise InputError(f"The sweep has no configuration number {number:,}: {few}.", hint="See `sweep-tui plan`.")
    return runs.configuration(number - 1)


def extreme_points(config: Mapping[str, Json], limit: int = MAX_EXTREMES) -> Extremes:
    """Return configurations in which each bound of each range and each choice of each list occurs.

    The first has every least value, the second every greatest: the smallest and the largest model, say. Of a list of
    numbers the least and the greatest count, of any other list each value.

    Raises:
        SweepConfigError: If a parameter cannot be read.
    """
    parameters = parameters_of(config)
    axes = [_axis(parameter, limit) for parameter in parameters]
    rows = min(max((len(axis) for axis in axes), default=1), limit)
    left_out = [
        f"{parameter.name}: {limit} of {len(axis)} values"
        for parameter, axis in zip(parameters, axes, strict=True)
        if len(axis) > limit
    ]
    points = [
        nest([(each.path, _value(axis, row, at)) for at, (each, axis) in enumerate(zip(parameters, axes, strict=True))])
        for row in range(rows)
    ]
    distinct = {canonical_key(point): point for point in reversed(points)}
    return Extremes(tuple(reversed(list(distinct.values()))), tuple(left_out))


def _value(axis: Sequence[Json], row: int, at: int) -> Json:
    """Return the value of one parameter in one row; those with two values have had both by the third row, and vary."""
    if len(axis) <= 2 <= row:
        return axis[(row + at) % len(axis)]
    return axis[row % len(axis)]


def _axis(parameter: Parameter, limit: int) -> list[Json]:
    if isinstance(parameter, Constant):
        return [parameter.value]
    if isinstance(parameter, Categorical):
        return _choices([value for value in parameter.values[:_LISTED]], limit)
    if isinstance(parameter, Normal | Beta):
        return [quantile(parameter, _TAIL), quantile(parameter, 1 - _TAIL)]
    return [quantile(parameter, 0.0), quantile(parameter, 1.0)]


def _choices(values: list[Json], limit: int) -> list[Json]:
    """Return which values of a list are extremes: of numbers the least and greatest, of mappings a cover of theirs."""
    distinct = list({canonical_key(value): value for value in values}.values())
    mappings = [value for value in distinct if isinstance(value, Mapping) and value]
    if mappings and len(mappings) == len(distinct) and len(distinct) > 2:
        return _covering(mappings, limit)
    numbers = [value for value in distinct if isinstance(value, int | float) and not isinstance(value, bool)]
    others = [value for value in distinct if not any(value is number for number in numbers)]
    if not numbers:
        return others
    bounds: list[Json] = [min(numbers), max(numbers)] if len(numbers) > 1 else [*numbers]
    return [*bounds, *others]


def _covering(mappings: Sequence[Mapping[str, Json]], limit: int) -> list[Json]:
    """Return few mappings in which the extremes of each of their keys occur: whatever covers most comes first."""
    wanted = set()
    for key in dict.fromkeys(key for mapping in mappings for key in mapping):
        column = [mapping[key] for mapping in mappings if key in mapping]
        wanted |= {(key, canonical_key(value)) for value in _choices(column, limit)}
    chosen: list[Json] = []
    while wanted and len(chosen) < limit:
        best = max(mappings, key=lambda mapping: len(wanted & _members(mapping)))
        if not wanted & _members(best):
            break
        wanted -= _members(best)
        chosen.append(dict(best))
    return chosen


def _members(mapping: Mapping[str, Json]) -> set[tuple[str, object]]:
    return {(key, canonical_key(value)) for key, value in mapping.items()}
