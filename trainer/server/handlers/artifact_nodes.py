"""Artifacts as clients read them: versions, collections, types, files."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from trainer.records import Json
from trainer.server.context import RequestContext, RequestError, iso_time, parse_json, storage_id
from trainer.server.handlers.file_nodes import FileNode
from trainer.server.pages import MAX_PAGE, connection_of, cursor_of, page_size, read_cursor
from trainer.server.tables import artifacts, collections, files, projects, runs
from trainer.server.tables.collections import MemberOrder

if TYPE_CHECKING:
    from trainer.server.handlers.projects import ProjectNode
    from trainer.server.handlers.run_node import RunNode

_NO_TTL = -2
_ALL_VERSIONS: tuple[Json, ...] = (None, {}, {"state": "COMMITTED"})
"""Filters that leave out nothing; the last is what the SDK asks for by itself (0.31)."""


class ArtifactNode:
    """One version of an artifact."""

    commit_hash = None

    def __init__(self, context: RequestContext, row: sqlite3.Row) -> None:
        self._context = context
        self._row = row
        self.id = storage_id("Artifact", row["id"])
        self.state = row["state"]
        self.digest = row["digest"]
        self.digest_algorithm = row["digest_algorithm"]
        self.description = row["description"]
        self.metadata = row["metadata"]
        self.size = row["size"]
        self.history_step = row["history_step"]
        # The SDK's models refuse null here (0.31).
        self.ttl_is_inherited = row["ttl_seconds"] is None
        self.ttl_duration_seconds = _NO_TTL if row["ttl_seconds"] is None else row["ttl_seconds"]
        self.version_index = row["version"]
        self.created_at = iso_time(row["created_at"])
        self.updated_at = iso_time(row["updated_at"])

    def artifact_sequence(self) -> CollectionNode:
        """Return the collection it was logged into."""
        row = collections.by_id(self._context.connection, self._row["collection_id"])
        assert row is not None
        return CollectionNode(self._context, row)

    def artifact_type(self) -> TypeNode:
        """Return its type."""
        return self.artifact_sequence().default_artifact_type()

    def aliases(self) -> list[AliasNode]:
        """Return its aliases in all collections that show it; its number there is one, as the SDK expects (0.31)."""
        rows = collections.names_everywhere(self._context.connection, self._row["id"])
        return [AliasNode(self._context, row["collection_id"], row["name"]) for row in rows]

    def tags(self) -> list[dict[str, str]]:
        """Return its tags."""
        names: list[str] = json.loads(self._row["tags"])
        return [{"id": storage_id("Tag", index), "name": name} for index, name in enumerate(names)]

    def file_count(self) -> int:
        """Return how many entries its manifest has."""
        return artifacts.entry_count(self._context.connection, self._row["id"])

    def current_manifest(self) -> ManifestNode | None:
        """Return its manifest; null before one was announced."""
        rows = artifacts.manifest_files(self._context.connection, self._row["id"])
        return ManifestNode(self._context, rows[0]) if rows else None

    def created_by(self) -> RunNode | None:
        """Return the run that logged it."""
        from trainer.server.handlers.run_node import RunNode  # runs lead to artifacts and back

        row = runs.by_id(self._context.connection, self._row["run_id"] or 0)
        return None if row is None else RunNode(self._context, row)

    def used_by(self) -> dict[str, object]:
        """Return the runs that used it."""
        from trainer.server.handlers.run_node import RunNode  # runs lead to artifacts and back

        rows = artifacts.users(self._context.connection, self._row["id"])
        return connection_of(
            rows, len(rows), lambda row: RunNode(self._context, row), lambda row: cursor_of(None, row["id"])
        )

    def artifact_memberships(self, **_: object) -> dict[str, object]:
        """Return its place in each collection that shows it, its own first."""
        rows = collections.memberships(self._context.connection, self._row["id"])
        return {"edges": [{"node": MembershipNode(self._context, row)} for row in rows]}

    def files(
        self, names: list[str] | None = None, first: int | None = None, after: str | None = None
    ) -> dict[str, object]:
        """Return its files."""
        return _file_page(self._context, self._row, names, first, after)

    def files_by_manifest_entries(self, entries: list[dict[str, str]] | None = None, **_: object) -> dict[str, object]:
        """Return the files that the given manifest entries name."""
        names = [entry["name"] for entry in entries or []][:MAX_PAGE]
        return (
            _file_page(self._context, self._row, names, MAX_PAGE, None)
            if names
            else connection_of([], 0, lambda row: row, str)
        )


class AliasNode:
    """A name for a version."""

    def __init__(self, context: RequestContext, collection_id: int, alias: str) -> None:
        self._context = context
        self._collection_id = collection_id
        self.alias = alias
        self.id = f"{storage_id('ArtifactAlias', collection_id)}:{alias}"

    def artifact_collection(self) -> CollectionNode | None:
        """Return the collection in which the name holds."""
        row = collections.by_id(self._context.connection, self._collection_id)
        return None if row is None else CollectionNode(self._context, row)


class ManifestNode:
    """The list of a version's files, itself a file."""

    def __init__(self, context: RequestContext, row: sqlite3.Row) -> None:
        self.id = storage_id("ArtifactManifest", row["id"])
        self.digest = row["md5"]
        self.file = FileNode(context, row)


