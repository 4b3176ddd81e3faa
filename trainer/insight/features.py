"""The runs of a sweep as a table: one row a run, one feature a parameter, and the value of the metric. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from trainer.errors import SweepConfigError
from trainer.records import Json, Metric, Ranking, RunRecord, SweepRecord
from trainer.sweep.findings import is_number
from trainer.sweep.parameters import Bounded, Constant, Normal
from trainer.sweep.space import parameters_of
from trainer.tracking.leaderboard import flatten_config, swept_columns, varying_config

FeatureKind = Literal["linear", "log", "category"]
Level = float | str
"""A value of a feature: a number, or a category by its text."""

_GEOMETRIC_SPAN = 100.0
"""Positive numbers of a list that spread over this factor were chosen by their magnitude: 0.001, 0.01, 0.1."""


@dataclass(frozen=True)
class Feature:
    """A parameter, with its value in each run."""

    name: str
    """Dotted: `optimizer.lr`."""
    kind: FeatureKind
    values: tuple[Level | None, ...]
    """As the runs have them, not their logarithms; None where a run has no such parameter."""

    @property
    def present(self) -> int:
        """How many runs have it."""
        return sum(value is not None for value in self.values)

    @property
    def levels(self) -> list[Level]:
        """The different values, numbers by size and categories by their text."""
        return sorted(
            {value for value in self.values if value is not None}, key=lambda level: (str(type(level)), level)
        )

    def position(self, value: Level) -> float:
        """Return where a value lies on the feature's scale: its logarithm, the number, the place of the category."""
        if isinstance(value, str):
            return float(self._places[value])
        return math.log10(value) if self.kind == "log" else value

    def positions(self) -> list[float | None]:
        """Return where each run lies on the feature's scale; None where it has no such parameter."""
        return [None if value is None else self.position(value) for value in self.values]

    @property
    def _places(self) -> dict[str, int]:
        return {str(level): place for place, level in enumerate(self.levels)}


@dataclass(frozen=True)
class RunTable:
    """The runs that have a value of the metric."""

    metric: Metric
    runs: tuple[RunRecord, ...]
    values: tuple[float, ...]
    """Finite values of the metric, one per run."""
    features: tuple[Feature, ...]
    """The parameters in which the runs differ, those that the sweep varies or, where it says none, all that differ."""
    constant: tuple[str, ...] = ()
    """Parameters that the sweep varies and that have one value in all of these runs."""
    left_out: int = 0
    """Runs without a value of the metric."""

    @property
    def order(self) -> list[int]:
        """The places of the runs, best first; equal ones as they are."""
        sign = -1.0 if self.metric.goal == "maximize" else 1.0
        return sorted(range(len(self.values)), key=lambda place: sign * self.values[place])

    def feature(self, name: str) -> Feature | None:
        """Return a feature by its name."""
        return next((feature for feature in self.features if feature.name == name), None)


def run_table(sweep: SweepRecord, runs: Sequence[RunRecord], metric: Metric, by: Ranking = "best") -> RunTable:
    """Return the table of the runs that ended and have a value of the metric.

    Args:
        sweep: Whose runs they are; says which parameters vary, and on which scale.
        runs: Its runs, with curves where `by` is best.
        metric: What counts.
        by: Which logged value of it.
    """
    ended = [(run, run.metric_value(metric, by)) for run in runs if run.state.is_terminal]
    valued = [(run, value) for run, value in ended if value is not None]
    kept = tuple(run for run, _ in valued)
    names = (swept_columns(sweep, kept) or varying_config(kept)) if len(kept) > 1 else []
    flats = [flatten_config(run.config) for run in kept]
    features = [_feature(name, [flat.get(name) for flat in flats], _log_names(sweep)) for name in names]
    varied = tuple(feature for feature in features if len(feature.levels) > 1 or 0 < feature.present < len(kept))
    known = {feature.name for feature in varied}
    constant = tuple(name for name in _varied_names(sweep) if name not in known) if kept else ()
    values = tuple(value for _, value in valued)
    return RunTable(metric, kept, values, varied, constant, left_out=len(runs) - len(kept))


def feature_of(name: str, runs: Sequence[RunRecord], sweep: SweepRecord) -> Feature:
    """Return any key of the runs' configuration as a feature, whether the sweep varies it or not."""
    return _feature(name, [flatten_config(run.config).get(name) for run in runs], _log_names(sweep))


def _feature(name: str, values: Sequence[Json], log_names: Mapping[str, bool]) -> Feature:
    present = [value for value in values if value is not None]
    if not all(is_number(value) and math.isfinite(_float(value)) for value in present) or not present:
        return Feature(name, "category", tuple(None if value is None else _text(value) for value in values))
    numbers = tuple(None if value is None else _float(value) for value in values)
    finite = [number for number in numbers if number is not None]
    is_log = log_names.get(name)
    if is_log is None:
        is_log = min(finite) > 0 and max(finite) / min(finite) >= _GEOMETRIC_SPAN and len(set(finite)) > 2
    return Feature(name, "log" if is_log and min(finite) > 0 else "linear", numbers)


def _float(value: Json) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:  # an integer beyond what a float holds
        return math.inf


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _log_names(sweep: SweepRecord) -> dict[str, bool]:
    """Return whether a parameter's scale is logarithmic, for those whose distribution says so."""
    try:
        parameters = parameters_of(sweep.config)
    except SweepConfigError:
        return {}
    return {each.name: each.is_log for each in parameters if isinstance(each, Bounded | Normal)}


def _varied_names(sweep: SweepRecord) -> list[str]:
    try:
        parameters = parameters_of(sweep.config)
    except SweepConfigError:
        return []
    # What has one possible value cannot vary, however it is written; joint parameters appear as their members.
    return [
        each.name
        for each in parameters
        if not isinstance(each, Constant) and not (each.choices is not None and each.choices.count < 2)
        and not each.name.startswith("joint__")
    ]  # fmt: skip
