"""How the name of a GraphQL field leads to a value of a node: `historyLineCount` is its `history_line_count`."""

from __future__ import annotations

import re
from functools import lru_cache


def member(source: object, field: str) -> object:
    """Return what a node, a plain object or a dictionary, holds or computes under a field without arguments."""
    value = source.get(field) if isinstance(source, dict) else getattr(source, snake_case(field), None)
    return value() if callable(value) else value


@lru_cache(maxsize=2000)
def snake_case(name: str) -> str:
    """Return a GraphQL name as Python writes it: `clientIDMapping` is `client_id_mapping`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])|(?<=[A-Z])([A-Z])(?=[a-z])", r"_\1\2", name).lower()
