"""Sweeps of only the missing points of another, for servers that take no single runs. Pure: creates nothing.

A stock grid runs products, so the points are cut into products: one grid sweep each. Programs and agents see ordinary
sweeps. What a filler belongs to stands in its description, where any machine finds it again.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from trainer.records import Json, SweepRecord, SweepReference
from trainer.sweep.canonical import canonical_key
from trainer.sweep.parameters import Constant, ParameterPath
from trainer.sweep.space import SearchSpace, value_at

_DROPPED = ("run_cap", "controller", "scheduler", "description")
"""What a filler does not take over: how runs were handed out, which it does its own way."""

Block = tuple[tuple[Hashable, ...], ...]
"""The product of these values, one tuple per axis."""


def filler_configs(sweep: SweepRecord, space: SearchSpace | None, points: Sequence[Mapping[str, Json]]) -> list[Any]:
    """Return the configurations of the grid sweeps that run `points` and no others.

    Args:
        sweep: What they are missing of.
        space: Its space; None where its configurations have no parameters to keep to.
        points: Configurations, constants included, each once.
    """
    products = [product for alike in _alike(space, points) for product in _products(space, alike)]
    configs = []
    for number, product in enumerate(products, start=1):
        config: dict[str, Any] = {
            key: copy.deepcopy(value) for key, value in sweep.config.items() if key not in _DROPPED
        }
        part = f" {number}/{len(products)}" if len(products) > 1 else ""
        config["name"] = f"{sweep.name} (missing points{part})"
        config["method"] = "grid"
        parameters = config["parameters"] if space is not None else {}
        for path, chosen in product.items():
            _put(parameters, path, {"value": chosen[0]} if len(chosen) == 1 else {"values": chosen})
        config["parameters"] = parameters
        count = math.prod(len(chosen) for chosen in product.values())
        config["description"] = f"{mark_of(sweep.reference)} {count} point{'' if count == 1 else 's'}."
        configs.append(config)
    return configs


def _alike(space: SearchSpace | None, points: Sequence[Mapping[str, Json]]) -> list[list[Mapping[str, Json]]]:
    """Return the points in groups of the same keys: without a space they may differ in what they name."""
    if space is not None:
        return [list(points)] if points else []
    groups: dict[frozenset[str], list[Mapping[str, Json]]] = {}
    for point in points:
        groups.setdefault(frozenset(point), []).append(point)
    return list(groups.values())


def _products(space: SearchSpace | None, points: Sequence[Mapping[str, Json]]) -> list[dict[ParameterPath, list[Json]]]:
    """Return products, as values by path, that together hold exactly the points."""
    if space is not None:
        paths = [parameter.path for parameter in space.parameters if not isinstance(parameter, Constant)]
    else:
        paths = [(key,) for key in points[0]]
    values: list[dict[Hashable, Json]] = [{} for _ in paths]
    rows: list[tuple[Hashable, ...]] = []
    for point in points:
        row: list[Hashable] = []
        for axis, path in enumerate(paths):
            value: Any = value_at(point, path)
            key = canonical_key(value)
            values[axis].setdefault(key, value)
            row.append(key)
        rows.append(tuple(row))
    return [
        {path: [values[axis][key] for key in block[axis]] for axis, path in enumerate(paths)}
        for block in product_blocks(rows)
    ]


def mark_of(reference: SweepReference) -> str:
    """Return how the description of every filler of a sweep begins."""
    return f"Missing points of {reference}:"


def is_filler_of(sweep: SweepRecord, reference: SweepReference) -> bool:
    """Return whether a sweep was made for the missing points of another."""
    return str(sweep.config.get("description") or "").startswith(mark_of(reference))


def product_blocks(rows: Iterable[Sequence[Hashable]]) -> list[Block]:
    """Return products that together hold exactly the rows, each row in one of them; few, though not always the fewest.

    Products that differ in one axis only are joined, as long as there are any.
    """
    blocks: list[Block] = list(dict.fromkeys(tuple((value,) for value in row) for row in rows))
    if not blocks:
        return []
    while True:
        before = len(blocks)
        for axis in reversed(range(len(blocks[0]))):
            joined: dict[Hashable, list[Block]] = {}
            for block in blocks:
                others = tuple(frozenset(side) for at, side in enumerate(block) if at != axis)
                joined.setdefault(others, []).append(block)
            blocks = [
                (*alike[0][:axis], tuple(value for block in alike for value in block[axis]), *alike[0][axis + 1 :])
                for alike in joined.values()
            ]
        if len(blocks) == before:
            return blocks


def _put(parameters: Any, path: ParameterPath, entry: dict[str, Json]) -> None:
    for name in path[:-1]:
        parameters = parameters[name]["parameters"]
    parameters[path[-1]] = entry
