"""W&B's distributions: their keys, defaults, limits and a line of help, enough to build a form from. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FieldKind = Literal["value", "values", "probabilities", "number", "integer"]


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a parameter, enough to build an entry for it."""

    name: str
    kind: FieldKind
    help: str
    is_required: bool = False
    default: float | None = None
    """Value W&B uses when the key is left out; None when it is required."""
    above: float | None = None
    """The value must be greater than this; None for no such limit."""
    at_least: float | None = None
    """The value must not be less than this; None for no such limit."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """One of W&B's distributions."""

    name: str
    help: str
    fields: tuple[Field, ...]
    is_gridable: bool = False
    """Whether grid search can enumerate it."""
    replacement: str = ""
    """What to use instead of a deprecated distribution; empty for the others."""

    @property
    def is_deprecated(self) -> bool:
        """Whether W&B reports the distribution as deprecated."""
        return bool(self.replacement)

    def field(self, name: str) -> Field | None:
        """Return the field called `name`, or None."""
        return next((field for field in self.fields if field.name == name), None)


_MIN = Field("min", "number", "smallest value", is_required=True)
_MAX = Field("max", "number", "largest value", is_required=True)
_MIN_POSITIVE = Field("min", "number", "smallest value, above 0", is_required=True, above=0)
_MIN_EXPONENT = Field("min", "number", "natural logarithm of the smallest value", is_required=True)
_MAX_EXPONENT = Field("max", "number", "natural logarithm of the largest value", is_required=True)
_Q = Field("q", "number", "values are multiples of this", default=1.0, above=0)
_MU = Field("mu", "number", "mean", default=0)
_SIGMA = Field("sigma", "number", "standard deviation", default=1, at_least=0)
_A = Field("a", "number", "first shape parameter, above 0", default=1, above=0)
_B = Field("b", "number", "second shape parameter, above 0", default=1, above=0)
_VALUES = Field("values", "values", "the values to choose from", is_required=True)

DISTRIBUTIONS: dict[str, Distribution] = {
    distribution.name: distribution
    for distribution in (
        Distribution(
            "constant", "always the same value", (Field("value", "value", "the value", is_required=True),), True
        ),
        Distribution("categorical", "one of the values, each as likely", (_VALUES,), True),
        Distribution(
            "categorical_w_probabilities",
            "one of the values, each with its probability",
            (_VALUES, Field("probabilities", "probabilities", "one per value, adding up to 1", is_required=True)),
        ),
        Distribution(
            "int_uniform",
            "whole numbers from min to max, both included",
            (
                Field("min", "integer", "smallest value", is_required=True),
                Field("max", "integer", "largest value, included", is_required=True),
            ),
            True,
        ),
        Distribution("uniform", "numbers between min and max, all as likely", (_MIN, _MAX)),
        Distribution("q_uniform", "steps of q between min and max (a grid leaves max out)", (_MIN, _MAX, _Q), True),
        Distribution(
            "log_uniform_values",
            "numbers between min and max, each order of magnitude as likely",
            (_MIN_POSITIVE, _MAX),
        ),
        Distribution("q_log_uniform_values", "like log_uniform_values, in steps of q", (_MIN_POSITIVE, _MAX, _Q)),
        Distribution(
            "inv_log_uniform_values", "numbers between min and max whose inverse is log-uniform", (_MIN_POSITIVE, _MAX)
        ),
        Distribution("normal", "bell curve around mu", (_MU, _SIGMA)),
        Distribution("q_normal", "bell curve around mu, in steps of q", (_MU, _SIGMA, _Q)),
        Distribution("log_normal", "positive numbers whose logarithm is a bell curve", (_MU, _SIGMA)),
        Distribution("q_log_normal", "like log_normal, in steps of q", (_MU, _SIGMA, _Q)),
        Distribution("beta", "numbers between 0 and 1, shaped by a and b", (_A, _B)),
        Distribution("q_beta", "like beta, in steps of q", (_A, _B, _Q)),
        Distribution(
            "log_uniform",
            "exp of a uniform number; deprecated",
            (_MIN_EXPONENT, _MAX_EXPONENT),
            replacement="log_uniform_values",
        ),
        Distribution(
            "q_log_uniform",
            "exp of a uniform number, in steps of q; deprecated",
            (_MIN_EXPONENT, _MAX_EXPONENT, _Q),
            replacement="q_log_uniform_values",
        ),
        Distribution(
            "inv_log_uniform",
            "exp of minus a uniform number; deprecated",
            (_MIN_EXPONENT, _MAX_EXPONENT),
            replacement="inv_log_uniform_values",
        ),
    )
}
