"""Reports and workspaces, as wandb-workspaces 0.4 writes them and `wandb.Api().reports()` of SDK 0.31 reads them."""

from __future__ import annotations

import sqlite3
import uuid

from trainer.server.context import (
    Arguments,
    RequestContext,
    RequestError,
    iso_time,
    parse_json_object,
    row_id,
    storage_id,
)
from trainer.server.handlers.projects import ProjectNode, checked_name
from trainer.server.handlers.viewer import UserNode
from trainer.server.pages import connection_of, cursor_of, page_size, read_cursor
from trainer.server.tables import projects, views

_MAX_TITLE = 1000


class ViewNode:
    """A report or workspace."""

    access_tokens: tuple[object, ...] = ()

    def __init__(self, context: RequestContext, row: sqlite3.Row) -> None:
        self._context = context
        self._project_id = int(row["project_id"])
        self.id = storage_id("View", row["id"])
        self.type = row["type"]
        self.name = row["name"]
        self.display_name = row["display_name"]
        self.description = row["description"]
        self.spec = row["spec"]
        self.created_at = iso_time(row["created_at"])
        self.updated_at = iso_time(row["updated_at"])

    def project(self) -> ProjectNode | None:
        """Return the project it is of."""
        row = projects.by_id(self._context.connection, self._project_id)
        return None if row is None else ProjectNode(self._context, row)

    def user(self) -> UserNode:
        """Return who made it."""
        return UserNode(self._context)


def view(context: RequestContext, id: str) -> ViewNode | None:  # noqa: A002
    """Return a view, or null."""
    row = views.by_id(context.connection, row_id("View", id))
    return None if row is None else ViewNode(context, row)


def view_connection(
    context: RequestContext, project_id: int, kind: str | None, name: str | None, first: int | None, after: str | None
) -> dict[str, object]:
    """Return views of a project, newest first."""
    size = page_size(first)
    before = read_cursor(after)[1] if after else None
    rows = views.page(context.connection, project_id, kind, name, size + 1, before)
    return connection_of(rows, size, lambda row: ViewNode(context, row), lambda row: cursor_of(None, row["id"]))


def upsert_view(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Create or change a view; what is not given stays as it is."""
    given = Arguments(input)
    spec = given.text("spec")
    parse_json_object(spec, "spec")
    title = given.text("displayName")
    if title is not None and len(title) > _MAX_TITLE:
        raise RequestError(f"The title has {len(title):,} characters; at most {_MAX_TITLE:,} fit.")

    def job(connection: sqlite3.Connection) -> tuple[sqlite3.Row, bool]:
        found = _named(connection, given)
        inserted = found is None
        number = _insert(connection, given, spec or "{}") if found is None else int(found["id"])
        columns = {"type": given.text("type"), "name": given.text("name"), "display_name": title,
                   "description": given.text("description"), "spec": spec}  # fmt: skip
        values = {column: value for column, value in columns.items() if value is not None}
        try:
            views.update(connection, number, values)
        except sqlite3.IntegrityError as error:
            raise RequestError(f"The project has another view named {values.get('name')!r}.") from error
        row = views.by_id(connection, number)
        assert row is not None
        return row, inserted

    row, inserted = context.write(job)
    return {"view": ViewNode(context, row), "inserted": inserted}


def _named(connection: sqlite3.Connection, given: Arguments) -> sqlite3.Row | None:
    """Return the view that an input names; None for a new one."""
    identifier, name = given.text("id"), given.text("name")
    if identifier:
        found = views.by_id(connection, row_id("View", identifier))
        if found is None:
            raise RequestError(f"There is no view {identifier!r}.")
        return found
    project = projects.find(connection, *given.owner())
    if project is None or not name:
        return None
    return views.find(connection, project["id"], given.text("type") or views.REPORT, name)


def _insert(connection: sqlite3.Connection, given: Arguments, spec: str) -> int:
    entity, name = given.owner()
    project = projects.ensure(connection, checked_name(entity, "entity"), checked_name(name, "project"))
    kind = given.text("type") or views.REPORT
    return views.insert(connection, project["id"], kind, given.text("name") or uuid.uuid4().hex[:12], spec)


def delete_view(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Delete a view; one that is not there is an error, as it is for runs."""
    identifier = Arguments(input).required("id")
    number = row_id("View", identifier)

    def job(connection: sqlite3.Connection) -> None:
        if views.by_id(connection, number) is None:
            raise RequestError(f"There is no view {identifier!r}.")
        views.delete(connection, number)

    context.write(job)
    return {"success": True}
