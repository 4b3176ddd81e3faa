"""`serve` and `env`: the embedded server in the foreground, and any tool pointed at a server."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trainer.commands.options import connected, narrate, server_options
from trainer.settings import ServerKind, resolve_settings

if TYPE_CHECKING:
    from trainer.server.lifecycle import ServerAddress


@click.command(short_help="Run the embedded W&B server in the foreground.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port on 127.0.0.1; default: the last one used.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the server's database, files and key.")
def serve(port: int | None, data_dir: Path | None) -> int:
    """Run the embedded W&B server in the foreground until Ctrl-C."""
    from trainer.server.lifecycle import serve_foreground

    serve_foreground(port, data_dir, on_ready=_say_ready)
    return 0


def _say_ready(address: ServerAddress) -> None:
    narrate(f"Server: embedded server {address.base_url}, until Ctrl-C")
    narrate('Elsewhere: eval "$(sweep-tui env)" points any W&B tool at it.')


@click.command(short_help="Print `export` lines for any W&B tool.")
@server_options
def env(server: str | None, entity: str | None, project: str | None) -> int:
    """Print `export` lines that point any W&B tool at the server: eval "$(sweep-tui env)"."""
    connection, _ = connected(resolve_settings(server, entity, project))
    for name, value in connection.environ().items():
        click.echo(f"export {name}={shlex.quote(value)}")
    if connection.kind is ServerKind.EMBEDDED:
        # Metrics each second instead of each fifteen, and no telemetry probes: this server is on the same machine.
        click.echo("export WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL=1")
        click.echo("export WANDB_ERROR_REPORTING=false")
    return 0
