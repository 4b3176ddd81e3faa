"""Projects: lookup, listing, and the doors from a project to its runs, sweeps and artifacts."""

from __future__ import annotations

import sqlite3

from trainer.server.context import (
    DEFAULT_ENTITY,
    DEFAULT_PROJECT,
    Arguments,
    RequestContext,
    RequestError,
    iso_time,
    row_id,
    storage_id,
)
from trainer.server.deletion import free_deleted_projects
from trainer.server.handlers.artifact_lists import ArtifactReads
from trainer.server.handlers.run_lists import run_connection, run_total
from trainer.server.handlers.run_node import RunNode
from trainer.server.handlers.sweep_node import SweepNode, sweep_connection
from trainer.server.handlers.viewer import EntityNode, UserNode
from trainer.server.pages import connection_of, cursor_of, page_size, read_cursor
from trainer.server.tables import projects, runs, sweeps
from trainer.server.vacuum import vacuum


class ProjectNode(ArtifactReads):
    """A project."""

    is_benchmark = False
    read_only = False
    access = "PRIVATE"
    views = "{}"
    triggers: tuple[object, ...] = ()

    def __init__(self, context: RequestContext, row: sqlite3.Row) -> None:
        super().__init__(context, int(row["id"]))
        self._context = context
        self._row_id = int(row["id"])
        self.id = storage_id("Project", self._row_id)
        self.internal_id = str(self._row_id)
        self.name = row["name"]
        self.entity_name = row["entity"]
        self.description = row["description"]
        self.created_at = self.updated_at = iso_time(row["created_at"])

    def entity(self) -> EntityNode:
        """Return the owner."""
        return EntityNode(self._context, self.entity_name)

    def user(self) -> UserNode:
        """Return the user who made it."""
        return UserNode(self._context)

    def run_count(self, filters: str | None = None) -> int:
        """Return how many runs match."""
        return run_total(self._context, self._row_id, filters)

    def runs(
        self,
        filters: str | None = None,
        order: str | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> dict[str, object]:
        """Return runs that match, a page of them."""
        return run_connection(self._context, self._row_id, filters, order, first, after)

    def run(self, name: str | None = None) -> RunNode | None:
        """Return a run by its short id."""
        row = runs.find(self._context.connection, self._row_id, name or "")
        return None if row is None else RunNode(self._context, row)

    def bucket(self, name: str | None = None, missing_ok: bool = True) -> RunNode | None:
        """Return a run by its short id, for a client that is about to resume it.

        wandb asks this way only with `resume=` (SDK 0.31, RunResumeStatus); the upsert that follows continues the run.
        """
        row = runs.find(self._context.connection, self._row_id, name or "")
        if row is not None:
            number = int(row["id"])
            self._context.write(lambda connection: runs.mark_resuming(connection, number))
        return None if row is None else RunNode(self._context, row)

    def total_sweeps(self) -> int:
        """Return how many sweeps there are."""
        return sweeps.count(self._context.connection, self._row_id)

    def sweeps(
        self, filters: str | None = None, first: int | None = None, after: str | None = None
    ) -> dict[str, object]:
        """Return sweeps, newest first."""
        return sweep_connection(self._context, self._row_id, filters, first, after)

    def sweep(self, sweep_name: str | None = None) -> SweepNode | None:
        """Return a sweep by its short id."""
        row = sweeps.find(self._context.connection, self._row_id, sweep_name or "")
        return None if row is None else SweepNode(self._context, row)

    def all_views(
        self,
        first: int | None = None,
        after: str | None = None,
        view_type: str | None = None,
        view_name: str | None = None,
    ) -> dict[str, object]:
        """Return reports or workspaces, newest first."""
        from trainer.server.handlers.views import view_connection  # views lead to projects and back

        return view_connection(self._context, self._row_id, view_type, view_name, first, after)


def project(context: RequestContext, name: str | None = None, entity_name: str | None = None) -> ProjectNode | None:
    """Return a project, or null."""
    row = projects.find(context.connection, entity_name or DEFAULT_ENTITY, name or DEFAULT_PROJECT)
    return None if row is None else ProjectNode(context, row)


def project_list(
    context: RequestContext, entity_name: str | None = None, first: int | None = None, after: str | None = None
) -> dict[str, object]:
    """Return the projects of an entity, newest first."""
    size = page_size(first)
    before = read_cursor(after)[1] if after else None
    rows = projects.page(context.connection, entity_name or DEFAULT_ENTITY, size + 1, before)
    return connection_of(rows, size, lambda row: ProjectNode(context, row), lambda row: cursor_of(None, row["id"]))


def upsert_model(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Create or describe a project."""
    given = Arguments(input)

    def job(connection: sqlite3.Connection) -> tuple[sqlite3.Row, bool]:
        identifier, name = given.text("id"), given.text("name")
        if identifier and not name:
            found = projects.by_id(connection, row_id("Project", identifier))
            if found is None:
                raise RequestError(f"There is no project {identifier!r}.")
            inserted = False
        else:
            entity = given.text("entityName") or DEFAULT_ENTITY
            checked = checked_name(name or DEFAULT_PROJECT, "project")
            inserted = projects.find(connection, entity, checked) is None
            found = projects.ensure(connection, checked_name(entity, "entity"), checked)
        description = given.text("description")
        if description is not None:
            projects.describe(connection, found["id"], description)
            found = projects.by_id(connection, found["id"]) or found
        return found, inserted

    row, inserted = context.write(job)
    node = ProjectNode(context, row)
    return {"model": node, "project": node, "inserted": inserted}


def delete_model(context: RequestContext, input: dict[str, object]) -> dict[str, object]:  # noqa: A002
    """Delete a project with its runs, sweeps, artifacts and files, and wait until all of it is freed."""
    identifier = Arguments(input).required("id")
    project_id = row_id("Project", identifier)

    def job(connection: sqlite3.Connection) -> None:
        if projects.by_id(connection, project_id) is None:
            raise RequestError(f"There is no project {identifier!r}.")
        projects.hide(connection, project_id)

    context.write(job)
    free_deleted_projects(context.store, context.files_dir)
    return {"success": True, "clientMutationId": None}


def vacuum_server(context: RequestContext) -> dict[str, object]:
    """Give the space of what was deleted back to the disk. An operation of ours: W&B has none."""
    before, after = vacuum(context.store, context.files_dir)
    return {"bytesBefore": before, "bytesAfter": after}


def checked_name(name: str, what: str) -> str:
    """Return a name that may stand in an address.

    Raises:
        RequestError: If it is empty, too long, or holds a character that W&B forbids in names.
    """
    if not name or len(name) > 128 or any(character in "/\\#?%:" or ord(character) < 32 for character in name):
        raise RequestError(
            f"{name[:60]!r} cannot name a {what}: use 1 to 128 characters, none of / \\ # ? % : or control characters."
        )
    return name
