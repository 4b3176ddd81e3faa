"""The search space of a sweep: how many configurations there are, and which is the n-th. Nothing is ever listed."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence

from trainer.errors import SweepConfigError
from trainer.records import Json
from trainer.sweep.canonical import canonical_key, loose_key
from trainer.sweep.choices import Choices
from trainer.sweep.findings import is_whole
from trainer.sweep.parameters import Constant, Parameter, ParameterPath, is_nested, parameter_from_config

_ABSENT = object()
_MAX_LOOSE = 10_000
"""Values of one parameter among which a changed value is looked for."""


def parameters_of(config: Mapping[str, Json]) -> list[Parameter]:
    """Return the parameters of a sweep in W&B's grid order: alphabetical at each level, nested ones in place.

    Raises:
        SweepConfigError: If a parameter cannot be read.
    """
    parameters = config.get("parameters")
    if not isinstance(parameters, Mapping):
        return []
    return list(_walk(parameters, ()))


def _walk(parameters: Mapping[str, Json], path: ParameterPath) -> Iterator[Parameter]:
    for name in sorted(parameters):
        entry = parameters[name]
        if isinstance(entry, Mapping) and is_nested(entry):
            nested = entry["parameters"]
            assert isinstance(nested, Mapping)
            yield from _walk(nested, (*path, name))
        else:
            yield parameter_from_config((*path, name), entry)  # type: ignore[arg-type]


def nest(values: Sequence[tuple[ParameterPath, Json]]) -> dict[str, Json]:
    """Return values by path as one nested configuration: `{"optimizer": {"lr": 0.1}}`."""
    config: dict[str, Json] = {}
    for path, value in values:
        group = config
        for name in path[:-1]:
            inner = group.setdefault(name, {})
            assert isinstance(inner, dict)
            group = inner
        group[path[-1]] = value
    return config


def value_at(config: Mapping[str, Json], path: ParameterPath) -> object:
    """Return the value of a run's configuration at `path`, or `MISSING`; never fails on an odd configuration."""
    found: object = config
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            return MISSING
        found = found[name]
    return found


MISSING = _ABSENT
"""What `value_at` returns where there is no value; None is one."""


