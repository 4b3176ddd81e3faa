"""Sweeps with rules, run for real: programs see members, the server its joint value, and each point is run once."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.tracking_server import connect_to, wait_for
from trainer.agents.pool import live_hosts, start_agents
from trainer.records import Json
from trainer.server.lifecycle import stop_server
from trainer.states import RunState
from trainer.sweep.joint import unpacked
from trainer.sweep.rule_compiler import compile_rules
from trainer.sweep.rules import RuleLine
from trainer.sweep.space import SearchSpace
from trainer.tracking.leaderboard import leaderboard_columns, render_leaderboard
from trainer.tracking.points import account
from trainer.tracking.wandb_client import WandbClient

PROGRAM = """
import argparse, json, os, sys, time
import wandb
parser = argparse.ArgumentParser()
parser.add_argument("--batch_size", type=int)
parser.add_argument("--optimizer")
parser.add_argument("--momentum", type=float, default=0.123)
parser.add_argument("--lr", type=float)
parser.add_argument("--seed", type=int)
arguments = parser.parse_args()
given = {part.split("=")[0][2:] for part in sys.argv[1:]}
with wandb.init(config=vars(arguments)) as run:
    held = dict(run.config)
    if not os.path.exists("gate"):
        with open("started", "a") as file:
            file.write(str(os.getpid()) + "\\n")
        time.sleep(60)
    run.log({"acc": arguments.batch_size * (arguments.lr or 1)})
with open("seen", "a") as file:
    file.write(json.dumps({"id": run.id, "given": sorted(given), "config": held}) + "\\n")
"""
RULES = [
    "zip batch_size, lr",
    'momentum only if optimizer == "sgd"',
    "seeds 1 from 7",
    "optimizer == 'sgd' or batch_size < 2",
]
SOURCES: list[tuple[tuple[str, ...], Json]] = [
    (("batch_size",), {"values": [1, 2]}),
    (("lr",), {"values": [1.0, 1e-5]}),
    (("optimizer",), {"values": ["sgd", "adam"]}),
    (("momentum",), {"values": [0.5, 0.9]}),
]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("server")
    yield folder
    stop_server(folder)


@pytest.mark.parametrize("fresh", [True, False], ids=["fresh", "warm"])
def test_our_agents_hand_over_members_and_run_each_point_once_also_after_a_kill(
    data_dir: Path, tmp_path: Path, fresh: bool
) -> None:
    compiled = compile_rules(SOURCES, [RuleLine(text) for text in RULES], "grid")
    config: dict[str, Json] = {
        "method": "grid",
        "metric": {"name": "acc", "goal": "maximize"},
        "program": "train.py",
        "parameters": {path[0]: entry for path, entry in compiled.leaves},
    }
    space = SearchSpace.from_config(config)
    # Two pairs with sgd and either momentum, one with adam and none.
    assert space.unique_count == 2 * 2 + 1
    (tmp_path / "train.py").write_text(PROGRAM)
    client = WandbClient(connect_to(data_dir))
    sweep = client.create_sweep(config, client.connection.entity, "joint")
    if fresh:
        (tmp_path / "gate").touch()
    host = start_agents(client.connection, sweep, 2, cwd=tmp_path, fresh=fresh)
    try:
        if not fresh:
            # One run and then the whole host die at work; whoever comes next does their points.
            wait_for(lambda: len(_lines(tmp_path / "started")) == 2)
            os.kill(int(_lines(tmp_path / "started")[0]), signal.SIGKILL)
            wait_for(lambda: len(_lines(tmp_path / "started")) == 3)
            os.kill(host.pid, signal.SIGKILL)
            (tmp_path / "gate").touch()
            host = start_agents(client.connection, sweep, 2, cwd=tmp_path)
        assert host.wait(120)
    finally:
        for left in live_hosts():
            left.request_stop()
            left.wait(20)

    runs = list(client.read_runs(client.read_sweep(sweep.reference)))
    seen = {entry["id"]: entry for entry in map(json.loads, _lines(tmp_path / "seen"))}
    finished = [run for run in runs if run.state is RunState.FINISHED]
    killed = [run for run in runs if run not in finished]
    assert len(killed) <= 1
    found = account(client.read_sweep(sweep.reference), runs)
    assert (found.duplicates, found.foreign, found.untried) == ([], (), 0)
    assert found.finished == 5 - len(killed)
    joint = next(path[0] for path, _ in compiled.leaves if path[0].startswith("joint__"))
    given_out = {json.dumps(point[joint], sort_keys=True) for point in space.points()}
    for run in finished:
        # To the letter, as W&B's own grid compares it.
        assert json.dumps(run.config[joint], sort_keys=True) in given_out
        entry: dict[str, Any] = seen[run.id]
        members = unpacked({joint: run.config[joint]})
        assert set(entry["given"]) == {*members, "seed"}
        assert ("momentum" in entry["given"]) == (members["optimizer"] == "sgd")
        held = {name: entry["config"][name] for name in entry["given"]}
        assert held == {**members, "seed": run.config["seed"]}
        assert entry["config"]["momentum"] == members.get("momentum", 0.123)
    swept = {"batch_size", "lr", "optimizer", "momentum"}
    assert set(leaderboard_columns(sweep, finished)) == swept
    assert "joint__" not in render_leaderboard(sweep, finished, width=0)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
