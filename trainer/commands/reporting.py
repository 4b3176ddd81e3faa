"""`report`: a sweep as a page that one reads without any tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from trainer.atomic_file import write_text_atomically
from trainer.commands.options import find_readable, narrate, server_options

if TYPE_CHECKING:
    from trainer.records import Ranking


@click.command(short_help="Write what SWEEP found as Markdown or HTML, with charts.")
@click.argument("sweep")
@click.option(
    "--format", "output_format", type=click.Choice(["md", "html"]), help="md unless the file's name says html."
)
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.option("--metric", help="Rank by this metric instead of the sweep's; needs no goal when it is the same.")
@click.option("--goal", type=click.Choice(["minimize", "maximize"]), help="Which direction of --metric is better.")
@click.option("--by", type=click.Choice(["last", "best"]), default="best", show_default=True, help="Which value ranks.")
@server_options
def report(
    sweep: str,
    output_format: str | None,
    output: Path | None,
    metric: str | None,
    goal: str | None,
    by: str,
    server: str | None,
    entity: str | None,
    project: str | None,
) -> int:
    """Write what SWEEP found: the best configuration, the leaderboard, charts, importance, failures, where it is from.

    HTML is one file without scripts that fetches nothing; Markdown has its charts as text.
    """
    from trainer.bundle.client import BundleClient
    from trainer.commands.reading import runs_with_fillers
    from trainer.reports.writing import render_report
    from trainer.tracking.leaderboard import ranking_metric

    html = output_format == "html" or (
        output_format is None and output is not None and output.suffix.lower() in (".html", ".htm")
    )
    client, record = find_readable(sweep, server, entity, project)
    ranked_by = ranking_metric(record, metric, goal)
    runs = runs_with_fillers(client, record, ranked_by)
    made_at = client.made_at if isinstance(client, BundleClient) else None
    text = render_report(client, record, runs, ranked_by, cast("Ranking", by), html=html, read_at=made_at)
    if output is None:
        click.echo(text, nl=False)
        return 0
    write_text_atomically(output, text)
    narrate(f"Written to {output}.")
    return 0