class SearchSpace:
    """The configurations a sweep can run, in W&B's grid order: the last parameter varies fastest.

    Attributes:
        parameters: All parameters, constants too, nested ones flattened, in grid order.
    """

    def __init__(self, parameters: Sequence[Parameter], method: str) -> None:
        self.parameters = tuple(parameters)
        self._method = method
        self._axes: list[Choices | None] = [
            parameter.grid if method == "grid" else parameter.choices for parameter in self.parameters
        ]

    @classmethod
    def from_config(cls, config: Mapping[str, Json]) -> SearchSpace:
        """Return the space of a sweep configuration.

        Raises:
            SweepConfigError: If a parameter cannot be read.
        """
        return cls(parameters_of(config), str(config.get("method", "grid")))

    @property
    def raw_count(self) -> int | None:
        """How many combinations were written down; None when there is no end to them."""
        return self._product([None if axis is None else axis.raw_count for axis in self._axes])

    @property
    def unique_count(self) -> int | None:
        """How many combinations are distinct in W&B's eyes; None when there is no end to them."""
        return self._product([None if axis is None else axis.count for axis in self._axes])

    @staticmethod
    def _product(counts: Sequence[int | None]) -> int | None:
        finite = [count for count in counts if count is not None]
        return math.prod(finite) if len(finite) == len(counts) else None

    def point(self, index: int) -> dict[str, Json]:
        """Return the configuration at `index`, nested as it was written.

        Raises:
            SweepConfigError: If the space has no end, so that its points have no numbers.
            IndexError: If `index` is not below `unique_count`.
        """
        axes = self._finite_axes()
        if not 0 <= index < math.prod(axis.count for axis in axes):
            raise IndexError(f"there is no point {index}")
        values: list[tuple[ParameterPath, Json]] = []
        for parameter, axis in zip(reversed(self.parameters), reversed(axes), strict=True):
            index, position = divmod(index, axis.count)
            values.append((parameter.path, axis.value(position)))
        return nest(values[::-1])

    def points(self) -> Iterator[dict[str, Json]]:
        """Yield every distinct configuration, one by one.

        Raises:
            SweepConfigError: If the space has no end.
        """
        count = math.prod(axis.count for axis in self._finite_axes())
        return map(self.point, range(count))

    def index_of(self, config: Mapping[str, Json]) -> int | None:
        """Return the number of the point that a run's configuration lies on, or None.

        Constants are not compared and keys that are not swept are ignored, as W&B does. A key that is missing, or
        whose value the program replaced by one outside the space, gives None.

        Raises:
            SweepConfigError: If the space has no end.
        """
        index = 0
        for parameter, axis in zip(self.parameters, self._finite_axes(), strict=True):
            if isinstance(parameter, Constant):
                continue
            value = value_at(config, parameter.path)
            position = None if value is MISSING else axis.index_of(value)  # type: ignore[arg-type]
            if position is None:
                return None
            index = index * axis.count + position
        return index

    def recognised(self, config: Mapping[str, Json]) -> int | None:
        """Return the number of the point that a run's configuration lies on, also where the program changed its kind.

        As `index_of`; moreover `0.001` is taken for a listed `"1e-3"`, `"1"` and True for 1, and a mapping that got
        further keys for the one it was, wherever only one value of the parameter can be meant.

        Raises:
            SweepConfigError: If the space has no end.
        """
        index = 0
        for parameter, axis in zip(self.parameters, self._finite_axes(), strict=True):
            if isinstance(parameter, Constant):
                continue
            value = value_at(config, parameter.path)
            if value is MISSING:
                return None
            position = axis.index_of(value)  # type: ignore[arg-type]
            if position is None:
                position = _loose_position(axis, value)
            if position is None:
                return None
            index = index * axis.count + position
        return index

    def key_of(self, config: Mapping[str, Json]) -> Hashable:
        """Return what tells a run's configuration from others of this space, endless ones included."""
        return tuple(
            canonical_key(value_at(config, parameter.path))
            for parameter in self.parameters
            if not isinstance(parameter, Constant)
        )

    def _finite_axes(self) -> list[Choices]:
        axes: list[Choices] = []
        for parameter, axis in zip(self.parameters, self._axes, strict=True):
            if axis is None:
                raise SweepConfigError(
                    f"Parameter {parameter.name} ({parameter.distribution}) cannot be enumerated.",
                    hint="Use `values`, whole numbers or q_uniform, or the method random or bayes.",
                )
            axes.append(axis)
        return axes


def _loose_position(axis: Choices, value: object) -> int | None:
    """Return the position of the one value of an axis that a program may have turned into `value`, or None."""
    if axis.count > _MAX_LOOSE:
        return None
    meant = [position for position in range(axis.count) if _is_made_of(axis.value(position), value)]
    return meant[0] if len(meant) == 1 else None


def _is_made_of(listed: Json, value: object) -> bool:
    if isinstance(listed, Mapping) and isinstance(value, Mapping):
        return all(key in value and loose_key(item) == loose_key(value[key]) for key, item in listed.items())
    return loose_key(listed) == loose_key(value)


def run_cap_of(config: Mapping[str, Json]) -> int | None:
    """Return a sweep's run_cap, or None when it has none that W&B would accept."""
    cap = config.get("run_cap")
    return int(cap) if is_whole(cap) and cap > 0 else None


def run_count(config: Mapping[str, Json]) -> int | None:
    """Return how many runs a sweep will have: its distinct configurations, and no more than run_cap.

    Returns:
        None when nothing ends the sweep, or a program outside (method `custom`, or a scheduler) decides.

    Raises:
        SweepConfigError: If a parameter cannot be read.
    """
    run_cap = run_cap_of(config)
    if config.get("method") == "custom" or config.get("scheduler"):
        return run_cap
    bounds = [bound for bound in (SearchSpace.from_config(config).unique_count, run_cap) if bound is not None]
    return min(bounds, default=None)
