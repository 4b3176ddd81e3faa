"""Pages of runs: a filter and an order, turned into SQL over the indexes and the tables of values."""

from __future__ import annotations

import sqlite3

from trainer.server.context import RequestContext, parse_json
from trainer.server.filter_keys import NOT_SORTED, Condition, KeptValues, Value, key_of
from trainer.server.filters import compile_filter
from trainer.server.handlers.run_node import RunNode
from trainer.server.pages import MAX_PAGE, Order, connection_of, page_size
from trainer.server.plain_lists import PlainList
from trainer.server.tables import run_values

_MANY_RUNS = 2000
"""Projects with more runs get tables of the values that they are filtered and ordered by."""
_FEW_MATCHES = 1000
"""Up to so many runs are sooner found and sorted than looked for in the order of all."""


def run_total(context: RequestContext, project_id: int, filters: str | None) -> int:
    """Return how many runs of a project match a filter."""
    kept = _kept_values(context, project_id)
    condition = compile_filter(parse_json(filters, "filters"), lambda name: kept.of(key_of(name)))
    _note_asked(context, project_id, kept)
    return _count(context, project_id, condition)


def _count(context: RequestContext, project_id: int, condition: Condition) -> int:
    # A document asks for the number and for the page; both need it.
    known = context.totals.get((project_id, condition.sql, *condition.values))
    if known is not None:
        return known
    row = context.connection.execute(
        f"SELECT count(*) FROM runs WHERE {_scoped(condition)}", (*_scope_values(project_id, condition),)
    ).fetchone()
    context.totals[(project_id, condition.sql, *condition.values)] = int(row[0])
    return int(row[0])


def _kept_values(context: RequestContext, project_id: int) -> KeptValues:
    return KeptValues(run_values.kept(context.connection, project_id))


def _note_asked(context: RequestContext, project_id: int, kept: KeptValues) -> None:
    """Have tables made of what a query would have used, where that pays off."""
    if (
        kept.asked
        and run_values.has_more_runs(context.connection, project_id, _MANY_RUNS)
        and not run_values.are_noted(context.connection, project_id, kept.asked)
    ):
        context.write(lambda connection: run_values.note(connection, project_id, kept.asked))


def run_connection(
    context: RequestContext,
    project_id: int,
    filters: str | None,
    order: str | None,
    first: int | None,
    after: str | None,
    extra: Condition | None = None,
    bound: int = MAX_PAGE,
) -> dict[str, object]:
    """Return a page of the runs of a project that match a filter (and an extra condition)."""
    kept = _kept_values(context, project_id)
    condition = compile_filter(parse_json(filters, "filters"), lambda name: kept.of(key_of(name)))
    if extra is not None:
        values, sweep = [*extra.values, *condition.values], extra.sweep or condition.sweep
        condition = Condition(f"{extra.sql} AND ({condition.sql})", values, sweep=sweep)
    ranking = Order.parse(order)
    if ranking.source is not None:
        kept.asked.add(ranking.source)
    _note_asked(context, project_id, kept)
    size = page_size(first, bound)
    number = None if ranking.source is None else kept.numbers.get(ranking.source)
    if number is not None and _are_many(context, project_id, condition):
        rows = _walk(context.connection, project_id, condition, ranking, number, after, size + 1)
    else:
        rows = _sort(context.connection, project_id, condition, ranking, after, size + 1)
    return connection_of(
        rows,
        size,
        lambda row: RunNode(context, row),
        ranking.cursor,
        lambda: _count(context, project_id, condition),
        edges=PlainList,
    )


