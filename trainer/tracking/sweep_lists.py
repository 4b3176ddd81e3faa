"""SweepLists: the sweeps of an entity, page by page, or what changed, over W&B's protocol. Part of `WandbClient`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from trainer.errors import NotFoundError, ServerError
from trainer.records import SweepRecord
from trainer.settings import Connection
from trainer.tracking import documents
from trainer.tracking.transport import GraphQLTransport

FILTERS_SWEEPS = "SWEEPS_QUERY_FILTERING"
"""What servers from 0.81.4 on say of themselves that take filters of sweeps (SDK 0.31, apis/public/sweeps.py)."""
_FIRST_PROJECTS = 4
"""Projects of the first page: few, so that something is shown at once. Each page has three times as many."""
_MOST_PROJECTS = 50
_PER_PROJECT = 100
_PER_PAGE = 200
_MOST_ALIVE = 500
"""Sweeps asked for by name at most; with more of them everything is read."""
_EPOCH = datetime.min.replace(tzinfo=UTC)


class SweepLists:
    """Lists sweeps."""

    connection: Connection
    _transport: GraphQLTransport
    _takes_filters: bool | None = None
    """Whether the server takes filters of sweeps; None before it was asked."""

    def _sweep(self, node: Mapping[str, Any], project: str, entity: str | None = None) -> SweepRecord:
        raise NotImplementedError

    def _missing(self, what: str) -> NotFoundError:
        raise NotImplementedError

    def server_features(self) -> frozenset[str]:
        """Return the names of the newer parts of the protocol that the server speaks."""
        raise NotImplementedError

    def list_sweeps(
        self, project: str | None = None, limit: int | None = 200, *, entity: str | None = None
    ) -> list[SweepRecord]:
        """Return sweeps of an entity (None: the connection's), newest first, of one project or (None) of all."""
        found = [sweep for page in self.sweep_pages(project, entity=entity) for sweep in page]
        return newest_first(found)[:limit]

    def sweep_pages(self, project: str | None = None, *, entity: str | None = None) -> Iterator[list[SweepRecord]]:
        """Yield sweeps of an entity (None: the connection's) as they are read, of one project or (None) of all."""
        owner = entity or self.connection.entity
        unread: list[tuple[str, str | None]] = [(project, None)] if project else []
        cursor, count = None, _FIRST_PROJECTS
        while project is None:
            variables = {"entity": owner, "cursor": cursor, "perPage": count, "sweepsPerProject": _PER_PROJECT}
            models = self._transport.execute(documents.LIST_SWEEPS, variables).get("models") or {}
            page: list[SweepRecord] = []
            for edge in models.get("edges") or ():
                name, sweeps = str(edge["node"].get("name")), edge["node"].get("sweeps") or {}
                page += [self._sweep(each["node"], name, owner) for each in sweeps.get("edges") or ()]
                if more := _next(sweeps):
                    unread.append((name, more))
            yield page
            cursor, count = _next(models), min(count * 3, _MOST_PROJECTS)
            if not cursor:
                break
        for name, start in unread:
            yield from self._project_pages(owner, name, start)

    def _project_pages(self, owner: str, name: str, start: str | None) -> Iterator[list[SweepRecord]]:
        cursor = start
        while True:
            variables = {"entity": owner, "project": name, "perPage": _PER_PAGE, "cursor": cursor}
            found = self._transport.execute(documents.LIST_PROJECT_SWEEPS, variables).get("project")
            if found is None:
                raise self._missing(f"project {owner}/{name}")
            sweeps = found.get("sweeps") or {}
            yield [self._sweep(edge["node"], name, owner) for edge in sweeps.get("edges") or ()]
            cursor = _next(sweeps)
            if not cursor:
                return

    def changed_sweeps(self, known: Sequence[SweepRecord], project: str | None = None) -> list[SweepRecord] | None:
        """Return sweeps with what is new, newest first, in one request; None where that takes reading all of them.

        What may have changed are those that had not ended, and those made since. What happens to others (a run is added
        to a sweep that has ended, one is deleted) only the whole list tells.

        Args:
            known: The sweeps as they were, newest first.
            project: The project they are of; None for all.
        """
        alive = [sweep for sweep in known if not sweep.state.is_terminal]
        newest = next((sweep.created_at for sweep in known if sweep.created_at is not None), None)
        if newest is None or len(alive) > _MOST_ALIVE or not self._filters_sweeps():
            return None
        since = (newest - timedelta(seconds=1)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        names = [sweep.reference.id for sweep in alive]
        wanted = json.dumps({"$or": [{"createdAt": {"$gte": since}}, {"name": {"$in": names}}]})
        variables = {"entity": self.connection.entity, "perPage": _PER_PAGE, "filters": wanted}
        if project:
            document, path = documents.LIST_CHANGED_PROJECT_SWEEPS, "project"
        else:
            document, path = documents.LIST_CHANGED_SWEEPS, "models"
        try:
            data = self._transport.execute(document, {**variables, "project": project} if project else variables)
        except NotFoundError:
            raise
        except ServerError:
            # It takes filters, but not these.
            self._takes_filters = False
            return None
        found = data.get(path) or {}
        nodes = [found] if project else [edge["node"] for edge in found.get("edges") or ()]
        if _next(found) or any(_next(node.get("sweeps") or {}) for node in nodes):
            return None
        news = {
            sweep.reference: sweep
            for node in nodes
            for edge in (node.get("sweeps") or {}).get("edges") or ()
            for sweep in [self._sweep(edge["node"], str(node.get("name")))]
        }
        # Who had not ended and is not named any more is gone.
        stayed = [sweep for sweep in known if sweep.state.is_terminal and sweep.reference not in news]
        return newest_first([*news.values(), *stayed])

    def _filters_sweeps(self) -> bool:
        if self._takes_filters is None:
            self._takes_filters = FILTERS_SWEEPS in self.server_features()
        return self._takes_filters


def newest_first(sweeps: Sequence[SweepRecord]) -> list[SweepRecord]:
    """Return sweeps in the order of a list."""
    return sorted(sweeps, key=lambda sweep: sweep.created_at or _EPOCH, reverse=True)


def _next(connection: Mapping[str, Any]) -> str | None:
    info = connection.get("pageInfo") or {}
    return str(info["endCursor"]) if info.get("hasNextPage") and info.get("endCursor") else None
