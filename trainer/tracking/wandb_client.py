"""`TrackingClient` over W&B's wire protocol: the same requests for the cloud, a self-hosted and the embedded server.

Speaks GraphQL itself, since importing the SDK costs 0.7 s and its public API one request per run and panel.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from trainer.errors import AuthenticationError, InputError, NotFoundError, ServerError, ServerLostError
from trainer.records import (
    AgentCommand,
    HistoryPoint,
    Json,
    RunRecord,
    SweepRecord,
    SweepReference,
)
from trainer.settings import Connection, ServerKind
from trainer.states import RunState, SweepState
from trainer.tracking import documents
from trainer.tracking.answers import refused_key
from trainer.tracking.console_pages import ConsolePages, RunConsoles
from trainer.tracking.model_changes import ModelChanges
from trainer.tracking.news_reads import NewsReads
from trainer.tracking.request_gate import RequestGate
from trainer.tracking.riders import Riders
from trainer.tracking.run_changes import RunChanges
from trainer.tracking.run_contents import RunContents
from trainer.tracking.sweep_lists import SweepLists, newest_first
from trainer.tracking.sweep_reads import SweepReads
from trainer.tracking.sweep_upsert import creation_variables
from trainer.tracking.transport import GraphQLTransport
from trainer.wire import (
    agent_commands,
    history_points,
    run_record,
    run_records,
    server_features,
    sweep_record,
    wrap_config,
)

_LAST_STEP = 2**62


class WandbClient(SweepLists, SweepReads, NewsReads, RunChanges, RunContents, RunConsoles, ModelChanges):
    """A W&B server, spoken to directly. Safe to share between threads.

    A method blocks for at most `timeout_seconds` per request it makes; all but `list_sweeps`, `create_sweep`,
    `set_sweep_state`, `stop_run` and the first snapshot of a large sweep make one.
    """

    def __init__(
        self, connection: Connection, timeout_seconds: float = 10, *, patience_seconds: float | None = None
    ) -> None:
        """Remember the server; nothing is asked yet.

        Args:
            connection: The server.
            timeout_seconds: By when it has to answer.
            patience_seconds: How long to wait where it asks to be left alone; None for the timeout.
        """
        self.connection = connection
        self._transport = GraphQLTransport(connection, timeout_seconds, patience_seconds)
        self._sweep_ids: dict[SweepReference, str] = {}
        self._riders = Riders()
        self._console = ConsolePages(self._transport)
        # The cloud limits the cost of one answer; the embedded server is asked for few large pages.
        self._page_size = 1000 if connection.kind is ServerKind.EMBEDDED else 200

    @property
    def gate(self) -> RequestGate:
        """What holds back requests while the server asks for it."""
        return self._transport.gate

    def close(self) -> None:
        """Have everybody who waits for the server hear at once that it will not answer; ask nothing more."""
        self._transport.close()

    def default_entity(self) -> str:
        """Return the entity that owns the key."""
        viewer = self._transport.execute(documents.DEFAULT_ENTITY, {}).get("viewer")
        if not isinstance(viewer, dict) or not viewer.get("entity"):
            raise refused_key(self.connection)
        return str(viewer["entity"])

    def recent_sweeps(self, entity: str, project: str, first: int) -> list[SweepRecord]:
        """Return the newest sweeps of a project, in one request; none of a project that is not there."""
        variables = {"entity": entity, "project": project, "perPage": first, "cursor": None}
        try:
            found = self._transport.execute(documents.LIST_PROJECT_SWEEPS, variables).get("project") or {}
        except NotFoundError:
            return []
        nodes = [edge["node"] for edge in (found.get("sweeps") or {}).get("edges") or ()]
        sweeps = [self._sweep(node, project, entity) for node in nodes]
        return newest_first(sweeps)

    def recent_runs(self, sweeps: Sequence[SweepReference], state: RunState, first: int) -> list[RunRecord]:
        """Return the newest runs in a state of some sweeps of one project, in one request."""
        filters = {"$and": [{"$or": [{"sweep": sweep.id} for sweep in sweeps]}, {"state": state.value}]}
        variables = {
            "entity": sweeps[0].entity,
            "project": sweeps[0].project,
            "filters": json.dumps(filters),
            "order": "-created_at",
            "perPage": first,
            "cursor": None,
        }
        document = documents.sweep_runs(with_sweep=False, curves=False)
        found = self._transport.execute(document, variables).get("project") or {}
        return run_records([edge["node"] for edge in (found.get("runs") or {}).get("edges") or ()])

    def read_sweep(self, reference: SweepReference) -> SweepRecord:
        """Return one sweep."""
        return self._sweep(self._sweep_node(reference), reference.project, reference.entity)

    def create_sweep(
        self, config: Mapping[str, Json], entity: str, project: str, prior_runs: Sequence[str] = ()
    ) -> SweepRecord:
        """Create a sweep; the configuration is sent as the stock SDK sends it.

        Raises:
            SweepConfigError: If the bounds of a parameter are of different kinds.
        """
        variables = creation_variables(config, entity, project, prior_runs)
        data = self._transport.execute(documents.UPSERT_SWEEP, variables, repeatable=False)
        sweep = (data.get("upsertSweep") or {}).get("sweep")
        if not isinstance(sweep, dict) or not sweep.get("name"):
            raise ServerError(f"{self.connection.base_url} did not say which sweep it created.")
        owner = sweep.get("project") or {}
        return self.read_sweep(
            SweepReference(
                str((owner.get("entity") or {}).get("name") or entity),
                str(owner.get("name") or project),
                str(sweep["name"]),
            )
        )

    def delete_project(self, entity: str, project: str) -> None:
        """Delete a project with everything in it; nothing where there is none."""
        variables = {"entity": entity, "project": project}
        try:
            found = self._transport.execute(documents.READ_PROJECT, variables).get("project")
        except NotFoundError:
            return
        if found:
            self._transport.execute(documents.DELETE_PROJECT, {"id": found["id"]})

    def set_sweep_state(self, reference: SweepReference, state: SweepState) -> None:
        """Pause (PAUSED), resume (RUNNING), stop (FINISHED: current runs end by themselves) or cancel a sweep.

        Raises:
            InputError: If the sweep is over already, as stock wandb refuses it.
        """
        node = self._sweep_node(reference, documents.SWEEP_TO_CHANGE)
        current = self._sweep(node, reference.project, reference.entity).state
        if current is state:
            return
        if current.is_terminal and state is not SweepState.RUNNING:
            raise InputError(
                f"Sweep {reference} is {current.value.lower()} already.", hint="Only resuming it is possible."
            )
        self._transport.execute(
            documents.SET_SWEEP_STATE,
            {
                "id": node.get("id"),
                "state": state.value,
                "entityName": reference.entity,
                "projectName": reference.project,
            },
        )

    def read_run(self, entity: str, project: str, run_id: str) -> RunRecord:
        """Return one run, without its curve."""
        is_embedded = self.connection.kind is ServerKind.EMBEDDED
        document = documents.READ_EMBEDDED_RUN if is_embedded else documents.READ_RUN
        return run_record(self._run_node(document, entity, project, run_id, {}))

    def read_history(
        self, entity: str, project: str, run_id: str, *, min_step: int = 0, samples: int = 1000
    ) -> list[HistoryPoint]:
        """Return up to `samples` rows of a run's history, from `min_step` on, oldest first."""
        if min_step <= 0:
            node = self._run_node(documents.FULL_HISTORY, entity, project, run_id, {"samples": samples})
        else:
            page = {"minStep": min_step, "maxStep": _LAST_STEP, "pageSize": samples}
            node = self._run_node(documents.HISTORY_PAGE, entity, project, run_id, page)
        return [point for point in history_points(node.get("history") or ()) if point.step >= min_step]

    def read_histories(
        self, entity: str, project: str, run_ids: Sequence[str], *, samples: int = 1000
    ) -> dict[str, list[HistoryPoint]]:
        """Return up to `samples` rows of each run's history, oldest first, in one request."""
        variables = {
            "entity": entity,
            "project": project,
            "filters": json.dumps({"name": {"$in": list(run_ids)}}),
            "perPage": len(run_ids),
            "samples": samples,
        }
        if not run_ids:
            return {}
        project_node = self._transport.execute(documents.RUN_HISTORIES, variables).get("project") or {}
        nodes = [edge["node"] for edge in (project_node.get("runs") or {}).get("edges") or ()]
        return {node["name"]: history_points(node.get("history") or ()) for node in nodes}

    def stop_run(self, entity: str, project: str, run_id: str) -> None:
        """Ask a run to end; it ends at its next step."""
        node = self._run_node(documents.RUN_TO_CHANGE, entity, project, run_id, {})
        self._transport.execute(documents.STOP_RUN, {"id": node.get("id")})

    def server_features(self) -> frozenset[str]:
        """Return the names of the newer parts of the protocol that the server speaks; none of an old one.

        Raises:
            ServerLostError: If the server does not answer.
            AuthenticationError: If it refuses the key.
        """
        try:
            data = self._transport.execute(documents.SERVER_FEATURES, {})
        except (ServerLostError, AuthenticationError):
            raise
        except (ServerError, NotFoundError):
            # A server from before there were features does not know the question (the SDK takes it so, too).
            return frozenset()
        return server_features(data.get("serverInfo"))

    def enqueue_run(self, reference: SweepReference, config: Mapping[str, Json]) -> str:
        """Have an agent of a sweep run a configuration, in flat form; return the id of its run.

        Raises:
            ServerError: If the server refuses it: it is over, or cannot do that.
        """
        sweep_id = self._sweep_ids.get(reference)
        if sweep_id is None:
            sweep_id = self._sweep_ids[reference] = str(self._sweep_node(reference).get("id"))
        variables = {"id": sweep_id, "config": json.dumps(wrap_config(config)), "displayName": None}
        data = self._transport.execute(documents.ENQUEUE_RUN, variables, repeatable=False)
        run_id = (data.get("enqueueSweepRun") or {}).get("id")
        if not run_id:
            raise ServerError(f"{self.connection.base_url} did not say which run of {reference} it enqueued.")
        return str(run_id)

    def create_agent(self, reference: SweepReference, host: str) -> str:
        """Register an agent for a sweep and return its id."""
        data = self._transport.execute(
            documents.CREATE_AGENT,
            {
                "host": host,
                "projectName": reference.project,
                "entityName": reference.entity,
                "sweep": reference.id,
            },
        )
        agent = (data.get("createAgent") or {}).get("agent") or {}
        if not agent.get("id"):
            raise ServerError(f"{self.connection.base_url} did not register an agent for {reference}.")
        return str(agent["id"])

    def heartbeat(self, agent_id: str, live_run_ids: Sequence[str]) -> list[AgentCommand]:
        """Report an agent's live runs and return the commands to obey; empty means wait."""
        states = json.dumps(dict.fromkeys(live_run_ids, True))
        data = self._transport.execute(documents.HEARTBEAT, {"id": agent_id, "metrics": "{}", "runState": states})
        return agent_commands((data.get("agentHeartbeat") or {}).get("commands"))

    def _sweep(self, node: Mapping[str, Any], project: str, entity: str | None = None) -> SweepRecord:
        return sweep_record(node, entity or self.connection.entity, project, self.connection.base_url)

    def _sweep_node(self, reference: SweepReference, document: str = documents.READ_SWEEP) -> dict[str, Any]:
        variables = {"name": reference.id, "project": reference.project, "entity": reference.entity}
        project = self._transport.execute(document, variables).get("project") or {}
        if not project.get("sweep"):
            raise self._missing(f"sweep {reference}")
        return dict(project["sweep"])

    def _run_node(
        self, document: str, entity: str, project: str, run_id: str, variables: Mapping[str, Any]
    ) -> dict[str, Any]:
        data = self._transport.execute(document, {"entity": entity, "project": project, "name": run_id, **variables})
        run = (data.get("project") or {}).get("run")
        if not run:
            raise self._missing(f"run {entity}/{project}/{run_id}")
        return dict(run)

    def _missing(self, what: str) -> NotFoundError:
        return NotFoundError(
            f"The {self.connection.label} has no {what}.", hint="Check the name, and that the key may see it."
        )
