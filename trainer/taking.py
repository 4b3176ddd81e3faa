"""Files that people take along of a sweep, read from its server or bundle and written: table, report, bundle.

What the app's export does; the commands do the same with more to choose.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from trainer.atomic_file import write_text_atomically
from trainer.bundle.writing import known_keys, write_bundle
from trainer.exports.runs_table import RunsTable
from trainer.exports.table_files import TableFileFormat, require_parquet, write_table
from trainer.records import Metric, Ranking, RunRecord, SweepRecord
from trainer.reports.writing import render_report
from trainer.tracking.client import TrackingClient
from trainer.tracking.contents_reader import ContentsReader
from trainer.tracking.retry import read_fillers
from trainer.tracking.run_details import RunDetailsReader


def take_table(
    client: TrackingClient,
    sweep: SweepRecord,
    path: Path,
    file_format: TableFileFormat,
    metric: Metric | None,
    by: Ranking,
) -> None:
    """Write the table of all runs, those of sweeps made for missing points, too; blocks.

    Raises:
        MissingPackageError, InputError: If the file cannot be written.
        ServerError, AuthenticationError: If the server cannot be read.
    """
    if file_format == "parquet":
        require_parquet()
    write_table(RunsTable(sweep, _all_runs(client, sweep, metric), metric, by), path, file_format)


def take_report(
    client: TrackingClient,
    sweep: SweepRecord,
    path: Path,
    metric: Metric | None,
    by: Ranking,
    read_at: datetime | None = None,
) -> None:
    """Write the report, as a page where the file's name says so; blocks.

    Raises:
        InputError: If the file cannot be written.
        ServerError, AuthenticationError: If the server cannot be read.
    """
    html = path.suffix.lower() == ".html"
    runs = _all_runs(client, sweep, metric)
    write_text_atomically(path, render_report(client, sweep, runs, metric, by, html=html, read_at=read_at))


def take_bundle(client: TrackingClient, sweep: SweepRecord, path: Path) -> None:
    """Write the bundle; blocks.

    Raises:
        InputError: If the file cannot be written.
        ServerError, AuthenticationError: If the server cannot be read.
    """
    sweeps = [client.read_sweep(sweep.reference), *read_fillers(client, sweep.reference)]
    connection = client.connection
    write_bundle(
        client, RunDetailsReader(connection), sweeps, path, contents=ContentsReader(connection), secrets=known_keys()
    )


def _all_runs(client: TrackingClient, sweep: SweepRecord, metric: Metric | None) -> tuple[RunRecord, ...]:
    runs = client.read_runs(sweep, metric)
    for filler in read_fillers(client, sweep.reference):
        runs += client.read_runs(filler, metric)
    return runs
