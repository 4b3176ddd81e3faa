"""Pages of an artifact: a collection with its versions, and one version with its files."""

from __future__ import annotations

import json
import sqlite3

from starlette.responses import Response

from trainer.server.security import FileSigner
from trainer.server.tables import artifacts, collections, projects, runs
from trainer.server.web_pages.listings import Place, entry_table
from trainer.server.web_pages.markup import (
    Markup,
    address,
    block,
    code,
    facts,
    join,
    link,
    missing,
    moment,
    page,
    section,
    size,
    table,
    tags,
    text,
)
from trainer.server.web_pages.paging import PAGE, Piece

_ENTRIES = 500


def collection(connection: sqlite3.Connection, place: Place, name: str, piece: Piece) -> Response:
    """Return the page of a collection."""
    owner = projects.find(connection, *place)
    row = None if owner is None else collections.find(connection, owner["id"], name)
    if row is None:
        return missing(f"artifact {'/'.join(place)}/{name}", [("/".join(place), address(*place))])
    here = address(*place, "artifacts", row["type"], name)
    total = collections.member_count(connection, row["id"])
    found = connection.execute(
        "SELECT artifacts.*, memberships.version AS shown_version FROM memberships"
        " JOIN artifacts ON artifacts.id = memberships.artifact_id WHERE memberships.collection_id = ?"
        " ORDER BY memberships.version DESC LIMIT ? OFFSET ?",
        (row["id"], PAGE, piece.offset),
    ).fetchall()
    cells = [
        (
            link(f"v{version['shown_version']}", f"{here}/v{version['shown_version']}"),
            tags(collections.aliases(connection, row["id"], version["id"])),
            text(size(version["size"])),
            moment(version["created_at"]),
            code(version["digest"]),
        )
        for version in found
    ]
    listed = table("Versions", ("Version", "Aliases", "#Size", "Created", "Digest"), cells)
    fields = facts(
        [
            ("Type", text(row["type"])),
            ("Kind", text("versions linked from elsewhere" if row["kind"] == "portfolio" else "")),
            ("Tags", tags(json.loads(row["tags"]))),
            ("Description", text(row["description"] or "")),
        ]
    )
    versions = join((listed or Markup("<p>None.</p>"), piece.links(here, total)))
    trail = [("/".join(place), address(*place)), ("artifacts", address(*place, "artifacts"))]
    return page(name, trail, join((fields, section(f"Versions ({total:,})", versions))))


def version(connection: sqlite3.Connection, signer: FileSigner, place: Place, name: str, alias: str) -> Response:
    """Return the page of a version, named by its number or an alias."""
    owner = projects.find(connection, *place)
    home = None if owner is None else collections.find(connection, owner["id"], name)
    row = None if home is None else collections.member(connection, home["id"], alias)
    if home is None or row is None:
        return missing(f"artifact {'/'.join(place)}/{name}:{alias}", [("/".join(place), address(*place))])
    shown = f"{name}:v{row['member_version']}"
    total = artifacts.entry_count(connection, row["id"])
    entries = artifacts.entries(connection, row["id"], None, "", _ENTRIES)
    more = Markup(f'<p class="dim">{total - _ENTRIES:,} more are not listed.</p>') if total > _ENTRIES else Markup("")
    metadata = json.loads(row["metadata"])
    parts = [
        _head(connection, row, home, place, shown),
        section(
            "Metadata",
            block(json.dumps(metadata, indent=2, ensure_ascii=False), "Metadata") if metadata else Markup(""),
        ),
        section(f"Files ({total:,})", join((entry_table(connection, signer, entries), more)) if total else Markup("")),
        section("Used by", _users(connection, row)),
    ]
    above = address(*place, "artifacts", home["type"], name)
    return page(shown, [("/".join(place), address(*place)), (name, above)], join(parts))


def _head(connection: sqlite3.Connection, row: sqlite3.Row, home: sqlite3.Row, place: Place, shown: str) -> Markup:
    maker = runs.by_id(connection, row["run_id"] or 0)
    linked = [
        item for item in collections.memberships(connection, row["id"]) if item["member_collection_id"] != home["id"]
    ]
    return facts(
        [
            ("Type", text(home["type"])),
            ("Aliases", tags(collections.aliases(connection, home["id"], row["id"]))),
            ("Tags", tags(json.loads(row["tags"]))),
            ("Description", text(row["description"] or "")),
            ("Size", text(size(row["size"]))),
            ("Logged by", _run_link(connection, maker) if maker else Markup("")),
            ("Also shown in", join((_member_link(connection, item) for item in linked), ", ")),
            ("Created", moment(row["created_at"])),
            ("Digest", code(row["digest"])),
            ("Use it", code(f'run.use_artifact("{"/".join((*place, shown))}")')),
        ]
    )


def _member_link(connection: sqlite3.Connection, item: sqlite3.Row) -> Markup:
    found = collections.by_id(connection, item["member_collection_id"])
    owner = None if found is None else projects.by_id(connection, found["project_id"])
    if found is None or owner is None:
        return Markup("")
    number = f"v{item['member_version']}"
    target = address(owner["entity"], owner["name"], "artifacts", found["type"], found["name"], number)
    return link(f"{owner['name']}/{found['name']}:{number}", target)


def _run_link(connection: sqlite3.Connection, run: sqlite3.Row) -> Markup:
    owner = projects.by_id(connection, run["project_id"])
    return (
        link(run["display_name"], address(owner["entity"], owner["name"], "runs", run["name"])) if owner else Markup("")
    )


def _users(connection: sqlite3.Connection, row: sqlite3.Row) -> Markup:
    cells = [
        (_run_link(connection, run), moment(run["created_at"])) for run in artifacts.users(connection, row["id"])[:PAGE]
    ]
    return table("Runs that use it", ("Run", "Created"), cells)
