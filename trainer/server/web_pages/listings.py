"""Tables that several pages show: runs, sweeps, collections and versions of artifacts, files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from trainer.records import Json
from trainer.server.security import FileSigner
from trainer.server.tables import collections, files, projects
from trainer.server.web_pages.markup import (
    Markup,
    address,
    code,
    duration,
    join,
    link,
    moment,
    number,
    size,
    state,
    table,
    tags,
    text,
)

_FEW = 4
_LONG = 80

Place = tuple[str, str]
"""An entity and a project."""


def run_table(place: Place, rows: Sequence[sqlite3.Row]) -> Markup:
    """Return a table of runs."""
    cells = [
        (
            link(row["display_name"], address(*place, "runs", row["name"])),
            state(row["state"]),
            moment(row["created_at"]),
            text(run_time(row)),
            link(row["sweep"], address(*place, "sweeps", row["sweep"])) if row["sweep"] else Markup(""),
            tags(json.loads(row["tags"])),
            last_values(row),
        )
        for row in rows
    ]
    heads = ("Run", "State", "Created", "#Time", "Sweep", "Tags", "Last values")
    return table("Runs", heads, cells, wide="Last values")


def run_time(row: sqlite3.Row) -> str:
    """Return how long a run has been heard of; empty if never."""
    return duration(row["heartbeat_at"] - row["reported_at"]) if row["reported_at"] else ""


def last_values(row: sqlite3.Row) -> Markup:
    """Return the first few numbers of a run's summary."""
    summary: dict[str, Json] = json.loads(row["summary"])
    numbers = [
        (name, value)
        for name, value in summary.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and not name.startswith("_")
    ]
    shown = [code(f"{name} {shortened(value)}") for name, value in numbers[:_FEW]]
    return join(shown, " · ") + Markup(" …") if len(numbers) > _FEW else join(shown, " · ")  # type: ignore[return-value]


def shortened(value: Json) -> str:
    """Return a value in a few characters."""
    if isinstance(value, float):
        return number(value)
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= _LONG else shown[: _LONG - 1] + "…"


def sweep_table(connection: sqlite3.Connection, place: Place, rows: Sequence[sqlite3.Row]) -> Markup:
    """Return a table of sweeps."""
    cells = []
    for row in rows:
        config: dict[str, Json] = json.loads(row["config"])
        count = connection.execute(
            "SELECT count(*) FROM runs WHERE project_id = ? AND sweep = ?", (row["project_id"], row["name"])
        ).fetchone()[0]
        expected = f" of {row['expected_runs']:,}" if row["expected_runs"] else ""
        cells.append(
            (
                link(row["display_name"] or row["name"], address(*place, "sweeps", row["name"])),
                state(row["state"]),
                text(config.get("method", "")),
                text(row["metric"] or ""),
                text(f"{count:,}{expected}"),
                moment(row["created_at"]),
            )
        )
    return table("Sweeps", ("Sweep", "State", "Method", "Metric", "#Runs", "Created"), cells)


def collection_table(connection: sqlite3.Connection, place: Place, rows: Sequence[sqlite3.Row]) -> Markup:
    """Return a table of collections of artifacts."""
    cells = []
    for row in rows:
        newest = collections.newest(connection, row["id"])
        cells.append(
            (
                link(row["name"], address(*place, "artifacts", row["type"], row["name"])),
                text(row["type"]),
                text(f"{collections.member_count(connection, row['id']):,}"),
                text(f"v{newest['member_version']}" if newest else ""),
                text(size(newest["size"]) if newest else ""),
                moment(row["updated_at"]),
            )
        )
    return table("Artifacts", ("Artifact", "Type", "#Versions", "Newest", "#Size", "Changed"), cells)


def version_table(connection: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> Markup:
    """Return a table of versions, each with the collection it was logged into."""
    cells = []
    for row in rows:
        home = collections.by_id(connection, row["collection_id"])
        owner = None if home is None else projects.by_id(connection, home["project_id"])
        if home is None or owner is None:
            continue
        version = f"v{row['version']}"
        target = address(owner["entity"], owner["name"], "artifacts", home["type"], home["name"], version)
        cells.append(
            (
                link(f"{home['name']}:{version}", target),
                text(home["type"]),
                tags(collections.aliases(connection, home["id"], row["id"])),
                text(size(row["size"])),
                moment(row["created_at"]),
            )
        )
    return table("Artifacts", ("Artifact", "Type", "Aliases", "#Size", "Created"), cells)


def file_table(signer: FileSigner, rows: Sequence[sqlite3.Row]) -> Markup:
    """Return a table of a run's files, each with an address where it is read."""
    cells = [
        (link(row["name"], signer.path(row["id"], row["name"])), text(size(row["size"])), moment(row["updated_at"]))
        for row in rows
    ]
    return table("Files", ("File", "#Size", "Changed"), cells)


def entry_table(connection: sqlite3.Connection, signer: FileSigner, rows: Sequence[sqlite3.Row]) -> Markup:
    """Return a table of an artifact's files; a reference shows where it points, and is no link."""
    cells = []
    for row in rows:
        stored = None if row["ref"] else files.stored_with_md5(connection, row["digest"])
        name = text(row["name"]) if stored is None else link(row["name"], signer.path(stored["id"], row["name"]))
        cells.append((name, text(size(row["size"])), code(row["ref"]) if row["ref"] else code(row["digest"])))
    return table("Files", ("File", "#Size", "Digest or reference"), cells, wide="Digest or reference")
