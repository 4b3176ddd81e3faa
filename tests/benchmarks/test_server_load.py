"""Budgets: 1,000 history rows/s beside 50 heartbeats/s on one core, p99 <= 50 ms; a row on disk <= 1.5x its JSON.

Rerun: make benchmarks. The server has a core of its own, the clients another. Requests are those of the SDK (0.31).
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.benchmarks.server_load import (
    ENTITY,
    MEMORY_BUDGET_MB,
    PROJECT,
    SWEEP_CONFIG,
    Client,
    add_finished_runs,
    add_sweep,
    cpu_seconds,
    history_row,
    memory_mb,
    milliseconds,
    server_on_one_core,
    store_in,
)
from trainer.records import Json
from trainer.server.data_folder import DATABASE_FILE
from trainer.server.file_stream import store_chunk
from trainer.server.lifecycle import ServerAddress
from trainer.server.tables import projects, runs
from trainer.states import RunState

SECONDS = 20
RUNS = 50
ROWS_PER_CHUNK = 20
BUDGET_MILLISECONDS = 50
BUDGET_BYTES = 1.5
_HYPERBAND: dict[str, Json] = {**SWEEP_CONFIG, "early_terminate": {"type": "hyperband", "min_iter": 100}}

_BEAT = """mutation Heartbeat($id: ID!, $metrics: JSONString, $runState: JSONString) {
  agentHeartbeat(input: {id: $id, metrics: $metrics, runState: $runState}) { agent { id } commands } }"""
_CREATE_AGENT = """mutation CreateAgent($host: String!, $projectName: String, $entityName: String, $sweep: String!) {
  createAgent(input: {host: $host, projectName: $projectName, entityName: $entityName, sweep: $sweep}) {
    agent { id } } }"""


@dataclass
class Load:
    """What one worker of an agent does each second: a heartbeat, and a chunk of its run's stream."""

    address: ServerAddress
    sweep: str
    stream_seconds: list[float] = field(default_factory=list)
    beat_seconds: list[float] = field(default_factory=list)
    rows: int = 0
    late: float = 0.0

    def begin(self) -> None:
        """Register the agent and take a run."""
        self.client = Client(self.address)
        created = self.client.ask(_CREATE_AGENT, host="bench", projectName=PROJECT, entityName=ENTITY, sweep=self.sweep)
        self.agent = created["createAgent"]["agent"]["id"]
        self.run = self._beat({})[0]["run_id"]

    def _beat(self, alive: dict[str, Json]) -> list[dict[str, str]]:
        reply = self.client.ask(_BEAT, id=self.agent, metrics="{}", runState=json.dumps(alive))
        commands: list[dict[str, str]] = json.loads(reply["agentHeartbeat"]["commands"])
        return commands

    def chunk(self) -> Json:
        """Return one second of a run: history, summary, system metrics, console."""
        first = self.rows
        history: Json = [history_row(step) for step in range(first, first + ROWS_PER_CHUNK)]
        system = json.dumps({"system.cpu": 12.5, "system.memory_percent": 40.1, "_timestamp": time.time()})
        second = first // ROWS_PER_CHUNK
        console: Json = [f"2026-11-27T12:00:00.{line:06d} step {first + line}: loss 0.123" for line in range(3)]
        return {
            "files": {
                "wandb-history.jsonl": {"offset": first, "content": history},
                "wandb-events.jsonl": {"offset": second, "content": [system]},
                "wandb-summary.json": {"offset": 0, "content": [history_row(first + ROWS_PER_CHUNK - 1)]},
                "output.log": {"offset": second * 3, "content": console},
            }
        }

    def run_for(self, until: float, phase: float) -> None:
        """Send a chunk and a heartbeat each second, at fixed times: a slow answer does not slow the load down."""
        beat = time.perf_counter() + phase
        while beat < until:
            time.sleep(max(beat - time.perf_counter(), 0))
            self.late = max(self.late, time.perf_counter() - beat)
            body = self.chunk()
            self.stream_seconds.append(_seconds(lambda body=body: self.client.stream(self.run, body)))  # type: ignore[misc]
            self.rows += ROWS_PER_CHUNK
            time.sleep(max(beat + 0.5 - time.perf_counter(), 0))
            self.beat_seconds.append(_seconds(lambda: self._beat({self.run: True})))
            beat += 1


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


