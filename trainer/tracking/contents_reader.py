"""What hangs on runs, for several of them in one request: for bundles. Blocks for a request."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from trainer.records import HistoryPoint, SweepReference
from trainer.run_contents import RunArtifact, RunFile, RunOrigin
from trainer.settings import Connection
from trainer.tracking.content_documents import many_runs
from trainer.tracking.transport import GraphQLTransport
from trainer.wire_contents import run_artifact, run_file, run_origin, system_points


@dataclass(frozen=True, slots=True)
class ManyContents:
    """What hangs on a run, without the files of artifacts."""

    origin: RunOrigin = field(default_factory=RunOrigin)
    system: tuple[HistoryPoint, ...] = ()
    files: tuple[RunFile, ...] = ()
    artifacts: tuple[RunArtifact, ...] = ()


class ContentsReader:
    """Reads it from a server."""

    def __init__(self, connection: Connection, timeout_seconds: float = 30) -> None:
        self._transport = GraphQLTransport(connection, timeout_seconds)

    def read(self, reference: SweepReference, run_ids: Sequence[str], samples: int) -> dict[str, ManyContents]:
        """Return what hangs on runs by their id, `samples` rows of system metrics at most.

        Raises:
            ServerError, AuthenticationError: As every request.
        """
        variables = {
            "entity": reference.entity, "project": reference.project, "perPage": len(run_ids), "samples": samples,
            "filters": json.dumps({"name": {"$in": list(run_ids)}}),
        }  # fmt: skip
        found = (self._transport.execute(many_runs(), variables).get("project") or {}).get("runs") or {}
        contents: dict[str, ManyContents] = {}
        for edge in found.get("edges") or ():
            node = edge["node"]
            files = [entry["node"] for entry in (node.get("files") or {}).get("edges") or ()]
            artifacts = [
                run_artifact(entry["node"], is_used=is_used)
                for name, is_used in (("logged", False), ("used", True))
                for entry in (node.get(name) or {}).get("edges") or ()
            ]
            contents[str(node["name"])] = ManyContents(
                run_origin(node),
                tuple(system_points(node.get("events") or ())),
                tuple(run_file(file) for file in files if file.get("updatedAt")),
                tuple(artifacts),
            )
        return contents
