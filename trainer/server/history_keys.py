"""What a run's history holds under which name, kept as rows arrive: the field `historyKeys` (SDK 0.31)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Literal, TypedDict

from trainer.records import Json

_MAX_KEYS = 20_000
"""A run that invents a name per step must not make each of its chunks slower than the last."""


class _TypeCount(TypedDict):
    type: str
    count: int


class _Key(TypedDict):
    typeCounts: list[_TypeCount]
    monotonic: bool
    previousValue: float | None


class HistoryKeys:
    """The names in a run's history with their types and last numbers, and the last step."""

    def __init__(self, text: str) -> None:
        """Read what `dump` wrote; `{}` for a run without rows."""
        stored = json.loads(text)
        self._keys: dict[str, _Key] = stored.get("keys", {})
        self._last_step: int | None = stored.get("lastStep")

    @property
    def last_step(self) -> int | None:
        """Return the greatest step so far; None before the first row."""
        return self._last_step

    def add(self, row: Mapping[str, Json], step: int) -> None:
        """Take note of a row that was not noted before."""
        for name, value, kind in _flat(row):
            key = self._keys.get(name)
            if key is None:
                if len(self._keys) >= _MAX_KEYS:
                    continue
                key = self._keys[name] = {"typeCounts": [], "monotonic": True, "previousValue": None}
            for count in key["typeCounts"]:
                if count["type"] == kind:
                    count["count"] += 1
                    break
            else:
                key["typeCounts"].append({"type": kind, "count": 1})
            if value is not None:
                previous = key["previousValue"]
                key["monotonic"] = key["monotonic"] and (previous is None or value >= previous)
                key["previousValue"] = value
        self._last_step = step if self._last_step is None else max(step, self._last_step)

    def dump(self) -> str:
        """Return everything as JSON text."""
        return json.dumps({"sets": [], "keys": self._keys, "lastStep": self._last_step}, separators=(",", ":"))


def _flat(
    row: Mapping[str, Json], prefix: str = ""
) -> Iterator[tuple[str, float | None, Literal["number", "string", "map"]]]:
    """Yield (dotted name, number if it is one, type); media objects stay whole."""
    for name, value in row.items():
        if isinstance(value, dict) and "_type" not in value and len(prefix) < 200:
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, float) and not math.isfinite(value):
            yield prefix + name, None, "string"  # as W&B writes them, and as the row is kept
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield prefix + name, value, "number"
        elif isinstance(value, str):
            yield prefix + name, None, "string"
        elif isinstance(value, dict):
            yield prefix + name, None, "map"
