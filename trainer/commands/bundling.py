"""`bundle`: a sweep as one file that any sweep-tui opens without a server."""

from __future__ import annotations

from pathlib import Path

import click

from trainer.commands.options import find_sweep, narrate, server_options
from trainer.errors import BundleError
from trainer.settings import resolve_settings

_PROGRESS_RUNS = 1000


@click.command(short_help="Write SWEEP to one file that opens without a server.")
@click.argument("sweep")
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="The file; NAME-ID.sweep.zip unless given."
)
@click.option("--history", "history_rows", type=click.IntRange(0, 10_000), default=1000, show_default=True,
              help="Rows of history of each run; longer ones are thinned evenly.")  # fmt: skip
@click.option("--console", "console_lines", type=click.IntRange(0, 10_000), default=200, show_default=True,
              help="Last lines of each run's console.")  # fmt: skip
@click.option("--with-files", is_flag=True,
              help="The bytes of files and artifacts, too: of those up to 10 MiB each.")  # fmt: skip
@server_options
def bundle(
    sweep: str,
    output: Path | None,
    history_rows: int,
    console_lines: int,
    with_files: bool,
    server: str | None,
    entity: str | None,
    project: str | None,
) -> int:
    """Write SWEEP to one file: sweep, runs, histories, consoles, system metrics, files' names, where it comes from.

    `sweep-tui open FILE` shows it with no server, and leaderboard, best, insight, report and points take it as they
    take a sweep. No key is in it.
    """
    from trainer.bundle.layout import bundle_name, looks_like_bundle
    from trainer.bundle.writing import BundleContent, known_keys, write_bundle
    from trainer.tracking.contents_reader import ContentsReader
    from trainer.tracking.retry import read_fillers
    from trainer.tracking.run_details import RunDetailsReader

    if looks_like_bundle(sweep):
        raise BundleError(f"{sweep} is a bundle already.", hint="Copy the file.")
    connection, client, record = find_sweep(sweep, resolve_settings(server, entity, project))
    path = output or Path(bundle_name(record))

    def tell(done: int, total: int) -> None:
        if done % _PROGRESS_RUNS == 0 and done < total:
            narrate(f"{done:,} of {total:,} runs")

    sweeps = [record, *read_fillers(client, record.reference)]
    count = write_bundle(
        client, RunDetailsReader(connection), sweeps, path, contents=ContentsReader(connection),
        content=BundleContent(history_rows, console_lines, with_files),
        secrets=known_keys(), on_progress=tell,
    )  # fmt: skip
    size = path.stat().st_size / 1024 if path.is_file() else 0.0
    runs = f"{count:,} run{'' if count == 1 else 's'}"
    narrate(f"{runs}, {size / 1024:.1f} MiB." if size > 1024 else f"{runs}, {size:.0f} KiB.")
    click.echo(str(path))
    return 0
