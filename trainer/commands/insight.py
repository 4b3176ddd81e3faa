"""`insight`: what the runs of a sweep say, in numbers: what matters, what is chance, what could have been saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from trainer.commands.options import find_readable, server_options
from trainer.errors import InputError

if TYPE_CHECKING:
    from trainer.insight.text import InsightFormat
    from trainer.records import Goal, Metric, Ranking


@click.command(short_help="Say what the runs of SWEEP show: what matters, what is chance, what could be saved.")
@click.argument("sweep")
@click.option("--metric", help="Judge by this metric instead of the sweep's; needs no goal when it is the same.")
@click.option("--goal", type=click.Choice(["minimize", "maximize"]), help="Which direction of --metric is better.")
@click.option(
    "--by", type=click.Choice(["last", "best"]), default="best", show_default=True, help="Which value counts."
)
@click.option(
    "--group", "-g", "group_keys", multiple=True, metavar="KEY", help="Also the mean of the runs by this key."
)
@click.option(
    "--against", multiple=True, metavar="METRIC[=maximize]", help="Also the Pareto front with this metric; minimized."
)
@click.option(
    "--seeds",
    "seed_keys",
    multiple=True,
    metavar="KEY",
    help="This key only repeats a configuration; else what the description of the sweep, or the key's name, says.",
)
@click.option(
    "--format", "output_format", type=click.Choice(["table", "json", "md"]), default="table", show_default=True
)
@server_options
def insight(
    sweep: str,
    metric: str | None,
    goal: str | None,
    by: str,
    group_keys: tuple[str, ...],
    against: tuple[str, ...],
    seed_keys: tuple[str, ...],
    output_format: str,
    server: str | None,
    entity: str | None,
    project: str | None,
) -> int:
    """Say what the runs of SWEEP show.

    Which parameters matter (random forest, PED-ANOVA, correlation); whether the first is really the best, runs that
    differ in seeds only taken together; what early stopping would have saved, and whether it would have cost the best
    run; and where to search next. Changes nothing.
    """
    from trainer.commands.reading import runs_with_fillers
    from trainer.insight.confidence import grouped
    from trainer.insight.report import insight_of
    from trainer.insight.text import render_insight
    from trainer.sweep.seed_names import Seeds
    from trainer.tracking.leaderboard import ranking_metric

    others = [_metric(text) for text in against]
    client, record = find_readable(sweep, server, entity, project)
    judged = ranking_metric(record, metric, goal)
    if judged is None:
        raise InputError(
            f"Sweep {record.reference} names no metric, so none of its runs is best.", hint="Name one with --metric."
        )
    # With curves in any case: early stopping is replayed on them.
    seeds = Seeds(chosen=frozenset(seed_keys)) if seed_keys else None
    runs = runs_with_fillers(client, record, judged)
    found = insight_of(record, runs, judged, cast("Ranking", by), others, seeds)
    groups = grouped(found.table, group_keys) if group_keys else None
    click.echo(render_insight(found, groups, output_format=cast("InsightFormat", output_format)))
    return 0


def _metric(text: str) -> Metric:
    """Return a metric that was given as `name` or `name=maximize`."""
    from trainer.records import Metric

    name, _, goal = text.rpartition("=")
    if goal in ("minimize", "maximize") and name:
        return Metric(name, cast("Goal", goal))
    return Metric(text, "minimize")
