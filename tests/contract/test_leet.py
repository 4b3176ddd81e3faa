"""`wandb leet RUN_URL`, the SDK's own terminal view, in a real terminal: a run that lives, and one that is over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.contract.server_fixtures import Environment, environ, eventually, graphql, project, server
from tests.e2e.terminal import Terminal
from trainer.server.lifecycle import ServerAddress

__all__ = ["environ", "project", "server"]

_LIVE = """
import pathlib, sys, time, wandb
with wandb.init(project=sys.argv[1], id="live", settings=wandb.Settings(x_file_stream_transmit_interval=1)) as run:
    for step in range(20):
        run.log({"accuracy": step / 16})
    while not pathlib.Path("go on").exists():
        time.sleep(0.05)
    for step in range(20):
        run.log({"accuracy": 0.8125 + step})
"""


def test_leet_shows_a_run_from_its_address_while_it_lives_and_after(
    tmp_path: Path, environ: Environment, server: ServerAddress, project: str
) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", _LIVE, project],
        cwd=tmp_path, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"{server.base_url}/local/{project}/runs/live"
    command = [sys.executable, "-m", "wandb", "leet", url]
    environ = environ | {"TERM": "xterm-256color"}
    try:
        eventually(lambda: "accuracy" in _history_keys(server, project), 60)
        with Terminal(command, environ, tmp_path, columns=120, rows=36) as terminal:
            shown = terminal.wait_for("accuracy", "1.1875", timeout=60)
            assert "ID: live" in shown
            terminal.press("q")
            assert terminal.wait() == 0
        (tmp_path / "go on").touch()
        assert writer.wait(timeout=60) == 0
        with Terminal(command, environ, tmp_path, columns=120, rows=36) as terminal:
            terminal.wait_for("accuracy", "19.8125", "State: Finished", timeout=60)
            terminal.press("q")
            assert terminal.wait() == 0
    finally:
        writer.kill()
        writer.wait()


def _history_keys(server: ServerAddress, project: str) -> str:
    document = 'query H($p: String) { project(name: $p) { run(name: "live") { historyKeys historyLineCount } } }'
    found = graphql(server, document, p=project)["project"]
    run = found["run"] if found else None
    return str(run["historyKeys"]) if run and run["historyLineCount"] >= 20 else ""
