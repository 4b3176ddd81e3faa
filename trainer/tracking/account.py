"""What the owner of a key has on a server: entities (themselves and their teams), and the projects of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trainer.errors import NotFoundError
from trainer.settings import Connection
from trainer.tracking.answers import refused_key
from trainer.tracking.transport import GraphQLTransport

_VIEWER = "query GetViewer { viewer { id entity teams { edges { node { name } } } } }"
_PROJECTS = """
query GetProjects($entity: String, $cursor: String, $perPage: Int = 50) {
  models(entityName: $entity, after: $cursor, first: $perPage) {
    pageInfo { endCursor hasNextPage }
    edges { node { id name createdAt } }
  }
}
"""
"""As SDK 0.31 asks, of fewer fields."""
PAGE = 200


class Account:
    """Reads who the owner of a connection's key is. Every method blocks, for at most the timeout per request."""

    def __init__(self, connection: Connection, timeout_seconds: float = 10) -> None:
        self._connection = connection
        self._transport = GraphQLTransport(connection, timeout_seconds)

    def entities(self) -> list[str]:
        """Return the owner's own entity, then their teams.

        Raises:
            AuthenticationError: If the server does not know the key.
        """
        viewer = self._transport.execute(_VIEWER, {}).get("viewer")
        if not isinstance(viewer, dict) or not viewer.get("entity"):
            raise refused_key(self._connection)
        teams = [edge.get("node") or {} for edge in (viewer.get("teams") or {}).get("edges") or ()]
        names = [str(viewer["entity"]), *sorted(str(team["name"]) for team in teams if team.get("name"))]
        return list(dict.fromkeys(names))

    def project_pages(self, entity: str) -> Iterator[list[str]]:
        """Yield the names of an entity's projects, the newest first, as many at a time as one answer holds.

        Raises:
            NotFoundError: If there is no such entity, or the owner may not see it.
        """
        cursor = None
        while True:
            variables = {"entity": entity, "cursor": cursor, "perPage": PAGE}
            found: Any = self._transport.execute(_PROJECTS, variables).get("models")
            if found is None:
                raise NotFoundError(
                    f"{self._connection.label} shows no projects of {entity}.",
                    hint="Check its name, and that you are in it.",
                )
            yield [str(edge["node"]["name"]) for edge in found.get("edges") or () if edge.get("node")]
            info = found.get("pageInfo") or {}
            cursor = info.get("endCursor")
            if not info.get("hasNextPage") or not cursor:
                return
