"""Entries of parameters made for a distribution: from its fields, or out of another entry. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from trainer.records import Json
from trainer.sweep.parameters import DISTRIBUTIONS, infer_distribution

Entry = dict[str, Json]


def entry_for(distribution: str, fields: Mapping[str, Json]) -> Entry:
    """Return the entry of a distribution with these keys; names the distribution only where W&B would not infer it."""
    entry = dict(fields)
    bounds = [entry.get(bound) for bound in ("min", "max")]
    # W&B's SDK refuses to infer from an int and a float together.
    is_mixed = distribution == "uniform" and any(isinstance(bound, int) for bound in bounds)
    if infer_distribution(entry) != distribution or is_mixed:
        return {"distribution": distribution, **entry}
    return entry


def converted(entry: Json, distribution: str) -> Entry:
    """Return an entry of another distribution, with as much of the old one as it can carry."""
    old = dict(entry) if isinstance(entry, Mapping) else {}
    values = old.get("values")
    listed = values if isinstance(values, list) else [old["value"]] if "value" in old else []
    numbers = [item for item in listed if isinstance(item, int | float) and not isinstance(item, bool)]
    if numbers and "min" not in old:
        old |= {"min": min(numbers), "max": max(numbers)}
    bounds = [old[bound] for bound in ("min", "max") if bound in old]
    candidates: Entry = {"values": listed or list(dict.fromkeys(map(_as_number, bounds)))}
    candidates["value"] = (listed or bounds or [None])[0]
    fields: Entry = {}
    for field in DISTRIBUTIONS[distribution].fields:
        if field.name in old:
            fields[field.name] = _as_whole(old[field.name]) if field.kind == "integer" else old[field.name]
        elif field.name in candidates and (listed or bounds):
            fields[field.name] = candidates[field.name]
        elif field.name == "probabilities" and isinstance(values := fields.get("values"), list) and values:
            fields[field.name] = [round(1 / len(values), 6)] * len(values)
    return entry_for(distribution, fields)


def _as_number(value: Json) -> Json:
    return value if isinstance(value, int | float | str | None) else json.dumps(value)


def _as_whole(value: Json) -> Json:
    return int(value) if isinstance(value, float) and value.is_integer() else value
