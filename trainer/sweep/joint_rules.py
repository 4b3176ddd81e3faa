"""What is wrong with joint parameters (`joint`): members that something else sets, names no flag can have."""

from __future__ import annotations

from collections.abc import Mapping

from trainer.records import Json
from trainer.sweep.canonical import canonical_key
from trainer.sweep.findings import Findings, join, show
from trainer.sweep.joint import is_joint, is_joint_name, joint_values, member_paths, settled
from trainer.sweep.parameter_rules import check_name

_LISTED_VALUES = 2_000


def check_joints(parameters: Mapping[str, Json], findings: Findings) -> None:
    """Add every problem of the joint parameters among the top level's `parameters`."""
    setters = {path: ".".join(path) for path in _plain_paths(parameters, ())}
    for name, entry in parameters.items():
        for member in member_paths(name, entry):
            where = join("parameters", name)
            for part in member:
                check_name(part, where, findings)
            other = _set_by(member, setters)
            if other:
                findings.add(
                    where,
                    f"Its member {'.'.join(member)} is set by {other} too.",
                    f"Remove it from the values of {name}, or remove {other}.",
                    code="member-set-twice",
                )
            setters.setdefault(member, name)


def advise_on_joints(parameters: Mapping[str, Json], findings: Findings) -> None:
    """Add what looks like a joint parameter and is none, and what of one a server would not know again."""
    for name, entry in parameters.items():
        values = entry.get("values") if isinstance(entry, Mapping) else None
        if not is_joint_name(name) or not isinstance(values, list):
            continue
        if is_joint(name, entry):
            changed = next((value for value in values[:_LISTED_VALUES] if _is_changed(value)), None)
            if changed is not None:
                findings.add(
                    join(join("parameters", name), "values"),
                    f"{show(changed)} comes back from the run with whole numbers for whole floats (1.0 becomes 1), so "
                    "W&B's own grid search runs it again and again.",
                    "Write 1 for 1.0.",
                    code="joint-whole-float",
                )
            continue
        odd = next((value for value in values[:_LISTED_VALUES] if not (isinstance(value, Mapping) and value)), None)
        findings.add(
            join(join("parameters", name), "values"),
            f"{show(odd)} names no members, so programs get {name} as it is.",
            "Make each value a mapping of members, such as {lr: 0.1, batch_size: 16}, or name the parameter otherwise.",
            code="joint-without-members",
        )


def _is_changed(value: Json) -> bool:
    return canonical_key(settled(value)) != canonical_key(value)


def _plain_paths(parameters: Mapping[str, Json], path: tuple[str, ...]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, entry in parameters.items():
        nested = entry.get("parameters") if isinstance(entry, Mapping) else None
        if isinstance(nested, Mapping):
            found += _plain_paths(nested, (*path, str(name)))
        elif path or not joint_values(name, entry):
            found.append((*path, str(name)))
    return found


def _set_by(member: tuple[str, ...], setters: Mapping[tuple[str, ...], str]) -> str:
    """Return what sets a member, or a group of it, or a part of it, already; empty if nothing does."""
    for length in range(1, len(member) + 1):
        if member[:length] in setters:
            return setters[member[:length]]
    return next((name for path, name in setters.items() if path[: len(member)] == member), "")
