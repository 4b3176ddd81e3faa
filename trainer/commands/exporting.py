"""`export`: a sweep file in other forms. Creates nothing, contacts nobody."""

from __future__ import annotations

from pathlib import Path

import click

from trainer.commands.options import server_options
from trainer.commands.planning import load_clean


@click.command(short_help="Print FILE as `wandb` commands, Python or YAML.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--as",
    "form",
    type=click.Choice(["wandb", "python", "yaml", "run"]),
    default="wandb",
    show_default=True,
    help="Shell commands with `wandb sweep`, Python with `wandb.sweep`, YAML, or `sweep-tui run` with the sweep in it.",
)
@click.option("--agents", "-a", type=click.IntRange(1, 256), help="Agents that the commands start; 1 unless given.")
@server_options
def export(
    file: Path, form: str, agents: int | None, server: str | None, entity: str | None, project: str | None
) -> int:
    """Print the sweep of FILE as something that creates it elsewhere. Creates nothing itself, contacts nobody."""
    from trainer.settings import resolve_settings
    from trainer.sweep.config import load_sweep_file
    from trainer.sweep.exports import ExportTarget, as_python, as_run_command, as_wandb_commands, as_yaml

    config = load_clean(file)
    if form == "yaml":
        click.echo(as_yaml(config), nl=False)
        return 0
    settings = resolve_settings(server, entity, project)
    target = ExportTarget(settings.kind, settings.base_url, settings.project, settings.entity, agents or 1)
    if form == "python":
        click.echo(as_python(config, target), nl=False)
        return 0
    text = load_sweep_file(file).text
    if form == "wandb":
        click.echo(as_wandb_commands(config, target, text=text), nl=False)
        return 0
    given = (
        ("--agents", str(agents) if agents else None), ("--server", server), ("--entity", entity),
        ("--project", project),
    )  # fmt: skip
    options = [word for name, value in given if value for word in (name, value)]
    click.echo(as_run_command(config, options, text=text), nl=False)
    return 0
