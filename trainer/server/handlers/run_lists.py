"""Pages of runs: a filter and an order, turned into one SQL statement over the indexes."""

from __future__ import annotations

from trainer.server.context import RequestContext, parse_json
from trainer.server.filter_keys import Condition
from trainer.server.filters import compile_filter
from trainer.server.handlers.run_node import RunNode
from trainer.server.pages import MAX_PAGE, Order, connection_of, page_size


def run_total(context: RequestContext, project_id: int, filters: str | None) -> int:
    """Return how many runs of a project match a filter."""
    return _count(context, project_id, compile_filter(parse_json(filters, "filters")))


def _count(context: RequestContext, project_id: int, condition: Condition) -> int:
    row = context.connection.execute(
        f"SELECT count(*) FROM runs WHERE {_scoped(condition)}", (*_scope_values(project_id, condition),)
    ).fetchone()
    return int(row[0])


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
    condition = compile_filter(parse_json(filters, "filters"))
    if extra is not None:
        condition = Condition(f"{extra.sql} AND ({condition.sql})", [*extra.values, *condition.values])
    ranking = Order.parse(order)
    behind = ranking.after(after)
    size = page_size(first, bound)
    rows = context.connection.execute(
        f"SELECT *, {ranking.columns()} FROM runs WHERE {_scoped(condition)} AND {behind.sql}"
        f" ORDER BY {ranking.sql()} LIMIT ?",
        (*ranking.values, *_scope_values(project_id, condition), *behind.values, size + 1),
    ).fetchall()
    return connection_of(
        rows, size, lambda row: RunNode(context, row), ranking.cursor, lambda: _count(context, project_id, condition)
    )


def _scoped(condition: Condition) -> str:
    """Return the condition within one project.

    The project is repeated in each branch of an OR: SQLite plans the branches one by one, and an index that starts
    with the project serves a branch only where the branch itself names it.
    """
    if condition.branches:
        return "(" + " OR ".join(f"(project_id = ? AND {branch.sql})" for branch in condition.branches) + ")"
    return f"project_id = ? AND {condition.sql}"


def _scope_values(project_id: int, condition: Condition) -> list[object]:
    if condition.branches:
        return [value for branch in condition.branches for value in (project_id, *branch.values)]
    return [project_id, *condition.values]
