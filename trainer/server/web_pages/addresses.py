"""Which page is behind which address: those that SDK 0.31 prints, and the tabs of W&B's own site that people keep."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from trainer.server.security import FileSigner
from trainer.server.tables import projects
from trainer.server.web_pages import artifact_pages, projects_pages, report_pages, run_pages, sweep_pages
from trainer.server.web_pages.markup import Markup, address, code, missing, page
from trainer.server.web_pages.paging import Piece

if TYPE_CHECKING:
    from trainer.server.app import Server

Build = Callable[["_Visit"], Response]


@dataclass(frozen=True, slots=True)
class _Visit:
    """What a page is built from."""

    connection: sqlite3.Connection
    request: Request
    signer: FileSigner

    @property
    def place(self) -> tuple[str, str]:
        """Return the entity and project of the address.

        A plus stands for a space where no project has that plus: `wandb.Api().sweep(...).url` of SDK 0.31 writes it so.
        """
        entity, project = self["entity"], self["project"]
        if "+" in project and projects.find(self.connection, entity, project) is None:
            project = project.replace("+", " ")
        return entity, project

    @property
    def piece(self) -> Piece:
        """Return which part of a long list is asked for."""
        return Piece.of(self.request)

    def __getitem__(self, name: str) -> str:
        """Return a part of the address."""
        return str(self.request.path_params[name])


_RUN_TABS = {"logs": "logs", "files": "files", "artifacts": "artifacts", "charts": "metrics", "overview": ""}
_PROJECT_TABS = (
    "workspace",
    "table",
    "overview",
    "runs",
    "groups",
    "jobs",
    "launch",
    "automations",
)


def routes(server: Server) -> list[Route]:
    """Return the routes of the pages."""
    signer = server.signer

    def built(path: str, build: Build) -> Route:
        async def answer(request: Request) -> Response:
            def work() -> Response:
                with server.store.snapshot() as connection:
                    return build(_Visit(connection, request, signer))

            return await server.in_worker(work)

        return Route(path, answer, methods=["GET", "HEAD"])

    return [built(path, build) for path, build in _PAGES]


def _listing(visit: _Visit) -> Response:
    entity = visit.request.path_params.get("entity")
    return projects_pages.home(visit.connection, entity, visit.piece)


def _project(visit: _Visit) -> Response:
    return projects_pages.project(visit.connection, visit.place, visit.piece)


def _sweep_list(visit: _Visit) -> Response:
    return projects_pages.sweep_list(visit.connection, visit.place, visit.piece)


def _sweep(visit: _Visit) -> Response:
    return sweep_pages.sweep(visit.connection, visit.place, visit["name"], visit.piece)


def _report_list(visit: _Visit) -> Response:
    return report_pages.report_list(visit.connection, visit.place, visit.piece)


def _report(visit: _Visit) -> Response:
    return report_pages.report(visit.connection, visit.place, visit["slug"], visit.request.url.netloc)


def _run(visit: _Visit) -> Response:
    return run_pages.run(visit.connection, visit.signer, visit.place, visit["name"])


def _collections(visit: _Visit) -> Response:
    kind = visit.request.path_params.get("type")
    return projects_pages.collection_list(visit.connection, visit.place, kind, visit.piece)


def _collection(visit: _Visit) -> Response:
    return artifact_pages.collection(visit.connection, visit.place, visit["name"], visit.piece)


def _version(visit: _Visit) -> Response:
    return artifact_pages.version(visit.connection, visit.signer, visit.place, visit["name"], visit["version"])


def _signed_in(visit: _Visit) -> Response:
    """Return what somebody sees whom the SDK sent for a key: whoever comes here has it."""
    body = Markup(
        f"<p>You are signed in with this server's API key. {code('sweep-tui env')} prints it for programs: as"
        f" {code('WANDB_API_KEY')}, beside {code('WANDB_BASE_URL')}. No page shows it.</p>"
        f'<p>There are no accounts and no settings here. <a href="/">All projects</a></p>'
    )
    return page("Signed in", [], body)


def _registry(visit: _Visit) -> Response:
    """Lead from a registry's address to the collection that it selects."""
    given = visit.request.query_params
    parts = given.get("selectionPath", "").split("/")
    version = given.get("version", "")
    if len(parts) != 3 or not all(parts):
        return missing("registry at this address")
    entity, project, name = parts
    tail = [version] if version else []
    # The page of a version does not look at the type, which the address of a registry lacks.
    return RedirectResponse(address(entity, project, "artifacts", "registry", name, *tail), 302)


def _sweep_tab(visit: _Visit) -> Response:
    return RedirectResponse(address(*visit.place, "sweeps", visit["name"]), 302)


def _run_tab(visit: _Visit) -> Response:
    anchor = _RUN_TABS.get(visit["tab"].split("/")[0], "")
    target = address(*visit.place, "runs", visit["name"])
    return RedirectResponse(f"{target}#{anchor}" if anchor else target, 302)


def _project_tab(visit: _Visit) -> Response:
    target = address(*visit.place)
    if visit["tab"].split("/")[0].lower() in _PROJECT_TABS:
        return RedirectResponse(target, 302)
    return missing(f"page {visit['tab']} of a project", [("/".join(visit.place), target)])


def _nothing(visit: _Visit) -> Response:
    return missing("page at this address")


_IN = "/{entity}/{project}"
_PAGES: tuple[tuple[str, Build], ...] = (
    *((path, _listing) for path in ("/", "/home")),
    *((path, _signed_in) for path in ("/authorize", "/login", "/settings", "/profile")),
    *((path, _registry) for path in ("/orgs/{org}/registry/{name}", "/{entity}/registry/{name}")),
    *((path, _listing) for path in ("/{entity}", "/{entity}/projects")),
    (_IN, _project),
    (f"{_IN}/sweeps", _sweep_list),
    (f"{_IN}/sweeps/{{name}}", _sweep),
    (f"{_IN}/sweeps/{{name}}/{{tab:path}}", _sweep_tab),
    (f"{_IN}/runs/{{name}}", _run),
    (f"{_IN}/runs/{{name}}/{{tab:path}}", _run_tab),
    *((f"{_IN}/artifacts{rest}", _collections) for rest in ("", "/{type}")),
    (f"{_IN}/artifacts/{{type}}/{{name}}", _collection),
    *((f"{_IN}/artifacts/{{type}}/{{name}}/{{version}}{rest}", _version) for rest in ("", "/{tab:path}")),
    *((f"{_IN}{rest}", _report_list) for rest in ("/reports", "/reportlist")),
    (f"{_IN}/reports/{{slug}}", _report),
    (f"{_IN}/{{tab:path}}", _project_tab),
    ("/{rest:path}", _nothing),
)
"""By address; the first that fits counts."""
