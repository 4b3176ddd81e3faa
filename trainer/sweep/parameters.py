"""The parameters of a sweep, one class per kind; the registry of distributions is offered here too.

Owns what a parameter is and which values it can take. Whether one was written correctly is asked of `validation`;
how it is sampled, of `trainer.search.distributions`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from trainer.errors import SweepConfigError
from trainer.records import Json
from trainer.sweep.choices import Choices, IntegerChoices, ListedChoices, MultipleChoices, SteppedChoices
from trainer.sweep.distributions import DISTRIBUTIONS as DISTRIBUTIONS
from trainer.sweep.distributions import Distribution as Distribution
from trainer.sweep.distributions import Field as Field
from trainer.sweep.findings import is_number

ParameterPath = tuple[str, ...]
"""Names from the outermost parameter to the innermost: `("optimizer", "lr")`."""


@dataclass(frozen=True)
class Parameter:
    """A parameter that takes values; nested ones are flattened, and their `path` says where they belong."""

    path: ParameterPath
    distribution: str

    @property
    def name(self) -> str:
        """Return the path as one text, for messages: `optimizer.lr`."""
        return ".".join(self.path)

    @property
    def grid(self) -> Choices | None:
        """The values grid search runs through; None when it cannot."""
        return None

    @property
    def choices(self) -> Choices | None:
        """The values random and bayes search draw from; None when there is no end to them."""
        return None


@dataclass(frozen=True)
class Constant(Parameter):
    """Always the same value."""

    value: Json

    @cached_property
    def _only(self) -> ListedChoices:
        return ListedChoices([self.value])

    @property
    def grid(self) -> Choices:
        """The one value."""
        return self._only

    @property
    def choices(self) -> Choices:
        """The one value."""
        return self._only


@dataclass(frozen=True)
class Categorical(Parameter):
    """One of a list of values, perhaps with probabilities."""

    values: tuple[Json, ...]
    probabilities: tuple[float, ...] | None = None
    """One per value; None when all are as likely."""

    @cached_property
    def _listed(self) -> ListedChoices:
        return ListedChoices(self.values)

    @cached_property
    def _possible(self) -> ListedChoices:
        if self.probabilities is None:
            return self._listed
        weighted = zip(self.values, self.probabilities, strict=False)
        return ListedChoices([value for value, probability in weighted if probability > 0])

    @property
    def grid(self) -> Choices | None:
        """The values; None when they have probabilities, which W&B's grid search refuses."""
        return self._listed if self.probabilities is None else None

    @property
    def choices(self) -> Choices:
        """The values whose probability is not 0."""
        return self._possible

    @cached_property
    def weights(self) -> tuple[float, ...]:
        """Probability of each of `choices`, adding up to 1; equal values of the list add theirs."""
        if self.probabilities is None:
            # Drawn from the list as written, as W&B does: a value listed twice is twice as likely.
            shares = [1.0] * len(self.values)
        else:
            shares = list(self.probabilities)
        totals = [0.0] * self._possible.count
        for value, share in zip(self.values, shares, strict=False):
            index = self._possible.index_of(value)
            if index is not None:
                totals[index] += share
        whole = math.fsum(totals) or 1.0
        return tuple(total / whole for total in totals)

    @cached_property
    def shares_up_to(self) -> tuple[float, ...]:
        """Running total of `weights`."""
        return tuple(itertools.accumulate(self.weights))


@dataclass(frozen=True)
class IntUniform(Parameter):
    """Whole numbers from `low` to `high`, both included."""

    low: int
    high: int

    @property
    def grid(self) -> Choices:
        """Every integer of the range."""
        return IntegerChoices(self.low, self.high)

    @property
    def choices(self) -> Choices:
        """Every integer of the range."""
        return IntegerChoices(self.low, self.high)


@dataclass(frozen=True)
class Bounded(Parameter):
    """A range of numbers: uniform, log-uniform, either perhaps in steps of `q`."""

    low: float
    high: float
    is_log: bool = False
    q: float | None = None
    """Step; None for a continuous range."""

    @property
    def grid(self) -> Choices | None:
        """The steps from `low` on, `high` excluded, for q_uniform; None for every other."""
        if self.q is None or self.is_log:
            return None
        return SteppedChoices(self.low, self.high, self.q)

    @cached_property
    def multiples(self) -> MultipleChoices | None:
        """The multiples of `q` within the bounds; None for a continuous range."""
        return None if self.q is None else MultipleChoices(self.low, self.high, self.q)

    @property
    def choices(self) -> Choices | None:
        """The multiples of `q` within the bounds; None for a continuous range."""
        return self.multiples


@dataclass(frozen=True)
class Normal(Parameter):
    """A bell curve, of the value or of its logarithm."""

    mu: float
    sigma: float
    is_log: bool = False
    q: float | None = None


