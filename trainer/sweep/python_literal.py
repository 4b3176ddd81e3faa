"""Plain values as Python source, laid out as Black and `ruff format` lay it out. Knows nothing of sweeps."""

from __future__ import annotations

import math
from collections.abc import Mapping

from trainer.records import Json

LINE_LENGTH = 88
"""Black's."""
_INDENT = "    "


def python_literal(value: Json, *, before: int = 0, after: int = 0) -> str:
    """Return an expression that evaluates to an equal value.

    Args:
        value: The value.
        before: Columns in front of the expression on its first line.
        after: Columns behind it on its last line.
    """
    return _expression(value, "", before, after)


def _expression(value: Json, indent: str, before: int, after: int) -> str:
    """Return a value on one line where it fits, else with each item on a line of its own and a comma behind the last.

    `before` counts all columns in front of it, `indent` among them.
    """
    flat = _flat(value)
    if before + len(flat) + after <= LINE_LENGTH or not isinstance(value, dict | list) or not value:
        return flat
    inner = indent + _INDENT
    if isinstance(value, dict):
        keys = [f"{_text(str(key))}: " for key in value]
        items = [
            key + _expression(item, inner, len(inner) + len(key), 1)
            for key, item in zip(keys, value.values(), strict=True)
        ]
        return "{\n" + "".join(f"{inner}{item},\n" for item in items) + indent + "}"
    return "[\n" + "".join(f"{inner}{_expression(item, inner, len(inner), 1)},\n" for item in value) + indent + "]"


def _flat(value: Json) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(str(key))}: {_flat(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flat(item) for item in value) + "]"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value)


def _text(text: str) -> str:
    """Return a text in double quotes, unless single ones need fewer backslashes."""
    # Both kinds of quote within make `repr` write single ones around, and escape those alone.
    body = repr(text + "'\"")[1:-4]
    if text.count('"') > text.count("'"):
        return f"'{body}'"
    return '"' + body.replace("\\'", "'").replace('"', '\\"') + '"'
