"""The order of rows by one column or several. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainer.records import Json
from tui.columns import Column

SortKey = tuple[int, float, str]


@dataclass(frozen=True, slots=True)
class Level:
    """One column that orders, and which way."""

    column: Column
    reverse: bool = False


def sort_key(value: Json) -> SortKey | None:
    """Return a key that orders numbers before texts; None for a missing value, which goes last either way."""
    if value is None:
        return None
    if isinstance(value, (float, int)) and value == value:  # noqa: PLR0124, UP038  (NaN differs from itself; speed)
        return (0, float(value), "")
    return (1, 0.0, str(value).lower())


def sorted_ids(ids: Sequence[str], levels: Sequence[Level], keys: Sequence[Mapping[str, SortKey | None]]) -> list[str]:
    """Return ids ordered by several columns; those without a value in one come last in it.

    Args:
        ids: In an order that equal values keep.
        levels: The most important first.
        keys: The keys of each level.
    """
    order = list(ids)
    for level, held in reversed(list(zip(levels, keys, strict=True))):
        present = [run_id for run_id in order if held[run_id] is not None]
        missing = [run_id for run_id in order if held[run_id] is None] if len(present) < len(order) else []
        told = [held[run_id] for run_id in present]
        if any(key[0] for key in told if key is not None):
            by: Mapping[str, Any] = held
        else:  # numbers alone are compared in a third of the time
            by = {run_id: key[1] for run_id, key in zip(present, told, strict=True) if key is not None}
        # Sorting is stable also in reverse, so equal values keep the order that they had.
        present.sort(key=by.__getitem__, reverse=level.reverse)
        order = present + missing
    return order
