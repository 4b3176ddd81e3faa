"""What is long about runs, for several of them in one request: their histories and the last lines they printed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainer.records import ConsoleLine, HistoryPoint, SweepReference
from trainer.settings import Connection
from trainer.tracking.transport import GraphQLTransport
from trainer.wire import console_line, history_points

RUNS_PER_REQUEST = 25
"""So many answers stay small enough for any server, and a sweep of 100,000 runs takes 4,000 requests."""

_DOCUMENT = """
query RunDetails($project: String!, $entity: String!, $filters: JSONString, $perPage: Int, $samples: Int, $lines: Int) {
  project(name: $project, entityName: $entity) {
    runs(filters: $filters, first: $perPage) {
      edges {
        node {
          name
          history(samples: $samples)
          logLines(last: $lines) { edges { node { number level line } } }
        }
      }
    }
  }
}
"""


@dataclass(frozen=True, slots=True)
class RunDetails:
    """What is long about a run."""

    history: list[HistoryPoint]
    """Oldest first; thinned where there are more rows than were asked for."""
    console: list[ConsoleLine]
    """The last lines it printed."""


class RunDetailsReader:
    """Reads them from a server; blocks for a request."""

    def __init__(self, connection: Connection, timeout_seconds: float = 30) -> None:
        self._transport = GraphQLTransport(connection, timeout_seconds)

    def read(
        self, reference: SweepReference, run_ids: Sequence[str], *, samples: int, lines: int
    ) -> dict[str, RunDetails]:
        """Return the details of runs by their id; of a run that is not there, nothing.

        Args:
            reference: A sweep of their project.
            run_ids: At most `RUNS_PER_REQUEST`.
            samples: Rows of history at most.
            lines: Lines of the console at most.

        Raises:
            ServerError, AuthenticationError: As every request.
        """
        variables: Mapping[str, Any] = {
            "entity": reference.entity,
            "project": reference.project,
            "filters": json.dumps({"name": {"$in": list(run_ids)}}),
            "perPage": len(run_ids),
            # None of either is asked for as one, since servers take 0 for their default.
            "samples": max(samples, 1),
            "lines": max(lines, 1),
        }
        found = (self._transport.execute(_DOCUMENT, variables).get("project") or {}).get("runs") or {}
        return {str(edge["node"]["name"]): _details(edge["node"], samples, lines) for edge in found.get("edges") or ()}


def _details(node: Mapping[str, Any], samples: int, lines: int) -> RunDetails:
    edges = (node.get("logLines") or {}).get("edges") or ()
    console = [console_line(edge["node"], number) for number, edge in enumerate(edges)]
    history = history_points(node.get("history") or ()) if samples else []
    return RunDetails(history, console[-lines:] if lines else [])
