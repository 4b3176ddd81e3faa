"""A run as clients read it."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from trainer.records import Json
from trainer.server.context import RequestContext, iso_time, storage_id
from trainer.server.handlers import history_reads
from trainer.server.handlers.file_nodes import run_file_connection, run_file_count
from trainer.server.handlers.viewer import UserNode
from trainer.server.pages import page_size
from trainer.server.tables import projects, runs, streams, sweeps
from trainer.states import RunState

if TYPE_CHECKING:
    from trainer.server.handlers.projects import ProjectNode
    from trainer.server.handlers.sweep_node import AgentNode, SweepNode


class RunNode:
    """A run. Heavy fields are methods: read only when a document asks for them."""

    read_only = False

    def __init__(self, context: RequestContext, row: sqlite3.Row) -> None:
        self._context = context
        self._row = row
        self._row_id = int(row["id"])
        self.name = row["name"]
        self.display_name = row["display_name"]
        self.state = row["state"]
        self.config = row["config"]
        self.summary_metrics = row["summary"]
        self.system_metrics = row["system_metrics"]
        self.group = row["group_name"]
        self.job_type = row["job_type"]
        self.notes = row["notes"]
        self.description = row["description"]
        self.commit = row["commit_hash"]
        self.host = row["host"]
        self.program = row["program"]
        self.exitcode = row["exit_code"]
        self.sweep_name = row["sweep"]
        self.stop_reason = row["stop_reason"]
        self.history_line_count = row["history_lines"]
        self.events_line_count = row["events_lines"]
        self.log_line_count = row["console_lines"]

    def id(self) -> str:
        """Return the storage id."""
        return storage_id("Run", self._row_id)

    def project_id(self) -> str:
        """Return the project's number."""
        return str(self._row["project_id"])

    def tags(self) -> list[str]:
        """Return the tags."""
        text = self._row["tags"]
        tags: list[str] = [] if text == "[]" else json.loads(text)  # most have none, and pages have a thousand runs
        return tags

    def created_at(self) -> str | None:
        """Return when it was created; for a run handed to an agent, when it began (once it has)."""
        began = self._row["reported_at"] if self._row["attempts"] else None
        return iso_time(began or self._row["created_at"])

    def heartbeat_at(self) -> str | None:
        """Return when the run was last heard of."""
        return iso_time(self._row["heartbeat_at"])

    def compute_seconds(self) -> float | None:
        """Return the seconds between the run's first word and its last; null before the first."""
        first = self._row["reported_at"]
        return None if first is None else max(self._row["heartbeat_at"] - first, 0) / 1_000_000

    def should_stop(self) -> bool:
        """Return whether the run was asked to end."""
        return bool(self._row["stop_requested"])

    def failed(self) -> bool:
        """Return whether the run ended badly."""
        return RunState(self.state).is_failure

    def stopped(self) -> bool:
        """Return whether the run was stopped."""
        return bool(self.state == RunState.KILLED)

    def running(self) -> bool:
        """Return whether the run is alive."""
        return not RunState(self.state).is_terminal

    def user(self) -> UserNode:
        """Return the user who started it."""
        return UserNode(self._context)

    def project(self) -> ProjectNode | None:
        """Return the run's project."""
        from trainer.server.handlers.projects import ProjectNode  # projects lead to runs and back

        row = projects.by_id(self._context.connection, self._row["project_id"])
        return None if row is None else ProjectNode(self._context, row)

    def sweep(self) -> SweepNode | None:
        """Return the run's sweep; null outside sweeps."""
        from trainer.server.handlers.sweep_node import SweepNode  # sweeps lead to runs and back

        row = sweeps.find(self._context.connection, self._row["project_id"], self.sweep_name or "")
        return None if row is None else SweepNode(self._context, row)

    def agent(self) -> AgentNode | None:
        """Return the agent the run was handed to."""
        from trainer.server.handlers.sweep_node import AgentNode  # agents lead to runs and back

        row = sweeps.agent_by_id(self._context.connection, self._row["agent_id"] or 0)
        return None if row is None else AgentNode(self._context, row)

    def wandb_config(self, keys: list[str] | None = None) -> str:
        """Return parts of what the SDK keeps in the config for itself."""
        kept = json.loads(self.config).get("_wandb")
        inner = kept.get("value") if isinstance(kept, dict) else None
        found = {key: inner[key] for key in keys or () if key in inner} if isinstance(inner, dict) else {}
        return json.dumps(found)

    def history_tail(self) -> str:
        """Return the last history line, in a JSON list."""
        last = streams.last_line(self._context.connection, self._row_id, "history")
        return json.dumps([] if last is None else [last])

    def events_tail(self) -> str:
        """Return the last line of system events, in a JSON list."""
        last = streams.last_line(self._context.connection, self._row_id, "events")
        return json.dumps([] if last is None else [last])

    def history_keys(self) -> Json:
        """Return what was logged under which name; null before the first row."""
        keys: Json = json.loads(self._row["history_keys"])
        return keys or None

    def history(
        self, samples: int | None = None, min_step: int | None = None, max_step: int | None = None
    ) -> list[str]:
        """Return whole rows, thinned to `samples`."""
        return history_reads.rows(self._context.connection, self._row, samples, min_step, max_step)

    def events(self, samples: int | None = None) -> list[str]:
        """Return rows of system metrics, thinned to `samples`."""
        return streams.thinned_lines(
            self._context.connection, self._row_id, "events", self.events_line_count, samples or 500
        )

    def sampled_history(self, specs: list[str]) -> list[list[dict[str, Json]]]:
        """Return one list of rows per spec."""
        found = []
        for spec in specs[:50]:
            self._context.budget.check()
            found.append(history_reads.sampled(self._context.connection, self._row_id, spec))
        return found

    def parquet_history(self, live_keys: list[str] | None = None) -> dict[str, object]:
        """Return that nothing was exported as parquet: the history is live from its first step on (SDK 0.31)."""
        return {"parquetUrls": [], "liveData": history_reads.ends(self._context.connection, self._row_id, live_keys)}

    def log_lines(
        self,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        use_improved_pagination: bool = True,
    ) -> dict[str, object]:
        """Return lines the run printed."""
        return history_reads.console(self._context.connection, self._row_id, first, after, last, before)

    def alerts(self, first: int | None = None) -> list[dict[str, object]]:
        """Return what the run told with `run.alert`, newest first."""
        rows = runs.alerts(self._context.connection, self._row_id, page_size(first))
        return [
            {
                "title": row["title"],
                "text": row["text"],
                "severity": row["severity"],
                "createdAt": iso_time(row["created_at"]),
            }
            for row in rows
        ]

    def file_count(self) -> int:
        """Return how many files the run has."""
        return run_file_count(self._context, self._row_id)

    def files(
        self,
        names: list[str] | None = None,
        first: int | None = None,
        after: str | None = None,
        pattern: str | None = None,
    ) -> dict[str, object]:
        """Return files of the run."""
        return run_file_connection(self._context, self._row_id, names, first, after, pattern)

    def output_artifacts(self, first: int | None = None, after: str | None = None) -> dict[str, object]:
        """Return the artifacts the run logged."""
        from trainer.server.handlers.artifact_lists import run_artifacts  # artifacts lead to runs and back

        return run_artifacts(self._context, self._row_id, "logged", first, after)

    def input_artifacts(self, first: int | None = None, after: str | None = None) -> dict[str, object]:
        """Return the artifacts the run used."""
        from trainer.server.handlers.artifact_lists import run_artifacts  # artifacts lead to runs and back

        return run_artifacts(self._context, self._row_id, "used", first, after)
