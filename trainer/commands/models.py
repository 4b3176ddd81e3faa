"""`promote` and `fetch-best`: what becomes of the best model of a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from trainer.commands.options import find_readable, find_sweep, narrate, server_options
from trainer.settings import resolve_settings

if TYPE_CHECKING:
    from trainer.records import Ranking

_BY = click.option(
    "--by", type=click.Choice(["last", "best"]), default="best", show_default=True, help="Which value ranks the runs."
)


@click.command(short_help="Give the best model of SWEEP the alias `production`.")
@click.argument("sweep")
@click.option("--alias", default="production", show_default=True, help="The alias it gets beside `best`.")
@click.option(
    "--registry", metavar="COLLECTION", help="Show it in this collection of the organization's registry of models, too."
)
@_BY
@server_options
def promote(
    sweep: str,
    alias: str,
    registry: str | None,
    by: str,
    server: str | None,
    entity: str | None,
    project: str | None,
) -> int:
    """Give the model of SWEEP's best run the aliases `best` and `production`; its collection's others lose them."""
    from trainer.tracking.best_model import find_best_model, mark_best
    from trainer.tracking.leaderboard import ranking_metric

    _, client, record = find_sweep(sweep, resolve_settings(server, entity, project))
    metric = ranking_metric(record)
    runs = client.read_runs(record, metric)
    model = find_best_model(client, record, runs, metric, cast("Ranking", by))
    narrate(model.words())
    for changed in mark_best(client, record, runs, model, alias) or ["Nothing to change: it has these aliases."]:
        narrate(changed)
    if registry:
        owner, where = record.reference.entity, record.reference.project
        narrate(f"In the registry: {client.link_to_registry(owner, where, model.artifact, registry, (alias,))}")
    click.echo(f"{record.reference.entity}/{record.reference.project}/{model.artifact.name}")
    return 0


@click.command(name="fetch-best", short_help="Download the best model of SWEEP and its configuration.")
@click.argument("sweep")
@click.option(
    "--output", "-o", type=click.Path(file_okay=False, path_type=Path), help="The folder; best-ID unless given."
)
@click.option("--force", is_flag=True, help="Replace files of these names that are others.")
@_BY
@server_options
def fetch_best(
    sweep: str,
    output: Path | None,
    force: bool,
    by: str,
    server: str | None,
    entity: str | None,
    project: str | None,
) -> int:
    """Download the model of SWEEP's best run, its configuration (config.yaml) and what it is (model.json)."""
    from trainer.best_model import fetch_model
    from trainer.tracking.best_model import find_best_model
    from trainer.tracking.leaderboard import ranking_metric

    client, record = find_readable(sweep, server, entity, project)
    metric = ranking_metric(record)
    model = find_best_model(client, record, client.read_runs(record, metric), metric, cast("Ranking", by))
    narrate(model.words())
    folder = output or Path(f"best-{record.reference.id}")
    for path in fetch_model(client, record, model, folder, replace=force, tell=narrate):
        click.echo(path)
    return 0
