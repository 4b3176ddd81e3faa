"""The server is killed at random moments under load: what was acknowledged is there, once, and clients go on.

`KILLS=200 KILLS_SEED=7 pytest -n 0 -s tests/contract/test_server_kills.py` kills it longer, or as it was killed before.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import signal
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.contract.server_clients import StreamedRun, stream_runs, work_through
from tests.contract.server_fixtures import graphql, run_program, wandb_environ
from trainer.process_identity import process_start
from trainer.server import lifecycle
from trainer.server.data_folder import is_locked
from trainer.server.lifecycle import ServerAddress, ensure_running, stop_server

_KILLS = int(os.environ.get("KILLS", "20"))
_SEED = int(os.environ.get("KILLS_SEED", "20261127"))
_POINTS = 80
_GRID = f"{{program: t.py, method: grid, parameters: {{x: {{values: {list(range(_POINTS))}}}}}}}"
_PROGRAM = """
import hashlib, os, sys, time, wandb
from pathlib import Path
Path("weights.bin").write_bytes(bytes(range(256)) * 8000)
run = wandb.init(project="p", id="sdk", settings=wandb.Settings(x_file_stream_transmit_interval=1))
for step in range(100):
    run.log({"loss": step})
    print("step", step, flush=True)
    time.sleep(0.05)
artifact = wandb.Artifact("weights", "model")
artifact.add_file("weights.bin")
run.log_artifact(artifact).wait()
run.finish()
print("finished")
for _ in range(20):
    try:
        got = Path(wandb.Api().artifact("p/weights:latest").download(root="got")) / "weights.bin"
        break
    except Exception as error:  # the SDK reads a manifest once: a kill in the middle of it is the reader's to repeat
        print("again:", error)
        time.sleep(1)
assert got.read_bytes() == Path("weights.bin").read_bytes()
"""


def test_kills_under_load_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    print(f"KILLS={_KILLS} KILLS_SEED={_SEED}")
    folder = tmp_path / "data"
    address = ensure_running(folder, timeout_seconds=60)
    create = 'mutation S($c: String) { upsertSweep(input: {projectName: "p", config: $c}) { sweep { name } } }'
    sweep = graphql(address, create, c=_GRID)["upsertSweep"]["sweep"]["name"]
    stop = threading.Event()
    with ThreadPoolExecutor(6) as pool:
        program = pool.submit(run_program, _PROGRAM, wandb_environ(address, tmp_path), tmp_path)
        agents = [pool.submit(work_through, address, sweep, 0.7) for _ in range(3)]
        streams = [
            pool.submit(stream_runs, address, [f"s{number}-{turn}" for turn in range(4)], _SEED + number, stop)
            for number in range(2)
        ]
        try:
            _kill_often(folder, address, random.Random(_SEED))
        finally:
            stop.set()
        streamed = [run for stream in streams for run in stream.result(timeout=120)]
        orders = [order for agent in agents for order in agent.result(timeout=120)]
        program.result(timeout=150)

    found = graphql(address, f'{{ project(name: "p") {{ sweep(sweepName: "{sweep}") {{ state runCount }} }} }}')
    assert found["project"]["sweep"] == {"state": "FINISHED", "runCount": _POINTS}
    stop_server(folder)
    _check_orders(orders)
    connection = sqlite3.connect(folder / "server.sqlite")
    connection.row_factory = sqlite3.Row
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        _check_grid(connection, sweep, orders)
        for run in streamed:
            _check_streamed(connection, run)
        assert [row["loss"] for row in _rows(connection, "sdk", "history")] == list(range(100))
        _check_files(connection, folder / "files")
    finally:
        connection.close()
    assert "Traceback" not in (folder / "server.log").read_text(encoding="utf-8")
    sent = sum(len(run.history) for run in streamed)
    print(f"{sent} rows of {len(streamed)} runs, {len(orders)} orders")


def _kill_often(folder: Path, address: ServerAddress, choose: random.Random) -> None:
    """Kill the server in the middle of its work, of its start, or of its end; bring it back each time."""
    for _ in range(_KILLS):
        running = ensure_running(folder, timeout_seconds=60)
        assert running.base_url == address.base_url
        time.sleep(choose.uniform(0.1, 0.9))
        how = choose.random()
        if how < 0.2:
            os.kill(running.pid, signal.SIGTERM)
            time.sleep(choose.uniform(0, 0.15))
        _kill(running.pid)
        if how > 0.75:
            _wait_until_unlocked(folder)
            starting = lifecycle._spawn(folder)
            time.sleep(choose.uniform(0.05, 0.9))
            starting.kill()
            starting.wait()
    assert ensure_running(folder, timeout_seconds=60).base_url == address.base_url


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it had ended by itself
    while process_start(pid):
        time.sleep(0.005)


def _wait_until_unlocked(folder: Path) -> None:
    while is_locked(folder):
        time.sleep(0.005)


def _check_orders(orders: list[tuple[str, Any]]) -> None:
    """An order whose answer was lost comes again as the same run; no point has two runs."""
    points: dict[Any, set[str]] = {}
    for name, value in orders:
        points.setdefault(value, set()).add(name)
    assert sorted(points) == list(range(_POINTS))
    assert all(len(names) == 1 for names in points.values()), points
    assert len(orders) == _POINTS, "an order that was begun was given again"


def _check_grid(connection: sqlite3.Connection, sweep: str, orders: list[tuple[str, Any]]) -> None:
    rows = connection.execute("SELECT name, state, suggested FROM runs WHERE sweep = ?", (sweep,)).fetchall()
    assert {row["state"] for row in rows} == {"finished"}
    assert sorted((row["name"], json.loads(row["suggested"])["x"]) for row in rows) == sorted(orders)


def _rows(connection: sqlite3.Connection, run: str, table: str) -> list[Any]:
    found = connection.execute(
        f"SELECT line, row FROM {table} WHERE run_id = (SELECT id FROM runs WHERE name = ?) ORDER BY line", (run,)
    ).fetchall()
    assert [row["line"] for row in found] == list(range(len(found)))
    return [row["row"] if table == "console" else json.loads(row["row"]) for row in found]


def _check_streamed(connection: sqlite3.Connection, run: StreamedRun) -> None:
    assert _rows(connection, run.name, "history") == run.history
    assert _rows(connection, run.name, "events") == run.events
    assert _rows(connection, run.name, "console") == run.console
    row = connection.execute("SELECT * FROM runs WHERE name = ?", (run.name,)).fetchone()
    assert row["state"] == "finished"
    assert json.loads(row["summary"]) == run.summary
    lengths = (row["history_lines"], row["events_lines"], row["console_lines"])
    assert lengths == (len(run.history), len(run.events), len(run.console))
    keys = json.loads(row["history_keys"])
    if run.history:
        assert keys["keys"]["loss"]["typeCounts"] == [{"type": "number", "count": len(run.history)}]
        assert keys["lastStep"] == len(run.history) - 1


def _check_files(connection: sqlite3.Connection, folder: Path) -> None:
    rows = connection.execute("SELECT id, name, size, md5 FROM files").fetchall()
    assert "weights.bin" in {row["name"] for row in rows}
    for row in rows:
        content = (folder / str(row["id"])).read_bytes()
        assert row["size"] == len(content), row["name"]
        digest = hashlib.md5(content, usedforsecurity=False).digest()
        assert base64.b64encode(digest).decode() == row["md5"], row["name"]
