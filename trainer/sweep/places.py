"""Places in a sweep configuration: found by the path that a problem names, and changed on a copy. Knows no rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trainer.records import Json

Keys = tuple[str | int, ...]
"""Keys and list indices from the outside in: `("parameters", "lr", "values", 0)`."""
Config = dict[str, Json]
ABSENT = object()
"""What `value_of` returns where there is nothing; None is a value."""


def locate(config: object, path: str) -> Keys | None:
    """Return the keys that lead to `path`; None when the configuration has no such place.

    A parameter's name may hold dots, so that a path alone does not say where a key ends.
    """
    if not path:
        return ()
    if isinstance(config, Mapping):
        for key in sorted(config, key=len, reverse=True):
            rest = path[len(key) :]
            if path.startswith(key) and rest[:1] in ("", ".", "["):
                inner = locate(config[key], rest.removeprefix("."))
                if inner is not None:
                    return (key, *inner)
    elif isinstance(config, list) and path.startswith("["):
        number, _, rest = path[1:].partition("]")
        if number.isdecimal() and int(number) < len(config):
            inner = locate(config[int(number)], rest.removeprefix("."))
            return None if inner is None else (int(number), *inner)
    return None


def value_of(config: object, keys: Keys) -> Any:
    """Return what stands at a place, or `ABSENT`."""
    for key in keys:
        if isinstance(config, Mapping) and key in config:
            config = config[key]
        elif isinstance(config, list) and isinstance(key, int) and key < len(config):
            config = config[key]
        else:
            return ABSENT
    return config


def with_value(config: Any, keys: Keys, value: Any) -> Any:
    """Return a copy with another value at a place; a key that is not there comes last. Shares what did not change."""
    if not keys:
        return value
    first, *rest = keys
    if isinstance(config, list):
        assert isinstance(first, int)
        return [*config[:first], with_value(config[first], tuple(rest), value), *config[first + 1 :]]
    inner = config.get(first, {}) if rest else None
    return {**config, first: with_value(inner, tuple(rest), value)}


def without(config: Any, *places: Keys) -> Any:
    """Return a copy without the keys at some places."""
    for keys in places:
        inner = value_of(config, keys[:-1])
        if isinstance(inner, Mapping):
            config = with_value(config, keys[:-1], {key: value for key, value in inner.items() if key != keys[-1]})
    return config


def renamed(config: Any, keys: Keys, name: str) -> Any:
    """Return a copy in which the key at a place has another name; it keeps its position."""
    inner = value_of(config, keys[:-1])
    return with_value(config, keys[:-1], {name if key == keys[-1] else key: value for key, value in inner.items()})


def with_keys(entry: Mapping[str, Json], dropped: Iterable[str] = (), **added: Any) -> dict[str, Any]:
    """Return a mapping without some keys and with others set; those that were there keep their position."""
    dropped = set(dropped)
    return {**{key: value for key, value in entry.items() if key not in dropped}, **added}
