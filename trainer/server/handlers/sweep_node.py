"""Sweeps and agents as clients read them."""

from __future__ import annotations

import json
import sqlite3
from functools import cached_property
from typing import TYPE_CHECKING

from trainer.records import Json
from trainer.server.context import RequestContext, RequestError, iso_time, parse_json, storage_id
from trainer.server.filter_keys import Condition
from trainer.server.handlers.run_lists import run_connection
from trainer.server.handlers.viewer import UserNode
from trainer.server.pages import MAX_PAGE, connection_of, cursor_of, page_size, read_cursor
from trainer.server.store import now_micros
from trainer.server.tables import best_values, projects, runs, sweeps

if TYPE_CHECKING:
    from trainer.server.handlers.projects import ProjectNode

_AGENT_SILENCE = 60_000_000
"""An agent not heard of for this many microseconds is shown as finished."""


class SweepNode:
    """A sweep. Heavy fields are methods: read only when a document asks for them."""

    early_stop_job_running = False

    def __init__(self, context: RequestContext, row: sqlite3.Row) -> None:
        self._context = context
        self._row = row
        self.id = storage_id("Sweep", row["id"])
        self.name = row["name"]
        self.display_name = row["display_name"]
        self.description = row["description"]
        self.state = row["state"]
        self.config = row["config_yaml"]
        self.controller = row["controller"]
        self.scheduler = row["scheduler"]
        self.prior_runs_filters = row["prior_runs"]
        self.run_count_expected = row["expected_runs"]

    @cached_property
    def _parsed(self) -> dict[str, Json]:
        config: dict[str, Json] = json.loads(self._row["config"])
        return config

    def method(self) -> Json:
        """Return grid, random, bayes or custom."""
        return self._parsed.get("method")

    def created_at(self) -> str | None:
        """Return when it was created."""
        return iso_time(self._row["created_at"])

    def updated_at(self) -> str | None:
        """Return when its configuration, name or state last changed."""
        return iso_time(self._row["updated_at"])

    def heartbeat_at(self) -> str | None:
        """Return when one of its agents was last heard of."""
        return iso_time(self._row["heartbeat_at"])

    def best_loss(self) -> float | None:
        """Return the best value of the sweep's metric that any of its runs has logged."""
        metric = self._parsed.get("metric")
        is_maximized = isinstance(metric, dict) and metric.get("goal") == "maximize"
        project, connection = self._row["project_id"], self._context.connection
        return best_values.of_sweep(connection, project, self.name, is_maximized=is_maximized)

    def run_count(self) -> int:
        """Return how many runs there are, in any state."""
        return runs.count_of_sweep(self._context.connection, self._row["project_id"], self.name)

    def controller_run_name(self) -> str | None:
        """Return the run into which an external scheduler writes its log."""
        scheduler = parse_json(self.scheduler, "scheduler") or self._parsed.get("scheduler")
        return f"scheduler-{self.name}" if scheduler else None

    def project(self) -> ProjectNode | None:
        """Return the sweep's project."""
        from trainer.server.handlers.projects import ProjectNode  # projects lead to sweeps and back

        row = projects.by_id(self._context.connection, self._row["project_id"])
        return None if row is None else ProjectNode(self._context, row)

    def user(self) -> UserNode:
        """Return the user who made it."""
        return UserNode()

    def runs(self, first: int | None = None, after: str | None = None, order: str | None = None) -> dict[str, object]:
        """Return the sweep's runs; wandb's agent asks for them without a page size and means all."""
        size = MAX_PAGE if first is None else first
        extra = Condition("sweep = ?", [self.name])
        return run_connection(self._context, self._row["project_id"], None, order, size, after, extra)

    def agents(self, first: int | None = None, after: str | None = None) -> dict[str, object]:
        """Return the sweep's agents, oldest first."""
        start = read_cursor(after)[1] if after else 0
        size = page_size(MAX_PAGE if first is None else first)
        rows = sweeps.agents(self._context.connection, self._row["id"], start, size + 1)
        return connection_of(
            rows, size, lambda row: AgentNode(self._context, row), lambda row: cursor_of(None, row["id"])
        )

    def agent(self, agent_name: str | None = None) -> AgentNode | None:
        """Return an agent by its name."""
        row = sweeps.agent_by_name(self._context.connection, self._row["id"], agent_name or "")
        return None if row is None else AgentNode(self._context, row)


