"""Pulled plugs in the middle of a headless run: the server killed, the user's Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
from pathlib import Path

from tests.e2e.conftest import BIN, ROOT, User
from trainer.agents.pool import live_hosts
from trainer.server.lifecycle import find_running


class Narration:
    """A headless run in the background, and what it has said so far."""

    def __init__(self, user: User, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [str(BIN / "sweep-tui"), "run", *arguments],
            cwd=ROOT,
            env=user.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.rstrip())
                self._changed.notify_all()

    def wait_for(self, pattern: str, timeout: float = 60) -> None:
        with self._changed:
            found = self._changed.wait_for(lambda: any(re.search(pattern, line) for line in self.lines), timeout)
        assert found, self.lines


def test_a_killed_server_comes_back_and_no_point_is_lost_or_doubled(user: User, tmp_path: Path) -> None:
    report = tmp_path / "out.json"
    run = Narration(user, "sweeps/wine-grid.yaml", "-a", "2", "--json", str(report))
    run.wait_for("[1-9]/9 done")
    server = find_running()
    assert server is not None
    os.kill(server.pid, signal.SIGKILL)

    assert run.process.wait(180) == 0, run.lines
    runs = json.loads(report.read_text())["runs"]
    points = [(each["config"]["n_estimators"], each["config"]["max_depth"]) for each in runs]
    assert len(points) == len(set(points)) == 9
    assert {each["state"] for each in runs} == {"finished"}
    again = find_running()
    assert again is not None and again.base_url == server.base_url and again.pid != server.pid


def test_ctrl_c_stops_the_agents_and_keeps_the_results(user: User, tmp_path: Path) -> None:
    report = tmp_path / "out.json"
    run = Narration(user, "sweeps/wine-grid.yaml", "-a", "2", "--json", str(report))
    run.wait_for("[1-9]/9 done")
    run.process.send_signal(signal.SIGINT)

    assert run.process.wait(60) == 130, run.lines
    assert live_hosts() == []
    states = json.loads(report.read_text())["states"]
    assert states.get("finished", 0) >= 1
    assert not {"running", "pending"} & set(states), states
    run.wait_for("Go on with: sweep-tui agent local/wine-quality-dev/")
