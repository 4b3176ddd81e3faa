"""The one user, the one entity's shape, and what this server says about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.server.context import DEFAULT_ENTITY, RequestContext, storage_id
from trainer.server.pages import connection_of
from trainer.server.tables import files

if TYPE_CHECKING:
    from trainer.server.handlers.projects import ProjectNode

FEATURES = (
    "SWEEPS_LOCAL_SCHEDULER",
    "SWEEPS_QUERY_FILTERING",
    "FILESTREAM_GZIP",
    "MARK_RUN_FILES_UPLOADED",
    "TOTAL_COUNT_IN_FILE_CONNECTION",
    "ARTIFACT_MEMBERSHIP_IN_LINK_ARTIFACT_RESPONSE",
)
"""Newer parts of the protocol that this server speaks (names of SDK 0.31's enum ServerFeature)."""


class UserNode:
    """The owner of the API key."""

    id = storage_id("User", 1)
    name = DEFAULT_ENTITY
    username = DEFAULT_ENTITY
    email = ""
    admin = False
    flags = "{}"
    entity = DEFAULT_ENTITY
    deleted_at = None

    def __init__(self, context: RequestContext) -> None:
        self._context = context

    def api_keys(self) -> dict[str, object]:
        """Return no keys: the key is never shown."""
        return {"edges": []}

    def teams(self) -> dict[str, object]:
        """Return the user's own entity, where the SDK looks for what the user may write to."""
        return {"edges": [{"node": EntityNode(self._context, DEFAULT_ENTITY)}]}

    def projects(self, first: int | None = None, after: str | None = None) -> dict[str, object]:
        """Return the user's projects, newest first."""
        return EntityNode(self._context, DEFAULT_ENTITY).projects(first, after)

    def organizations(self) -> list[dict[str, object]]:
        """Return the one there is, which owns the registries."""
        return [EntityNode(self._context, DEFAULT_ENTITY).organization()]


class EntityNode:
    """An owner of projects. Any name will do."""

    is_team = False
    entity_type = "user"
    available = True
    read_only = read_only_admin = False
    xxhash_digests_enabled = False
    private_only = True
    default_access = "PRIVATE"
    code_saving_enabled = True
    is_paid = False

    def __init__(self, context: RequestContext, name: str) -> None:
        self._context = context
        self.id = storage_id("Entity", 1) if name == DEFAULT_ENTITY else f"Entity:{name}"
        self.name = name

    def user(self) -> UserNode:
        """Return the owner."""
        return UserNode(self._context)

    def storage_bytes(self) -> int:
        """Return the bytes of all uploaded files; the SDK wants a number (SDK 0.31, GetTeamEntity)."""
        return files.stored_bytes(self._context.connection)

    def members(self) -> list[dict[str, object]]:
        """Return the one user: a team here is a name under which that user keeps projects."""
        one = {"id": UserNode.id, "name": UserNode.name, "username": UserNode.username, "email": UserNode.email}
        return [{**one, "admin": True, "pending": False, "accountType": "MEMBER"}]

    def integrations(self, **_: object) -> dict[str, object]:
        """Return no Slack channels or webhooks."""
        return connection_of([], 0, lambda row: row, str)

    def triggers(self, **_: object) -> dict[str, object]:
        """Return no automations."""
        return connection_of([], 0, lambda row: row, str)

    def project(self, name: str | None = None) -> ProjectNode | None:
        """Return a project of the entity, or null."""
        from trainer.server.handlers.projects import project  # projects lead to entities and back

        return project(self._context, name, self.name)

    def projects(self, first: int | None = None, after: str | None = None) -> dict[str, object]:
        """Return the projects of the entity, newest first."""
        from trainer.server.handlers.projects import project_list  # projects lead to entities and back

        return project_list(self._context, self.name, first, after)

    def organization(self) -> dict[str, object]:
        """Return the organization of the same name: the SDK looks there for registries (0.31)."""
        owner = EntityNode(self._context, self.name)
        owner.entity_type = "organization"
        return {"id": storage_id("Organization", 1), "name": self.name, "orgEntity": owner}


def viewer(context: RequestContext) -> UserNode:
    """Return the owner of the key."""
    return UserNode(context)


def entity(context: RequestContext, name: str | None = None) -> EntityNode:
    """Return an entity."""
    return EntityNode(context, name or DEFAULT_ENTITY)


def organization(context: RequestContext, name: str | None = None) -> dict[str, object]:
    """Return an organization; any name will do."""
    return EntityNode(context, name or DEFAULT_ENTITY).organization()


def users(context: RequestContext, query: str | None = None) -> dict[str, object]:
    """Return the one user if the query is the beginning or the end of the name."""
    found = DEFAULT_ENTITY.startswith(query or "") or DEFAULT_ENTITY.endswith(query or "")
    return {"edges": [{"node": UserNode(context)}] if found else []}


def server_info(context: RequestContext) -> dict[str, object]:
    """Return what this server can do; it takes every version of the client."""
    return {
        "features": [{"name": name, "isEnabled": True} for name in FEATURES],
        "cliVersionInfo": {"max_cli_version": "999.0.0", "min_cli_version": "0.0.1"},
        "latestLocalVersionInfo": {"outOfDate": False, "latestVersionString": "", "versionOnThisInstanceString": ""},
    }
