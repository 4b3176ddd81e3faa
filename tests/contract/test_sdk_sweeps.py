"""Sweeps by the unmodified SDK 0.31: its command line, its agents, and all that `wandb.Api()` shows of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.contract.server_fixtures import (
    Environment,
    environ,
    eventually,
    graphql,
    project,
    run_program,
    server,
)
from tests.contract.test_server_sdk import result_of
from trainer.server.lifecycle import ServerAddress

__all__ = ["environ", "project", "server"]

_COMMAND_LINE = """
import json, pathlib, sys, wandb
from click.testing import CliRunner
from wandb.cli.cli import cli
project = sys.argv[1]

def command(*arguments):
    done = CliRunner().invoke(cli, ["sweep", *arguments])
    return done.output + (str(done.exception) if done.exception else "")

for name, x in (("prior1", 1), ("prior2", 4)):
    with wandb.init(project=project, id=name, config={"x": x, "o": {"y": 1}}) as run:
        run.log({"acc": x / 10})
grid = {"program": "t.py", "method": "grid", "metric": {"name": "acc", "goal": "maximize"}, "description": "why",
        "parameters": {"x": {"values": [1, 2, 3, 4]}, "o": {"parameters": {"y": {"values": [1, 2]}}}}}
pathlib.Path("s.yaml").write_text(json.dumps(grid))
made = command("--project", project, "--name", "named", "-R", "prior1", "-R", "prior2", "s.yaml")
path = made.split("wandb agent ")[1].split()[0]
wrong = command("--project", project, "-R", "nobody", "s.yaml")

api = wandb.Api()
states = []
for change in ("--pause", "--resume", "--stop", "--pause", "--resume", "--cancel", "--stop"):
    said = command(change, path)
    states.append((change, wandb.Api().sweep(path).state, "Exception" in said or "annot" in said or "already" in said))
grid["parameters"]["x"]["values"].append(5)
pathlib.Path("s.yaml").write_text(json.dumps(grid))
updated = command("--update", path, "--name", "renamed", "s.yaml")
others = [wandb.sweep({"name": f"n{i}", "method": "random", "parameters": {"x": {"min": 0.0, "max": 1.0}}},
                      project=project) for i in range(5)]
sweep = wandb.Api().sweep(path)
endless = wandb.Api().sweep(f"local/{project}/{others[0]}")
found = wandb.Api().project(project, entity="local")
print("RESULT" + json.dumps({
    "wrong": "There is no run 'nobody'" in wrong, "states": states, "name": sweep.name,
    "expected": sweep.expected_run_count, "endless": endless.expected_run_count, "order": sweep.order,
    "best": sweep.best_run().id,
    "runs": sorted(run.id for run in sweep.runs), "description": sweep.description, "method": sweep.method,
    "values": sweep.config["parameters"]["x"]["values"], "state": sweep.state, "bestLoss": sweep._attrs["bestLoss"],
    "url": sweep.url.endswith(f"/local/{project}/sweeps/{sweep.id}"), "agents": sweep.agents(),
    "all": [s.name for s in found.sweeps(per_page=2)], "count": len(found.sweeps(per_page=2)),
    "filtered": [s.name for s in found.sweeps(filters={"display_name": {"$regex": "^n[13]$"}})],
    "canceled": [s.name for s in found.sweeps(filters={"$and": [{"state": "CANCELED"}, {"method": "grid"}]})],
}))
"""


def test_the_command_line_and_the_api_of_sweeps(tmp_path: Path, environ: Environment, project: str) -> None:
    found = result_of(run_program(_COMMAND_LINE, environ, tmp_path, project))
    assert found["wrong"]
    assert found["states"] == [
        ["--pause", "PAUSED", False], ["--resume", "RUNNING", False], ["--stop", "FINISHED", False],
        ["--pause", "FINISHED", True], ["--resume", "RUNNING", False], ["--cancel", "CANCELED", False],
        ["--stop", "CANCELED", True],
    ]  # fmt: skip
    assert (found["name"], found["description"], found["method"]) == ("renamed", "why", "grid")
    assert found["state"] == "CANCELED"
    assert (found["expected"], found["endless"], found["values"]) == (10, None, [1, 2, 3, 4, 5])
    assert (found["order"], found["best"], found["bestLoss"]) == ("-summary_metrics.acc", "prior2", 0.4)
    assert found["runs"] == ["prior1", "prior2"]
    assert found["url"]
    assert found["agents"] == []
    assert found["all"] == ["n4", "n3", "n2", "n1", "n0", "renamed"]
    assert found["count"] == 6
    assert found["filtered"] == ["n3", "n1"]
    assert found["canceled"] == ["renamed"]


_FUNCTION = """
import json, sys, time, wandb
from wandb.agents.pyagent import Agent
Agent.HEARTBEAT_SLEEP_SECONDS = 0.2
project = sys.argv[1]
settings = wandb.Settings(x_file_stream_transmit_interval=1)
seen = []
def train():
    with wandb.init(settings=settings) as run:
        x = run.config.x
        seen.append(x)
        for step in range(3):
            run.log({"acc": -x})
        for _ in range(600 if x == 2 else 0):
            time.sleep(0.1)
