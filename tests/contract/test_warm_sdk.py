"""Warm runs with the real SDK: what the server keeps of them is what it keeps of fresh ones."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.contract.agent_launches import Launch, events_of
from tests.contract.tracking_server import wait_for
from trainer.agents.policy import RunPolicy
from trainer.agents.pool import live_hosts
from trainer.process_identity import process_start
from trainer.records import Json, RunRecord
from trainer.states import RunState, SweepState
from trainer.tracking.wandb_client import WandbClient

# Which way a run ends is one of its parameters, so that one warm process has them all.
ENDINGS = """
import argparse, json, os, sys
import wandb
parser = argparse.ArgumentParser()
parser.add_argument("--ending")
parser.add_argument("--learning_rate", type=float)
arguments = parser.parse_args()
run = wandb.init(tags=["warm"], notes="a note")
for step in range(3):
    run.log({"acc": step * arguments.learning_rate})
table = wandb.Table(columns=["a"], data=[[1]])
run.log({"table": table})
named = {k: v for k, v in sorted(os.environ.items()) if k.startswith("WANDB_SWEEP")}
print(f"environment {json.dumps(named)}")  # in one write: wandb prints from a thread
assert run.config["ending"] == arguments.ending, dict(run.config)
if arguments.ending == "raises":
    raise ValueError("bad shape")
if arguments.ending == "exits":
    sys.exit(3)
if arguments.ending == "says":
    sys.exit("no data")
if arguments.ending == "finishes":
    run.finish()
if arguments.ending == "killed":
    os.kill(os.getpid(), 9)
print("end of the program")
"""
EXPECTED = {
    "falls off the end": (RunState.FINISHED, 0),
    "finishes": (RunState.FINISHED, 0),
    "raises": (RunState.FAILED, 1),
    "exits": (RunState.FAILED, 3),
    "says": (RunState.FAILED, 1),
    "killed": (None, -9),  # crashed or failed, as the server finds out
}

SIX_RUNS: dict[str, Json] = {
    "method": "grid",
    "metric": {"name": "acc", "goal": "maximize"},
    "program": "train.py",
    "parameters": {"ending": {"values": list[Json](EXPECTED)}, "learning_rate": {"value": 0.5}},
}

LONG = """
import argparse, sys, time
import wandb
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=int)
arguments = parser.parse_args()
with wandb.init() as run:
    for step in range(2000 if arguments.x == 1 else 3):
        run.log({"acc": arguments.x})
        print("waiting", flush=True)
        time.sleep(0.05)
"""


def grid(*values: int) -> dict[str, Json]:
    return {**SIX_RUNS, "parameters": {"x": {"values": list[Json](values)}}}


def test_runs_arrive_whole_however_they_end_warm_and_fresh(client: WandbClient, launch: Launch) -> None:
    kept: dict[bool, dict[str, RunRecord]] = {}
    codes: dict[bool, dict[str, int]] = {}
    once = RunPolicy().with_rule("killed=skip")
    for fresh in (False, True):
        sweep, host = launch(ENDINGS, config=SIX_RUNS, slots=2, fresh=fresh, policy=once)
        assert host.wait(120)
        assert client.read_sweep(sweep.reference).state is SweepState.FINISHED
        kept[fresh] = {str(run.config["ending"]): run for run in client.read_runs(sweep)}
        ended = {str(event["run_id"]): int(event["exit_code"]) for event in events_of(host, "run_ended")}
        codes[fresh] = {name: ended[run.id] for name, run in kept[fresh].items()}
        starts = host.starts()
        assert starts is not None
        assert starts.mode == ("fresh" if fresh else "warm"), starts
        for name, run in kept[fresh].items():
            log = (host.directory / "logs" / f"{run.id}.log").read_text()
            assert f'environment {{"WANDB_SWEEP_ID": "{sweep.reference.id}", "WANDB_SWEEP_PARAM_PATH":' in log
            assert "ForkedError" not in log
            assert ("end of the program" in log) is (name in ("falls off the end", "finishes"))
    assert codes[False] == codes[True] == {name: code for name, (_, code) in EXPECTED.items()}
    for name, (state, _) in EXPECTED.items():
        warm, plain = kept[False][name], kept[True][name]
        assert warm.state is plain.state, name
        assert state in (None, warm.state), name
        if name != "killed":
            assert warm.summary["acc"] == plain.summary["acc"] == 1.0
            assert warm.tags == plain.tags == ("warm",)


def test_a_killed_wandb_core_costs_its_own_run_only(client: WandbClient, launch: Launch) -> None:
    # Started over, as by default, it would take its two minutes once more.
    sweep, host = launch(LONG, config=grid(1, 2, 3, 4), slots=2, policy=RunPolicy().with_rule("lost_server=skip"))
    wait_for(lambda: len(events_of(host, "run_ended")) >= 1)
    (first,) = [run for run in client.read_runs(sweep) if run.config["x"] == 1]
    child = next(event["pid"] for event in events_of(host, "run_started") if event["run_id"] == first.id)
    cores = [int(pid) for pid in Path(f"/proc/{child}/task/{child}/children").read_text().split()]
    assert cores, "each warm run has a wandb-core of its own"
    for core in cores:
        os.kill(core, signal.SIGKILL)
    assert host.wait(60)
    others = {run.config["x"]: run.state for run in client.read_runs(sweep) if run.id != first.id}
    assert others == {2: RunState.FINISHED, 3: RunState.FINISHED, 4: RunState.FINISHED}


def test_a_killed_bootstrap_ends_its_runs_and_the_rest_is_done_warm(client: WandbClient, launch: Launch) -> None:
    # Started over, as by default, the run would take its two minutes once more.
    sweep, host = launch(LONG, config=grid(1, 2, 3), policy=RunPolicy().with_rule("killed=skip"))
    wait_for(lambda: host.agents()[0].last_line == "waiting")
    child = events_of(host, "run_started")[0]["pid"]
    os.kill(events_of(host, "warm")[0]["pid"], signal.SIGKILL)
    assert host.wait(60)
    assert not process_start(child)
    assert [event["exit_code"] for event in events_of(host, "run_ended")] == [-9, 0, 0]
    assert len(events_of(host, "warm_process_lost")) == 1
    runs = {run.config["x"]: run.state for run in client.read_runs(sweep)}
    assert runs[2] is runs[3] is RunState.FINISHED
    assert runs[1] in (RunState.CRASHED, RunState.FAILED)


def test_runs_of_a_killed_host_and_what_they_were_forked_from_are_ended(launch: Launch) -> None:
    _, host = launch(LONG, config=grid(1))
    wait_for(lambda: host.agents()[0].last_line == "waiting")
    child, bootstrap = events_of(host, "run_started")[0]["pid"], events_of(host, "warm")[0]["pid"]
    os.kill(host.pid, signal.SIGKILL)
    wait_for(lambda: not host.is_alive())
    assert process_start(child), "the run should go on without its host"
    assert process_start(bootstrap), "and its wandb-core with it"
    wait_for(lambda: live_hosts() == [] and not process_start(child))
    wait_for(lambda: not process_start(bootstrap))
