"""`pause`, `resume`, `stop` and `cancel`: one state each."""

from __future__ import annotations

import click

from trainer.commands.options import find_sweep, server_options
from trainer.settings import resolve_settings
from trainer.states import SweepState


def steering_commands() -> list[click.Command]:
    """Return pause, resume, stop and cancel: one state each."""
    verbs = (
        ("pause", SweepState.PAUSED, "hand out no further runs until it is resumed; current runs go on"),
        ("resume", SweepState.RUNNING, "hand out runs again"),
        ("stop", SweepState.FINISHED, "hand out no further runs; current runs end by themselves"),
        ("cancel", SweepState.CANCELED, "hand out no further runs and end the current ones"),
    )
    return [_steering_command(name, state, what) for name, state, what in verbs]


def _steering_command(name: str, state: SweepState, what: str) -> click.Command:
    @click.command(name=name, help=f"{name.capitalize()} SWEEP: {what}.")
    @click.argument("sweep")
    @server_options
    def steer(sweep: str, server: str | None, entity: str | None, project: str | None) -> int:
        _, client, record = find_sweep(sweep, resolve_settings(server, entity, project))
        client.set_sweep_state(record.reference, state)
        click.echo(f"{record.reference} {state.value}")
        return 0

    return steer