sweep = wandb.sweep({"method": "grid", "metric": {"name": "acc", "goal": "maximize"},
                     "controller": {"type": "cloud", "runs_per_agent": 3},
                     "early_terminate": {"type": "hyperband", "min_iter": 2, "eta": 3},
                     "parameters": {"x": {"values": [1, 2, 0]}}}, project=project)
wandb.agent(sweep, function=train, project=project)
custom = wandb.sweep({"method": "custom", "metric": {"name": "acc"}, "run_cap": 2,
                      "parameters": {"x": {"min": 0, "max": 9}}}, project=project)
waiting = wandb.Api().sweep(f"local/{project}/{custom}")
enqueued = [waiting.enqueue_run({"x": {"value": 7}}, display_name="mine"), waiting.enqueue_run({"x": 8})]
wandb.agent(custom, function=train, project=project)
api = wandb.Api()
first, second = api.sweep(f"local/{project}/{sweep}"), api.sweep(f"local/{project}/{custom}")
[agent] = first.agents()
stopped = next(run for run in first.runs if run.config["x"] == 2)
print("RESULT" + json.dumps({
    "seen": seen, "states": {run.config["x"]: run.state for run in first.runs}, "state": first.state,
    "stopped": stopped.id, "agent": [first.agent(agent.name).name == agent.name,
    first.agent(agent._attrs["id"]).name == agent.name,
    sorted(run.id for run in agent.runs()) == sorted(run.id for run in first.runs)],
    "enqueued": [run.id for run in second.runs] == enqueued, "name": api.run(f"local/{project}/{enqueued[0]}").name,
    "custom": [second.state, [run.config["x"] for run in second.runs]],
}))
"""


def test_a_function_agent_loses_no_order_stops_early_and_takes_what_was_enqueued(
    tmp_path: Path, environ: Environment, server: ServerAddress, project: str
) -> None:
    found = result_of(run_program(_FUNCTION, environ, tmp_path, project))
    assert sorted(found["seen"]) == [0, 1, 2, 7, 8]
    assert found["states"] == {"0": "finished", "1": "finished", "2": "killed"}
    assert found["state"] == "FINISHED"
    assert found["agent"] == [True, True, True]
    assert found["enqueued"]
    assert found["name"] == "mine"
    assert found["custom"] == ["FINISHED", [7, 8]]
    document = "query Q($p: String, $r: String!) { project(name: $p) { run(name: $r) { stopReason stopped } } }"
    run = graphql(server, document, p=project, r=found["stopped"])["project"]["run"]
    assert run["stopReason"].startswith("early_terminate: at band 2 (2 values logged)")
    assert run["stopped"] is True


_PLAIN_RUN = """
import time, wandb
with wandb.init() as run:
    run.log({"acc": run.config["x"]})
    for _ in range(600):
        if len(wandb.Api().run(run.path).sweep.runs) == 3:
            break
        time.sleep(0.1)
"""
_CREATE = """
import json, sys, wandb
config = {"program": "t.py", "method": "grid", "controller": {"type": "cloud", "runs_per_agent": 3},
          "parameters": {"x": {"values": [1, 2, 3]}}}
print("RESULT" + json.dumps(wandb.sweep(config, project=sys.argv[1])))
"""


def test_one_command_line_agent_runs_several_at_once_where_the_sweep_says_so(
    tmp_path: Path, environ: Environment, server: ServerAddress, project: str
) -> None:
    (tmp_path / "t.py").write_text(_PLAIN_RUN)
    sweep = result_of(run_program(_CREATE, environ, tmp_path, project))
    agent = subprocess.Popen(
        [sys.executable, "-m", "wandb", "agent", "--count", "3", f"local/{project}/{sweep}"],
        cwd=tmp_path, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert agent.wait(timeout=150) == 0
    document = """query Q($p: String, $s: String) { project(name: $p) { sweep(sweepName: $s) { state
      runs { edges { node { state } } } } } }"""

    def is_over() -> bool:
        found = graphql(server, document, p=project, s=sweep)["project"]["sweep"]
        return [edge["node"]["state"] for edge in found["runs"]["edges"]] == ["finished"] * 3

    eventually(is_over, 20)
