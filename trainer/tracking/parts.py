"""Parts: questions about projects that are asked together, in one GraphQL document. Owns no transport.

Each is a `project` field under an alias of its own with variables of its own, which the GraphQL specification (October
2021, 2.7 and 6.3) has every server answer side by side; so one request brings whatever is shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_VARIABLE = re.compile(r"\$(\w+)")


@dataclass(frozen=True, slots=True)
class Part:
    """One question about a project."""

    entity: str
    project: str
    fields: str
    """What is asked of the project; its variables as `$name`."""
    types: Mapping[str, str] = field(default_factory=dict)
    """GraphQL types of the variables, by name."""
    values: Mapping[str, Any] = field(default_factory=dict)
    fragments: tuple[str, ...] = ()
    """Texts of the fragments that `fields` spreads."""


def document_of(parts: Sequence[Part], name: str) -> tuple[str, dict[str, Any]]:
    """Return the document that asks for all parts, and its variables.

    Args:
        parts: At least one.
        name: Of the operation: by it servers count and log.
    """
    types, fields, values = [], [], {}
    fragments: dict[str, None] = {}
    for number, part in enumerate(parts):
        prefix = _prefix(number)
        own: dict[str, tuple[str, Any]] = {
            "entity": ("String!", part.entity),
            "project": ("String!", part.project),
            **{key: (kind, part.values.get(key)) for key, kind in part.types.items()},
        }
        for key, (kind, value) in own.items():
            types.append(f"${prefix}{key}: {kind}")
            values[f"{prefix}{key}"] = value
        asked = f"project(name: $project, entityName: $entity) {{ {part.fields} }}"
        alias = f"{_key(number)}: " if number else ""
        fields.append(alias + _VARIABLE.sub(rf"${prefix}\1", asked))
        fragments.update(dict.fromkeys(part.fragments))
    return f"query {name}({', '.join(types)}) {{ {' '.join(fields)} }}{''.join(fragments)}", values


def answers_of(data: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """Return what was answered to each of so many parts; empty for a project that is not there."""
    return [data.get(_key(number)) or {} for number in range(count)]


def _key(number: int) -> str:
    return f"part{number}" if number else "project"


def _prefix(number: int) -> str:
    return f"p{number}_" if number else ""
