"""Making and changing artifacts, in the order of the SDK: create, manifest, files, commit. Reads: `artifact_nodes`."""

from __future__ import annotations

import json
import sqlite3

from trainer.records import Json
from trainer.server.context import Arguments, RequestContext, RequestError, parse_json_object, row_id
from trainer.server.file_stream import dump_json
from trainer.server.handlers.artifact_nodes import ArtifactNode, CollectionNode, ManifestNode
from trainer.server.handlers.file_nodes import FileNode
from trainer.server.handlers.projects import checked_name
from trainer.server.pages import connection_of, cursor_of
from trainer.server.tables import artifacts, files, projects, runs
from trainer.server.tables.artifacts import Entry


def _artifact(connection: sqlite3.Connection, identifier: str) -> sqlite3.Row:
    row = artifacts.by_id(connection, row_id("Artifact", identifier))
    if row is None:
        raise RequestError(f"There is no artifact {identifier!r}.")
    return row


def create_artifact(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Begin a version, or return the committed one with the same content."""
    given = Arguments(input)
    names = given.texts("artifactCollectionNames") or []
    name = given.text("artifactCollectionName") or (names[0] if names else "")
    aliases = [alias.required("alias") for alias in given.objects("aliases")]

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        project = projects.ensure(connection, given.required("entityName"), given.required("projectName"))
        kind = given.required("artifactTypeName")
        collection = artifacts.ensure_collection(connection, project["id"], checked_name(name, "collection"), kind)
        if collection["type"] != kind:
            raise RequestError(f"The artifact {name!r} has the type {collection['type']!r}, not {kind!r}.")
        digest = given.required("digest")
        known = artifacts.committed_with_digest(connection, collection["id"], digest)
        if known is not None and given.boolean("enableDigestDeduplication"):
            for alias in aliases:
                artifacts.set_alias(connection, collection["id"], alias, known["id"])
            return known
        run = runs.find(connection, project["id"], given.text("runName") or "")
        values: dict[str, object] = {
            "run_id": None if run is None else run["id"],
            "client_id": given.text("clientID"),
            "description": given.text("description"),
            "digest_algorithm": given.text("digestAlgorithm"),
            "metadata": dump_json(parse_json_object(given.text("metadata"), "metadata")),
            "history_step": given.integer("historyStep"),
            "ttl_seconds": given.integer("ttlDurationSeconds"),
            "tags": json.dumps(_tag_names(given, "tags")),
        }
        number = artifacts.insert(connection, collection["id"], digest, values, aliases)
        row = artifacts.by_id(connection, number)
        assert row is not None
        return row

    return {"artifact": ArtifactNode(context, context.write(job))}


def _tag_names(given: Arguments, field: str) -> list[str]:
    return [name for tag in given.objects(field) if (name := tag.text("tagName") or tag.text("name"))]


def create_manifest(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Announce the manifest of a version; announced again, it is the same one."""
    given = Arguments(input)

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        artifact = _artifact(connection, given.required("artifactID"))
        number = files.announce_artifact_file(
            connection, artifact["id"], "manifest", given.required("name"), None, "application/json"
        )
        row = files.by_id(connection, number)
        assert row is not None
        return row

    return {"artifactManifest": ManifestNode(context, context.write(job))}


def update_manifest(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Return the manifest, to be uploaded; its digest is known when it is here."""
    row = files.by_id(context.connection, row_id("ArtifactManifest", Arguments(input).required("artifactManifestID")))
    if row is None:
        raise RequestError("There is no such manifest.")
    return {"artifactManifest": ManifestNode(context, row)}


class _AnnouncedFile(FileNode):
    """A file about to be uploaded, unless its bytes are here already."""

    def __init__(self, context: RequestContext, row: sqlite3.Row, owner: sqlite3.Row, is_stored: bool) -> None:
        super().__init__(context, row)
        self._is_stored = is_stored
        self.artifact: ArtifactNode = ArtifactNode(context, owner)

    def upload_url(self) -> str | None:
        """Return where to PUT the bytes; null if that is not needed."""
        return None if self._is_stored else self.url(upload=True)


def create_files(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Announce files of versions; answer with the addresses to PUT them to."""
    specs = Arguments(input).objects("artifactFiles")

    def job(connection: sqlite3.Connection) -> list[tuple[sqlite3.Row, sqlite3.Row, bool]]:
        found = []
        for spec in specs:
            owner = _artifact(connection, spec.required("artifactID"))
            md5 = spec.text("md5")
            is_stored = md5 is not None and files.stored_with_md5(connection, md5) is not None
            number = files.announce_artifact_file(
                connection, owner["id"], "artifact", spec.required("name"), md5, spec.text("mimetype")
            )
            row = files.by_id(connection, number)
            assert row is not None
            found.append((row, owner, is_stored))
        return found

    rows = context.write(job)
    page = connection_of(
        rows, len(rows), lambda item: _AnnouncedFile(context, *item), lambda item: cursor_of(None, item[0]["id"])
    )
    return {"files": page}


def commit_artifact(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Close a version: it gets its number, and its aliases move to it. Committing twice changes nothing."""
    identifier = Arguments(input).required("artifactID")

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        artifact = _artifact(connection, identifier)
        if artifact["state"] == "PENDING":
            artifacts.commit(connection, artifact, _manifest_entries(context, connection, artifact))
        return _artifact(connection, identifier)

    return {"artifact": ArtifactNode(context, context.write(job)), "success": True}


def _manifest_entries(context: RequestContext, connection: sqlite3.Connection, artifact: sqlite3.Row) -> list[Entry]:
    """Return the entries of an uploaded manifest.

    Raises:
        RequestError: If it was not uploaded, or is no manifest.
    """
    row = artifacts.manifest_file(connection, artifact["id"])
    if row is None or row["size"] is None:
        raise RequestError("The artifact's manifest was not uploaded.")
    try:
        manifest: Json = json.loads((context.files_dir / str(row["id"])).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError(f"The artifact's manifest cannot be read: {error}") from error
    contents = manifest.get("contents") if isinstance(manifest, dict) else None
    if not isinstance(contents, dict):
        raise RequestError("The artifact's manifest lists no contents.")
    entries = []
    for name, item in contents.items():
        if isinstance(item, dict):
            size, ref = item.get("size"), item.get("ref")
            known_size = size if isinstance(size, int) and not isinstance(size, bool) else 0
            entries.append(Entry(name, str(item.get("digest", "")), known_size, ref if isinstance(ref, str) else None))
    return entries


def update_artifact(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Change description, metadata, tags, life time or the list of aliases of a version."""
    given = Arguments(input)
    identifier = given.required("artifactID")

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        artifact = _artifact(connection, identifier)
        values: dict[str, object] = {}
        if given.text("description") is not None:
            values["description"] = given.text("description")
        if given.text("metadata"):
            values["metadata"] = dump_json(parse_json_object(given.text("metadata"), "metadata"))
        if given.integer("ttlDurationSeconds") is not None:
            values["ttl_seconds"] = given.integer("ttlDurationSeconds")
        removed = set(_tag_names(given, "tagsToDelete"))
        tags = [*json.loads(artifact["tags"]), *_tag_names(given, "tagsToAdd")]
        values["tags"] = json.dumps([tag for tag in dict.fromkeys(tags) if tag not in removed])
        artifacts.update(connection, artifact["id"], values)
        if "aliases" in input and input["aliases"] is not None:
            wanted = [alias.required("alias") for alias in given.objects("aliases")]
            for alias in set(artifacts.aliases(connection, artifact["id"])) - set(wanted):
                artifacts.drop_alias(connection, artifact["collection_id"], alias, artifact["id"])
            for alias in wanted:
                artifacts.set_alias(connection, artifact["collection_id"], alias, artifact["id"])
        return _artifact(connection, identifier)

    return {"artifact": ArtifactNode(context, context.write(job)), "success": True}


def delete_artifact(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Delete a version; one that has an alias only with `deleteAliases`."""
    given = Arguments(input)

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        artifact = _artifact(connection, given.required("artifactID"))
        held = artifacts.aliases(connection, artifact["id"])
        if held and not given.boolean("deleteAliases"):
            raise RequestError(f"The artifact has the aliases {', '.join(held)}; delete them with it or first.")
        artifacts.delete(connection, artifact["id"])
        return artifact

    return {"artifact": ArtifactNode(context, context.write(job)), "success": True}


def use_artifact(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Note that a run reads a version."""
    given = Arguments(input)

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        artifact = _artifact(connection, given.required("artifactID"))
        path = (given.required("entityName"), given.required("projectName"), given.required("runName"))
        run = runs.find_by_path(connection, *path)
        if run is None:
            raise RequestError(f"There is no run {'/'.join(path)}.")
        artifacts.use(connection, run["id"], artifact["id"])
        return artifact

    return {"artifact": ArtifactNode(context, context.write(job)), "success": True}


def add_aliases(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Let more aliases name a version."""
    return _change_aliases(context, Arguments(input), is_adding=True)


def delete_aliases(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Take aliases from a version."""
    return _change_aliases(context, Arguments(input), is_adding=False)


def _change_aliases(context: RequestContext, given: Arguments, *, is_adding: bool) -> dict[str, object]:
    names = [alias.required("alias") for alias in given.objects("aliases")]

    def job(connection: sqlite3.Connection) -> None:
        artifact = _artifact(connection, given.required("artifactID"))
        change = artifacts.set_alias if is_adding else artifacts.drop_alias
        for name in names:
            change(connection, artifact["collection_id"], name, artifact["id"])

    context.write(job)
    return {"success": True}


def delete_sequence(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Delete a collection with all its versions."""
    number = row_id("ArtifactSequence", Arguments(input).required("artifactSequenceID"))

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        row = artifacts.collection_by_id(connection, number)
        if row is None:
            raise RequestError("There is no such collection.")
        for artifact in artifacts.versions(connection, number, None, 1_000_000):
            artifacts.delete(connection, artifact["id"])
        return row

    return {"artifactCollection": CollectionNode(context, context.write(job))}
