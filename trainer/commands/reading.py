"""`leaderboard`, `best` and `points`: what a sweep has found, and what became of each of its points."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import click

from trainer.atomic_file import write_text_atomically
from trainer.commands.options import LEADERBOARD_ROWS, find_readable, find_several, narrate, server_options, shows_links
from trainer.errors import InputError
from trainer.hyperlinks import hyperlink
from trainer.settings import resolve_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.exports.table_files import TableFileFormat
    from trainer.records import Goal, Metric, Ranking, RunRecord, SweepRecord
    from trainer.settings import Settings
    from trainer.tracking.client import TrackingClient
    from trainer.tracking.points import Account, Point

_POINTS_SHOWN = 20


@click.command(short_help="Show the best runs of SWEEP, or of several in one table.")
@click.argument("sweeps", nargs=-1, required=True, metavar="SWEEP...")
@click.option("--top", type=click.IntRange(1), help="Runs to show; without it 10 in a table, all in other formats.")
@click.option("--metric", help="Rank by this metric instead of the sweep's; needs no goal when it is the same.")
@click.option("--goal", type=click.Choice(["minimize", "maximize"]), help="Which direction of --metric is better.")
@click.option("--by", type=click.Choice(["last", "best"]), default="best", show_default=True, help="Which value ranks.")
@click.option("--where", metavar="FILTER", help="Only these runs, as in the live view: `lr>=1e-3 state=finished`.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json", "csv", "md", "parquet"]),
    help="table unless given; for a file what its name says.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file, whole or not at all: CSV, JSON and Parquet with every column.",
)
@click.option(
    "--all-columns/--few-columns",
    default=None,
    help="Every column (config, summary, best and last, times, tags, branch, commit), or those of the table.",
)
@server_options
def leaderboard(
    sweeps: tuple[str, ...],
    top: int | None,
    metric: str | None,
    goal: str | None,
    by: str,
    where: str | None,
    output_format: str | None,
    output: Path | None,
    all_columns: bool | None,
    server: str | None,
    entity: str | None,
    project: str | None,
) -> int:
    """Show the best runs of SWEEP, or write the table of them all to a file.

    Of several sweeps all runs are in one table, ranked by the metric that most of them optimise.
    """
    from trainer.exports.runs_table import RunsTable
    from trainer.exports.table_files import require_parquet, write_csv, write_json, write_table
    from trainer.tracking.leaderboard import ranking_metric, render_leaderboard

    chosen = _table_format(output_format, output)
    if chosen == "parquet":
        require_parquet()
    client: TrackingClient
    if len(sweeps) > 1:
        client, record = _taken_together(sweeps, resolve_settings(server, entity, project), metric, goal)
        ranked_by = record.metric
    else:
        client, record = find_readable(sweeps[0], server, entity, project)
        ranked_by = ranking_metric(record, metric, goal)
    if top is None and chosen == "table" and output is None:
        top = LEADERBOARD_ROWS
    whole = all_columns if all_columns is not None else output is not None
    # The table with every column holds the best value, too.
    needs_curves = by == "best" or (whole and chosen in ("csv", "json", "parquet"))
    curves_of = ranked_by if needs_curves else None
    runs = client.read_runs(record, curves_of) if record.parts else runs_with_fillers(client, record, curves_of)
    if where:
        runs = _only(runs, where)
    table = RunsTable(record, runs, ranked_by, cast("Ranking", by), top)
    if whole and output is not None and chosen in ("csv", "json", "parquet"):
        write_table(table, output, cast("TableFileFormat", chosen))
        shown = min(len(runs), top or len(runs))
        narrate(f"Written to {output}: {shown:,} run{'' if shown == 1 else 's'}.")
        return 0
    if whole and chosen in ("csv", "json"):
        stdout: IO[str] = sys.stdout
        if chosen == "csv":
            write_csv(table, stdout)
        else:
            write_json(table, stdout)
        return 0
    if chosen == "parquet":
        raise InputError("Parquet always has every column.", hint="Leave --few-columns out.")
    width = 0 if output else None
    text = render_leaderboard(
        record, runs, metric=ranked_by, by=by, top=top, output_format=chosen, width=width,
        with_links=output is None and shows_links(),
    )  # fmt: skip
    _put(text, output)
    return 0


def _taken_together(
    texts: Sequence[str], settings: Settings, metric: str | None, goal: str | None
) -> tuple[TrackingClient, SweepRecord]:
    """Return several sweeps as one, and say what ranks their runs where that is not plain."""
    from trainer.tracking.several import SeveralClient
    from trainer.tracking.sweeps_as_one import combined, shared_metric

    client, records = find_several(texts, settings)
    shared = shared_metric(records, metric, cast("Goal | None", goal))
    if shared.note:
        narrate(shared.note)
    return SeveralClient(client, records, shared.metric), combined(records, shared.metric)


def _only(runs: Sequence[RunRecord], where: str) -> tuple[RunRecord, ...]:
    """Return the runs that a filter wants, and say what is odd about it or that none is left."""
    from trainer.tracking.filtering import matching_runs

    wanted, note = matching_runs(runs, where)
    if note or (runs and not wanted):
        narrate(note or f"None of {len(runs):,} run{'' if len(runs) == 1 else 's'} matches {where!r}.")
    return tuple(wanted)


def _table_format(named: str | None, output: Path | None) -> str:
    """Return the format that was asked for: by name, else by that of the file, else a table to look at.

    Raises:
        InputError: If Parquet, which is no text, is to go to the terminal.
    """
    suffix = {".csv": "csv", ".json": "json", ".md": "md", ".parquet": "parquet"}
    chosen = named or suffix.get(output.suffix.lower() if output else "", "table")
    if chosen == "parquet" and output is None:
        raise InputError("Parquet is not a text.", hint="Name a file with --output.")
    return chosen


def _put(text: str, output: Path | None) -> None:
    """Print a text, or write it to a file."""
    if output is None:
        click.echo(text)
        return
    write_text_atomically(output, text + "\n")
    narrate(f"Written to {output}.")


@click.command()
@click.argument("sweep")
@click.option("--by", type=click.Choice(["last", "best"]), default="best", show_default=True, help="Which value ranks.")
@click.option(
    "--format", "output_format", type=click.Choice(["yaml", "args", "json", "hydra"]), default="yaml", show_default=True
)
@server_options
def best(sweep: str, by: str, output_format: str, server: str | None, entity: str | None, project: str | None) -> int:
    """Print the best configuration of SWEEP, ready to paste; as YAML it is a --baseline for `run`, too."""
    from trainer.tracking.leaderboard import rank_runs, ranking_metric, render_best

    client, record = find_readable(sweep, server, entity, project)
    ranked_by = ranking_metric(record, None, None)
    runs = runs_with_fillers(client, record, ranked_by if by == "best" else None)
    text = render_best(record, runs, by=by, output_format=output_format)
    place = next(iter(rank_runs(runs, ranked_by, cast("Ranking", by))), None)
    if output_format == "yaml" and ranked_by is not None and place is not None and place.value is not None:
        from trainer.gates.baseline import note_of_best

        click.echo(note_of_best(ranked_by, place.value, place.run.id, str(record.reference)))
    click.echo(text)
    return 0


@click.command(short_help="Account for every point of SWEEP: finished, twice, failed, never.")
@click.argument("sweep")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@server_options
def points(sweep: str, as_json: bool, server: str | None, entity: str | None, project: str | None) -> int:
    """Account for every point of SWEEP: finished, run twice, failed, killed, never handed out. Changes nothing.

    A point is a configuration as W&B tells them apart. Sweeps made for missing points count.
    """
    from trainer.tracking.points import account_report
    from trainer.tracking.retry import read_account

    client, record = find_readable(sweep, server, entity, project)
    account, fillers = read_account(client, record)
    if as_json:
        click.echo(json.dumps(account_report(account, fillers), indent=2))
        return 0
    click.echo("\n".join(_account_lines(account)))
    for filler in fillers:
        click.echo(f"with the runs of {filler.name} ({filler.reference}) {filler.state.value}")
    return 0


def runs_with_fillers(client: TrackingClient, sweep: SweepRecord, metric: Metric | None) -> tuple[RunRecord, ...]:
    """Return the runs of a sweep and of the sweeps that were made for its missing points; say which those are."""
    from trainer.tracking.retry import read_fillers

    runs = client.read_runs(sweep, metric)
    for filler in read_fillers(client, sweep.reference):
        found = client.read_runs(filler, metric)
        narrate(f"With {len(found)} run{'' if len(found) == 1 else 's'} of {filler.name} ({filler.reference}).")
        runs += found
    return runs


def _account_lines(account: Account) -> list[str]:
    expected = "no end of" if account.expected is None else f"{account.expected:,}"
    lines = [
        f"{account.sweep.reference} {account.sweep.method}, {account.sweep.state.value}: {expected} points",
        f"finished    {account.finished:,}",
    ]
    if account.live:
        lines.append(f"under way   {account.live:,}")
    if account.untried and not account.holes:
        lines.append(f"to come     {account.untried:,}")
    if account.holes:
        lines.append(f"never run   {account.holes:,}  although the sweep is over")
    for name, found in (
        ("failed", account.failed),
        ("killed", account.killed),
        ("run twice", account.duplicates),
    ):
        if found:
            lines.append(f"{name:<12}{len(found):,}")
            lines += [f"  {_point_text(account.sweep, point)}" for point in found[:_POINTS_SHOWN]]
            if len(found) > _POINTS_SHOWN:
                lines.append(f"  and {len(found) - _POINTS_SHOWN:,} more: see --json")
    if account.foreign:
        names = ", ".join(run.id for run in account.foreign[:_POINTS_SHOWN])
        lines.append(f"foreign     {len(account.foreign):,}  runs on no point of the sweep: {names}")
    return lines


def _point_text(sweep: SweepRecord, point: Point) -> str:
    from trainer.tracking.leaderboard import flatten_config

    values = " ".join(f"{key}={value}" for key, value in flatten_config(point.config).items())
    is_linked = shows_links()
    runs = [
        f"{hyperlink(run.id, sweep.run_url(run.id)) if is_linked else run.id} {run.state.value}" for run in point.runs
    ]
    return f"{values}: {', '.join(runs)}"
