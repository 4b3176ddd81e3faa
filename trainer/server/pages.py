"""Pages of rows: orders and cursors that stay put while rows arrive. Pure: touches no database."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from trainer.server.context import RequestError
from trainer.server.filter_keys import Column, Condition, Value, key_of, sort_value

T = TypeVar("T")

MAX_PAGE = 1000
DEFAULT_PAGE = 50


@dataclass(frozen=True, slots=True)
class Order:
    """How rows of runs are ordered: by one expression, then by age."""

    expression: str
    values: tuple[Value, ...]
    descending: bool
    nullable: bool

    @classmethod
    def parse(cls, text: str | None) -> Order:
        """Return the order of a text such as `-summary_metrics.acc`; oldest first for none.

        Raises:
            RequestError: If runs have no such key.
        """
        text = (text or "+created_at").strip()
        descending = text.startswith("-")
        key = key_of(text.lstrip("+-"))
        value = sort_value(key)
        is_kept = isinstance(key, Column) and key.expression in ("created_at", "name")
        return cls(value.sql, tuple(value.values), descending, not is_kept)

    def sql(self) -> str:
        """Return the ORDER BY terms; rows without a value come last."""
        word = "DESC" if self.descending else "ASC"
        missing_last = "order_value IS NULL, " if self.nullable else ""
        return f"{missing_last}{'order_value' if self.nullable else self.expression} {word}, id {word}"

    def after(self, cursor: str | None) -> Condition:
        """Return the condition for rows behind a cursor.

        Raises:
            RequestError: If the cursor was not made by `cursor_of`.
        """
        if not cursor:
            return Condition("1")
        value, row = read_cursor(cursor)
        than = "<" if self.descending else ">"
        if not self.nullable:
            return Condition(f"({self.expression}, id) {than} (?, ?)", [value, row])
        if value is None:
            return Condition(f"({self.expression} IS NULL AND id {than} ?)", [*self.values, row])
        return Condition(
            f"({self.expression} IS NULL OR ({self.expression}, id) {than} (?, ?))",
            [*self.values, *self.values, value, row],
        )


def cursor_of(value: Value, row: int) -> str:
    """Return the cursor of a row: its order value and number."""
    return base64.b64encode(json.dumps([value, row]).encode()).decode()


def read_cursor(cursor: str) -> tuple[Value, int]:
    """Return the order value and number of a cursor.

    Raises:
        RequestError: If it is none of ours.
    """
    try:
        value, row = json.loads(base64.b64decode(cursor, validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise RequestError(f"{cursor[:80]!r} is not a cursor of this server.") from error
    is_value = value is None or isinstance(value, str | float) or (isinstance(value, int) and abs(value) < 2**63)
    if not is_value or not isinstance(row, int) or abs(row) >= 2**63:
        raise RequestError(f"{cursor[:80]!r} is not a cursor of this server.")
    return value, row


def page_size(first: int | None, bound: int = MAX_PAGE) -> int:
    """Return the rows of a page: what was asked for, within bounds."""
    return min(max(DEFAULT_PAGE if first is None else first, 0), bound)


def connection_of(
    rows: Sequence[T],
    size: int,
    node: Callable[[T], object],
    cursor: Callable[[T], str],
    total: Callable[[], int] | None = None,
) -> dict[str, object]:
    """Return a GraphQL connection of up to `size` of the rows; one more row than that means there is a next page."""
    shown = rows[:size]
    edges = [{"node": node(row), "cursor": cursor(row)} for row in shown]
    return {
        "totalCount": total,
        "edges": edges,
        "nodes": [edge["node"] for edge in edges],
        "pageInfo": {"hasNextPage": len(rows) > size, "endCursor": edges[-1]["cursor"] if edges else None},
    }
