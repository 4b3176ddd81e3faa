"""Budgets of the live view at work: a metric that was logged is on the screen within 1.2 s (median; 95 % within 2 s),
and in steady state the terminal gets at most 40 KiB/s at 160×45.

Rerun: make benchmarks. A real program, local agents, the embedded server, and the app in a pseudo-terminal.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.raw_terminal import RawTerminal
from tests.contract.tracking_server import connect_to
from trainer.agents.pool import start_agents
from trainer.paths import server_dir
from trainer.records import Json
from trainer.server.lifecycle import stop_server
from trainer.tracking.wandb_client import WandbClient

SWEEP_TUI = str(Path(sys.executable).with_name("sweep-tui"))
AGENTS, STEPS, STEP_SECONDS = 2, 90, 0.4
SETTLE_SECONDS, COUNT_SECONDS = 8.0, 15.0
PROGRAM = f"""
import argparse, json, time
import wandb
parser = argparse.ArgumentParser()
parser.add_argument("--number", type=int)
number = parser.parse_args().number
with wandb.init() as run:
    for step in range({STEPS}):
        value = round(0.1 + 0.4 * number + step * 0.0041, 4)
        run.log({{"acc": value, "epoch": step}})
        if number == 1:
            with open("logged.jsonl", "a") as file:
                file.write(json.dumps([time.time(), value]) + "\\n")
        time.sleep({STEP_SECONDS})
"""
CONFIG: dict[str, Json] = {
    "program": "train.py",
    "method": "grid",
    "metric": {"name": "acc", "goal": "maximize"},
    "parameters": {"number": {"values": [1, 0]}},
}


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WandbClient]:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    yield WandbClient(connect_to(server_dir()))
    stop_server(server_dir())


@pytest.mark.benchmark
@pytest.mark.timeout(300)
def test_what_is_logged_is_soon_on_the_screen_and_few_bytes_are_sent(client: WandbClient, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    sweep = client.create_sweep(CONFIG, client.connection.entity, "latency")
    host = start_agents(client.connection, sweep, AGENTS, cwd=tmp_path)
    command = [SWEEP_TUI, "open", str(sweep.reference)]
    with RawTerminal(command, tmp_path / "home", 160, 45) as terminal:
        terminal.wait_for("Best configuration", 30)
        terminal.wait_for("0.5", 60)
        time.sleep(SETTLE_SECONDS)
        before = terminal.bytes
        time.sleep(COUNT_SECONDS)
        rate = (terminal.bytes - before) / COUNT_SECONDS / 1024
    host.request_stop()
    assert host.wait(30)
    logged = [json.loads(line) for line in (tmp_path / "logged.jsonl").read_text().splitlines()]
    # Of the ticks of an axis, which are round, none is a value that was logged; 0.5 itself is left out.
    texts = {f"{value:.4f}": value for _, value in logged if round(value, 2) != value}
    shown = [
        (moment, max(texts[text] for text in found))
        for moment, piece in terminal.pieces
        if (found := texts.keys() & set(re.findall(r"0\.\d{4}", piece)))
    ]
    waits = []
    for logged_at, value in logged:
        # A value that was overtaken counts as shown with the next one.
        seen = next((moment for moment, best in shown if best >= value), None)
        if seen is not None and logged_at > shown[0][0]:
            waits.append(seen - logged_at)
    median, high = statistics.median(waits), sorted(waits)[int(len(waits) * 0.95)]
    print(
        f"\nlogged → on screen, {len(waits)} values: median {median:.2f} s (budget 1.2), 95th percentile {high:.2f} s "
        f"(budget 2); to the terminal {rate:.1f} KiB/s (budget 40)"
    )
    assert len(waits) > 20
    assert median <= 1.2
    assert high <= 2.0
    assert rate <= 40
