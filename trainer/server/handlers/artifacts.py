"""Making and changing artifacts, in the order of the SDK: create, manifest, files, commit. Reads: `artifact_nodes`."""

from __future__ import annotations

import json
import sqlite3

from trainer.server.context import Arguments, RequestContext, RequestError, parse_json_object, row_id, storage_id
from trainer.server.file_store import IncomingFile, discard
from trainer.server.file_stream import dump_json
from trainer.server.handlers.artifact_nodes import ArtifactNode, ManifestNode
from trainer.server.handlers.file_nodes import FileNode
from trainer.server.handlers.projects import checked_name
from trainer.server.leftovers import delete_artifacts
from trainer.server.manifests import (
    PARTIAL_TYPES,
    Contents,
    digest_of,
    entries_of,
    is_partial,
    joined,
    read_contents,
    whole_manifest,
)
from trainer.server.names import new_id
from trainer.server.pages import connection_of, cursor_of
from trainer.server.tables import artifacts, collections, files, projects, runs
from trainer.server.tables.artifacts import WHOLE_MANIFEST


def artifact_by(connection: sqlite3.Connection, identifier: str) -> sqlite3.Row:
    """Return an artifact by its storage id.

    Raises:
        RequestError: If there is none.
    """
    row = artifacts.by_id(connection, row_id("Artifact", identifier))
    if row is None:
        raise RequestError(f"There is no artifact {identifier!r}.")
    return row


