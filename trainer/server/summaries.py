"""Numbers in what runs log: in rows of history and in summaries. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from trainer.records import Json


def summary_number(summary: Mapping[str, Json], name: str) -> float | None:
    """Return a number of a run's summary by its name, dots leading into nested objects; None if there is none."""
    value = _named(summary, name)
    if isinstance(value, dict):
        # `define_metric(..., summary="min")` keeps the statistics in an object.
        value = next((value[key] for key in ("last", "min", "max", "mean") if key in value), None)
    return _number(value)


def logged_number(row: Mapping[str, Json], name: str) -> float | None:
    """Return a number of a row of history by its name, dots leading into nested objects; None if there is none."""
    return _number(_named(row, name))


def best_of(values: Iterable[float | None], *, is_maximized: bool) -> float | None:
    """Return the best of some values; None if there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return max(known) if is_maximized else min(known)


def _named(mapping: Mapping[str, Json], name: str) -> Json:
    value: Json = mapping.get(name)
    if value is None and "." in name:
        value = dict(mapping)
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
    return value


def _number(value: Json) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer beyond what a float holds
        return None
    return number if math.isfinite(number) else None
