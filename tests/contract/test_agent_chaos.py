"""Runs, hosts, guards, the server and the app are killed: in the end each point was run once, and nothing is left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.contract.agent_launches import events_of
from tests.contract.tracking_server import connect_to, wait_for
from trainer.agents.host_files import HostFiles
from trainer.agents.pool import AgentHost, live_hosts
from trainer.paths import server_dir
from trainer.process_identity import process_start
from trainer.server.lifecycle import find_running, stop_server
from trainer.states import RunState, SweepState
from trainer.tracking.wandb_client import WandbClient

ROOT = Path(__file__).resolve().parents[2]
POINTS = int(os.environ.get("SWEEP_TUI_CHAOS_POINTS", "20"))
SEED = int(os.environ.get("SWEEP_TUI_CHAOS_SEED", "4"))
KINDS = ("run", "host", "guard", "server", "app")
ROUNDS = max(1, POINTS // 10)
"""Each kind is killed once in each."""
PROGRAM = """
import argparse, os, time
import wandb
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=int)
x = parser.parse_args().x
with wandb.init() as run:
    for step in range(4):
        run.log({"acc": x + step})
        time.sleep(0.15)
    while x == LAST and not os.path.exists("calm"):
        time.sleep(0.05)
"""


class Operator:
    """Does what a person would: starts agents where none are left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.app = self._start("run", "sweep.yaml", "--headless", "-a", "2")

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        environ = os.environ | {"PYTHONPATH": str(ROOT)}
        with (self._folder / "app.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "trainer", *arguments], cwd=self._folder, env=environ, stdout=log, stderr=log
            )

    def look(self, sweep_id: str) -> None:
        """Start agents where none live; a start that fails is tried again."""
        # What follows a sweep ends by itself when its agents are gone.
        if self.app.poll() is not None and not live_hosts():
            self.app = self._start("agent", sweep_id, "-a", "2")

    def window(self, sweep_id: str) -> int:
        """Return the process of the app, opened anew where there is none."""
        if self.app.poll() is not None:
            self.app = self._start("agent", sweep_id, "-a", "1")
        return self.app.pid


class Reaper:
    """Kills one process, or all of a kind, that is there now."""

    def __init__(self, operator: Operator, chance: random.Random, sweep_id: str) -> None:
        self._operator = operator
        self._chance = chance
        self._sweep_id = sweep_id
        self.killed: Counter[str] = Counter()

    def kill(self, kind: str) -> bool:
        """Kill; return whether there was something to kill."""
        self._operator.look(self._sweep_id)
        pids = self._pids(kind)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.killed[kind] += bool(pids)
        return bool(pids)

    def _pids(self, kind: str) -> list[int]:
        if kind == "app":
            return [self._operator.window(self._sweep_id)]
        if kind == "server":
            server = find_running()
            return [server.pid] if server else []
        hosts = live_hosts()
        if kind == "run":
            leaders = running(hosts)
            return [self._chance.choice(leaders)] if leaders else []
        return [host.pid for host in hosts] if kind == "host" else guards(hosts)


def processes_of(folder: Path) -> dict[int, str]:
    """Return the living processes that were started for anything in a home: their environment names it."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            is_ours = f"HOME={folder}".encode() in (path / "environ").read_bytes().split(b"\0")
            text = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if is_ours and int(path.name) != os.getpid() and process_start(int(path.name)):
            found[int(path.name)] = text
    return found


def running(hosts: list[AgentHost]) -> list[int]:
    """Return the leaders of the runs that are under way."""
    states = [status for host in hosts for status in HostFiles(host.directory).read_state()]
    return [status.child_pid for status in states if process_start(status.child_pid) == status.child_start != ""]


def guards(hosts: list[AgentHost]) -> list[int]:
    """Return the guards of hosts."""
    found = [int(event["pid"]) for host in hosts for event in events_of(host, "guard_started")[-1:]]
    return [pid for pid in found if b"guard" in cmdline(pid)]


def cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.skipif(sys.platform != "linux", reason="looks for what is left in /proc")
def test_a_grid_survives_whatever_is_killed(tmp_path: Path, isolated_home: Path) -> None:
    chance = random.Random(SEED)
    (tmp_path / "train.py").write_text(f"LAST = {POINTS - 1}\n{PROGRAM}")
    config = {
        "program": "train.py", "method": "grid", "project": "chaos", "metric": {"name": "acc", "goal": "maximize"},
        "parameters": {"x": {"values": list(range(POINTS))}},
    }  # fmt: skip
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(config))
    operator = Operator(tmp_path)
    try:
        wait_for(lambda: any(agent.run_id for host in live_hosts() for agent in host.agents()), 60)
        reference = live_hosts()[0].reference
        reaper = Reaper(operator, chance, str(reference))
        for kind in [kind for _ in range(ROUNDS) for kind in chance.sample(KINDS, len(KINDS))]:
            time.sleep(chance.uniform(0.2, 1.0))
            wait_for(lambda kind=kind: reaper.kill(kind), 60)  # type: ignore[misc]
        (tmp_path / "calm").touch()
        client = WandbClient(connect_to(server_dir()))

        def is_over() -> bool:
            operator.look(str(reference))
            time.sleep(0.2)
            return client.read_sweep(reference).state is SweepState.FINISHED

        wait_for(is_over, 120)
        wait_for(lambda: not live_hosts(), 30)
        runs = client.read_runs(client.read_sweep(reference))
        assert Counter(run.state for run in runs) == {RunState.FINISHED: POINTS}
        assert sorted(int(str(run.config["x"])) for run in runs) == list(range(POINTS))
        assert {run.id: run.summary.get("acc") for run in runs} == {run.id: run.config["x"] + 3 for run in runs}  # type: ignore[operator]
        assert reaper.killed == Counter(dict.fromkeys(KINDS, ROUNDS))
        operator.app.wait(30)
    finally:
        operator.app.kill()
        for host in live_hosts():
            for _ in range(3):
                host.request_stop()
            host.wait(20)
        stop_server()
    wait_for(lambda: not processes_of(isolated_home), 20)
