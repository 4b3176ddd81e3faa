"""What the server's benchmarks share: a server on a core of its own, clients that time it, large databases.

Databases are filled through `Store` and its tables, so they are what the server itself would have written.
"""

from __future__ import annotations

import base64
import json
import os
import random
import sqlite3
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trainer.records import Json
from trainer.server.data_folder import DATABASE_FILE
from trainer.server.file_stream import store_chunk
from trainer.server.lifecycle import ServerAddress, ensure_running, stop_server
from trainer.server.store import Store
from trainer.server.tables import projects, runs, sweeps
from trainer.states import RunState, SweepState

MEMORY_BUDGET_MB = 150
ENTITY, PROJECT = "local", "scale"
SWEEP_CONFIG: dict[str, Json] = {
    "program": "train.py",
    "method": "random",
    "metric": {"name": "acc", "goal": "maximize"},
    "parameters": {"lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1}, "depth": {"values": [1, 2]}},
}


class Client:
    """One connection that is kept open, as wandb-core keeps its own."""

    def __init__(self, address: ServerAddress) -> None:
        host = urlsplit(address.base_url).netloc
        self._connection = HTTPConnection(host, timeout=60)
        token = base64.b64encode(f"api:{address.api_key}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}

    def post(self, path: str, body: Json) -> Any:
        """Send JSON and return the answer's JSON."""
        self._connection.request("POST", path, json.dumps(body).encode(), self._headers)
        reply = self._connection.getresponse()
        text = reply.read()
        assert reply.status == 200, text[:500]
        return json.loads(text)

    def ask(self, document: str, **variables: Json) -> Any:
        """Execute a GraphQL operation and return its data."""
        reply = self.post("/graphql", {"query": document, "variables": variables})
        assert "errors" not in reply, reply
        return reply["data"]

    def stream(self, run: str, body: Json) -> Any:
        """Send a chunk of a run's stream."""
        return self.post(f"/files/{ENTITY}/{PROJECT}/{run}/file_stream", body)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def server_on_one_core(folder: Path) -> Iterator[ServerAddress]:
    """Run a server on one core while this process keeps to the others (where there are any)."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:1])  # the server inherits it
    try:
        address = ensure_running(folder, timeout_seconds=60)
        os.sched_setaffinity(0, cores[1:] or cores)
        yield address
    finally:
        stop_server(folder)
        os.sched_setaffinity(0, cores)


def memory_mb(address: ServerAddress, field: str = "VmHWM") -> float:
    """Return a server's memory: the peak by default, the present with `VmRSS`."""
    status = Path(f"/proc/{address.pid}/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def cpu_seconds(address: ServerAddress) -> float:
    """Return the seconds of CPU that a server has used."""
    fields = Path(f"/proc/{address.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def milliseconds(seconds: Sequence[float], part: float = 0.5) -> float:
    """Return a quantile of durations, in milliseconds."""
    ordered = sorted(seconds)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] * 1000


def timed(client: Client, rounds: int, document: str, **variables: Json) -> tuple[float, float, Any]:
    """Return (first, median) milliseconds of an operation, and its data."""
    seconds, data = [], None
    for _ in range(rounds):
        start = time.perf_counter()
        data = client.ask(document, **variables)
        seconds.append(time.perf_counter() - start)
    return seconds[0] * 1000, statistics.median(seconds) * 1000, data


@contextmanager
def store_in(folder: Path) -> Iterator[Store]:
    """Open the database of a data folder without a server."""
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(folder / DATABASE_FILE)
    try:
        yield store
    finally:
        store.close()


def add_sweep(connection: sqlite3.Connection, name: str, config: dict[str, Json]) -> int:
    """Make a running sweep and return its number."""
    project = projects.ensure(connection, ENTITY, PROJECT)
    sweep = sweeps.insert(connection, project["id"], name, 1, SweepState.RUNNING)
    metric = config["metric"]
    assert isinstance(metric, dict) and isinstance(metric["name"], str)
    sweeps.update(
        connection, sweep, {"config": json.dumps(config), "config_yaml": json.dumps(config), "metric": metric["name"]}
    )
    return sweep


def add_finished_runs(store: Store, sweep: str, count: int, prefix: str) -> None:
    """Make the finished runs of a sweep, each with what a run of a small model has: configuration, summary, tags."""
    values = random.Random(count)
    system = json.dumps({f"system.{name}": 12.5 for name in ("cpu", "memory", "disk", "gpu.0.memory", "gpu.0.temp")})
    environment: Json = {"cli_version": "0.31.0", "python_version": "3.11.7", "t": {"1": list(range(40))}}

    def job(connection: sqlite3.Connection, first: int, last: int) -> None:
        project = projects.ensure(connection, ENTITY, PROJECT)
        for number in range(first, last):
            config: Json = {
                "lr": {"value": 10 ** values.uniform(-5, -1)},
                "depth": {"value": values.randint(1, 12)},
                "seed": {"value": number},
                "_wandb": {"value": environment},
            }
            summary: Json = {
                "acc": values.random(),
                "loss": values.expovariate(1),
                "_step": 99,
                "_runtime": 12.3,
                "_timestamp": 1.79e9 + number,
            }
            run = runs.insert(
                connection,
                project["id"],
                f"{prefix}{number:06d}",
                f"brisk-sweep-{number}",
                RunState.RUNNING,
                sweep=sweep,
                config=json.dumps(config),
            )
            tags = ["baseline"] if number % 10 == 0 else []
            runs.update(connection, run, {"summary": json.dumps(summary), "tags": json.dumps(tags)})
            connection.execute("UPDATE runs SET system_metrics = ? WHERE id = ?", (system, run))
            runs.finish(connection, run, RunState.FAILED if number % 50 == 0 else RunState.FINISHED, 0)

    for first in range(0, count, 2000):
        last = min(first + 2000, count)
        store.write(lambda connection, first=first, last=last: job(connection, first, last))  # type: ignore[misc]


def add_long_run(store: Store, name: str, rows: int) -> None:
    """Make a finished run with many rows of history, in the chunks of a stream."""

    def begin(connection: sqlite3.Connection) -> None:
        project = projects.ensure(connection, ENTITY, PROJECT)
        runs.insert(connection, project["id"], name, name, RunState.RUNNING)

    def chunk(connection: sqlite3.Connection, first: int) -> None:
        run = runs.find_by_path(connection, ENTITY, PROJECT, name)
        assert run is not None
        content: Json = [history_row(step) for step in range(first, min(first + 1000, rows))]
        store_chunk(connection, run, {"files": {"wandb-history.jsonl": {"offset": first, "content": content}}})

    store.write(begin)
    for first in range(0, rows, 1000):
        store.write(lambda connection, first=first: chunk(connection, first))  # type: ignore[misc]


def history_row(step: int, metrics: int = 5) -> str:
    """Return a line of history as the SDK streams it."""
    names = ("acc", "loss", "val_acc", "val_loss", "lr")[:metrics]
    row: dict[str, Json] = {name: random.random() for name in names}
    row |= {
        "_step": step,
        "_runtime": step * 0.05 + random.random() / 1000,
        "_timestamp": 1.79e9 + step * 0.05 + random.random() / 1000,
    }
    return json.dumps(row, separators=(",", ":"))