@pytest.mark.benchmark
def test_rows_beside_heartbeats(tmp_path: Path) -> None:
    with store_in(tmp_path) as store:
        for name, config in (("one", SWEEP_CONFIG), ("two", SWEEP_CONFIG), ("three", _HYPERBAND)):
            store.write(lambda connection, name=name, config=config: add_sweep(connection, name, config))  # type: ignore[misc]
        add_finished_runs(store, "two", 1000, "old")
    with server_on_one_core(tmp_path) as address:
        loads = [Load(address, ("one", "two", "three")[number % 3]) for number in range(RUNS)]
        for load in loads:
            load.begin()
        before = cpu_seconds(address)
        started = time.perf_counter()
        threads = [
            threading.Thread(target=load.run_for, args=(started + SECONDS, number / RUNS))
            for number, load in enumerate(loads)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elapsed = time.perf_counter() - started
        cpu = (cpu_seconds(address) - before) / elapsed
        memory = memory_mb(address)
        stored = sum(
            Client(address).ask(
                "query R($p: String!, $n: String!) { project(name: $p) { run(name: $n) { historyLineCount } } }",
                p=PROJECT,
                n=load.run,
            )["project"]["run"]["historyLineCount"]
            for load in loads
        )
    rows = sum(load.rows for load in loads)
    streams = [seconds for load in loads for seconds in load.stream_seconds]
    beats = [seconds for load in loads for seconds in load.beat_seconds]
    print(
        f"\n{rows / elapsed:.0f} rows/s, {len(beats) / elapsed:.0f} heartbeats/s, {cpu:.0%} of a core, {memory:.0f} MB"
    )
    for name, seconds in (("stream", streams), ("heartbeat", beats)):
        p50, p99 = milliseconds(seconds), milliseconds(seconds, 0.99)
        print(f"{name}: p50 {p50:.1f} ms, p99 {p99:.1f} (budget {BUDGET_MILLISECONDS}), max {max(seconds) * 1000:.1f}")
    print(f"clients at most {max(load.late for load in loads) * 1000:.0f} ms late")
    assert stored == rows
    assert rows / elapsed >= 950
    assert milliseconds(streams, 0.99) <= BUDGET_MILLISECONDS
    assert milliseconds(beats, 0.99) <= BUDGET_MILLISECONDS
    assert memory <= MEMORY_BUDGET_MB


@pytest.mark.benchmark
@pytest.mark.parametrize("metrics", [1, 5])
def test_bytes_of_a_history_row(metrics: int, tmp_path: Path) -> None:
    with store_in(tmp_path) as store:

        def begin(connection: sqlite3.Connection) -> None:
            project = projects.ensure(connection, ENTITY, PROJECT)
            for number in range(RUNS):
                runs.insert(connection, project["id"], f"run{number}", f"run{number}", RunState.RUNNING)

        def second(connection: sqlite3.Connection, first: int) -> int:
            size = 0
            for number in range(RUNS):
                rows = [history_row(step, metrics) for step in range(first, first + ROWS_PER_CHUNK)]
                size += sum(len(row) for row in rows)
                run = runs.find_by_path(connection, ENTITY, PROJECT, f"run{number}")
                assert run is not None
                content: Json = list(rows)
                store_chunk(connection, run, {"files": {"wandb-history.jsonl": {"offset": first, "content": content}}})
            return size

        store.write(begin)
        empty = _size(tmp_path)
        json_bytes, started = 0, time.process_time()
        for first in range(0, 2000, ROWS_PER_CHUNK):
            json_bytes += store.write(lambda connection, first=first: second(connection, first))  # type: ignore[misc]
        micros = (time.process_time() - started) / (RUNS * 2000) * 1e6
    grown = _size(tmp_path) - empty
    print(
        f"\n{metrics} metrics: {json_bytes / RUNS / 2000:.0f} bytes of JSON per row, {grown / RUNS / 2000:.0f} on disk,"
        f" ratio {grown / json_bytes:.2f} (budget {BUDGET_BYTES}), {micros:.0f} us of CPU"
    )
    assert grown <= json_bytes * BUDGET_BYTES


def _size(folder: Path) -> int:
    """Return the size of the database with all that was written moved from the log into it."""
    with sqlite3.connect(folder / DATABASE_FILE) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return (folder / DATABASE_FILE).stat().st_size
