"""Pages of rows: orders and cursors that stay put while rows arrive. Pure: touches no database."""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from trainer.server.context import RequestError
from trainer.server.filter_keys import Column, Condition, JsonKey, Source, Value, is_key, key_of, sort_value

T = TypeVar("T")

MAX_PAGE = 1000
DEFAULT_PAGE = 50
_MAX_RANKS = 5


@dataclass(frozen=True, slots=True)
class _Rank:
    """One term of an order."""

    expression: str
    values: tuple[Value, ...]
    descending: bool
    nullable: bool
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """How rows of runs are ordered: by some expressions, then by age."""

    ranks: tuple[_Rank, ...]

    @classmethod
    def parse(cls, text: str | None) -> Order:
        """Return the order of a text such as `-summary_metrics.acc,+created_at`; oldest first for none.

        Raises:
            RequestError: If runs have no such key, or it has too many.
        """
        terms: list[str] = []
        for piece in (text or "").strip().split(","):
            # The name of a metric may hold a comma.
            if terms and not is_key(piece.strip().lstrip("+-")):
                terms[-1] += f",{piece}"
            elif piece.strip():
                terms.append(piece)
        if len(terms) > _MAX_RANKS:
            raise RequestError(f"An order has at most {_MAX_RANKS} keys.")
        return cls(tuple(_rank(term.strip()) for term in terms or ["+created_at"]))

    @property
    def source(self) -> Source | None:
        """Where a table of values may hold what rows are ordered by, if that is one value."""
        return self.ranks[0].source if len(self.ranks) == 1 else None

    @property
    def descending(self) -> bool:
        """Whether rows of equal values come newest first."""
        return self.ranks[-1].descending

    def columns(self) -> str:
        """Return the SELECT terms that `sql` and `cursor` refer to."""
        return ", ".join(f"{rank.expression} AS order_{index}" for index, rank in enumerate(self.ranks))

    @property
    def values(self) -> list[Value]:
        """The parameters of `columns`."""
        return [value for rank in self.ranks for value in rank.values]

    def sql(self) -> str:
        """Return the ORDER BY terms; rows without a value come last."""
        terms = []
        for index, rank in enumerate(self.ranks):
            word = "DESC" if rank.descending else "ASC"
            terms.append(
                f"order_{index} IS NULL, order_{index} {word}" if rank.nullable else f"{rank.expression} {word}"
            )
        return f"{', '.join(terms)}, id {'DESC' if self.ranks[-1].descending else 'ASC'}"

    def cursor(self, row: Mapping[str, Any] | sqlite3.Row) -> str:
        """Return the cursor of a row that has `columns` and `id`."""
        return cursor_of([row[f"order_{index}"] for index in range(len(self.ranks))], row["id"])

    def bounds(self, cursor: str) -> tuple[list[Value], int]:
        """Return the order values and the number of the row that a cursor stands for.

        Raises:
            RequestError: If the cursor was not made by `cursor` for an order of as many keys.
        """
        known, number = _read(cursor)
        if len(known) != len(self.ranks):
            raise RequestError(f"{cursor[:80]!r} is a cursor of another order.")
        return known, number

    def after(self, cursor: str | None) -> Condition:
        """Return the condition for rows behind a cursor.

        Raises:
            RequestError: If the cursor was not made by `cursor` for an order of as many keys.
        """
        if not cursor:
            return Condition("1")
        known, number = self.bounds(cursor)
        than = "<" if self.ranks[-1].descending else ">"
        first = self.ranks[0]
        if len(known) == 1 and not first.nullable:
            return Condition(f"({first.expression}, id) {than} (?, ?)", [known[0], number])
        condition = Condition(f"id {than} ?", [number])
        for rank, bound in reversed(list(zip(self.ranks, known, strict=True))):
            condition = _behind(rank, bound, condition)
        return condition


def _rank(term: str) -> _Rank:
    key = key_of(term.lstrip("+-"))
    value = sort_value(key)
    is_kept = isinstance(key, Column) and key.expression in ("created_at", "name")
    source = key.places[0].source if isinstance(key, JsonKey) and len(key.places) == 1 else None
    return _Rank(value.sql, tuple(value.values), term.startswith("-"), not is_kept, source)


def _behind(rank: _Rank, bound: Value, rest: Condition) -> Condition:
    """Return the condition for rows whose value comes behind a bound, or that have it and meet the rest."""
    if bound is None:
        return Condition(f"({rank.expression} IS NULL AND {rest.sql})", [*rank.values, *rest.values])
    than = "<" if rank.descending else ">"
    parts = [f"{rank.expression} {than} ?", f"({rank.expression} = ? AND {rest.sql})"]
    values = [*rank.values, bound, *rank.values, bound, *rest.values]
    if rank.nullable:
        parts.append(f"{rank.expression} IS NULL")
        values += rank.values
    return Condition(f"({' OR '.join(parts)})", values)


def cursor_of(value: Value | list[Value], row: int) -> str:
    """Return the cursor of a row: its order value (or values) and number."""
    return base64.b64encode(json.dumps([value, row]).encode()).decode()


def read_cursor(cursor: str) -> tuple[Value, int]:
    """Return the order value and number of a cursor.

    Raises:
        RequestError: If it is none of ours, or of an order by several keys.
    """
    known, number = _read(cursor)
    if len(known) != 1:
        raise RequestError(f"{cursor[:80]!r} is a cursor of another order.")
    return known[0], number


def _read(cursor: str) -> tuple[list[Value], int]:
    try:
        value, row = json.loads(base64.b64decode(cursor, validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise RequestError(f"{cursor[:80]!r} is not a cursor of this server.") from error
    known = value if isinstance(value, list) else [value]
    if not all(map(_is_value, known)) or not isinstance(row, int) or abs(row) >= 2**63:
        raise RequestError(f"{cursor[:80]!r} is not a cursor of this server.")
    return known, row


def _is_value(value: object) -> bool:
    return value is None or isinstance(value, str | float) or (isinstance(value, int) and abs(value) < 2**63)


def page_size(first: int | None, bound: int = MAX_PAGE) -> int:
    """Return the rows of a page: what was asked for, within bounds."""
    return min(max(DEFAULT_PAGE if first is None else first, 0), bound)


def connection_of(
    rows: Sequence[T],
    size: int,
    node: Callable[[T], object],
    cursor: Callable[[T], str],
    total: Callable[[], int] | None = None,
    edges: Callable[[Iterable[dict[str, Any]]], list[Any]] = list,
) -> dict[str, object]:
    """Return a GraphQL connection of up to `size` of the rows; one more row than that means there is a next page."""
    shown = rows[:size]
    # Cursors of edges are made only where a query asks for them: they are a tenth of what a page of 1,000 runs costs.
    made = edges({"node": node(row), "cursor": partial(cursor, row)} for row in shown)
    return {
        "totalCount": total,
        "edges": made,
        "nodes": [edge["node"] for edge in made],
        "pageInfo": {"hasNextPage": len(rows) > size, "endCursor": cursor(shown[-1]) if shown else None},
    }
