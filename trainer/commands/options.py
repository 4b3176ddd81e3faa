"""What the commands share: the options that choose a server, connecting, narration, and the app they may open."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from trainer.errors import BundleError, InputError, TrainerError
from trainer.hyperlinks import links_work
from trainer.settings import Settings, resolve_settings

if TYPE_CHECKING:
    from trainer.launch import LaunchRequest
    from trainer.records import SweepRecord
    from trainer.settings import Connection
    from trainer.sweep.findings import Violation
    from trainer.tracking.client import TrackingClient
    from trainer.tracking.wandb_client import WandbClient

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

LEADERBOARD_ROWS = 10
"""Rows of a leaderboard that is read on a terminal."""

_F = TypeVar("_F", bound=Callable[..., Any])


class AppOpener(Protocol):
    """What can draw the app; absent where Textual is not installed. Each call returns an exit code."""

    def open_home(self, settings: Settings) -> int:
        """Show the sweeps of the server."""

    def open_sweep(self, settings: Settings, reference_text: str) -> int:
        """Show the live view of one sweep."""

    def open_bundle(self, path: Path) -> int:
        """Show the live view of the sweep in a bundle, with no server."""

    def open_launch(self, settings: Settings, request: LaunchRequest) -> int:
        """Launch a sweep and show its live view."""

    def open_builder(self, settings: Settings, text: str) -> int:
        """Show the builder with a sweep that is written nowhere yet."""

    def can_open(self) -> bool:
        """Return whether stdin and stdout are a terminal that the app can be drawn on."""


def exit_code_for(error: TrainerError) -> int:
    """Return the exit code of an error: 2 for what the user gave, 1 for what the world did."""
    return EXIT_BAD_INPUT if isinstance(error, InputError) else EXIT_FAILED


def server_options(command: _F) -> _F:
    """Add the options that choose a server, an entity and a project."""
    for option in (
        click.option("--project", "-p", help="W&B project; beats WANDB_PROJECT and the sweep file."),
        click.option("--entity", "-e", help="W&B entity; beats WANDB_ENTITY and the sweep file."),
        click.option(
            "--server",
            metavar="URL|cloud|local",
            help="W&B server; beats WANDB_BASE_URL. Without either: the cloud if you are logged in, else local.",
        ),
    ):
        command = option(command)
    return command


def agent_options(command: _F) -> _F:
    """Add the options of how local agents run: on which GPUs, warm or fresh, how live."""
    for option in (
        click.option(
            "--live", is_flag=True, help="Metrics within a second on any server; the cloud's default is 15 s."
        ),
        click.option(
            "--fresh", is_flag=True, default=None, help="A new process for each run, instead of a warm start."
        ),
        click.option("--slots-per-gpu", type=click.IntRange(1, 64), help="Agents that share a GPU; 1 unless given."),
        click.option("--gpus-per-run", type=click.IntRange(1, 64), help="GPUs for each run; 1 unless given."),
        click.option(
            "--gpus",
            metavar="all|0,1|none",
            default="auto",
            help="GPUs for the agents, one each, by number or UUID; busy ones are skipped. See `gpus`.",
        ),
    ):
        command = option(command)
    return command


def notify_option(command: _F) -> _F:
    """Add the option that has the terminal call for its user at the end."""
    words = "Without the app: ring, and show a desktop notice, at the end; only where stderr is a terminal."
    return click.option("--notify", is_flag=True, help=words)(command)


def call_user(text: str) -> None:
    """Ring and show a notice on the terminal that stderr is; nothing where it is none."""
    from trainer.terminal_alerts import alert_sequence

    if sys.stderr.isatty():
        sys.stderr.write(alert_sequence(text, os.environ))
        sys.stderr.flush()


def narrate(text: str) -> None:
    """Say something about the work: stderr, so that stdout holds data only."""
    click.echo(text, err=True)


def shows_links() -> bool:
    """Return whether stdout is a terminal in which names may lead to pages; a pipe never is."""
    return sys.stdout.isatty() and links_work(os.environ)


def connected(settings: Settings) -> tuple[Connection, WandbClient]:
    """Connect, and name the server on the first line of narration."""
    from trainer.connection import connect
    from trainer.tracking.wandb_client import WandbClient

    connection = connect(settings)
    narrate(f"Server: {connection.label}")
    return connection, WandbClient(connection)


def find_sweep(text: str, settings: Settings) -> tuple[Connection, WandbClient, SweepRecord]:
    """Connect and read the sweep that `text` names.

    Raises:
        BundleError: If it names a bundle, which has no server.
    """
    from trainer.bundle.layout import looks_like_bundle
    from trainer.tracking.references import find_sweep_reference

    if looks_like_bundle(text):
        raise BundleError(
            f"{text} is a bundle, and this needs the sweep on its server.",
            hint="Of a bundle there are open, leaderboard, best, insight, report and points.",
        )

    connection, client = connected(settings)
    reference = find_sweep_reference(client, text)
    return connection, client, client.read_sweep(reference)


def find_several(texts: Sequence[str], settings: Settings) -> tuple[WandbClient, list[SweepRecord]]:
    """Connect once and read the sweeps that texts name, each once and in their order.

    Raises:
        InputError: If one of them is a bundle, or fewer than two are left.
    """
    from trainer.bundle.layout import looks_like_bundle
    from trainer.tracking.references import find_sweep_reference

    if bundles := [text for text in texts if looks_like_bundle(text)]:
        raise InputError(f"{bundles[0]} is a bundle.", hint="Several sweeps can be taken together on a server only.")
    _, client = connected(settings)
    references = dict.fromkeys(find_sweep_reference(client, text) for text in texts)
    if len(references) < 2:
        raise InputError(f"{texts[0]!r} and {texts[-1]!r} are the same sweep.", hint="Name two or more.")
    return client, [client.read_sweep(reference) for reference in references]


def find_readable(
    text: str, server: str | None, entity: str | None, project: str | None
) -> tuple[TrackingClient, SweepRecord]:
    """Return the sweep that `text` names, and where to read it: a server, or the bundle that `text` is the file of."""
    from trainer.bundle.layout import looks_like_bundle

    if not looks_like_bundle(text):
        _, client, record = find_sweep(text, resolve_settings(server, entity, project))
        return client, record
    from trainer.bundle.client import BundleClient

    bundle = BundleClient(Path(text))
    made = f"made {bundle.made_at:%Y-%m-%d %H:%M} UTC"
    narrate(f"Bundle: {text}, {made}" + (f" from {bundle.server}" if bundle.server else ""))
    return bundle, bundle.sweep


def problem_line(file: Path, problem: Violation) -> str:
    """Return a problem of a sweep file as `file:line: path: message way out`."""
    place = f"{file}:{problem.line}" if problem.line else str(file)
    where = f"{place}: {problem.path}" if problem.path else place
    return f"{where}: {problem.message} {problem.hint}".rstrip()