class MembershipNode:
    """A version as one of the collections that show it numbers it."""

    def __init__(self, context: RequestContext, row: sqlite3.Row) -> None:
        self._context = context
        self._row = row
        self._collection_id = int(row["member_collection_id"])
        self.version_index = row["member_version"]
        self.id = f"{storage_id('ArtifactCollectionMembership', self._collection_id)}:{self.version_index}"
        self.created_at = iso_time(row["member_created_at"])
        self.artifact = ArtifactNode(context, row)

    def aliases(self) -> list[AliasNode]:
        """Return the aliases that the version has in this collection."""
        names = collections.aliases(self._context.connection, self._collection_id, self._row["id"])
        return [AliasNode(self._context, self._collection_id, name) for name in names]

    def artifact_collection(self) -> CollectionNode:
        """Return the collection."""
        row = collections.by_id(self._context.connection, self._collection_id)
        assert row is not None
        return CollectionNode(self._context, row)

    def files(
        self, names: list[str] | None = None, first: int | None = None, after: str | None = None
    ) -> dict[str, object]:
        """Return the version's files, references among them."""
        return _file_page(self._context, self._row, names, first, after)


class EntryNode:
    """A file of a version: bytes that are here, under this or an earlier version, or a reference to elsewhere."""

    upload_url = None
    upload_headers: tuple[str, ...] = ()

    def __init__(self, context: RequestContext, entry: sqlite3.Row, updated_at: str | None) -> None:
        self._context = context
        self._entry = entry
        self.id = f"{storage_id('Artifact', entry['artifact_id'])}/{entry['name']}"
        self.name = self.display_name = self.storage_path = entry["name"]
        self.size_bytes = entry["size"]
        self.digest = self.md5 = entry["digest"]
        self.updated_at = updated_at
        self.mimetype = None

    def direct_url(self) -> str:
        """Return where to GET it; empty if its bytes are not here, since the SDK refuses null (0.31)."""
        if self._entry["ref"]:
            return str(self._entry["ref"])
        row = files.stored_with_md5(self._context.connection, self._entry["digest"])
        return "" if row is None else FileNode(self._context, row, self.name).direct_url()

    def url(self, upload: bool = False) -> str:
        """Return where to GET it."""
        return self.direct_url()


def _file_page(
    context: RequestContext, artifact: sqlite3.Row, names: list[str] | None, first: int | None, after: str | None
) -> dict[str, object]:
    size = page_size(first)
    value = read_cursor(after)[0] if after else ""
    start = value if isinstance(value, str) else ""
    rows = artifacts.entries(context.connection, artifact["id"], names, start, size + 1)
    when = iso_time(artifact["updated_at"])
    return connection_of(
        rows,
        size,
        lambda row: EntryNode(context, row, when),
        lambda row: cursor_of(row["name"], 0),
        lambda: artifacts.entry_count(context.connection, artifact["id"]),
    )


