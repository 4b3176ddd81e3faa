"""Typed hyperparameters: what kinds of value one may take, and how the text or value W&B hands over becomes one.

Pure values: which model takes which hyperparameter is `catalog`'s, building the estimator is `estimators`'.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trainer.errors import HyperparameterError
from trainer.sweep.findings import nearest

Value = None | bool | int | float | str
"""What a hyperparameter may be once it was read."""

_NONE_TEXTS = frozenset({"None", "none", "null"})
_BOOL_TEXTS = {"true": True, "True": True, "false": False, "False": False}


@dataclass(frozen=True, slots=True)
class Interval:
    """The numbers between two bounds; None is unbounded."""

    low: float | None = None
    high: float | None = None
    is_low_open: bool = False
    """Whether `low` itself is excluded."""

    def holds(self, number: float) -> bool:
        """Return whether `number` is finite and inside."""
        if not math.isfinite(number):
            return False
        if self.low is not None and (number < self.low or (self.is_low_open and number == self.low)):
            return False
        return self.high is None or number <= self.high

    def __str__(self) -> str:
        parts = []
        if self.low is not None:
            parts.append(f"above {_plain(self.low)}" if self.is_low_open else f"from {_plain(self.low)}")
        if self.high is not None:
            parts.append(f"up to {_plain(self.high)}")
        return " ".join(parts)


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:g}"


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """One hyperparameter of one model: a value is of the first kind below that it fits."""

    name: str
    default: Value
    help: str
    integers: Interval | None = None
    """Whole numbers it takes; None when it takes none."""
    floats: Interval | None = None
    """Real numbers it takes; None when it takes none."""
    choices: tuple[str, ...] = ()
    is_bool: bool = False
    is_nullable: bool = False
    """Whether None is a value, given as null or as the text `None`, which is how W&B writes it in arguments."""
    aliases: tuple[str, ...] = ()
    """Other names people use for it."""

    def read(self, given: object) -> Value:
        """Return `given`, perhaps a text from the command line, as a value of this hyperparameter.

        Raises:
            HyperparameterError: If it is not one; the message says what would be.
        """
        if given is None or (isinstance(given, str) and given in _NONE_TEXTS):
            if self.is_nullable:
                return None
        elif isinstance(given, str) and given in self.choices:
            return given
        elif self.is_bool and isinstance(flag := _BOOL_TEXTS.get(str(given)), bool):
            return flag
        elif (number := _number(given)) is not None:
            # Where both are taken, 1 is a count and 1.0 a share.
            if isinstance(number, float) and self.floats is not None and self.floats.holds(number):
                return number
            is_whole = math.isfinite(number) and number == int(number) and number < 2**32
            if is_whole and self.integers is not None and self.integers.holds(number):
                return int(number)
            # A share of 1 is written 1.0: as 1 it is a count, here one that is too small.
            if self.integers is None and self.floats is not None and self.floats.holds(number):
                return float(number)
        shown = repr(given) if isinstance(given, str) and not given.strip() else str(given)
        raise HyperparameterError(f"{self.name}={shown} cannot be used.", hint=f"Give {self.describe()}.")

    def describe(self) -> str:
        """Return, in words, what it takes."""
        kinds = []
        if self.is_bool:
            kinds.append("true or false")
        if self.integers is not None:
            kinds.append(f"a whole number {self.integers}".rstrip())
        if self.floats is not None:
            kinds.append(f"a number {self.floats}".rstrip())
        if self.choices:
            kinds.append(f"one of {', '.join(self.choices)}" if len(self.choices) > 1 else self.choices[0])
        if self.is_nullable:
            kinds.append("None")
        return " or ".join(kinds)


def _number(given: object) -> int | float | None:
    """Return the number that `given` is or spells, an int where it is written as one; None if it is none."""
    if isinstance(given, str) and "_" not in given:
        try:
            return int(given) if given.strip().lstrip("+-").isdecimal() and len(given) < 20 else float(given)
        except ValueError:
            return None
    return given if isinstance(given, int | float) and not isinstance(given, bool) else None


def closest(name: str, valid: Iterable[str]) -> str:
    """Return `Did you mean …?` for a mistyped name, or an empty text."""
    close = nearest(name, valid)
    return f"Did you mean {close}?" if close else ""


def find(name: str, hyperparameters: Sequence[Hyperparameter]) -> Hyperparameter | None:
    """Return the hyperparameter called `name`, by its name or an alias; None if there is none."""
    for hyperparameter in hyperparameters:
        if name == hyperparameter.name or name in hyperparameter.aliases:
            return hyperparameter
    return None
