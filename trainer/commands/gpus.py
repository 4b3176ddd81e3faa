"""`gpus`: the GPUs of this machine, and who uses them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from trainer.commands.options import EXIT_FAILED, narrate

if TYPE_CHECKING:
    from trainer.agents.devices import Occupancy
    from trainer.agents.gpus import Gpu


@click.command(short_help="The GPUs of this machine, and who uses them.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON; sizes in bytes.")
def gpus(as_json: bool) -> int:
    """List the NVIDIA GPUs that agents here may use: memory, utilisation, who uses them, whether they are free.

    CUDA_VISIBLE_DEVICES narrows the list. Exit code 1 where the driver fails; a machine without a GPU is no failure.
    """
    from trainer.agents.assignment import our_gpus, read_occupancy
    from trainer.agents.cpus import usable_cores
    from trainer.agents.devices import reason_against

    inventory = our_gpus()
    occupancy = read_occupancy(inventory)
    cores = usable_cores()
    if as_json:
        listed = [
            asdict(gpu) | {"agents": occupancy.holders.get(gpu.uuid, []), "busy_because": reason_against(gpu)}
            for gpu in inventory.gpus
        ]
        click.echo(json.dumps({"gpus": listed, "cores": cores, "reason": inventory.reason}, indent=2))
    elif inventory.gpus:
        click.echo(_table(inventory.gpus, occupancy))
    else:
        say = f"{inventory.reason[0].upper()}{inventory.reason[1:]}."
        if inventory.is_fault:
            narrate(f"Error: {say}")
        else:
            click.echo(f"{say} Agents share the {cores} core{'s' if cores > 1 else ''}.")
    return EXIT_FAILED if inventory.is_fault else 0


def _table(gpus: Sequence[Gpu], occupancy: Occupancy) -> str:
    from trainer.agents.devices import reason_against
    from trainer.agents.gpus import memory_text

    rows = [("GPU", "NAME", "MEMORY", "BUSY", "FREE", "UUID")]
    for gpu in gpus:
        memory = f"{memory_text(gpu.memory_used)} of {memory_text(gpu.memory_total)}" if gpu.memory_total else "?"
        busy = "?" if gpu.utilization is None else f"{gpu.utilization} %"
        held = occupancy.holders.get(gpu.uuid, ())
        rows.append((gpu.index, gpu.name, memory, busy, "no" if held or reason_against(gpu) else "yes", gpu.uuid))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for position, gpu in reversed(list(enumerate(gpus, start=1))):
        told = [gpu.problem] if gpu.problem else []
        told += list(occupancy.holders.get(gpu.uuid, ())) + [str(user) for user in gpu.users]
        lines[position + 1 : position + 1] = [f"     {text}" for text in told]
    return "\n".join(lines)
