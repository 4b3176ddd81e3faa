"""`leaderboard` and `best`: what a sweep has found."""

from __future__ import annotations

import click

from trainer.commands.options import LEADERBOARD_ROWS, find_sweep, server_options
from trainer.settings import resolve_settings


@click.command()
@click.argument("sweep")
@click.option("--top", type=click.IntRange(1), help="Runs to show; without it 10 in a table, all in other formats.")
@click.option("--metric", help="Rank by this metric instead of the sweep's; needs no goal when it is the same.")
@click.option("--goal", type=click.Choice(["minimize", "maximize"]), help="Which direction of --metric is better.")
@click.option("--by", type=click.Choice(["last", "best"]), default="best", show_default=True, help="Which value ranks.")
@click.option(
    "--format", "output_format", type=click.Choice(["table", "json", "csv", "md"]), default="table", show_default=True
)
@server_options
def leaderboard(
    sweep: str,
    top: int | None,
    metric: str | None,
    goal: str | None,
    by: str,
    output_format: str,
    server: str | None,
    entity: str | None,
    project: str | None,
) -> int:
    """Show the best runs of SWEEP."""
    from trainer.tracking.leaderboard import ranking_metric, render_leaderboard

    _, client, record = find_sweep(sweep, resolve_settings(server, entity, project))
    ranked_by = ranking_metric(record, metric, goal)
    if top is None and output_format == "table":
        top = LEADERBOARD_ROWS
    runs = client.read_runs(record, ranked_by if by == "best" else None)
    click.echo(render_leaderboard(record, runs, metric=ranked_by, by=by, top=top, output_format=output_format))
    return 0


@click.command()
@click.argument("sweep")
@click.option("--by", type=click.Choice(["last", "best"]), default="best", show_default=True, help="Which value ranks.")
@click.option(
    "--format", "output_format", type=click.Choice(["yaml", "args", "json"]), default="yaml", show_default=True
)
@server_options
def best(sweep: str, by: str, output_format: str, server: str | None, entity: str | None, project: str | None) -> int:
    """Print the best configuration of SWEEP, ready to paste."""
    from trainer.tracking.leaderboard import ranking_metric, render_best

    _, client, record = find_sweep(sweep, resolve_settings(server, entity, project))
    ranked_by = ranking_metric(record, None, None)
    runs = client.read_runs(record, ranked_by if by == "best" else None)
    click.echo(render_best(record, runs, by=by, output_format=output_format))
    return 0
