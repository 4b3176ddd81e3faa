"""What a fix is, and the problem it is looked for: shared by the modules named `…_fixes`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trainer.errors import SweepConfigError
from trainer.records import Json
from trainer.sweep.findings import Violation, is_number
from trainer.sweep.places import ABSENT, Keys, locate, value_of, with_keys, with_value
from trainer.sweep.space import SearchSpace, run_cap_of

SUGGESTED_RUNS = 50
"""The run_cap of a search that has no end of its own."""


@dataclass(frozen=True, slots=True)
class Fix:
    """One way out of a problem."""

    label: str
    """What it does, to put on a button: `Swap min and max`."""
    config: dict[str, Json]
    """The whole configuration after it."""
    is_obvious: bool = True
    """Whether it can be made without asking."""


@dataclass(frozen=True, slots=True)
class Case:
    """A problem within a configuration."""

    violation: Violation
    config: Mapping[str, Json]
    keys: Keys
    """Where the problem is; empty for the whole, and where it is that something is missing."""

    @classmethod
    def of(cls, violation: Violation, config: Mapping[str, Json]) -> Case:
        """Return the case of a problem."""
        return cls(violation, config, locate(config, violation.path) or ())

    @property
    def value(self) -> Any:
        """What stands where the problem is."""
        return value_of(self.config, self.keys)

    @property
    def key(self) -> str:
        """The last key of the place."""
        return str(self.keys[-1]) if self.keys else ""

    @property
    def around(self) -> dict[str, Any]:
        """The mapping that the place is a key of; empty if it is none."""
        found = value_of(self.config, self.keys[:-1]) if self.keys else ABSENT
        return dict(found) if isinstance(found, Mapping) else {}

    def put(self, label: str, value: Any, is_obvious: bool = True) -> Fix:
        """Return the fix that replaces the value."""
        return Fix(label, with_value(self.config, self.keys, value), is_obvious)

    def put_around(self, label: str, entry: Mapping[str, Any], is_obvious: bool = True) -> Fix:
        """Return the fix that replaces the mapping which the place is a key of."""
        return Fix(label, with_value(self.config, self.keys[:-1], dict(entry)), is_obvious)

    def rename(self, name: str, is_obvious: bool = True) -> Fix:
        """Return the fix that gives the key another name."""
        entry = {name if key == self.key else key: value for key, value in self.around.items()}
        return self.put_around(f"Rename {self.key} to {name}", entry, is_obvious)

    def remove(self, is_obvious: bool = True) -> Fix:
        """Return the fix that removes the key."""
        return self.put_around(f"Remove {self.key}", with_keys(self.around, [self.key]), is_obvious)

    def top(self, label: str, is_obvious: bool, dropped: Iterable[str] = (), **added: Any) -> Fix:
        """Return the fix that changes keys of the sweep itself."""
        return Fix(label, with_keys(self.config, dropped, **added), is_obvious)


Offer = Callable[[Case], Iterator[Fix]]
"""Yields the fixes of a case, the likeliest first; perhaps none."""


def with_method(config: Mapping[str, Json], method: str) -> dict[str, Json]:
    """Return a configuration with another method, and with a run_cap where nothing would end it."""
    changed = dict(config) | {"method": method}
    if method != "grid" and run_cap_of(config) is None:
        try:
            size = SearchSpace.from_config(changed).unique_count
        except SweepConfigError:
            # Another problem says which parameter cannot be read.
            size = None
        if size is None or method == "random":
            changed["run_cap"] = SUGGESTED_RUNS if size is None else min(size, SUGGESTED_RUNS)
    return changed


def number_in(value: object, *, whole: bool = False) -> int | float | None:
    """Return the number that a text spells, or None; a whole one as an int."""
    if isinstance(value, str):
        text = value.strip().replace("_", "")
        try:
            number = float(text)
        except ValueError:
            return None
        if not math.isfinite(number):
            return None
        try:
            return int(text)
        except ValueError:
            value = number
    if not is_number(value):
        return None
    if whole:
        return int(value) if float(value).is_integer() else None
    return value


def scalar_in(text: str) -> Json:
    """Return the value that a word means in YAML: a number, true, false, null or the word."""
    word = text.strip().strip("'\"")
    number = number_in(word)
    if number is not None:
        return number
    return {"true": True, "false": False, "null": None, "none": None}.get(word.lower(), word)


def shown(value: Json) -> str:
    """Return a value as it stands in YAML, for a label."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= 30 else f"{text[:29]}…"


_HIGHER_IS_BETTER = (
    "acc", "auc", "f1", "r2", "score", "reward", "return", "precision", "recall", "iou", "map", "bleu", "rouge",
    "dice", "fps", "throughput", "win", "correct",
)  # fmt: skip


def guessed_goal(metric: str) -> str:
    """Return which direction of a metric is better, as its name sounds."""
    words = metric.lower().replace("/", "_").replace("-", "_").replace(".", "_").split("_")
    better = any(word.startswith(_HIGHER_IS_BETTER) for word in words)
    return "maximize" if better and not any(word.startswith(("loss", "err")) for word in words) else "minimize"