@dataclass(frozen=True)
class Beta(Parameter):
    """Numbers between 0 and 1, shaped by `a` and `b`."""

    a: float
    b: float
    q: float | None = None

    @cached_property
    def multiples(self) -> MultipleChoices | None:
        """The multiples of `q` between 0 and 1; None without `q`."""
        return None if self.q is None else MultipleChoices(0.0, 1.0, self.q)

    @property
    def choices(self) -> Choices | None:
        """The multiples of `q` between 0 and 1; None without `q`."""
        return self.multiples


def infer_distribution(config: Mapping[str, Json]) -> str | None:
    """Return the distribution that W&B reads into a parameter, or None when nothing fits.

    Ints on both sides make int_uniform, anything else between min and max is uniform.
    """
    explicit = config.get("distribution")
    if explicit is not None:
        return explicit if isinstance(explicit, str) and explicit in DISTRIBUTIONS else None
    if "value" in config:
        return "constant"
    if "values" in config:
        return "categorical_w_probabilities" if "probabilities" in config else "categorical"
    if "min" in config or "max" in config:
        both_ints = all(type(config.get(bound)) is int for bound in ("min", "max"))
        return "int_uniform" if both_ints else "uniform"
    return None


def is_nested(config: object) -> bool:
    """Return whether a parameter is a group of others: `{parameters: {...}}`."""
    return isinstance(config, Mapping) and isinstance(config.get("parameters"), Mapping)


def parameter_from_config(path: ParameterPath, config: Mapping[str, Json]) -> Parameter:
    """Return the parameter that one entry of `parameters` describes; not for a nested group.

    Raises:
        SweepConfigError: If the entry cannot be read as any parameter. `validation` says everything that is wrong.
    """
    distribution = infer_distribution(config) if isinstance(config, Mapping) else None
    if distribution is None:
        raise SweepConfigError(
            f"Parameter {'.'.join(path)} has neither `value` nor `values` nor `min` and `max`.",
            hint="`sweep-tui check` names what is wrong with it.",
        )
    try:
        return _build(path, distribution, config)
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise SweepConfigError(
            f"Parameter {'.'.join(path)} is no usable {distribution}.",
            hint="`sweep-tui check` names what is wrong with it.",
        ) from error


def _build(path: ParameterPath, distribution: str, config: Mapping[str, Json]) -> Parameter:
    if distribution == "constant":
        return Constant(path, distribution, config["value"])
    if distribution.startswith("categorical"):
        return _build_categorical(path, distribution, config)
    if distribution == "int_uniform":
        low, high = _number(config, "min"), _number(config, "max")
        if not (isinstance(low, int) and isinstance(high, int) and low <= high):
            raise ValueError("int_uniform needs ints, min first")
        return IntUniform(path, distribution, low, high)
    q = _number(config, "q", 1.0) if distribution.startswith("q_") else None
    if q is not None and q <= 0:
        raise ValueError("q must be above 0")
    if distribution.endswith("normal"):
        mu, sigma = _number(config, "mu", 0), _number(config, "sigma", 1)
        return Normal(path, distribution, mu, sigma, "log" in distribution, q)
    if distribution.endswith("beta"):
        _check_steps(0.0, 1.0, q)
        return Beta(path, distribution, _number(config, "a", 1), _number(config, "b", 1), q)
    return _build_bounded(path, distribution, config, q)


def _build_categorical(path: ParameterPath, distribution: str, config: Mapping[str, Json]) -> Categorical:
    values = config["values"]
    if not isinstance(values, list) or not values:
        raise ValueError("values must be a list")
    if distribution == "categorical":
        return Categorical(path, distribution, tuple(values))
    probabilities = config["probabilities"]
    if not isinstance(probabilities, list) or len(probabilities) != len(values):
        raise ValueError("probabilities must match values")
    shares = tuple(float(cast("float", share)) for share in probabilities)
    if min(shares) < 0 or math.fsum(shares) <= 0:
        raise ValueError("probabilities must not be negative")
    return Categorical(path, distribution, tuple(values), shares)


def _build_bounded(path: ParameterPath, distribution: str, config: Mapping[str, Json], q: float | None) -> Bounded:
    low, high = _number(config, "min"), _number(config, "max")
    is_log = "log" in distribution
    if is_log and not distribution.endswith("_values"):
        # The deprecated forms give exponents; the inverse one, those of 1/x.
        low, high = (-high, -low) if distribution.startswith("inv_") else (low, high)
        low, high = math.exp(low), math.exp(high)
    if not low <= high or (is_log and low <= 0):
        raise ValueError("bounds are out of order")
    _check_steps(low, high, q)
    return Bounded(path, distribution, low, high, is_log, q)


def _check_steps(low: float, high: float, q: float | None) -> None:
    if q is not None and not math.isfinite(max(abs(low), abs(high)) / q):
        raise ValueError("q is too small to count its steps")


def _number(config: Mapping[str, Json], name: str, default: float | None = None) -> float:
    value = config.get(name, default)
    if not is_number(value):
        raise ValueError(f"{name} is not a number")
    return value
