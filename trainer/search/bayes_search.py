"""Bayesian search: Optuna's TPE, multivariate, with runs that have no value yet taken as poor ones (constant liar).

A suggestion is a function of seed and history alone: the sampler is made anew for each, so that it does not matter
whether the process that asks is the one that told. Runs that make no sense to the model are left out of it, never
raised: W&B's engine ends the whole sweep on one run whose configuration was changed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from trainer.records import Json
from trainer.search.distributions import quantile, share_below
from trainer.search.optimizer import ObservedRun, Optimizer, Seen
from trainer.search.random_search import Leftovers, draw
from trainer.states import RunState
from trainer.sweep.choices import MultipleChoices
from trainer.sweep.parameters import Bounded, Categorical, Constant, IntUniform, Parameter
from trainer.sweep.space import MISSING, nest, value_at

if TYPE_CHECKING:
    from trainer.search.tpe_model import Axis

_STARTUP_RUNS = 10
"""Draws at random before the model is asked; Optuna's default."""
_TRIES = 20
"""Suggestions that may fall on points already taken before the rest is taken in shuffled order."""
_MAX_MODELLED_RUNS = 500
"""The time of a suggestion grows with the runs the model knows, 0.1 s at this many; beyond, the newest are used."""
_LARGEST_INT = 2**53
"""Larger integers are not told apart by the model's floats."""

Coordinates = dict[str, float]
"""A configuration as the model sees it: by the name of each parameter that varies."""