class CollectionNode:
    """A named series of versions: logged into (a sequence), or linked into (a portfolio)."""

    def __init__(self, context: RequestContext, row: sqlite3.Row, state: str = "READY") -> None:
        self._context = context
        self._row = row
        self.typename = "ArtifactPortfolio" if row["kind"] == "portfolio" else "ArtifactSequence"
        # One kind of id for both: the SDK gives it back in operations of either.
        self.id = storage_id("ArtifactSequence", row["id"])
        self.name = row["name"]
        self.state = state
        self.description = row["description"]
        self.created_at = iso_time(row["created_at"])
        self.updated_at = iso_time(row["updated_at"])

    def project(self) -> ProjectNode | None:
        """Return the project it belongs to."""
        from trainer.server.handlers.projects import ProjectNode  # projects lead to artifacts and back

        row = projects.by_id(self._context.connection, self._row["project_id"])
        return None if row is None else ProjectNode(self._context, row)

    def default_artifact_type(self) -> TypeNode:
        """Return the type of its versions."""
        return TypeNode(self._context, self._row["project_id"], self._row)

    def tags(self) -> dict[str, object]:
        """Return its tags."""
        names: list[str] = json.loads(self._row["tags"])
        return {"edges": [{"node": {"id": f"Tag:{name}", "name": name}} for name in names]}

    def aliases(self, first: int | None = None, after: str | None = None) -> dict[str, object]:
        """Return the aliases of its versions."""
        size = page_size(first)
        value = read_cursor(after)[0] if after else ""
        names = collections.alias_page(self._context.connection, self._row["id"], str(value or ""), size + 1)
        return connection_of(
            names,
            size,
            lambda name: AliasNode(self._context, self._row["id"], name),
            lambda name: cursor_of(name, 0),
        )

    def artifacts(
        self,
        first: int | None = None,
        after: str | None = None,
        order: str | None = None,
        filters: str | None = None,
    ) -> dict[str, object]:
        """Return its versions, newest first unless another order is given."""
        ranking = MemberOrder.parse(order)
        if ranking is None:
            raise RequestError(f"Versions of artifacts cannot be ordered by {order!r}.")
        if parse_json(filters, "filters") not in _ALL_VERSIONS:
            raise RequestError("Versions of artifacts cannot be filtered here but by tags, which the SDK does itself.")
        size = page_size(first)
        behind = read_cursor(after) if after else None
        start = None if behind is None or behind[0] is None else (behind[0], behind[1])
        rows = collections.members(self._context.connection, self._row["id"], ranking, start, size + 1)
        page = connection_of(
            rows,
            size,
            lambda row: ArtifactNode(self._context, row),
            lambda row: cursor_of(row["order_value"], row["member_version"]),
            lambda: collections.member_count(self._context.connection, self._row["id"]),
        )
        versions = [f"v{row['member_version']}" for row in rows[:size]]
        edges = page["edges"]
        assert isinstance(edges, list)
        return {**page, "edges": [{**edge, "version": name} for edge, name in zip(edges, versions, strict=True)]}

    def artifact_membership(self, alias_name: str | None = None) -> MembershipNode | None:
        """Return the version that an alias names."""
        row = collections.member(self._context.connection, self._row["id"], alias_name or "latest")
        return None if row is None else MembershipNode(self._context, row)

    def latest_artifact(self) -> ArtifactNode | None:
        """Return the newest version."""
        row = collections.newest(self._context.connection, self._row["id"])
        return None if row is None else ArtifactNode(self._context, row)

    def digest_algorithm(self) -> str | None:
        """Return the algorithm of the newest version's digest."""
        row = collections.newest(self._context.connection, self._row["id"])
        return None if row is None else row["digest_algorithm"]


class TypeNode:
    """A type of artifacts within a project."""

    description = None

    def __init__(self, context: RequestContext, project_id: int, row: sqlite3.Row) -> None:
        self._context = context
        self._project_id = project_id
        self.id = storage_id("ArtifactType", row["id"])
        self.name = row["type"]
        self.created_at = iso_time(row["created_at"])

    def artifact_collection(self, name: str | None = None) -> CollectionNode | None:
        """Return a collection of this type."""
        row = collections.find(self._context.connection, self._project_id, name or "")
        return None if row is None or row["type"] != self.name else CollectionNode(self._context, row)

    def artifact_collections(
        self, first: int | None = None, after: str | None = None, **_: object
    ) -> dict[str, object]:
        """Return the collections of this type."""
        return collection_page(self._context, self._project_id, self.name, first, after)


def collection_page(
    context: RequestContext, project_id: int, kind: str | None, first: int | None, after: str | None
) -> dict[str, object]:
    """Return a page of a project's collections (of one type), oldest first."""
    size = page_size(first)
    start = read_cursor(after)[1] if after else 0
    rows = collections.page(context.connection, project_id, kind, start, size + 1)
    return connection_of(
        rows,
        size,
        lambda row: CollectionNode(context, row),
        lambda row: cursor_of(None, row["id"]),
        lambda: collections.count(context.connection, project_id, kind),
    )
