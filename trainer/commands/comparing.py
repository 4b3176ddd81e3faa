"""`compare`: sweeps side by side."""

from __future__ import annotations

from pathlib import Path

import click

from trainer.atomic_file import write_text_atomically
from trainer.commands.options import find_several, narrate, server_options
from trainer.settings import resolve_settings


@click.command(short_help="Put sweeps side by side: result, search, space, best configuration.")
@click.argument("sweeps", nargs=-1, required=True, metavar="SWEEP SWEEP...")
@click.option(
    "--format", "output_format", type=click.Choice(["table", "json", "md"]), default="table", show_default=True
)
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@server_options
def compare(
    sweeps: tuple[str, ...],
    output_format: str,
    output: Path | None,
    server: str | None,
    entity: str | None,
    project: str | None,
) -> int:
    """Put two sweeps or more side by side: what came of them, how they search, where their spaces differ.

    Each is judged by its own metric. Changes nothing.
    """
    from trainer.sweep_comparison import SweepWithRuns, render_comparison

    if len(sweeps) < 2:
        raise click.UsageError("Name two sweeps or more.")
    client, records = find_several(sweeps, resolve_settings(server, entity, project))
    found = [SweepWithRuns(record, client.read_runs(record, record.metric)) for record in records]
    text = render_comparison(found, output_format, 0 if output else None)
    if output is None:
        click.echo(text)
    else:
        write_text_atomically(output, text + "\n")
        narrate(f"Written to {output}.")
    return 0