class BayesSearch(Optimizer):
    """Suggests what the model of the runs so far expects to be better; in a finite space, each point once."""

    learns_from = _MAX_MODELLED_RUNS

    def __init__(self, config: Mapping[str, Json], seed: int) -> None:
        super().__init__(config, seed)
        self._leftovers = Leftovers(self.size, seed) if self.size is not None else None
        self._varies = any(not isinstance(parameter, Constant) for parameter in self.space.parameters)
        self._places: dict[int, tuple[Seen, Mapping[str, Json] | None, Coordinates | None]] = {}
        metric = config.get("metric")
        options = metric if isinstance(metric, Mapping) else {}
        self._impute = str(options.get("impute", "worst"))
        while_running = options.get("impute_while_running")
        self._impute_running = "worst" if while_running in (None, False, "false") else str(while_running)

    def _next(self) -> dict[str, Json] | None:
        draws = random.Random(f"{self._seed}:{len(self._seen)}")
        values = [seen.value for seen in self._seen if seen.value is not None and math.isfinite(seen.value)]
        model = None
        if self._varies and len(values) >= _STARTUP_RUNS:
            # Optuna costs a third of a second, which the first runs need not wait for.
            from trainer.search.tpe_model import TPEModel

            model = TPEModel(
                self._axes,
                self._outcomes(values),
                seed=draws.randrange(2**32),
                is_maximized=self._is_maximized,
                startup_runs=_STARTUP_RUNS,
            )
        for _ in range(_TRIES):
            config = draw(self.space.parameters, draws) if model is None else self._decode(model.ask())
            if not self._is_taken(config):
                return config
        if self.size is None:
            return config
        index = self._leftovers.next(self._taken) if self._leftovers else None
        return None if index is None else self.space.point(index)

    def _forget(self, position: int) -> None:
        super()._forget(position)
        if self._leftovers:
            self._leftovers.rewind()

    def _abridge(self, seen: Seen) -> None:
        super()._abridge(seen)
        if seen.run is None:
            self._places.pop(id(seen), None)

    @property
    def _is_maximized(self) -> bool:
        return self._metric is not None and self._metric.goal == "maximize"

    def _decode(self, coordinates: Coordinates) -> dict[str, Json]:
        return nest(
            [
                (
                    parameter.path,
                    parameter.value
                    if isinstance(parameter, Constant)
                    else _from_coordinate(parameter, coordinates[_axis_name(parameter)]),
                )
                for parameter in self.space.parameters
            ]
        )

    @cached_property
    def _axes(self) -> dict[str, Axis]:
        from trainer.search.tpe_model import categories, share, steps

        axes: dict[str, Axis] = {}
        for parameter in self.space.parameters:
            if isinstance(parameter, Constant):
                continue
            count = parameter.choices.count if isinstance(parameter, Categorical) else _steps(parameter)
            make = categories if isinstance(parameter, Categorical) else steps
            axes[_axis_name(parameter)] = share() if count is None else make(count)
        return axes

    def _outcomes(self, known: list[float]) -> list[tuple[Coordinates, float]]:
        """Return what the model learns from, in the order it was handed out."""
        outcomes: list[tuple[Coordinates, float]] = []
        for seen in self._seen[-_MAX_MODELLED_RUNS:]:
            coordinates, value = self._located(seen), self._value_of(seen.run, known)
            if coordinates is not None and value is not None:
                outcomes.append((coordinates, value))
        return outcomes

    def _located(self, seen: Seen) -> Coordinates | None:
        """Return `_coordinates` of a run, computed once for each of its configurations."""
        cached = self._places.get(id(seen))
        used = None if seen.run is None else seen.run.config
        if cached is None or cached[0] is not seen or cached[1] is not used:
            cached = (seen, used, self._coordinates(seen))
            self._places[id(seen)] = cached
        return cached[2]

    def _coordinates(self, seen: Seen) -> Coordinates | None:
        """Return where a run lies: by the values it used, else by those it was given, else None."""
        sources = [seen.assigned] if seen.run is None else [seen.run.config, seen.assigned]
        for source in sources:
            coordinates: Coordinates = {}
            for parameter in self.space.parameters:
                if isinstance(parameter, Constant):
                    continue
                value = value_at(source, parameter.path)
                coordinate = None if value is MISSING else _to_coordinate(parameter, value)  # type: ignore[arg-type]
                if coordinate is None:
                    break
                coordinates[_axis_name(parameter)] = coordinate
            else:
                return coordinates
        return None

    def _value_of(self, run: ObservedRun | None, known: list[float]) -> float | None:
        """Return the value the model is told for a run, or None when it is told none.

        A run that failed counts as `metric.impute` says, by default as the worst, since its region is to be left
        alone. So does one that still runs: else agents that ask at the same time would get neighbours.
        """
        worst, best = (min(known), max(known)) if self._is_maximized else (max(known), min(known))
        if run is None:
            return worst
        own = run.value if _is_known(run) else None
        if run.state is RunState.FINISHED and own is not None:
            return own
        how = self._impute if run.state.is_terminal else self._impute_running
        return {"latest": own, "best": best}.get(how, worst)


def _is_known(run: ObservedRun) -> bool:
    return run.value is not None and math.isfinite(run.value)


def _axis_name(parameter: Parameter) -> str:
    # Slashes cannot be part of a name, so `a.b` and b within a stay apart.
    return "/".join(parameter.path)


def _steps(parameter: Parameter) -> int | None:
    """Return how many evenly spaced values a parameter has, or None when the model sees a share instead."""
    is_even = isinstance(parameter, IntUniform) or (isinstance(parameter, Bounded) and not parameter.is_log)
    choices = parameter.choices
    if not is_even or choices is None or choices.count > _LARGEST_INT:
        return None
    return choices.count


def _to_coordinate(parameter: Parameter, value: Json) -> float | None:
    choices = parameter.choices
    if isinstance(parameter, Categorical) or _steps(parameter) is not None:
        return None if choices is None else choices.index_of(value)
    if isinstance(choices, MultipleChoices) and choices.index_of(value) is None:
        return None
    return share_below(parameter, value)


def _from_coordinate(parameter: Parameter, coordinate: float) -> Json:
    choices = parameter.choices
    if choices is not None and (isinstance(parameter, Categorical) or _steps(parameter) is not None):
        return choices.value(int(coordinate))
    return quantile(parameter, coordinate)