def _sort(
    connection: sqlite3.Connection, project_id: int, condition: Condition, order: Order, after: str | None, limit: int
) -> list[sqlite3.Row]:
    """Return a page of runs, left to SQLite: first their numbers, since runs as a whole are slow to sort."""
    behind = order.after(after)
    numbers = (
        f"SELECT id AS number, {order.columns()} FROM runs WHERE {_scoped(condition)} AND {behind.sql}"
        f" ORDER BY {order.sql()} LIMIT ?"
    )
    return connection.execute(
        f"SELECT runs.*, page.* FROM ({numbers}) AS page CROSS JOIN runs ON runs.id = number ORDER BY {order.sql()}",
        (*order.values, *_scope_values(project_id, condition), *behind.values, limit),
    ).fetchall()


def _walk(
    connection: sqlite3.Connection,
    project_id: int,
    condition: Condition,
    order: Order,
    number: int,
    after: str | None,
    limit: int,
) -> list[sqlite3.Row]:
    """Return a page of runs in the order of a table of values; the runs that have none come last."""
    than, word = ("<", "DESC") if order.descending else (">", "ASC")
    bound = order.bounds(after) if after else None
    rows: list[sqlite3.Row] = []
    if bound is None or bound[0][0] is not None:
        place, values = f"key = ? AND value NOT IN {NOT_SORTED}", list[Value]([number])
        if bound is not None:
            place, values = f"{place} AND (value, run_id) {than} (?, ?)", [*values, *bound[0], bound[1]]
        if condition.sweep is not None:
            place, values = f"{place} AND sweep = ?", [*values, condition.sweep]
        elif condition.sql != "1":
            place = f"{place} AND +run_id IN (SELECT id FROM runs WHERE {_scoped(condition)})"
            values += _scope_values(project_id, condition)
        found = f"SELECT run_id, value FROM run_values WHERE {place} ORDER BY value {word}, run_id {word}"
        if condition.sweep is None:
            # The values of several sweeps are to be sorted: sort them alone, not with the runs.
            found, values = f"{found} LIMIT ?", [*values, limit]
        rows = connection.execute(
            f"SELECT runs.*, value AS order_0 FROM ({found}) AS v"
            f" CROSS JOIN runs ON runs.id = v.run_id WHERE {_scoped(condition)}"
            f" ORDER BY v.value {word}, v.run_id {word} LIMIT ?",
            (*values, *_scope_values(project_id, condition), limit),
        ).fetchall()
        bound = None
    if len(rows) < limit:
        behind = Condition("1") if bound is None else Condition(f"id {than} ?", [bound[1]])
        sorted_runs = f"SELECT run_id FROM run_values WHERE key = ? AND value NOT IN {NOT_SORTED}"
        rows += connection.execute(
            f"SELECT *, NULL AS order_0 FROM runs WHERE {_scoped(condition)} AND {behind.sql}"
            f" AND +id NOT IN ({sorted_runs}) ORDER BY id {word} LIMIT ?",
            (*_scope_values(project_id, condition), *behind.values, number, limit - len(rows)),
        ).fetchall()
    return rows


def _are_many(context: RequestContext, project_id: int, condition: Condition) -> bool:
    """Return whether more than a few runs meet a condition."""
    known = context.totals.get((project_id, condition.sql, *condition.values))
    if known is None:
        row = context.connection.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM runs WHERE {_scoped(condition)} LIMIT ?)",
            (*_scope_values(project_id, condition), _FEW_MATCHES + 1),
        ).fetchone()
        known = int(row[0])
    return known > _FEW_MATCHES


def _scoped(condition: Condition) -> str:
    """Return the condition within one project.

    The project is repeated in each branch of an OR: SQLite plans the branches one by one, and an index that starts
    with the project serves a branch only where the branch itself names it.
    """
    if condition.branches:
        return "(" + " OR ".join(f"(project_id = ? AND {branch.sql})" for branch in condition.branches) + ")"
    return f"project_id = ? AND {condition.sql}"


def _scope_values(project_id: int, condition: Condition) -> list[Value]:
    if condition.branches:
        return [value for branch in condition.branches for value in (project_id, *branch.values)]
    return [project_id, *condition.values]
