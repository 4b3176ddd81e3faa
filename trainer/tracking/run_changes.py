"""Changes to single runs over W&B's wire protocol, as the SDK's public API makes them. A part of `WandbClient`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainer.tracking import documents
from trainer.tracking.transport import GraphQLTransport


class RunChanges:
    """Tags, notes and deletion."""

    _transport: GraphQLTransport

    def _run_node(
        self, document: str, entity: str, project: str, run_id: str, variables: Mapping[str, Any]
    ) -> dict[str, Any]:
        raise NotImplementedError

    def change_run(
        self, entity: str, project: str, run_id: str, *, tags: Sequence[str] | None = None, notes: str | None = None
    ) -> None:
        """Give a run other tags or notes; what is None stays (SDK 0.31, `Run.update`)."""
        node = self._run_node(documents.RUN_TO_CHANGE, entity, project, run_id, {})
        given = {"tags": None if tags is None else list(tags), "notes": notes}
        changed = {name: value for name, value in given.items() if value is not None}
        self._transport.execute(documents.CHANGE_RUN, {"id": node.get("id"), **changed})

    def delete_run(self, entity: str, project: str, run_id: str) -> None:
        """Delete a run, what it logged and its files; artifacts stay (SDK 0.31, `Run.delete`)."""
        node = self._run_node(documents.RUN_TO_CHANGE, entity, project, run_id, {})
        self._transport.execute(documents.DELETE_RUN, {"id": node.get("id")})
