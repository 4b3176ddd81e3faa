"""`serve` and `env`: the embedded server in the foreground, and any tool pointed at a server."""

from __future__ import annotations

import dataclasses
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trainer.commands.options import connected, narrate, server_options
from trainer.settings import Connection, ServerKind, resolve_settings

if TYPE_CHECKING:
    from trainer.server.lifecycle import ServerAddress


@click.command(short_help="Run the embedded W&B server in the foreground.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on; default: the last one used.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the server's database, files and key.")
@click.option("--host", metavar="ADDRESS", help="Address to listen on; default: 127.0.0.1, for this machine only.")
@click.option(
    "--allowed-host", "allowed_hosts", metavar="NAME", multiple=True, help="A name to answer to; can be repeated."
)
def serve(port: int | None, data_dir: Path | None, host: str | None, allowed_hosts: tuple[str, ...]) -> int:
    """Run the embedded W&B server in the foreground until Ctrl-C."""
    from trainer.server.data_folder import prepare_folder
    from trainer.server.lifecycle import serve_foreground
    from trainer.server.log_file import log_to

    log_to(prepare_folder(data_dir), on_terminal=True)
    serve_foreground(
        port,
        data_dir,
        host=host,
        allowed_hosts=allowed_hosts,
        on_ready=lambda address: _say_ready(address, data_dir),
    )
    narrate("The server has ended.")
    return 0


def _say_ready(address: ServerAddress, data_dir: Path | None) -> None:
    narrate(f"Server: embedded server {address.base_url}, until Ctrl-C")
    if address.is_open:
        narrate(
            "WARNING: other machines can reach this server. It speaks plain HTTP: who listens on the network learns"
            " the key, and who has the key can read, change and delete everything. Use a network you trust, or a"
            " tunnel (`ssh -L`) to a server on 127.0.0.1."
        )
    where = "" if data_dir is None else f" --data-dir {shlex.quote(str(data_dir))}"
    narrate(f'Elsewhere: eval "$(sweep-tui env{where})" points any W&B tool at it.')


@click.command(short_help="Print `export` lines for any W&B tool.")
@server_options
@click.option("--data-dir", type=click.Path(path_type=Path), help="The embedded server of this data folder.")
def env(server: str | None, entity: str | None, project: str | None, data_dir: Path | None) -> int:
    """Print `export` lines that point any W&B tool at the server: eval "$(sweep-tui env)".

    The key of the embedded server, which opens nothing else, is in them. That of another server is not: it stays in the
    environment or in netrc, where W&B's tools find it.
    """
    if data_dir is None:
        connection, _ = connected(resolve_settings(server, entity, project))
    else:
        connection = _connected_to(data_dir, project)
    for name, value in connection.environ().items():
        if name != "WANDB_API_KEY":
            click.echo(f"export {name}={shlex.quote(value)}")
        elif os.environ.get(name) != value:
            # One in the environment is another server's, and would go before the one in netrc.
            own = connection.kind is ServerKind.EMBEDDED
            click.echo(f"export {name}={shlex.quote(value)}" if own else f"unset {name}")
    if connection.kind is ServerKind.EMBEDDED:
        # Metrics each second instead of each fifteen, and no telemetry probes: this server is on the same machine.
        click.echo("export WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL=1")
        click.echo("export WANDB_ERROR_REPORTING=false")
    return 0


def _connected_to(data_dir: Path, project: str | None) -> Connection:
    """Connect to the embedded server of a data folder; start it if it does not run."""
    from trainer.server.lifecycle import ensure_running
    from trainer.tracking.wandb_client import WandbClient

    address = ensure_running(data_dir)
    connection = Connection(ServerKind.EMBEDDED, address.base_url, address.api_key, "", project)
    narrate(f"Server: {connection.label}")
    return dataclasses.replace(connection, entity=WandbClient(connection).default_entity())
