"""Pages above a run: home, an entity, a project, its sweeps and its artifacts."""

from __future__ import annotations

import sqlite3

from starlette.responses import Response

from trainer.server.tables import collections, projects, sweeps, views
from trainer.server.web_pages.listings import Place, collection_table, run_table, sweep_table
from trainer.server.web_pages.markup import (
    Markup,
    address,
    code,
    join,
    link,
    missing,
    moment,
    page,
    section,
    size,
    table,
    text,
)
from trainer.server.web_pages.paging import PAGE, Piece
from trainer.server.web_pages.report_pages import report_table

_FEW = 10


def home(connection: sqlite3.Connection, entity: str | None, piece: Piece) -> Response:
    """Return the list of all projects, or of those of an entity."""
    condition, values = ("entity = ?", [entity]) if entity else ("entity != ''", [])  # without: being deleted
    total = int(connection.execute(f"SELECT count(*) FROM projects WHERE {condition}", values).fetchone()[0])
    if entity and not total:
        return missing(f"project of {entity}")
    rows = connection.execute(
        f"SELECT * FROM projects WHERE {condition} ORDER BY id DESC LIMIT ? OFFSET ?", (*values, PAGE, piece.offset)
    ).fetchall()
    cells = []
    for row in rows:
        place = (row["entity"], row["name"])
        counts = [
            connection.execute(f"SELECT count(*) FROM {name} WHERE project_id = ?", (row["id"],)).fetchone()[0]
            for name in ("runs", "sweeps", "collections")
        ]
        last = connection.execute(
            "SELECT created_at FROM runs WHERE project_id = ? ORDER BY created_at DESC LIMIT 1", (row["id"],)
        ).fetchone()
        cells.append(
            (
                link("/".join(place), address(*place)),
                *(text(f"{count:,}") for count in counts),
                moment(last["created_at"] if last else row["created_at"]),
            )
        )
    listed = table("Projects", ("Project", "#Runs", "#Sweeps", "#Artifacts", "Last run"), cells)
    body = join(
        (
            listed or Markup("<p>No project yet: the first run makes one.</p>"),
            piece.links("/", total),
            _disk(connection),
        )
    )
    return page(entity or "Projects", [], body)


def _disk(connection: sqlite3.Connection) -> Markup:
    pages, each = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    stored = connection.execute("SELECT ifnull(sum(size), 0) FROM files").fetchone()[0]
    said = f"On disk: {size(pages * each)} of records and {size(stored)} of files."
    return Markup(f'<p class="dim">{text(said)}</p>')


def project(connection: sqlite3.Connection, place: Place, piece: Piece) -> Response:
    """Return a project: its runs, and the newest of its sweeps and artifacts."""
    row = projects.find(connection, *place)
    if row is None:
        return missing(f"project {'/'.join(place)}")
    total = int(connection.execute("SELECT count(*) FROM runs WHERE project_id = ?", (row["id"],)).fetchone()[0])
    # Numbers first, rows after: what is skipped is then skipped in the index.
    found = connection.execute(
        "SELECT * FROM runs WHERE id IN (SELECT id FROM runs WHERE project_id = ? ORDER BY created_at DESC, id DESC"
        " LIMIT ? OFFSET ?) ORDER BY created_at DESC, id DESC",
        (row["id"], PAGE, piece.offset),
    ).fetchall()
    parts = [Markup(f"<p>{text(row['description'])}</p>") if row["description"] else Markup("")]
    runs_part = join((run_table(place, found), piece.links(address(*place), total)))
    parts.append(section(f"Runs ({total:,})", runs_part or Markup("<p>None yet.</p>"), "runs"))
    if piece.number == 1:
        parts += [
            _some_sweeps(connection, row, place),
            _some_reports(connection, row, place),
            _some_collections(connection, row, place),
        ]
    return page(place[1], [(place[0], address(place[0]))], join(parts))


def _some_sweeps(connection: sqlite3.Connection, row: sqlite3.Row, place: Place) -> Markup:
    total = sweeps.count(connection, row["id"])
    found = sweeps.page(connection, row["id"], _FEW, None, "1", [])
    more = Markup(f"<p>{link('All sweeps', address(*place, 'sweeps'))}</p>") if total > _FEW else Markup("")
    return section(f"Sweeps ({total:,})", join((sweep_table(connection, place, found), more)), "sweeps")


def _some_reports(connection: sqlite3.Connection, row: sqlite3.Row, place: Place) -> Markup:
    total = views.count(connection, row["id"], views.REPORT)
    found = views.page(connection, row["id"], views.REPORT, None, _FEW)
    more = Markup(f"<p>{link('All reports', address(*place, 'reports'))}</p>") if total > _FEW else Markup("")
    return section(f"Reports ({total:,})", join((report_table(place, found), more)), "reports") if total else Markup("")


def _some_collections(connection: sqlite3.Connection, row: sqlite3.Row, place: Place) -> Markup:
    total = collections.count(connection, row["id"], None)
    found = connection.execute(
        "SELECT * FROM collections WHERE project_id = ? ORDER BY id DESC LIMIT ?", (row["id"], _FEW)
    ).fetchall()
    more = Markup(f"<p>{link('All artifacts', address(*place, 'artifacts'))}</p>") if total > _FEW else Markup("")
    return section(f"Artifacts ({total:,})", join((collection_table(connection, place, found), more)), "artifacts")


def sweep_list(connection: sqlite3.Connection, place: Place, piece: Piece) -> Response:
    """Return all sweeps of a project."""
    row = projects.find(connection, *place)
    if row is None:
        return missing(f"project {'/'.join(place)}")
    total = sweeps.count(connection, row["id"])
    found = connection.execute(
        "SELECT * FROM sweeps WHERE project_id = ? ORDER BY id DESC LIMIT ? OFFSET ?", (row["id"], PAGE, piece.offset)
    ).fetchall()
    start = Markup(f"<p>None. {code('wandb sweep FILE')} makes one.</p>")
    body = join((sweep_table(connection, place, found) or start, piece.links(address(*place, "sweeps"), total)))
    return page("Sweeps", [("/".join(place), address(*place))], body)


def collection_list(connection: sqlite3.Connection, place: Place, type_name: str | None, piece: Piece) -> Response:
    """Return all collections of artifacts of a project, or those of one type."""
    row = projects.find(connection, *place)
    if row is None:
        return missing(f"project {'/'.join(place)}")
    total = collections.count(connection, row["id"], type_name)
    trail = [("/".join(place), address(*place))]
    if type_name and not total:
        return missing(f"artifact of type {type_name} in {'/'.join(place)}", trail)
    found = connection.execute(
        "SELECT * FROM collections WHERE project_id = ? AND (? IS NULL OR type = ?) ORDER BY name LIMIT ? OFFSET ?",
        (row["id"], type_name, type_name, PAGE, piece.offset),
    ).fetchall()
    here = address(*place, "artifacts", *([type_name] if type_name else []))
    body = join((collection_table(connection, place, found) or Markup("<p>None yet.</p>"), piece.links(here, total)))
    if type_name:
        trail.append(("artifacts", address(*place, "artifacts")))
    return page(type_name or "Artifacts", trail, body)
