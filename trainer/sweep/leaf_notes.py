"""A parameter in one line of a note: `optimizer/lr: {min: 0, max: 1}`, and back.

Where a name has a slash of its own, names stand in a list: `["train/lr"]: {min: 0, max: 1}`.
"""

from __future__ import annotations

import json

from trainer.errors import SweepFileError
from trainer.records import Json
from trainer.sweep.rule_compiler import Leaf
from trainer.sweep.yaml_style import flow_yaml
from trainer.sweep.yaml_text import parse_yaml


def leaf_note(leaf: Leaf) -> str:
    """Return the line that holds a parameter."""
    path, entry = leaf
    if any("/" in name for name in path):
        return f"{json.dumps(list(path), ensure_ascii=False)}: {flow_yaml(entry)}"
    return flow_yaml({"/".join(path): entry}).removeprefix("{").removesuffix("}")


def noted_leaf(line: str) -> Leaf | None:
    """Return the parameter that a line holds; None if it holds none that can be read."""
    try:
        if line.startswith("["):
            names, end = json.JSONDecoder().raw_decode(line)
            if not names or not all(isinstance(name, str) for name in names) or line[end : end + 2] != ": ":
                return None
            return tuple(names), parse_yaml(line[end + 2 :], "the note").value
        value: Json = parse_yaml(f"{{{line}}}", "the note").value
    except (SweepFileError, ValueError):
        return None
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((name, entry),) = value.items()
    return tuple(name.split("/")), entry
