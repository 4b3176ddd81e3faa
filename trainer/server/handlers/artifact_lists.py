"""What a project and a run say about artifacts, and artifacts by their ids."""

from __future__ import annotations

import sqlite3
from typing import Literal

from trainer.server.context import RequestContext, row_id, storage_id
from trainer.server.handlers.artifact_nodes import (
    ArtifactNode,
    CollectionNode,
    MembershipNode,
    TypeNode,
    collection_page,
)
from trainer.server.pages import connection_of, cursor_of, page_size, read_cursor
from trainer.server.tables import artifacts, collections


class ArtifactReads:
    """What a project answers about its artifacts."""

    def __init__(self, context: RequestContext, project_id: int) -> None:
        self._artifact_context = context
        self._artifact_project = project_id

    def _member(self, name: str | None) -> sqlite3.Row | None:
        """Return the version that `collection:alias` names; the latest where no alias is given."""
        collection, _, alias = (name or "").partition(":")
        connection = self._artifact_context.connection
        found = collections.find(connection, self._artifact_project, collection)
        return None if found is None else collections.member(connection, found["id"], alias or "latest")

    def artifact(self, name: str | None = None) -> ArtifactNode | None:
        """Return a version by `collection:alias`."""
        row = self._member(name)
        return None if row is None else ArtifactNode(self._artifact_context, row)

    def artifact_collection_membership(self, name: str | None = None) -> MembershipNode | None:
        """Return a version by `collection:alias`, as a member of its collection."""
        row = self._member(name)
        return None if row is None else MembershipNode(self._artifact_context, row)

    def artifact_collection(self, name: str | None = None) -> CollectionNode | None:
        """Return a collection."""
        row = collections.find(self._artifact_context.connection, self._artifact_project, name or "")
        return None if row is None else CollectionNode(self._artifact_context, row)

    def artifact_collections(
        self, first: int | None = None, after: str | None = None, **_: object
    ) -> dict[str, object]:
        """Return the collections of every type."""
        return collection_page(self._artifact_context, self._artifact_project, None, first, after)

    def artifact_types(self, **_: object) -> dict[str, object]:
        """Return the types of artifacts."""
        rows = collections.types(self._artifact_context.connection, self._artifact_project)
        context, project = self._artifact_context, self._artifact_project
        return connection_of(
            rows, len(rows), lambda row: TypeNode(context, project, row), lambda row: cursor_of(row["type"], row["id"])
        )

    def artifact_type(self, name: str | None = None) -> TypeNode | None:
        """Return a type; null while the project has no artifact of it."""
        for row in collections.types(self._artifact_context.connection, self._artifact_project):
            if row["type"] == name:
                return TypeNode(self._artifact_context, self._artifact_project, row)
        return None


def run_artifacts(
    context: RequestContext, run_id: int, mode: Literal["logged", "used"], first: int | None, after: str | None
) -> dict[str, object]:
    """Return a page of the versions that a run logged or used."""
    size = page_size(first)
    start = read_cursor(after)[1] if after else 0
    used = mode == "used"
    rows = artifacts.of_run(context.connection, run_id, used=used, after=start, limit=size + 1)
    return connection_of(
        rows,
        size,
        lambda row: ArtifactNode(context, row),
        lambda row: cursor_of(None, row["id"]),
        lambda: artifacts.count_of_run(context.connection, run_id, used=used),
    )


def artifact(context: RequestContext, id: str) -> ArtifactNode | None:  # noqa: A002
    """Return a version by its storage id."""
    row = artifacts.by_id(context.connection, row_id("Artifact", id))
    return None if row is None else ArtifactNode(context, row)


def artifact_collection(context: RequestContext, id: str) -> CollectionNode | None:  # noqa: A002
    """Return a collection by its storage id."""
    row = collections.by_id(context.connection, row_id("ArtifactSequence", id))
    return None if row is None else CollectionNode(context, row)


def client_id_mapping(context: RequestContext, client_id: str) -> dict[str, str] | None:
    """Return the storage id of the artifact that a client named so."""
    row = artifacts.by_client_id(context.connection, client_id)
    return None if row is None else {"serverID": storage_id("Artifact", row["id"])}
