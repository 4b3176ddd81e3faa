"""Which servers and places an app can turn to, and the sweeps there: a part of `Session`. Every method blocks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trainer.errors import NotFoundError, ServerLostError
from trainer.records import SweepRecord
from trainer.settings import Connection, ServerKind, Settings

if TYPE_CHECKING:
    from trainer.tracking.client import TrackingClient


class ServerChoice:
    """Lists servers, logs in to one; lists entities, projects and sweeps of the server one is at."""

    settings: Settings
    _connection: Connection | None

    def connect(self) -> Connection:
        """Connect unless connected already."""
        raise NotImplementedError

    @property
    def client(self) -> TrackingClient:
        """The client of the connection; blocks like `connect` on first use."""
        raise NotImplementedError

    def list_sweeps(self) -> list[SweepRecord]:
        """Return the sweeps of the project, or of all projects, newest first; blocks.

        When the embedded server is gone, it is started again.

        Raises:
            ServerLostError: If the server does not answer.
        """
        with self._listing():
            return self.client.list_sweeps(self.settings.project, limit=None)
        return []

    def sweep_pages(self) -> Iterator[list[SweepRecord]]:
        """Yield the sweeps that `list_sweeps` returns as they are read, in no order; blocks.

        Raises:
            ServerLostError: If the server does not answer.
        """
        with self._listing():
            yield from self.client.sweep_pages(self.settings.project)

    def changed_sweeps(self, known: Sequence[SweepRecord]) -> list[SweepRecord] | None:
        """Return the sweeps, newest first, with what is new; None where that takes reading all of them; blocks.

        Raises:
            ServerLostError: If the server does not answer.
        """
        with self._listing():
            return self.client.changed_sweeps(known, self.settings.project)
        return []

    @contextmanager
    def _listing(self) -> Iterator[None]:
        try:
            yield
        except NotFoundError:
            if self.settings.project is None:
                raise
            # A new name: the first sweep that is launched makes the project.
        except ServerLostError:
            from trainer.connection import revive

            revive(self.connect())
            raise

    def servers_at_hand(self) -> dict[str, Settings]:
        """Return the servers that need no other login, by a word for each; that of the app comes first."""
        from trainer.login import servers_at_hand

        return servers_at_hand(self.settings)

    def log_in(self, server: str, key: str) -> tuple[Settings, str]:
        """Check a key with a server, have wandb store it, and return the server's settings and the key's owner.

        Raises:
            InputError, AuthenticationError, ServerError: If that cannot be.
        """
        from trainer.login import log_in

        return log_in(server, key)

    @property
    def place(self) -> str:
        """Entity and project that one is at, in short; empty for all projects of the key's owner."""
        settings = self.settings
        entity = "" if settings.kind is ServerKind.EMBEDDED else settings.entity or ""
        return "/".join(part for part in (entity, settings.project or ("all projects" if entity else "")) if part)

    @property
    def entity(self) -> str:
        """Whose sweeps these are; empty while the server has not told."""
        return self._connection.entity if self._connection is not None else self.settings.entity or ""

    def entities(self) -> list[str]:
        """Return the entities of the key's owner, the one that is looked at first; blocks."""
        from trainer.tracking.account import Account

        connection = self.connect()
        return list(dict.fromkeys([connection.entity, *Account(connection).entities()]))

    def project_pages(self, entity: str) -> Iterator[list[str]]:
        """Yield the projects of an entity, the newest first; blocks before each part."""
        from trainer.tracking.account import Account

        return Account(self.connect()).project_pages(entity)

    def settings_at(self, entity: str | None, project: str | None) -> Settings:
        """Return the settings of another place on this server, and keep it for the next time; blocks."""
        from trainer.servers_file import remember_place

        chosen = dataclasses.replace(self.settings, entity=entity, project=project)
        remember_place(chosen)
        return chosen
