"""Warm starts that begin before their sweep exists: taken over by a host, or ended."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.unit.agents.warm_twins import wait_for
from trainer.agents.early import begin_early
from trainer.agents.pool import start_agents
from trainer.errors import ServerError
from trainer.launch import LaunchRequest, launch_sweep
from trainer.paths import agents_dir
from trainer.process_identity import process_start
from trainer.records import Json, SweepRecord, SweepReference
from trainer.settings import Connection, ServerKind
from trainer.states import SweepState
from trainer.tracking.wandb_client import WandbClient

CONFIG: dict[str, Json] = {
    "program": "train.py",
    "method": "grid",
    "metric": {"name": "x", "goal": "maximize"},
    "parameters": {"x": {"values": [1]}},
}
# Nobody listens there.
CONNECTION = Connection(ServerKind.EMBEDDED, "http://127.0.0.1:9", "key", "me")


@pytest.fixture(autouse=True)
def program(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print('x')")


def children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


def test_a_host_takes_over_what_was_begun(tmp_path: Path) -> None:
    early = begin_early(CONFIG, ServerKind.EMBEDDED, tmp_path)
    assert early is not None
    reference = SweepReference("me", "wine", "abc")
    sweep = SweepRecord(reference, "wine", SweepState.RUNNING, "grid", None, CONFIG)
    host = start_agents(CONNECTION, sweep, 1, cwd=tmp_path, early=early)
    try:
        wait_for(lambda: (starts := host.starts()) is not None and starts.mode == "warm")
        lines = (host.directory / "events.jsonl").read_text().splitlines()
        (warm,) = [event for event in map(json.loads, lines) if event["event"] == "warm"]
        assert warm["pid"] == early.popen.pid
        assert warm["python"] == sys.executable
        assert (host.directory / "warm.log").exists()
        assert not list(agents_dir().glob("warm-*.log"))
    finally:
        host.request_stop()
    assert host.wait(20)
    wait_for(lambda: early.popen.poll() is not None)


def test_a_launch_that_fails_leaves_nothing_running(tmp_path: Path) -> None:
    before = children()
    client = WandbClient(CONNECTION)
    with pytest.raises(ServerError):
        launch_sweep(CONNECTION, client, LaunchRequest(CONFIG, 1, tmp_path))
    wait_for(lambda: not [pid for pid in children() - before if process_start(pid)])
    assert not list(agents_dir().glob("warm-*.log"))


def test_what_a_launcher_that_dies_has_begun_ends_by_itself(tmp_path: Path) -> None:
    early = begin_early(CONFIG, ServerKind.EMBEDDED, tmp_path)
    assert early is not None
    early.connection.close()
    wait_for(lambda: early.popen.poll() is not None)


@pytest.mark.parametrize(
    "command",
    [["bash", "run.sh"], ["${env}", "SWEEP_TUI_START=fresh", "python", "${program}"], ["/none/python", "x.py"]],
)
def test_nothing_begins_for_runs_that_will_not_be_warm(tmp_path: Path, command: list[Json]) -> None:
    assert begin_early({**CONFIG, "command": command}, ServerKind.EMBEDDED, tmp_path) is None
    assert begin_early(CONFIG, ServerKind.EMBEDDED, tmp_path, fresh=True) is None


def test_the_environment_may_ask_for_fresh_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWEEP_TUI_START", "fresh")
    assert begin_early(CONFIG, ServerKind.EMBEDDED, tmp_path) is None
