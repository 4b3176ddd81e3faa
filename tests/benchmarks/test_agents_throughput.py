"""Budgets of the agents (issue "Agents people can trust overnight"): runs per second, growth, idle cost, memory.

Rerun: make benchmarks.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.tracking_server import connect_to, wait_for
from trainer.agents.pool import AgentHost, start_agents
from trainer.records import Json
from trainer.server.lifecycle import stop_server
from trainer.states import AgentState, SweepState
from trainer.tracking.wandb_client import WandbClient

RUNS = 200
PROGRAM = """
import argparse, time
import wandb
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=int)
arguments = parser.parse_args()
with wandb.init() as run:
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    run.log({"acc": arguments.x})
"""
IDLE_SECONDS = 10.0
TICK = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[WandbClient]:
    folder = tmp_path / "server"
    yield WandbClient(connect_to(folder))
    stop_server(folder)


def grid(points: int) -> dict[str, Json]:
    values = list[Json](range(points))
    return {
        "method": "grid",
        "metric": {"name": "acc", "goal": "maximize"},
        "program": "train.py",
        "parameters": {"x": {"values": values}},
    }


def held(pid: int) -> tuple[float, int]:
    """Return a process's memory in MB, all that it has mapped, and its open files."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kilobytes = next(int(line.split()[1]) for line in rollup if line.startswith("Rss:"))
    return kilobytes / 1000, len(os.listdir(f"/proc/{pid}/fd"))


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def bootstrap_of(host: AgentHost) -> int:
    lines = (host.directory / "events.jsonl").read_text().splitlines()
    return next(int(event["pid"]) for event in map(json.loads, lines) if event["event"] == "warm")


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_runs_per_second_without_growth(client: WandbClient, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    sweep = client.create_sweep(grid(RUNS), client.connection.entity, "throughput")
    host = start_agents(client.connection, sweep, 2, cwd=tmp_path)

    def done() -> int:
        return sum(agent.runs_done for agent in host.agents())

    samples: dict[str, list[tuple[int, float, int]]] = {"host": [], "bootstrap": []}
    first_at, first_done = 0.0, 0
    seen = -1
    while host.is_alive():
        if (count := done()) != seen and count > 0:
            seen = count
            first_at, first_done = (first_at, first_done) if first_at else (time.perf_counter(), count)
            try:
                for name, pid in (("host", host.pid), ("bootstrap", bootstrap_of(host))):
                    samples[name].append((count, *held(pid)))
            except (FileNotFoundError, ProcessLookupError):
                break
        time.sleep(0.02)
    took = time.perf_counter() - first_at
    assert host.wait(30)
    assert done() == RUNS
    assert client.read_sweep(sweep.reference).state is SweepState.FINISHED
    rate = (RUNS - first_done) / took
    print(f"\n{RUNS} runs of 50 ms: {rate:.1f} runs/s (budget 5)")
    for name, rows in samples.items():
        early = [row for row in rows if RUNS * 0.1 <= row[0] < RUNS * 0.2]
        late = [row for row in rows if row[0] >= RUNS * 0.9]
        memory = max(row[1] for row in late) / max(row[1] for row in early)
        files = max(row[2] for row in late) - max(row[2] for row in early)
        print(f"{name}: {max(row[1] for row in late):.0f} MB, {memory:.3f} of the second tenth's, {files:+d} files")
        assert memory < 1.1
        assert files <= 2
    assert rate >= 5


@pytest.mark.benchmark
@pytest.mark.timeout(300)
def test_eight_idle_slots(client: WandbClient, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    sweep = client.create_sweep(grid(10), client.connection.entity, "idle")
    client.set_sweep_state(sweep.reference, SweepState.PAUSED)
    host = start_agents(client.connection, sweep, 8, cwd=tmp_path)
    wait_for(lambda: all(agent.state is AgentState.WAITING for agent in host.agents()))
    wait_for(lambda: (starts := host.starts()) is not None and starts.mode == "warm")
    time.sleep(3)  # until heartbeats have come down to their slowest
    pids = (host.pid, bootstrap_of(host))
    before, began = sum(map(cpu_seconds, pids)), time.perf_counter()
    time.sleep(IDLE_SECONDS)
    share = (sum(map(cpu_seconds, pids)) - before) / (time.perf_counter() - began)
    memory = [held(pid)[0] for pid in pids]
    host.request_stop()
    assert host.wait(30)
    print(
        f"\n8 idle slots: {share:.2%} of a core (budget 1 %), host {memory[0]:.0f} MB (budget 60), "
        f"bootstrap {memory[1]:.0f} MB"
    )
    assert share < 0.01
    assert memory[0] <= 60
