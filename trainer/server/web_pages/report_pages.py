"""Reports of a project: their list, and one report as far as it is text; panels are named, not drawn.

What is in a report is the client's: nothing of it is relied on, and what is not known is named.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

from starlette.responses import Response

from trainer.records import Json
from trainer.server.context import number_of, storage_id
from trainer.server.tables import projects, sweeps, views
from trainer.server.web_pages.listings import Place
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
    table,
    text,
)
from trainer.server.web_pages.paging import PAGE, Piece

_BLOCKS, _PANELS = 1000, 100
_DEPTH = 12
_DRAFT = f"{views.REPORT}/draft"


def report_table(place: Place, rows: list[sqlite3.Row]) -> Markup:
    """Return a table of reports."""
    cells = [
        (link(row["display_name"] or row["name"], report_address(place, row)), moment(row["updated_at"]),
         text(row["description"]))
        for row in rows
    ]  # fmt: skip
    return table("Reports", ("Report", "Changed", "Description"), cells, wide="Description")


def report_address(place: Place, row: sqlite3.Row) -> str:
    """Return the address of a report, as the SDK writes it: a readable part, and the id without its padding."""
    name = re.sub(r"-+", "-", re.sub(r"\W", "-", row["display_name"])).strip("-")
    return address(*place, "reports", f"{name}--{storage_id('View', row['id']).replace('=', '')}")


def report_list(connection: sqlite3.Connection, place: Place, piece: Piece) -> Response:
    """Return all reports of a project."""
    row = projects.find(connection, *place)
    if row is None:
        return missing(f"project {'/'.join(place)}")
    total = views.count(connection, row["id"], views.REPORT)
    found = connection.execute(
        "SELECT * FROM views WHERE project_id = ? AND type = ? ORDER BY id DESC LIMIT ? OFFSET ?",
        (row["id"], views.REPORT, PAGE, piece.offset),
    ).fetchall()
    start = Markup(f"<p>None. {code('sweep-tui report SWEEP --wandb')} makes one.</p>")
    body = join((report_table(place, found) or start, piece.links(address(*place, "reports"), total)))
    return page("Reports", [("/".join(place), address(*place))], body)


def report(connection: sqlite3.Connection, place: Place, slug: str, host: str) -> Response:
    """Return a report.

    Args:
        connection: The database.
        place: Its project.
        slug: The last part of its address.
        host: Of the address that was asked for: links to it lead somewhere here.
    """
    trail = [("/".join(place), address(*place)), ("reports", address(*place, "reports"))]
    identifier = slug.rpartition("--")[2]
    number = number_of("View", identifier.rstrip("=") + "=" * (-len(identifier.rstrip("=")) % 4))
    row = None if number is None else views.by_id(connection, number)
    owner = projects.find(connection, *place)
    if row is None or owner is None or row["project_id"] != owner["id"] or row["type"] not in (views.REPORT, _DRAFT):
        return missing(f"report at this address in {'/'.join(place)}", trail)
    about = facts(
        [
            ("Draft", Markup("yes") if row["type"] == _DRAFT else Markup("")),
            ("Changed", moment(row["updated_at"])),
            ("Created", moment(row["created_at"])),
        ]
    )
    said = Markup(f"<p>{text(row['description'])}</p>") if row["description"] else Markup("")
    spec: Json = json.loads(row["spec"])
    blocks = _objects(_of(spec, "blocks"))
    drawn = join(_Drawer(connection, owner["id"], place, host).block(each) for each in blocks[:_BLOCKS])
    more = Markup(f'<p class="dim">{len(blocks) - _BLOCKS:,} more blocks.</p>') if len(blocks) > _BLOCKS else Markup("")
    return page(row["display_name"] or row["name"], trail, join((said, about, drawn, more)))


class _Drawer:
    """Turns blocks of a report into HTML (spec version 5, wandb-workspaces 0.4)."""

    def __init__(self, connection: sqlite3.Connection, project_id: int, place: Place, host: str) -> None:
        self._connection = connection
        self._project_id = project_id
        self._place = place
        self._host = host

    def block(self, given: Mapping[str, Json]) -> Markup:
        """Return a block; one that is not known is named."""
        kind = given.get("type")
        kinds: Mapping[object, Callable[[Mapping[str, Json]], Markup]] = {
            "heading": self._heading, "paragraph": self._paragraph, "default": self._paragraph,
            "block-quote": self._paragraph, "callout-block": self._lines, "code-block": self._code,
            "markdown-block": self._markdown, "list": self._list, "panel-grid": self._panels,
            "horizontal-rule": lambda _: Markup("<hr>"), "latex": lambda each: code(str(each.get("content", ""))),
        }  # fmt: skip
        draw = kinds.get(kind)
        return draw(given) if draw else Markup(f'<p class="dim">Not drawn here: {text(str(kind)[:60])}.</p>')

    def _heading(self, given: Mapping[str, Json]) -> Markup:
        tag = "h3" if given.get("level") == 3 else "h2"
        return Markup(f"<{tag}>{self._words(given)}</{tag}>")

    def _paragraph(self, given: Mapping[str, Json]) -> Markup:
        words = self._words(given)
        return Markup(f"<p>{words}</p>") if words.strip() else Markup("")

    def _lines(self, given: Mapping[str, Json]) -> Markup:
        lines = join((self._words(line) for line in _objects(given.get("children"))), "<br>")
        return Markup(f'<p class="notice">{lines}</p>')

    def _code(self, given: Mapping[str, Json]) -> Markup:
        return block("\n".join("".join(_texts(line)) for line in _objects(given.get("children"))), "Code")

    def _list(self, given: Mapping[str, Json]) -> Markup:
        tag = "ol" if given.get("ordered") else "ul"
        items = join(Markup(f"<li>{self._words(item)}</li>") for item in _objects(given.get("children")))
        return Markup(f"<{tag}>{items}</{tag}>") if items else Markup("")

    def _markdown(self, given: Mapping[str, Json]) -> Markup:
        lines = str(given.get("content", "")).strip().splitlines()
        rows = [_cells(line) for line in lines if line.startswith("|")]
        if len(rows) < 3 or len(rows) != len(lines) or len({len(row) for row in rows}) != 1:
            return block("\n".join(lines), "Markdown") if lines else Markup("")
        heads = [
            f"#{_plain(head)}" if rule.endswith(":") else _plain(head)
            for head, rule in zip(rows[0], rows[1], strict=True)
        ]
        return table("Table", heads, [[self._cell(cell) for cell in row] for row in rows[2:]])

    def _cell(self, cell: str) -> Markup:
        linked = re.fullmatch(r"\[(.*)\]\(<?([^<>\s]+)>?\)", cell)
        return self._link(_plain(linked[1]), linked[2]) if linked else text(_plain(cell))

    def _words(self, given: Mapping[str, Json], depth: int = 0) -> Markup:
        parts: list[Markup] = []
        for child in _objects(given.get("children")) if depth < _DEPTH else []:
            if child.get("type") == "link":
                parts.append(self._link("".join(_texts(child)), str(child.get("url", ""))))
            elif child.get("type") == "latex":
                parts.append(code(str(child.get("content", ""))))
            elif "children" in child:
                parts.append(self._words(child, depth + 1))
            else:
                words = str(child.get("text", ""))
                parts.append(code(words) if child.get("inlineCode") and words else text(words))
        return join(parts)

    def _link(self, words: str, url: str) -> Markup:
        """Return a link to a page here; an address elsewhere is shown, and leads nowhere."""
        parts = _address_of(url)
        if parts is not None and parts[0] == self._host:
            return link(words, parts[1])
        return text(words) if words == url else Markup(f"{text(words)} {code(url)}")

    def _panels(self, given: Mapping[str, Json]) -> Markup:
        inside = given.get("metadata")
        panels = _objects(_of(_of(inside, "panelBankSectionConfig"), "panels"))
        sets = [self._run_set(each) for each in _objects(_of(inside, "runSets"))]
        cells = [(text(str(panel.get("viewType", ""))[:100]), text(_shown_by(panel))) for panel in panels[:_PANELS]]
        named = table("Panels", ("Panel", "Shows"), cells, wide="Shows")
        return join((named, *(Markup(f"<p>Of the runs {each}</p>") for each in sets[:_PANELS])))

    def _run_set(self, given: Mapping[str, Json]) -> Markup:
        name = text(str(given.get("name", ""))[:200])
        for value in _values_of(given.get("filters"), "sweep"):
            if sweeps.find(self._connection, self._project_id, value) is not None:
                return Markup(f"{name}: {link(f'sweep {value}', address(*self._place, 'sweeps', value))}.")
        return Markup(f"{name}.")


def _address_of(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return (parts.netloc, parts.path or "/") if parts.scheme in ("http", "https") else None


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def _plain(words: str) -> str:
    return re.sub(r"\\([^A-Za-z0-9\s])", r"\1", words).replace("\u200b", "")


def _of(value: Json, name: str) -> Json:
    return value.get(name) if isinstance(value, dict) else None


def _objects(value: Json) -> list[dict[str, Json]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _texts(given: Mapping[str, Json], depth: int = 0) -> Iterator[str]:
    if isinstance(given.get("text"), str):
        yield str(given["text"])
    if depth < _DEPTH:
        for child in _objects(given.get("children")):
            yield from _texts(child, depth + 1)


def _shown_by(panel: Mapping[str, Json]) -> str:
    """Return what a panel shows: its title, metrics or columns."""
    config = panel.get("config")
    names: list[str] = []
    for key in ("chartTitle", "metrics", "targetKey", "columns", "value"):
        given = _of(config, key)
        for each in given if isinstance(given, list) else [given]:
            name = _of(each, "accessor") if isinstance(each, dict) else each
            if isinstance(name, str) and name:
                names.append(name)
    return ", ".join(dict.fromkeys(names))[:500]


def _values_of(filters: Json, name: str, depth: int = 0) -> Iterator[str]:
    """Return what a filter wants of a key of runs, wherever in it that stands."""
    if not isinstance(filters, dict) or depth > _DEPTH:
        return
    if _of(filters.get("key"), "name") == name:
        value = filters.get("value")
        yield from (each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str))
    for each in _objects(filters.get("filters")):
        yield from _values_of(each, name, depth + 1)
