"""Changing collections of artifacts: names, types, tags, aliases, links into portfolios, and their end."""

from __future__ import annotations

import sqlite3

from trainer.server.context import Arguments, RequestContext, RequestError, row_id
from trainer.server.file_store import discard
from trainer.server.handlers.artifact_nodes import CollectionNode, MembershipNode
from trainer.server.handlers.artifacts import alias_names, artifact_by, tag_names
from trainer.server.handlers.projects import checked_name
from trainer.server.leftovers import delete_artifacts
from trainer.server.tables import artifacts, collections, projects


def _collection(connection: sqlite3.Connection, identifier: str) -> sqlite3.Row:
    row = collections.by_id(connection, row_id("ArtifactSequence", identifier))
    if row is None:
        raise RequestError("There is no such collection.")
    return row


def _named_collection(connection: sqlite3.Connection, given: Arguments) -> sqlite3.Row:
    """Return the collection that an input names by entity, project and name."""
    path = [given.required(key) for key in ("entityName", "projectName", "artifactCollectionName")]
    project = projects.find(connection, path[0], path[1])
    row = None if project is None else collections.find(connection, project["id"], path[2])
    if row is None:
        raise RequestError(f"There is no collection {'/'.join(path)}.")
    return row


def _changed(context: RequestContext, identifier: str, values: dict[str, object]) -> dict[str, object]:
    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        row = _collection(connection, identifier)
        name = values.get("name")
        other = collections.find(connection, row["project_id"], str(name)) if name else None
        if other is not None and other["id"] != row["id"]:
            raise RequestError(f"The project has a collection {name!r} already.")
        collections.change(connection, row["id"], values)
        return _collection(connection, identifier)

    return {"artifactCollection": CollectionNode(context, context.write(job))}


def update_sequence(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Rename or describe a collection that is logged into."""
    return _update(context, Arguments(input), "artifactSequenceID")


def update_portfolio(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Rename or describe a collection that is linked into."""
    return _update(context, Arguments(input), "artifactPortfolioID")


def _update(context: RequestContext, given: Arguments, key: str) -> dict[str, object]:
    values: dict[str, object] = {}
    if name := given.text("name"):
        values["name"] = checked_name(name, "collection")
    if given.text("description") is not None:
        values["description"] = given.text("description")
    return _changed(context, given.required(key), values)


def move_sequence(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Give a collection another type."""
    given = Arguments(input)
    kind = checked_name(given.required("destinationArtifactTypeName"), "type")
    return _changed(context, given.required("artifactSequenceID"), {"type": kind})


def delete_sequence(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Delete a collection with all its versions."""
    return _delete(context, Arguments(input).required("artifactSequenceID"))


def delete_portfolio(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Delete a collection of links; the versions stay in their own."""
    return _delete(context, Arguments(input).required("artifactPortfolioID"))


def _delete(context: RequestContext, identifier: str) -> dict[str, object]:
    def job(connection: sqlite3.Connection) -> tuple[sqlite3.Row, list[int]]:
        row = _collection(connection, identifier)
        freed = delete_artifacts(connection, artifacts.of_collection(connection, row["id"]))
        collections.delete(connection, row["id"])
        return row, freed

    row, freed = context.write(job)
    discard(context.files_dir, freed)
    return {"artifactCollection": CollectionNode(context, row, state="DELETED")}


def add_tags(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Add tags to a collection."""
    given = Arguments(input)
    names = tag_names(given, "tags")

    def job(connection: sqlite3.Connection) -> None:
        collections.change_tags(connection, _named_collection(connection, given), names, [])

    context.write(job)
    return {"tags": [{"id": f"Tag:{name}", "name": name} for name in names], "success": True}


def delete_tags(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Take tags from a collection."""
    given = Arguments(input)

    def job(connection: sqlite3.Connection) -> None:
        collections.change_tags(connection, _named_collection(connection, given), [], tag_names(given, "tags"))

    context.write(job)
    return {"success": True}


def add_aliases(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Let more aliases name a version."""
    return _change_aliases(context, Arguments(input), is_adding=True)


def delete_aliases(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Take aliases from a version."""
    return _change_aliases(context, Arguments(input), is_adding=False)


def _change_aliases(context: RequestContext, given: Arguments, *, is_adding: bool) -> dict[str, object]:
    names = alias_names(given) if is_adding else [alias.required("alias") for alias in given.objects("aliases")]
    places = given.objects("aliases")

    def job(connection: sqlite3.Connection) -> None:
        artifact = artifact_by(connection, given.required("artifactID"))
        if artifact["state"] != "COMMITTED":
            raise RequestError(f"The artifact is {artifact['state'].lower()}: it has no aliases.")
        shown_in = {row["member_collection_id"] for row in collections.memberships(connection, artifact["id"])}
        change = collections.set_alias if is_adding else collections.drop_alias
        for name, place in zip(names, places, strict=True):
            collection_id = artifact["collection_id"]
            if place.text("artifactCollectionName"):
                collection_id = _named_collection(connection, place)["id"]
            if collection_id not in shown_in:
                raise RequestError(f"The artifact is no version of {place.text('artifactCollectionName')!r}.")
            change(connection, collection_id, name, artifact["id"])

    context.write(job)
    return {"success": True}


def link_artifact(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Let a portfolio show a version, as its newest; linked again, it keeps its number there."""
    given = Arguments(input)
    name = checked_name(given.required("artifactPortfolioName"), "collection")
    aliases = alias_names(given)

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        artifact = _linked(connection, given)
        home = collections.by_id(connection, artifact["collection_id"])
        assert home is not None
        project = projects.ensure(connection, *given.owner())
        target = collections.ensure(connection, project["id"], name, home["type"], "portfolio")
        if target["kind"] != "portfolio":
            raise RequestError(f"{name!r} is a collection that runs log into; link into one of another name.")
        if target["type"] != home["type"]:
            raise RequestError(f"{name!r} holds artifacts of type {target['type']!r}, not {home['type']!r}.")
        number = collections.admit(connection, target["id"], artifact["id"])
        for alias in dict.fromkeys(["latest", *aliases]):
            collections.set_alias(connection, target["id"], alias, artifact["id"])
        collections.change(connection, target["id"], {})
        row = collections.member(connection, target["id"], f"v{number}")
        assert row is not None
        return row

    row = context.write(job)
    return {"versionIndex": row["member_version"], "artifactMembership": MembershipNode(context, row)}


def _linked(connection: sqlite3.Connection, given: Arguments) -> sqlite3.Row:
    """Return the version that an input names by its id, or by the one that its client gave it."""
    client_id = given.text("clientID")
    if given.text("artifactID"):
        row: sqlite3.Row | None = artifact_by(connection, given.required("artifactID"))
    else:
        row = artifacts.by_client_id(connection, client_id) if client_id else None
    if row is None or row["state"] != "COMMITTED":
        raise RequestError("Only an artifact that is committed can be linked.")
    return row


def unlink_artifact(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Take a version out of a portfolio; in its own collection it stays."""
    given = Arguments(input)

    def job(connection: sqlite3.Connection) -> bool:
        artifact = artifact_by(connection, given.required("artifactID"))
        portfolio = _collection(connection, given.required("artifactPortfolioID"))
        if portfolio["id"] == artifact["collection_id"]:
            raise RequestError("A version cannot be unlinked from the collection it was logged into; delete it.")
        return collections.dismiss(connection, portfolio["id"], artifact["id"])

    return {"success": context.write(job)}
