"""When W&B takes two hyperparameter values for the same one. Owns that equality and nothing else."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from operator import itemgetter

from trainer.records import Json


def canonical_key(value: object) -> Hashable:
    """Return a key that is equal for two values exactly when W&B's grid search counts them as one.

    W&B compares the YAML text of values, after turning a float without a fraction into an int. The folding happens
    at the top only: `1.0` equals `1`, yet `[1.0]` differs from `[1]`; `True` differs from `1`, and `"1"` from `1`.

    Source: `yaml_hash` in wandb/sweeps 0.3.0, grid_search.py.
    """
    if isinstance(value, float) and value.is_integer():
        return (int, int(value))
    return _nested_key(value)


def _nested_key(value: object) -> Hashable:
    if isinstance(value, Mapping):
        return (dict, tuple(sorted(((str(key), _nested_key(item)) for key, item in value.items()), key=itemgetter(0))))
    if isinstance(value, list | tuple):
        return (list, tuple(_nested_key(item) for item in value))
    if isinstance(value, float) and math.isnan(value):
        return (float, "nan")
    if isinstance(value, float):
        # repr tells 0.0 from -0.0, as YAML text does.
        return (float, repr(value))
    return (type(value), value)


def loose_key(value: object) -> Hashable:
    """Return a key that is equal for values which a program may make of one another: `0.001` of `"1e-3"`, `"1"` of 1.

    Texts that read as a number, a truth value or nothing are taken for it, truth values for 1 and 0. Two values may
    well have one loose key and be different points, so it serves to recognise a value, never to tell two apart.
    """
    if isinstance(value, Mapping):
        return (dict, tuple(sorted(((str(key), loose_key(item)) for key, item in value.items()), key=itemgetter(0))))
    if isinstance(value, list | tuple):
        return (list, tuple(loose_key(item) for item in value))
    if isinstance(value, str):
        value = _WORDS.get(value.strip().lower(), value)
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return (str, value)
    if isinstance(value, int | float):
        return (float, "nan") if value != value else (float, value)
    return (type(value), value)


_WORDS: dict[str, bool | None] = {"true": True, "false": False, "none": None, "null": None, "": None}


def same_value(left: Json, right: Json) -> bool:
    """Return whether W&B's grid search counts the two values as one."""
    return canonical_key(left) == canonical_key(right)
