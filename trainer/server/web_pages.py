"""The small read-only pages behind the addresses that the SDK prints, so that a click does not end at a 404."""

from __future__ import annotations

import html
import json
import sqlite3
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from trainer.server.tables import projects, runs, sweeps

if TYPE_CHECKING:
    from trainer.server.app import Server

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_MAX_RUNS = 500


def routes(server: Server) -> list[Route]:
    """Return the routes of the pages."""

    async def project_page(request: Request) -> Response:
        return await server.in_worker(lambda: _project(server, **request.path_params))

    async def run_page(request: Request) -> Response:
        return await server.in_worker(lambda: _run(server, **request.path_params))

    async def sweep_page(request: Request) -> Response:
        return await server.in_worker(lambda: _sweep(server, **request.path_params))

    async def home_page(request: Request) -> Response:
        return await server.in_worker(lambda: _home(server))

    return [
        Route("/", home_page),
        Route("/{entity}/{project}", project_page),
        Route("/{entity}/{project}/runs/{name}", run_page),
        Route("/{entity}/{project}/sweeps/{name}", sweep_page),
    ]


def _page(title: str, body: str, status: int = 200) -> Response:
    text = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(title)}</title>"
        "<style>body{font:16px/1.5 system-ui;max-width:70em;margin:2em auto;padding:0 1em}"
        "table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:left;border-bottom:1px solid #8884}"
        "pre{overflow:auto;background:#8881;padding:1em}@media(prefers-color-scheme:dark){body{background:#111;"
        "color:#ddd}a{color:#8cf}}</style>"
        f"<h1>{html.escape(title)}</h1>{body}</html>"
    )
    return HTMLResponse(text, status, headers=_HEADERS)


def _missing(what: str) -> Response:
    return _page("Not here", f"<p>This server has no {html.escape(what)}.</p>", 404)


def _home(server: Server) -> Response:
    rows = server.store.reader.execute(
        "SELECT entity, name FROM projects WHERE entity != '' ORDER BY id DESC LIMIT 500"
    ).fetchall()
    items = "".join(f"<li>{_link(row['name'], row['entity'], row['name'])}" for row in rows)
    return _page("sweep-tui", f"<ul>{items}</ul>" if rows else "<p>No project yet.</p>")


def _link(text: str, *parts: str) -> str:
    return f'<a href="/{html.escape("/".join(parts))}">{html.escape(text)}</a>'


def _project(server: Server, entity: str, project: str) -> Response:
    connection = server.store.reader
    row = projects.find(connection, entity, project)
    if row is None:
        return _missing(f"project {entity}/{project}")
    found = connection.execute(
        "SELECT * FROM runs WHERE project_id = ? ORDER BY created_at DESC LIMIT ?", (row["id"], _MAX_RUNS)
    ).fetchall()
    return _page(f"{entity}/{project}", _run_table(entity, project, found))


def _run_table(entity: str, project: str, rows: list[sqlite3.Row]) -> str:
    lines = "".join(
        f"<tr><td>{_link(row['display_name'], entity, project, 'runs', row['name'])}<td>{html.escape(row['state'])}"
        f"<td><code>{html.escape(json.dumps(runs.plain_config(row)))}</code>"
        for row in rows
    )
    return f"<table><tr><th>run<th>state<th>configuration{lines}</table>"


def _run(server: Server, entity: str, project: str, name: str) -> Response:
    row = runs.find_by_path(server.store.reader, entity, project, name)
    if row is None:
        return _missing(f"run {entity}/{project}/{name}")
    summary = json.dumps(json.loads(row["summary"]), indent=2)
    config = json.dumps(runs.plain_config(row), indent=2)
    sweep = f"<p>Sweep {_link(row['sweep'], entity, project, 'sweeps', row['sweep'])}</p>" if row["sweep"] else ""
    return _page(
        row["display_name"],
        f"<p>{html.escape(row['state'])}, {row['history_lines']} rows of history, in {_link(project, entity, project)}"
        f"</p>{sweep}<h2>Configuration</h2><pre>{html.escape(config)}</pre>"
        f"<h2>Summary</h2><pre>{html.escape(summary)}</pre>",
    )


def _sweep(server: Server, entity: str, project: str, name: str) -> Response:
    connection = server.store.reader
    owner = projects.find(connection, entity, project)
    row = None if owner is None else sweeps.find(connection, owner["id"], name)
    if owner is None or row is None:
        return _missing(f"sweep {entity}/{project}/{name}")
    found = runs.of_sweep(connection, owner["id"], name)
    return _page(
        row["display_name"] or name,
        f"<p>{html.escape(row['state'])}, {len(found)} runs, in {_link(project, entity, project)}</p>"
        f"{_run_table(entity, project, found[:_MAX_RUNS])}"
        f"<h2>Configuration</h2><pre>{html.escape(row['config_yaml'])}</pre>",
    )
