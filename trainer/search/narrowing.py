"""Narrow a sweep to the region of its best runs: a new configuration, each change with its reason. Pure.

What may be chance is left as it is. How one parameter is narrowed, `narrowed_parameters` decides.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from trainer.records import Goal, Json
from trainer.search.narrowed_parameters import Evaluated as Evaluated
from trainer.search.narrowed_parameters import Sample, narrowed
from trainer.sweep.parameters import ParameterPath
from trainer.sweep.space import SearchSpace, parameters_of

DEFAULT_TOP = 0.2
LEAST_BEST = 5
"""Of fewer runs nobody could say where they lie."""
LEARNABLE_RUNS = 20
"""Runs from which on bayes is worth its while."""
SUGGESTED_RUNS = 30
METHOD = ("method",)
"""The place of the change of method, beside those of parameters."""


@dataclass(frozen=True, slots=True)
class Change:
    """One parameter narrowed, or the method."""

    path: ParameterPath
    before: Json
    after: Json
    reason: str
    """What the best runs say, in words."""

    @property
    def name(self) -> str:
        """What to call it: `optimizer.lr`."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Kept:
    """A parameter that stays as it is."""

    path: ParameterPath
    reason: str

    @property
    def name(self) -> str:
        """What to call it: `optimizer.lr`."""
        return ".".join(self.path)


@dataclass(frozen=True)
class Narrowing:
    """What the best runs of a sweep say about its space."""

    source: Mapping[str, Json]
    """The configuration that is narrowed."""
    runs: int
    """Runs with a value of the metric."""
    best: int
    """How many of them count as the best; 0 where there are too few runs to say anything."""
    changes: tuple[Change, ...] = ()
    kept: tuple[Kept, ...] = ()
    problem: str = ""
    """Why nothing can be said; empty if something can."""
    _run_cap: int | None = field(default=None, repr=False)

    def config(self, accepted: Set[ParameterPath] | None = None) -> dict[str, Json]:
        """Return the narrowed configuration.

        Args:
            accepted: Paths of the changes to make; None for all of them.
        """
        changed: dict[str, Any] = copy.deepcopy(dict(self.source))
        made = [change for change in self.changes if accepted is None or change.path in accepted]
        for change in made:
            if change.path == METHOD:
                changed["method"] = change.after
            else:
                _put(changed["parameters"], change.path, copy.deepcopy(change.after))
        name = self.source.get("name")
        if made and isinstance(name, str) and not name.endswith(_SUFFIX):
            changed["name"] = name + _SUFFIX
        return _with_end(changed) if made else changed


_SUFFIX = " (narrowed)"


def narrowing(
    config: Mapping[str, Json], runs: Sequence[Evaluated], goal: Goal, *, top: float = DEFAULT_TOP
) -> Narrowing:
    """Return how a sweep's space is narrowed to where its best runs lie.

    Args:
        config: The sweep.
        runs: Its runs that ended, with their value of the metric.
        goal: Which direction of the metric is better.
        top: Share of the runs that count as the best, above 0 and below 1; five at least.

    Raises:
        SweepConfigError: If a parameter of the sweep cannot be read.
    """
    ranked = sorted(runs, key=lambda run: run.value if goal == "minimize" else -run.value)
    best = max(math.ceil(len(ranked) * top), LEAST_BEST)
    if len(ranked) < 2 * LEAST_BEST or best >= len(ranked):
        needed = max(2 * LEAST_BEST, best + 1)
        have = f"{len(ranked)} run{'' if len(ranked) == 1 else 's'} with a value"
        return Narrowing(config, len(ranked), 0, problem=f"Too few runs to say: {have}; it takes {needed}.")
    method = str(config.get("method"))
    sample = Sample(ranked, best, method)
    changes: list[Change] = []
    kept: list[Kept] = []
    for parameter in parameters_of(config):
        outcome = narrowed(parameter, _entry(config, parameter.path), sample)
        if isinstance(outcome, str):
            if outcome:
                kept.append(Kept(parameter.path, outcome))
        else:
            entry, reason = outcome
            changes.append(Change(parameter.path, _entry(config, parameter.path), entry, reason))
    better = _better_method(method, len(ranked))
    if changes and better != method:
        reason = f"{len(ranked)} runs showed where to look: bayes goes on from there"
        if better == "random":
            reason = "a grid has no values within the narrower ranges"
        changes.append(Change(METHOD, method, better, reason))
    return Narrowing(config, len(ranked), best, tuple(changes), tuple(kept))


def _better_method(method: str, runs: int) -> str:
    if method == "custom":
        return method
    if runs >= LEARNABLE_RUNS or method == "bayes":
        return "bayes"
    return "random"


def _entry(config: Mapping[str, Json], path: ParameterPath) -> dict[str, Json]:
    found: Any = config["parameters"]
    for name in path[:-1]:
        found = found[name]["parameters"]
    return dict(found[path[-1]])


def _put(parameters: Any, path: ParameterPath, entry: Json) -> None:
    for name in path[:-1]:
        parameters = parameters[name]["parameters"]
    parameters[path[-1]] = entry


def _with_end(config: dict[str, Json]) -> dict[str, Json]:
    """Return the configuration with a method that can run it, and a run_cap if nothing else ends it."""
    space = SearchSpace.from_config(config)
    if config.get("method") == "grid" and space.unique_count is None:
        config["method"] = "random"
        space = SearchSpace.from_config(config)
    if config.get("method") == "bayes" and all(parameter.distribution == "constant" for parameter in space.parameters):
        config["method"] = "grid"
        space = SearchSpace.from_config(config)
    size = space.unique_count
    if config.get("method") != "grid" and "run_cap" not in config and (size is None or size > SUGGESTED_RUNS):
        config["run_cap"] = SUGGESTED_RUNS
    cap = config.get("run_cap")
    if size is not None and isinstance(cap, int) and cap > size:
        config["run_cap"] = size
    return config