class AgentNode:
    """An agent of a sweep."""

    def __init__(self, context: RequestContext, row: sqlite3.Row) -> None:
        self._context = context
        self._row = row
        self.id = storage_id("Agent", row["id"])
        self.name = row["name"]
        self.host = row["host"]

    def state(self) -> str:
        """Return RUNNING while the agent beats, else FINISHED."""
        return "RUNNING" if now_micros() - self._row["heartbeat_at"] < _AGENT_SILENCE else "FINISHED"

    def total_runs(self) -> int:
        """Return how many runs it was given."""
        return sweeps.agent_run_count(self._context.connection, self._row["id"])

    def created_at(self) -> str | None:
        """Return when it registered."""
        return iso_time(self._row["created_at"])

    def heartbeat_at(self) -> str | None:
        """Return when it was last heard of."""
        return iso_time(self._row["heartbeat_at"])

    def runs(
        self, first: int | None = None, after: str | None = None, order: str | None = None, **_: object
    ) -> dict[str, object]:
        """Return the runs it was given."""
        sweep = sweeps.by_id(self._context.connection, self._row["sweep_id"])
        if sweep is None:
            raise RequestError("The agent's sweep is gone.")
        extra = Condition("agent_id = ?", [self._row["id"]])
        return run_connection(self._context, sweep["project_id"], None, order, first, after, extra)


def sweep_connection(
    context: RequestContext, project_id: int, filters: str | None, first: int | None, after: str | None
) -> dict[str, object]:
    """Return a page of a project's sweeps, newest first."""
    condition = _sweep_filter(parse_json(filters, "filters"))
    size = page_size(first)
    before = read_cursor(after)[1] if after else None
    rows = sweeps.page(context.connection, project_id, size + 1, before, condition.sql, list(condition.values))
    return connection_of(rows, size, lambda row: SweepNode(context, row), lambda row: cursor_of(None, row["id"]))


_SWEEP_KEYS = {"name": "name", "id": "name", "state": "state", "displayName": "display_name",
               "display_name": "display_name", "description": "description"}  # fmt: skip


def _sweep_filter(filters: Json, depth: int = 0) -> Condition:
    """Return the condition of a filter on sweeps: equality and `$in` on a few keys, `$and`, `$or`.

    Raises:
        RequestError: If it asks for anything else.
    """
    if not filters:
        return Condition("1")
    if not isinstance(filters, dict) or depth > 10:
        raise RequestError('A filter of sweeps is an object such as {"state": "RUNNING"}.')
    parts: list[Condition] = []
    for key, operand in filters.items():
        if key in ("$and", "$or") and isinstance(operand, list):
            inner = [_sweep_filter(item, depth + 1) for item in operand]
            sql = (" AND " if key == "$and" else " OR ").join(part.sql for part in inner) or "1"
            parts.append(Condition(f"({sql})", [value for part in inner for value in part.values]))
            continue
        column = _SWEEP_KEYS.get(key)
        options = operand.get("$in") if isinstance(operand, dict) and set(operand) == {"$in"} else [operand]
        if column is None or not isinstance(options, list) or not all(isinstance(item, str) for item in options):
            raise RequestError(f"Sweeps cannot be filtered by {key[:60]!r} in this way.")
        marks = ", ".join("?" * len(options))
        parts.append(Condition(f"{column} IN ({marks})", [item for item in options if isinstance(item, str)]))
    return Condition(" AND ".join(part.sql for part in parts), [value for part in parts for value in part.values])
