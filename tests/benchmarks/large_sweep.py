"""A sweep with many runs and twelve columns, on a real server or in a bundle, for the benchmarks of the live view."""

from __future__ import annotations

import json
import random
import sqlite3
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.benchmarks.server_load import ENTITY, PROJECT, add_sweep, store_in
from trainer.bundle import layout
from trainer.records import HistoryPoint, Json, Metric, RunRecord, SweepRecord, SweepReference
from trainer.server.tables import projects, runs
from trainer.states import RunState, SweepState

SWEEP = "large123"
REFERENCE = SweepReference(ENTITY, PROJECT, SWEEP)
LIVE = 20
"""Runs that are still alive: those of which a refresh brings something new."""
CONFIG: dict[str, Json] = {
    "program": "train.py",
    "method": "random",
    "run_cap": 200_000,
    "metric": {"name": "acc", "goal": "maximize"},
    "parameters": {
        "lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1},
        "depth": {"distribution": "int_uniform", "min": 1, "max": 12},
        "batch_size": {"values": [16, 32, 64, 128]},
        "dropout": {"min": 0.0, "max": 0.5},
        "optimizer": {"values": ["adam", "sgd", "lion"]},
    },
}
"""Five columns, beside place, name, state, metric and time, and two further metrics: twelve."""


def drawn_config(values: random.Random) -> dict[str, Json]:
    """Return what one run was given."""
    return {
        "lr": 10 ** values.uniform(-5, -1),
        "depth": values.randint(1, 12),
        "batch_size": values.choice([16, 32, 64, 128]),
        "dropout": values.uniform(0, 0.5),
        "optimizer": values.choice(["adam", "sgd", "lion"]),
    }


def drawn_summary(values: random.Random) -> dict[str, Json]:
    """Return what one run logged last."""
    return {"acc": values.uniform(0, 0.99), "loss": values.expovariate(1), "f1": values.random()}


def fill_server(folder: Path, count: int) -> None:
    """Make the sweep in a data folder whose server does not run; its last `LIVE` runs are alive."""
    values = random.Random(count)

    def job(connection: sqlite3.Connection, first: int, last: int) -> None:
        project = projects.ensure(connection, ENTITY, PROJECT)
        if not first:
            add_sweep(connection, SWEEP, CONFIG)
        for number in range(first, last):
            config: Json = {key: {"value": value} for key, value in drawn_config(values).items()}
            summary: Json = {
                **drawn_summary(values), "_step": 99, "_runtime": 12.3, "_timestamp": 1.79e9 + number
            }  # fmt: skip
            run = runs.insert(
                connection, project["id"], f"r{number:06d}", f"brisk-sweep-{number}", RunState.RUNNING, sweep=SWEEP,
                config=json.dumps(config),
            )  # fmt: skip
            runs.update(connection, run, {"summary": json.dumps(summary)})
            # One began every ten seconds: what began just now is read again with every refresh.
            connection.execute(
                "UPDATE runs SET created_at = created_at - ? WHERE id = ?", ((count - number) * 10_000_000, run)
            )
            if number < count - LIVE:
                runs.finish(connection, run, RunState.FAILED if number % 50 == 0 else RunState.FINISHED, 0)

    with store_in(folder) as store:
        for first in range(0, count, 2000):
            last = min(first + 2000, count)
            store.write(lambda connection, first=first, last=last: job(connection, first, last))  # type: ignore[misc]


def made_runs(count: int) -> Iterator[RunRecord]:
    """Yield finished runs, each with the best value it ever logged."""
    values, start = random.Random(count), datetime(2026, 11, 1, tzinfo=UTC)
    for number in range(count):
        summary = drawn_summary(values)
        best = min(float(str(summary["acc"])) + 0.005, 1.0)
        yield RunRecord(
            id=f"r{number:06d}",
            name=f"brisk-sweep-{number}",
            state=RunState.FAILED if number % 50 == 0 else RunState.FINISHED,
            config=drawn_config(values),
            summary=summary,
            created_at=start + timedelta(seconds=number),
            heartbeat_at=start + timedelta(seconds=number + 12),
            duration_seconds=12.3,
            host="lab-7",
            sweep_id=SWEEP,
            curve=(HistoryPoint(50, {"acc": best}),),
        )


def write_large_bundle(path: Path, count: int) -> None:
    """Write the sweep as a bundle, with a history of ten rows for each run."""
    sweep = SweepRecord(
        REFERENCE, SWEEP, SweepState.FINISHED, "random", Metric("acc", "maximize"), CONFIG,
        created_at=datetime(2026, 11, 1, tzinfo=UTC), run_count=count,
    )  # fmt: skip
    manifest = {"format": layout.FORMAT, "version": layout.VERSION, "made_at": "2026-11-20T00:00:00+00:00"}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(layout.MANIFEST, json.dumps(manifest) + "\n")
        archive.writestr(layout.SWEEPS, json.dumps(layout.sweep_json(sweep)) + "\n")
        all_runs = list(made_runs(count))
        for chunk in range((count + 199) // 200):
            part = all_runs[chunk * 200 : (chunk + 1) * 200]
            lines = [json.dumps(layout.history_json(run.id, history_of(run))) for run in part]
            archive.writestr(layout.history_name(chunk), "\n".join(lines) + "\n")
        lines = [json.dumps(layout.run_json(run, number // 200)) for number, run in enumerate(all_runs)]
        archive.writestr(layout.RUNS, "\n".join(lines) + "\n")


def history_of(run: RunRecord) -> list[HistoryPoint]:
    """Return ten rows that end at what a run logged last."""
    end = float(str(run.summary["acc"]))
    return [HistoryPoint(step, {"acc": end * (step + 1) / 10}, float(step)) for step in range(10)]
