"""A sweep whose best runs have long histories, two of them alive, among many short ones; for benchmarks of charts."""

from __future__ import annotations

import json
import math
import random
import sqlite3
from pathlib import Path

from tests.benchmarks.large_sweep import CONFIG, drawn_config
from tests.benchmarks.server_load import ENTITY, PROJECT, Client, add_sweep, store_in
from trainer.records import Json, SweepReference
from trainer.server.file_stream import store_chunk
from trainer.server.tables import projects, runs
from trainer.states import RunState

SWEEP = "charted1"
REFERENCE = SweepReference(ENTITY, PROJECT, SWEEP)
LONG, ROWS = 12, 10_000
SHORT, SHORT_ROWS = 300, 27
ALIVE = 2
METRICS = ("acc", "loss", "val_acc", "val_loss", "f1", "lr_now")


def row_of(step: int, values: random.Random, height: float) -> str:
    """Return a line of history as the SDK streams it: noisy values that approach their ends."""
    share = 1 - math.exp(-step / 2_000)
    row: dict[str, Json] = {name: height * share + values.random() / 5 for name in METRICS}
    row |= {"_step": step, "_runtime": step * 0.5, "_timestamp": 1.79e9 + step * 0.5}
    return json.dumps(row)


def fill_charted_server(folder: Path) -> None:
    """Make the sweep in a data folder whose server does not run; its first `ALIVE` runs are alive."""
    values = random.Random(7)

    def begin(connection: sqlite3.Connection, number: int) -> None:
        project = projects.ensure(connection, ENTITY, PROJECT)
        if number == 0:
            add_sweep(connection, SWEEP, {**CONFIG, "early_terminate": {"type": "hyperband", "min_iter": 3}})
        config: Json = {key: {"value": value} for key, value in drawn_config(values).items()}
        runs.insert(
            connection, project["id"], run_name(number), f"warm-sweep-{number}", RunState.RUNNING, sweep=SWEEP,
            config=json.dumps(config),
        )  # fmt: skip

    def chunk(connection: sqlite3.Connection, number: int, first: int, count: int) -> None:
        run = runs.find_by_path(connection, ENTITY, PROJECT, run_name(number))
        assert run is not None
        height = 2 - number / LONG if number < LONG else values.random() / 2
        lines: Json = [row_of(step, values, height) for step in range(first, first + count)]
        store_chunk(connection, run, {"files": {
            "wandb-history.jsonl": {"offset": first, "content": lines},
            "wandb-summary.json": {"offset": 0, "content": lines[-1:]},  # type: ignore[index]
        }})  # fmt: skip
        if first + count in (ROWS, SHORT_ROWS) and number >= ALIVE:
            runs.finish(connection, run["id"], RunState.FINISHED, 0)

    with store_in(folder) as store:
        for number in range(LONG + SHORT):
            store.write(lambda connection, number=number: begin(connection, number))  # type: ignore[misc]
            rows = ROWS if number < LONG else SHORT_ROWS
            for first in range(0, rows, 1000):
                count = min(1000, rows - first)
                store.write(lambda c, number=number, first=first, count=count: chunk(c, number, first, count))  # type: ignore[misc]


def run_name(number: int) -> str:
    """Return the id of a run."""
    return f"c{number:06d}"


def log_more(client: Client, step: int) -> None:
    """Log one further row in each run that is alive."""
    values = random.Random(step)
    for number in range(ALIVE):
        lines: Json = [row_of(step, values, 2 - number / LONG)]
        client.stream(run_name(number), {"files": {
            "wandb-history.jsonl": {"offset": step, "content": lines},
            "wandb-summary.json": {"offset": 0, "content": lines},
        }})  # fmt: skip
