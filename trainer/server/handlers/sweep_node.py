"""Sweeps and agents as clients read them."""

from __future__ import annotations

import json
import sqlite3
from functools import cached_property
from typing import TYPE_CHECKING

from trainer.records import Json
from trainer.server import controllers
from trainer.server.context import RequestContext, RequestError, iso_time, number_of, parse_json, storage_id
from trainer.server.filter_keys import Condition, sweep_key_of
from trainer.server.filters import compile_filter
from trainer.server.handlers.run_lists import run_connection
from trainer.server.handlers.viewer import UserNode
from trainer.server.pages import MAX_PAGE, connection_of, cursor_of, page_size, read_cursor
from trainer.server.store import now_micros
from trainer.server.sweep_runs import log_run_name
from trainer.server.tables import best_values, projects, runs, sweeps
from trainer.states import SweepState

if TYPE_CHECKING:
    from trainer.server.handlers.projects import ProjectNode

_AGENT_SILENCE = 60_000_000
"""An agent not heard of for this many microseconds is shown as finished."""
MAX_CONTROLLED = 100_000
"""Runs of a sweep that its local controller is shown at once."""
MAX_AGENTS = 10_000


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
        return log_run_name(self.name) if self._parsed.get("scheduler") else None

    def project(self) -> ProjectNode | None:
        """Return the sweep's project."""
        from trainer.server.handlers.projects import ProjectNode  # projects lead to sweeps and back

        row = projects.by_id(self._context.connection, self._row["project_id"])
        return None if row is None else ProjectNode(self._context, row)

    def user(self) -> UserNode:
        """Return the user who made it."""
        return UserNode(self._context)

    def runs(self, first: int | None = None, after: str | None = None, order: str | None = None) -> dict[str, object]:
        """Return the sweep's runs.

        A local controller asks for them without a page size, means all, and searches by what it gets (SDK 0.31).
        wandb's agent asks in the same words, and looks at none of them.
        """
        bound = MAX_CONTROLLED if first is None and controllers.is_local(self._parsed) else MAX_PAGE
        extra = Condition("sweep = ?", [self.name], sweep=self.name)
        return run_connection(
            self._context, self._row["project_id"], None, order, bound if first is None else first, after, extra, bound
        )

    def agents(self, first: int | None = None, after: str | None = None) -> dict[str, object]:
        """Return the sweep's agents, oldest first; the SDK asks for all at once (0.31)."""
        start = read_cursor(after)[1] if after else 0
        size = page_size(MAX_AGENTS if first is None else first, MAX_AGENTS)
        rows = sweeps.agents(self._context.connection, self._row["id"], start, size + 1)
        return connection_of(
            rows, size, lambda row: AgentNode(self._context, row), lambda row: cursor_of(None, row["id"])
        )

    def agent(self, agent_name: str | None = None) -> AgentNode | None:
        """Return an agent by its name, or by its storage id: the SDK calls both its id (0.31)."""
        connection, name = self._context.connection, agent_name or ""
        row = sweeps.agent_by_name(connection, self._row["id"], name)
        if row is None and (number := number_of("Agent", name)) is not None:
            row = sweeps.agent_by_id(connection, number)
        return None if row is None or row["sweep_id"] != self._row["id"] else AgentNode(self._context, row)


class AgentNode:
    """An agent of a sweep."""

    def __init__(self, context: RequestContext, row: sqlite3.Row) -> None:
        self._context = context
        self._row = row
        self.id = storage_id("Agent", row["id"])
        self.name = row["name"]
        self.host = row["host"]

    def state(self) -> str:
        """Return RUNNING while the agent beats, else FINISHED; so too once its sweep is over and its runs are."""
        connection = self._context.connection
        if abs(now_micros() - self._row["heartbeat_at"]) >= _AGENT_SILENCE:
            return "FINISHED"
        sweep = sweeps.by_id(connection, self._row["sweep_id"])
        is_over = sweep is None or SweepState(sweep["state"]).is_terminal
        return "FINISHED" if is_over and not runs.unfinished_of_agent(connection, self._row["id"]) else "RUNNING"

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
    condition = compile_filter(parse_json(filters, "filters"), sweep_key_of)
    size = page_size(first)
    before = read_cursor(after)[1] if after else None
    rows = sweeps.page(context.connection, project_id, size + 1, before, condition.sql, list(condition.values))
    return connection_of(rows, size, lambda row: SweepNode(context, row), lambda row: cursor_of(None, row["id"]))
