"""Finite sets of hyperparameter values, indexed and counted without being listed. Knows nothing of sweeps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from trainer.records import Json
from trainer.sweep.canonical import canonical_key, same_value
from trainer.sweep.findings import is_number


class Choices(Protocol):
    """A finite, ordered set of values."""

    @property
    def raw_count(self) -> int:
        """How many values were written down."""

    @property
    def count(self) -> int:
        """How many of them are distinct in W&B's eyes."""

    def value(self, index: int) -> Json:
        """Return the distinct value at `index`, from 0 to `count` - 1."""

    def index_of(self, value: Json) -> int | None:
        """Return the index of a value that equals `value` in W&B's eyes, or None."""


class ListedChoices:
    """Values written one by one; of several equal ones the last is used, at the place of the first."""

    def __init__(self, values: Sequence[Json]) -> None:
        by_key = {canonical_key(value): value for value in values}
        self.raw_count = len(values)
        self._values = list(by_key.values())
        self._index = {key: index for index, key in enumerate(by_key)}

    @property
    def count(self) -> int:
        """How many of the values are distinct."""
        return len(self._values)

    def value(self, index: int) -> Json:
        """Return the distinct value at `index`."""
        return self._values[index]

    def index_of(self, value: Json) -> int | None:
        """Return the index of a value that equals `value`, or None."""
        return self._index.get(canonical_key(value))


class IntegerChoices:
    """All integers from `low` to `high`, both included."""

    def __init__(self, low: int, high: int) -> None:
        self._low = low
        self.count = self.raw_count = high - low + 1

    def value(self, index: int) -> int:
        """Return the integer at `index`."""
        return self._low + index

    def index_of(self, value: Json) -> int | None:
        """Return the index of an integer, also when it comes as a float."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if isinstance(value, float) and not value.is_integer():
            return None
        index = int(value) - self._low
        return index if 0 <= index < self.count else None


class SteppedChoices:
    """`low`, `low + step`, … with `high` excluded, rounded just as `numpy.arange` rounds: W&B's grid over q_uniform."""

    def __init__(self, low: float, high: float, step: float) -> None:
        if any(isinstance(number, float) for number in (low, high, step)):
            # One float makes all values floats, the first too.
            low = float(low)
        self._low = low
        self._second = low + step
        # numpy writes the first two values and goes on with their difference, which is not exactly `step`.
        self._delta = self._second - low
        length = max(math.ceil((high - low) / step), 1)
        self.raw_count = length
        self.count = length if self._delta else 1

    def value(self, index: int) -> float:
        """Return the value at `index`; an int when both bounds and the step are ints."""
        return (self._low, self._second)[index] if index < 2 else self._low + index * self._delta

    def index_of(self, value: Json) -> int | None:
        """Return the index of a value of the series, or None."""
        if not is_number(value):
            return None
        near = round((value - self._low) / self._delta) if self._delta else 0
        near_by = (index for index in (near - 1, near, near + 1) if 0 <= index < self.count)
        return next((index for index in near_by if same_value(self.value(index), value)), None)


class MultipleChoices:
    """The multiples of `step` within [`low`, `high`]: what random search draws from a quantised range.

    When no multiple lies within, the single value is the bound nearest to one.
    """

    def __init__(self, low: float, high: float, step: float) -> None:
        self._step, self._low, self._high = step, low, high
        # The tolerance keeps 0.3 in 0..0.3 by 0.1, where 0.3 / 0.1 is 2.9999999999999996.
        self._first = math.ceil(low / step - 1e-9)
        last = max(math.floor(high / step + 1e-9), self._first)
        self.count = self.raw_count = last - self._first + 1

    def value(self, index: int) -> float:
        """Return the multiple at `index`; an int when `step` is an int."""
        value = min(max((self._first + index) * self._step, self._low), self._high)
        return int(value) if isinstance(self._step, int) and float(value).is_integer() else value

    def nearest_index(self, value: float) -> int:
        """Return the index of the multiple nearest to `value`."""
        return min(max(round(value / self._step) - self._first, 0), self.count - 1)

    def index_of(self, value: Json) -> int | None:
        """Return the index of a value of the set, or None."""
        if not is_number(value):
            return None
        index = self.nearest_index(value)
        return index if same_value(self.value(index), value) else None
