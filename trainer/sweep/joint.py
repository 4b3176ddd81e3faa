"""Joint parameters: several parameters that vary together, in one categorical that every W&B server accepts.

A joint parameter is named `joint__batch_size__lr`, stands at the top level, and each of its values is a mapping of its
members: `{batch_size: 16, lr: 0.1}`. A group of parameters is a mapping within it, and a value may leave a member out.
To a server, and to its search, such a value is one value. Here is how programs and people see members instead: agents
hand them over under their own names, as `trainer train` takes them from stock agents.

Owns what a joint parameter is and how it is taken apart; which combinations there are, `rule_compiler` decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trainer.records import Json

JOINT_PREFIX = "joint__"
_LARGEST_WHOLE = 1e21
"""From here on Go writes whole floats with an exponent, and they stay floats."""
_NOTHING = object()
"""Keeps the place of a value; None is one."""


def is_joint_name(name: object) -> bool:
    """Return whether a parameter of this name is a joint one, if its values are mappings."""
    return isinstance(name, str) and name.startswith(JOINT_PREFIX)


def joint_values(name: object, entry: object) -> list[Mapping[str, Json]]:
    """Return the values of a joint parameter; empty for an entry of the top level's `parameters` that is none."""
    if not is_joint_name(name) or not isinstance(entry, Mapping) or "parameters" in entry:
        return []
    values: object = [entry["value"]] if "value" in entry else entry.get("values")
    if not isinstance(values, list) or not values or not all(isinstance(value, Mapping) and value for value in values):
        return []
    return values


def is_joint(name: object, entry: object) -> bool:
    """Return whether an entry of the top level's `parameters` is a joint parameter."""
    return bool(joint_values(name, entry))


def member_paths(name: object, entry: object) -> list[tuple[str, ...]]:
    """Return the members of a joint parameter, as paths in order of appearance; empty for any other entry.

    A mapping within a value is a group where it has keys; whether it was one choice of many, nobody can tell.
    """
    return list(dict.fromkeys(path for value in joint_values(name, entry) for path in _leaves(value, ())))


def _leaves(value: Mapping[str, Json], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from _leaves(item, (*path, str(key)))
        else:
            yield (*path, str(key))


def settled(value: Any) -> Any:
    """Return a value of a joint parameter as it comes back from a run: 1.0 as 1, within groups and lists too.

    wandb-core (0.31) writes whole floats as ints. W&B's grid search takes 1.0 for 1 only where it is a value by
    itself, so within a joint value it would not know the point again, and hand it out for ever.
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_WHOLE:
        return int(value)
    if isinstance(value, Mapping):
        return {key: settled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [settled(item) for item in value]
    return value


def unpacked(args: Mapping[str, Any], config: Mapping[str, Json] | None = None) -> dict[str, Any]:
    """Return hyperparameters with the members of joint parameters in place of these.

    Members never replace what has a value of its own: a run's configuration then says what was run, and what the
    server gave out stays as it was, by which it recognises the run.

    Args:
        args: Hyperparameters, or a run's configuration, in flat form; nested ones are mappings. Not changed.
        config: The sweep; a group of its parameters that is named like a joint one is left alone. None if unknown.
    """
    joints = {name: value for name, value in args.items() if _is_joint_value(name, value, config)}
    if not joints:
        return dict(args)
    names = [str(key) for name, value in args.items() for key in joints.get(name, (name,))]
    merged: dict[str, Any] = dict.fromkeys(names, _NOTHING)
    _fill(merged, {name: value for name, value in args.items() if name not in joints})
    for value in joints.values():
        _fill(merged, value)
    return merged


def with_members(args: Mapping[str, Any], config: Mapping[str, Json] | None = None) -> dict[str, Any]:
    """Return hyperparameters with the members of joint parameters beside these: what a run's configuration holds."""
    members = unpacked(args, config)
    joints = {name: value for name, value in args.items() if _is_joint_value(name, value, config)}
    return {**{name: members.get(name, value) for name, value in args.items()}, **members, **joints}


def _is_joint_value(name: str, value: object, config: Mapping[str, Json] | None) -> bool:
    return is_joint_name(name) and isinstance(value, Mapping) and bool(value) and not _is_group(name, config)


def _is_group(name: str, config: Mapping[str, Json] | None) -> bool:
    parameters = config.get("parameters") if config is not None else None
    entry = parameters.get(name) if isinstance(parameters, Mapping) else None
    return isinstance(entry, Mapping) and "parameters" in entry


def _fill(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Add what is not there yet, in groups too."""
    for key, value in values.items():
        name = str(key)
        if into.get(name, _NOTHING) is _NOTHING:
            into[name] = _copied(value)
        elif isinstance(into[name], dict) and isinstance(value, Mapping):
            _fill(into[name], value)


def _copied(value: Any) -> Any:
    """Return a value whose mappings can be added to."""
    return {str(key): _copied(item) for key, item in value.items()} if isinstance(value, Mapping) else value
