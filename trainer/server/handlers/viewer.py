"""The one user, the one entity's shape, and what this server says about itself."""

from __future__ import annotations

from trainer.server.context import DEFAULT_ENTITY, RequestContext, storage_id

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

    def api_keys(self) -> dict[str, object]:
        """Return no keys: the key is never shown."""
        return {"edges": []}

    def teams(self) -> dict[str, object]:
        """Return the user's own entity, where the SDK looks for what the user may write to."""
        return {"edges": [{"node": EntityNode(DEFAULT_ENTITY)}]}

    def organizations(self) -> list[dict[str, object]]:
        """Return the one there is, which owns the registries."""
        return [EntityNode(DEFAULT_ENTITY).organization()]


class EntityNode:
    """An owner of projects. Any name will do."""

    is_team = False
    entity_type = "user"
    available = True
    read_only = False
    xxhash_digests_enabled = False

    def __init__(self, name: str) -> None:
        self.id = storage_id("Entity", 1) if name == DEFAULT_ENTITY else f"Entity:{name}"
        self.name = name

    def user(self) -> UserNode:
        """Return the owner."""
        return UserNode()

    def organization(self) -> dict[str, object]:
        """Return the organization of the same name: the SDK looks there for registries (0.31)."""
        return {"id": storage_id("Organization", 1), "name": self.name, "orgEntity": self}


def viewer(context: RequestContext) -> UserNode:
    """Return the owner of the key."""
    return UserNode()


def entity(context: RequestContext, name: str | None = None) -> EntityNode:
    """Return an entity."""
    return EntityNode(name or DEFAULT_ENTITY)


def organization(context: RequestContext, name: str | None = None) -> dict[str, object]:
    """Return an organization; any name will do."""
    return EntityNode(name or DEFAULT_ENTITY).organization()


def users(context: RequestContext, query: str | None = None) -> dict[str, object]:
    """Return the one user if the query fits."""
    found = query in (None, "", DEFAULT_ENTITY)
    return {"edges": [{"node": UserNode()}] if found else []}


def server_info(context: RequestContext) -> dict[str, object]:
    """Return what this server can do; it takes every version of the client."""
    return {
        "features": [{"name": name, "isEnabled": True} for name in FEATURES],
        "cliVersionInfo": {"max_cli_version": "999.0.0", "min_cli_version": "0.0.1"},
        "latestLocalVersionInfo": {"outOfDate": False, "latestVersionString": "", "versionOnThisInstanceString": ""},
    }