def create_artifact(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Begin a version, or return the one that is meant: with the same content, or already begun by this client."""
    given = Arguments(input)
    names = given.texts("artifactCollectionNames") or []
    name = given.text("artifactCollectionName") or (names[0] if names else "")
    aliases = alias_names(given)

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        project = projects.ensure(connection, *given.owner())
        kind = given.required("artifactTypeName")
        collection = collections.ensure(connection, project["id"], checked_name(name, "collection"), kind, "sequence")
        if collection["kind"] != "sequence":
            raise RequestError(f"{name!r} is a collection of linked versions; log under another name and link it.")
        if collection["type"] != kind:
            raise RequestError(f"The artifact {name!r} has the type {collection['type']!r}, not {kind!r}.")
        digest = given.required("digest")
        known = artifacts.committed_with_digest(connection, collection["id"], digest)
        if known is not None and given.boolean("enableDigestDeduplication"):
            for alias in aliases:
                collections.set_alias(connection, collection["id"], alias, known["id"])
            return known
        begun = _begun(connection, given, collection["id"], digest)
        if begun is not None:
            artifacts.add_wanted_aliases(connection, begun, aliases)
            return begun
        run = runs.find(connection, project["id"], given.text("runName") or "")
        values: dict[str, object] = {
            "run_id": None if run is None else run["id"],
            "client_id": given.text("clientID"),
            "distributed_id": given.text("distributedID"),
            "description": given.text("description"),
            "digest_algorithm": given.text("digestAlgorithm"),
            "metadata": dump_json(parse_json_object(given.text("metadata"), "metadata")),
            "history_step": given.integer("historyStep"),
            "ttl_seconds": _ttl(given),
            "tags": json.dumps(list(dict.fromkeys(tag_names(given, "tags")))),
        }
        return _artifact_row(connection, artifacts.insert(connection, collection["id"], digest, values, aliases))

    return {"artifact": ArtifactNode(context, context.write(job))}


def _begun(connection: sqlite3.Connection, given: Arguments, collection_id: int, digest: str) -> sqlite3.Row | None:
    """Return the unfinished version that this request begins again: its answer was lost, or others write it too."""
    distributed_id, client_id = given.text("distributedID"), given.text("clientID")
    if distributed_id:
        return artifacts.pending_of_distributed(connection, collection_id, distributed_id)
    row = artifacts.by_client_id(connection, client_id) if client_id else None
    is_same = row is not None and (row["collection_id"], row["digest"]) == (collection_id, digest)
    return row if row is not None and is_same and row["state"] == "PENDING" else None


def _artifact_row(connection: sqlite3.Connection, number: int) -> sqlite3.Row:
    row = artifacts.by_id(connection, number)
    assert row is not None
    return row


def _ttl(given: Arguments) -> int | None:
    """Return the life time in seconds; null where it is inherited: the SDK's -1 (0.31). Its -2 means for ever."""
    seconds = given.integer("ttlDurationSeconds")
    return None if seconds is None or seconds == -1 else seconds


def alias_names(given: Arguments) -> list[str]:
    """Return the aliases of an input.

    Raises:
        RequestError: If one is empty, or looks like a version.
    """
    names = [alias.required("alias") for alias in given.objects("aliases")]
    for name in names:
        if name[:1] == "v" and name[1:].isascii() and name[1:].isdigit():
            raise RequestError(f"{name!r} is how versions are counted; it cannot be an alias.")
    return names


def tag_names(given: Arguments, field: str) -> list[str]:
    """Return the tags of an input."""
    return [name for tag in given.objects(field) if (name := tag.text("tagName") or tag.text("name"))]


def create_manifest(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Announce the manifest of a version; announced again, a whole one is the same. Each partial one is its own."""
    given = Arguments(input)
    name = given.required("name")
    if given.text("type") in PARTIAL_TYPES:
        stem, _, ending = name.rpartition(".")
        name = f"{stem}.{new_id()}.{ending}"

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        artifact = artifact_by(connection, given.required("artifactID"))
        row = files.by_id(connection, files.announce_manifest(connection, artifact["id"], name))
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
            owner = artifact_by(connection, spec.required("artifactID"))
            if owner["state"] != "PENDING":
                raise RequestError(f"The artifact is {owner['state'].lower()}: no files can be added to it.")
            md5 = spec.text("md5")
            is_stored = md5 is not None and files.stored_with_md5(connection, md5) is not None
            number = files.announce_artifact_file(
                connection, owner["id"], spec.required("name"), md5, spec.text("mimetype")
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
    """Close a version: it gets its number, and its aliases move to it. Committing twice changes nothing.

    A version whose bytes are not all here is refused, and stays unseen.
    """
    number = row_id("Artifact", Arguments(input).required("artifactID"))
    artifact = artifact_by(context.connection, storage_id("Artifact", number))
    if artifact["state"] == "PENDING":
        _commit(context, artifact)
    return {"artifact": ArtifactNode(context, _artifact_row(context.connection, number)), "success": True}


def _commit(context: RequestContext, artifact: sqlite3.Row) -> None:
    number = int(artifact["id"])
    contents, is_whole = _sent_contents(context, artifact)
    entries, digest, whole_id, size, md5 = entries_of(contents), str(artifact["digest"]), 0, 0, ""
    if not is_whole:
        # Clients read one manifest that lists everything. It is written before the version becomes visible.
        digest = digest_of(contents)
        whole_id = context.write(lambda connection: files.announce_manifest(connection, number, WHOLE_MANIFEST))
        with IncomingFile(context.files_dir, whole_id) as file:
            file.append(whole_manifest(contents))
            file.keep()
            size, md5 = file.size, file.md5

    def job(connection: sqlite3.Connection) -> list[int]:
        row = _artifact_row(connection, number)
        if row["state"] != "PENDING":
            return []
        artifacts.commit(connection, row, digest, entries)
        if missing := files.missing_entry(connection, number):
            raise RequestError(f"The file {missing!r} of the artifact was not uploaded.")
        files.drop_unsent(connection, number)
        if is_whole:
            return []
        files.uploaded(connection, whole_id, size, md5, "application/json")
        return files.drop_manifests(connection, number, except_id=whole_id)

    discard(context.files_dir, context.write(job))


def _sent_contents(context: RequestContext, artifact: sqlite3.Row) -> tuple[Contents, bool]:
    """Return what a version lists, and whether one manifest says all of it.

    Raises:
        RequestError: If no manifest was uploaded, or one is none.
    """
    sent = [row for row in artifacts.manifest_files(context.connection, artifact["id"]) if row["size"] is not None]
    if not sent:
        raise RequestError("The artifact's manifest was not uploaded.")
    if not is_partial(sent[0]):
        return read_contents(context.files_dir, sent[0]), True
    parts = [read_contents(context.files_dir, row) for row in sent]
    if any("incremental" in row["name"] for row in sent):
        newest = collections.newest(context.connection, artifact["collection_id"])
        base = artifacts.manifest_files(context.connection, newest["id"]) if newest is not None else []
        parts = [*(read_contents(context.files_dir, row) for row in base[:1]), *parts]
    return joined(parts), False


def update_artifact(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Change description, metadata, tags, life time or the list of aliases of a version."""
    given = Arguments(input)
    identifier = given.required("artifactID")

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        artifact = artifact_by(connection, identifier)
        values: dict[str, object] = {}
        if given.text("description") is not None:
            values["description"] = given.text("description")
        if given.text("metadata"):
            values["metadata"] = dump_json(parse_json_object(given.text("metadata"), "metadata"))
        if given.integer("ttlDurationSeconds") is not None:
            values["ttl_seconds"] = _ttl(given)
        removed = set(tag_names(given, "tagsToDelete"))
        tags = [*json.loads(artifact["tags"]), *tag_names(given, "tagsToAdd")]
        values["tags"] = json.dumps([tag for tag in dict.fromkeys(tags) if tag not in removed])
        artifacts.update(connection, artifact["id"], values)
        if "aliases" in input and input["aliases"] is not None:
            wanted = alias_names(given)
            home = artifact["collection_id"]
            for alias in set(collections.aliases(connection, home, artifact["id"])) - set(wanted):
                collections.drop_alias(connection, home, alias, artifact["id"])
            for alias in wanted:
                collections.set_alias(connection, home, alias, artifact["id"])
        return artifact_by(connection, identifier)

    return {"artifact": ArtifactNode(context, context.write(job)), "success": True}


def delete_artifact(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Delete a version, and the bytes that only it has; one with an alias of its own only with `deleteAliases`."""
    given = Arguments(input)

    def job(connection: sqlite3.Connection) -> tuple[sqlite3.Row, list[int]]:
        artifact = artifact_by(connection, given.required("artifactID"))
        held = collections.aliases(connection, artifact["collection_id"], artifact["id"])
        if held and not given.boolean("deleteAliases"):
            raise RequestError(f"The artifact has the aliases {', '.join(held)}; delete them with it or first.")
        return artifact, delete_artifacts(connection, [artifact["id"]])

    artifact, freed = context.write(job)
    discard(context.files_dir, freed)
    return {"artifact": ArtifactNode(context, artifact), "success": True}


def use_artifact(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Note that a run reads a version."""
    given = Arguments(input)

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        artifact = artifact_by(connection, given.required("artifactID"))
        path = (*given.owner(), given.required("runName"))
        run = runs.find_by_path(connection, *path)
        if run is None:
            raise RequestError(f"There is no run {'/'.join(path)}.")
        artifacts.use(connection, run["id"], artifact["id"])
        return artifact

    return {"artifact": ArtifactNode(context, context.write(job)), "success": True}
