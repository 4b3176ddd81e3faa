"""Sweeps that a program of wandb itself leads: `wandb sweep-scheduler` with its engines, and the local controller.

The engine `wandb` and the controller need W&B's package `sweeps`, which pins numpy<2. Where this interpreter cannot
have it, SWEEPS_PYTHON may name one that has both it and wandb; without that their tests are skipped.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.server_fixtures import Environment, environ, eventually, graphql, project, run_command, server
from tests.contract.test_server_sdk import result_of
from trainer.server.lifecycle import ServerAddress

__all__ = ["environ", "project", "server"]

_HAS_SWEEPS = "from importlib.metadata import version; version('sweeps')"


@pytest.fixture(scope="session")
def sweeps_python() -> str:
    """Return an interpreter that can import W&B's search engines."""
    python = os.environ.get("SWEEPS_PYTHON", sys.executable)
    if subprocess.run([python, "-c", _HAS_SWEEPS], capture_output=True, check=False).returncode:
        pytest.skip("W&B's package `sweeps` (numpy<2) is not installed; SWEEPS_PYTHON may name an interpreter with it")
    return python


_AGENT = """
import json, os, subprocess, sys, wandb
from wandb.agents.pyagent import Agent
Agent.HEARTBEAT_SLEEP_SECONDS = 0.2
project, config = sys.argv[1], json.loads(sys.argv[2])
config["metric"] = {"name": "acc", "goal": "maximize"}
sweep = wandb.sweep(config, project=project)
path = f"local/{project}/{sweep}"
def train():
    with wandb.init() as run:
        for step in range(3):
            run.log({"acc": run.config.x + step / 100})
"""
_SCHEDULED = (
    _AGENT
    + """
command = [sys.executable, "-m", "wandb", "sweep-scheduler", "--batch-size", "2", "--poll-interval", "1", path]
# WANDB_SERVICE would make it share our sidecar, which our agent ends before each run.
apart = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
scheduler = subprocess.Popen(command, env=apart, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
wandb.agent(sweep, function=train, project=project)
said = scheduler.communicate(timeout=60)[0]
found = wandb.Api().sweep(path)
print("RESULT" + json.dumps({"code": scheduler.returncode, "said": said, "state": found.state, "sweep": sweep,
    "runs": [run.state for run in found.runs], "known": all(run.id in said for run in found.runs)}))
"""
)


def check_scheduled(python: str, config: str, environ: Environment, folder: Path, server: ServerAddress) -> None:
    program = folder / "program.py"
    program.write_text(_SCHEDULED)
    name = f"p-{folder.name}"
    found = result_of(run_command([python, str(program), name, config], environ, folder, 90))
    assert found["code"] == 0, found["said"]
    assert found["state"] == "FINISHED"
    assert found["runs"] == ["finished"] * 3, "what was enqueued beyond the cap is dropped"
    assert found["known"], "the scheduler followed every run to its end"
    document = """query Q($p: String, $s: String!, $r: String!) { project(name: $p) { sweep(sweepName: $s) {
      controllerRunName runCount } run(name: $r) { state sweepName logLineCount } } }"""
    log = f"scheduler-{found['sweep']}"

    def read() -> dict[str, dict[str, object]]:
        found_now: dict[str, dict[str, object]] = graphql(server, document, p=name, s=found["sweep"], r=log)["project"]
        return found_now

    eventually(lambda: read()["run"]["state"] == "finished", 20)
    assert read()["sweep"] == {"controllerRunName": log, "runCount": 3}
    assert read()["run"]["sweepName"] is None


def test_the_scheduler_with_the_engine_optuna(tmp_path: Path, environ: Environment, server: ServerAddress) -> None:
    config = """{"method": "custom", "run_cap": 3, "scheduler": {"engine": "optuna"},
      "parameters": {"x": {"min": 0.0, "max": 1.0}}}"""
    check_scheduled(sys.executable, config, environ, tmp_path, server)


def test_the_scheduler_with_the_engine_wandb(
    tmp_path: Path, environ: Environment, server: ServerAddress, sweeps_python: str
) -> None:
    config = """{"method": "bayes", "run_cap": 3, "scheduler": {"engine": "wandb"},
      "parameters": {"x": {"min": 0.0, "max": 1.0}}}"""
    check_scheduled(sweeps_python, config, environ, tmp_path, server)


_CONTROLLED = (
    _AGENT
    + '''
lead = """
import sys, time, wandb
controller = wandb.controller(sys.argv[1], project=sys.argv[2])
while not controller.done():
    controller.step()
    time.sleep(0.5)
"""
# WANDB_SERVICE would make it share our sidecar, which our agent ends before each run.
apart = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
leader = subprocess.Popen([sys.executable, "-c", lead, sweep, project], env=apart)
wandb.agent(sweep, function=train, project=project)
assert leader.wait(60) == 0
found = wandb.Api().sweep(path)
print("RESULT" + json.dumps({"state": found.state, "runs": sorted((run.config["x"], run.state) for run in found.runs)}))
'''
)


def test_a_local_controller(tmp_path: Path, environ: Environment, project: str, sweeps_python: str) -> None:
    (tmp_path / "program.py").write_text(_CONTROLLED)
    config = '{"method": "grid", "controller": {"type": "local"}, "parameters": {"x": {"values": [1, 2, 3]}}}'
    found = result_of(run_command([sweeps_python, "program.py", project, config], environ, tmp_path, 90))
    assert found == {"state": "FINISHED", "runs": [[1, "finished"], [2, "finished"], [3, "finished"]]}
