"""`pause`, `resume`, `stop` and `cancel`: one state each."""

from __future__ import annotations

import click

from trainer.commands.options import find_sweep, server_options
from trainer.settings import resolve_settings
from trainer.states import SweepState


def steering_commands() -> list[click.Command]:
    """Return pause, resume, stop and cancel: one state each."""
    verbs = (
        ("pause", SweepState.PAUSED, "no new runs until it is resumed; current ones go on"),
        ("resume", SweepState.RUNNING, "runs are handed out again"),
        ("stop", SweepState.FINISHED, "no further runs; current ones end by themselves"),
        ("cancel", SweepState.CANCELED, "no further runs, and current ones are ended"),
    )
    return [_steering_command(name, state, what) for name, state, what in verbs]


def _steering_command(name: str, state: SweepState, what: str) -> click.Command:
    text = f"{name.capitalize()} SWEEP: {what}."

    @click.command(name=name, help=text, short_help=text)
    @click.argument("sweep")
    @server_options
    def steer(sweep: str, server: str | None, entity: str | None, project: str | None) -> int:
        _, client, record = find_sweep(sweep, resolve_settings(server, entity, project))
        client.set_sweep_state(record.reference, state)
        click.echo(f"{record.reference} {state.value}")
        return 0

    return steer
