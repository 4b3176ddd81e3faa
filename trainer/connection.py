"""Open a connection to the server that the settings name; the embedded one is started when it is not running."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from trainer.errors import ServerLostError
from trainer.server.data_folder import is_locked, read_record, resolve_folder
from trainer.server.lifecycle import ensure_running, find_running
from trainer.settings import Connection, ServerKind, Settings
from trainer.tracking.wandb_client import WandbClient


def connect(settings: Settings, on_client: Callable[[WandbClient], object] = lambda client: None) -> Connection:
    """Return a connection to a server that has answered and accepted the key.

    Args:
        settings: Which server.
        on_client: Told of whoever asks it: closing that ends the wait.

    Raises:
        ServerLostError: If the server does not answer, or the embedded one does not start.
        AuthenticationError: If the server refuses the key.
    """
    if settings.kind is ServerKind.EMBEDDED:
        address = ensure_running()
        # The embedded server has one owner, so an entity meant for a cloud account does not apply.
        return _identified(
            Connection(
                ServerKind.EMBEDDED, address.base_url, address.api_key, "", settings.project, resolve_folder(None)
            ),
            entity=None,
            on_client=on_client,
        )
    running = find_running()
    if running is not None and running.base_url == settings.base_url:
        # `sweep-tui env` was evaluated in this shell: a URL by name, the embedded server by nature.
        named = Connection(
            ServerKind.EMBEDDED, settings.base_url, settings.api_key, "", settings.project, resolve_folder(None)
        )
        return _identified(named, None, on_client)
    named = Connection(settings.kind, settings.base_url, settings.api_key, "", settings.project)
    return _identified(named, settings.entity, on_client)


def revive(connection: Connection) -> None:
    """Start the embedded server of a connection again if it has ended; any other server is not ours to start.

    It comes back on its old port with everything it had acknowledged, so that clients only have to try again.

    Raises:
        ServerLostError: If it does not start, or its port was taken by something else.
    """
    if connection.kind is not ServerKind.EMBEDDED:
        return
    folder = resolve_folder(None)
    record = read_record(folder) if is_locked(folder) else None
    # Where its process is there and does not answer, there is nothing to start; and no use in waiting here.
    base_url = record.base_url if record is not None else ensure_running().base_url
    if base_url != connection.base_url:
        raise ServerLostError(
            f"The embedded server moved from {connection.base_url} to {base_url}.",
            hint="Open the sweep again to follow it there.",
        )


def _identified(
    connection: Connection, entity: str | None, on_client: Callable[[WandbClient], object] = lambda client: None
) -> Connection:
    """Ask the server who owns the key, which also proves that it answers and accepts it."""
    client = WandbClient(connection)
    on_client(client)
    owner = client.default_entity()
    return dataclasses.replace(connection, entity=entity or owner)
