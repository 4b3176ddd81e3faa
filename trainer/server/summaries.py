"""Numbers in the summaries of runs. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from trainer.records import Json


def summary_number(summary: Mapping[str, Json], name: str) -> float | None:
    """Return a number of a run's summary by its name, dots leading into nested objects; None if there is none."""
    value: Json = summary.get(name)
    if value is None and "." in name:
        inner: Json = dict(summary)
        for part in name.split("."):
            inner = inner.get(part) if isinstance(inner, dict) else None
        value = inner
    if isinstance(value, dict):
        # `define_metric(..., summary="min")` keeps the statistics in an object.
        value = next((value[key] for key in ("last", "min", "max", "mean") if key in value), None)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
