"""`report`: a sweep as a page that one reads without any tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from trainer.atomic_file import write_text_atomically
from trainer.commands.options import find_readable, narrate, server_options
from trainer.errors import InputError

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
@click.option(
    "--wandb", "on_server", is_flag=True, help="Make it a W&B Report on the sweep's server; print its address."
)
@click.option(
    "--new", "always_new", is_flag=True, help="With --wandb: make another one instead of changing the earlier."
)
@server_options
def report(
    sweep: str,
    output_format: str | None,
    output: Path | None,
    metric: str | None,
    goal: str | None,
    by: str,
    on_server: bool,
    always_new: bool,
    server: str | None,
    entity: str | None,
    project: str | None,
) -> int:
    """Write what SWEEP found: the best configuration, the leaderboard, charts, importance, failures, where it is from.

    HTML is one file without scripts that fetches nothing; Markdown has its charts as text. With --wandb it is a W&B
    Report whose panels go on living; asked for again, the same one is brought up to date.
    """
    from trainer.bundle.client import BundleClient
    from trainer.commands.reading import runs_with_fillers
    from trainer.reports.facts import read_facts
    from trainer.reports.wandb_report import require_report_writer, save_wandb_report
    from trainer.reports.writing import render_report
    from trainer.tracking.leaderboard import ranking_metric

    if on_server and (output_format or output):
        raise InputError("--wandb writes no file.", hint="Ask for the file without it.")
    if always_new and not on_server:
        raise InputError("--new goes with --wandb.")
    if on_server:
        require_report_writer()
    html = output_format == "html" or (
        output_format is None and output is not None and output.suffix.lower() in (".html", ".htm")
    )
    client, record = find_readable(sweep, server, entity, project)
    ranked_by = ranking_metric(record, metric, goal)
    runs = runs_with_fillers(client, record, ranked_by)
    if on_server:
        facts = read_facts(client, record, runs, ranked_by, cast("Ranking", by))
        saved = save_wandb_report(client.connection, facts, always_new=always_new)
        narrate("A new report." if saved.is_new else "The report is up to date.")
        click.echo(saved.url)
        return 0
    made_at = client.made_at if isinstance(client, BundleClient) else None
    text = render_report(client, record, runs, ranked_by, cast("Ranking", by), html=html, read_at=made_at)
    if output is None:
        click.echo(text, nl=False)
        return 0
    write_text_atomically(output, text)
    narrate(f"Written to {output}.")
    return 0
