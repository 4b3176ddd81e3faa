"""`publish`: a sweep of one server made again on another."""

from __future__ import annotations

import json
import time
from collections import deque

import click

from trainer.commands.options import connected, find_sweep, narrate
from trainer.durations import duration_text
from trainer.errors import AuthenticationError, TrainerError
from trainer.settings import resolve_settings

_PROGRESS_SECONDS = 2.0
_WORDS_TO_GUESS_BY = 5


@click.command(short_help="Make SWEEP again on another W&B server.")
@click.argument("sweep")
@click.option("--to", "target", metavar="URL|cloud", required=True, help="The server it goes to.")
@click.option("--project", "-p", help="Project there; that of the sweep unless given.")
@click.option("--entity", "-e", help="Entity there; that of the key unless given.")
@click.option(
    "--from", "server", metavar="URL|cloud|local", default="local", show_default=True, help="The server it is on."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be sent.")
@click.option("--json", "as_json", is_flag=True, help="What was done, as JSON.")
def publish(
    sweep: str, target: str, project: str | None, entity: str | None, server: str, dry_run: bool, as_json: bool
) -> int:
    """Make SWEEP again on another W&B server: configuration, runs, histories, console, files, artifacts, states.

    Runs that are not over are left out. The same command goes on where one was ended, and sends what is new; what is
    there already is not sent twice. Prints the sweep there.
    """
    from trainer.publishing.link import Link
    from trainer.publishing.publisher import publish as publish_sweep

    settings = resolve_settings(target, entity, project)
    connection, client, record = find_sweep(sweep, resolve_settings(server))
    there, _ = connected(settings)
    told = _Teller()
    try:
        report = publish_sweep(
            Link(connection, narrate), record, client.read_runs(record), Link(there, narrate),
            settings.project or record.reference.project, dry_run=dry_run, on_progress=told.progress,
        )  # fmt: skip
    except KeyboardInterrupt:
        narrate(f"Stopped {told.where}. The same command goes on from here.")
        raise
    except AuthenticationError as error:
        raise AuthenticationError(error.message, hint=f"{error.hint} Then the same command goes on.".strip()) from error
    except TrainerError:
        narrate(f"Ended {told.where}.")
        raise
    for line in report.lines():
        narrate(line)
    if as_json:
        click.echo(json.dumps(report.json(), indent=2))
    elif report.target is not None:
        click.echo(str(report.target))
    return 0


class _Teller:
    """Says how far it is, every few seconds."""

    def __init__(self) -> None:
        self.where = "before the first run"
        # Of the last few words only: what was there already is passed over a hundred times as fast.
        self._told: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=_WORDS_TO_GUESS_BY)

    def progress(self, done: int, total: int, size: int) -> None:
        """Take note, and say it where the last word is some time ago."""
        self.where = f"at {done:,} of {total:,} runs, {size / 2**20:.1f} MiB sent"
        now = time.monotonic()
        if now - self._told[-1][0] <= _PROGRESS_SECONDS:
            return
        since, before = self._told[0]
        is_known = len(self._told) == _WORDS_TO_GUESS_BY and done > before
        left = f" · ETA {duration_text((now - since) / (done - before) * (total - done))}" if is_known else ""
        self._told.append((now, done))
        narrate(f"{done:,} of {total:,} runs, {size / 2**20:.1f} MiB{left}")
