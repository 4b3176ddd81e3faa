"""What real hosts do with real programs that fail, hang, leave things behind: retries, limits, rests, logs."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.contract.agent_launches import Launch, events_of
from tests.contract.tracking_server import wait_for
from trainer.agents.policy import RunPolicy
from trainer.process_identity import process_start
from trainer.states import AgentState, RunState, SweepState
from trainer.tracking.wandb_client import WandbClient

# The first life of x=2 dies without a word, that of x=3 says how it ended; the second lives of both end well.
FLAKY = """
import os, pathlib, sys, time
import wandb
x = int(sys.argv[1].partition("=")[2])
with wandb.init() as run:
    run.log({"acc": x})
    print("life with", x)
    first = pathlib.Path(f"first-{x}")
    if x > 1 and not first.exists():
        first.touch()
        run.log({"acc": 99})
        if x == 2:
            time.sleep(1.5)
            os.kill(os.getpid(), 9)
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
"""


def test_a_retried_run_keeps_its_id_and_ends_as_one_finished_row(client: WandbClient, launch: Launch) -> None:
    policy = RunPolicy().with_rule("killed=retry:1").with_rule("cuda_oom=retry:1@other")
    sweep, host = launch(FLAKY, policy=policy, slots=2)
    assert host.wait(60)
    runs = {run.config["x"]: run for run in client.read_runs(sweep, sweep.metric)}
    assert len(client.read_runs(sweep)) == 3
    assert {x: (run.state, run.summary["acc"]) for x, run in runs.items()} == {
        x: (RunState.FINISHED, x) for x in (1, 2, 3)
    }
    assert [len(runs[x].curve) for x in (1, 2, 3)] == [1, 1, 1]  # nothing of the first lives
    assert client.read_sweep(sweep.reference).state is SweepState.FINISHED
    retried = {event["run_id"]: event for event in events_of(host, "run_retried")}
    assert {retried[runs[x].id]["kind"] for x in (2, 3)} == {"killed", "cuda_oom"}
    started = events_of(host, "run_started")
    assert sorted((event["run_id"], event["life"]) for event in started) == sorted(
        [(runs[1].id, 1), *((runs[x].id, life) for x in (2, 3) for life in (1, 2))]
    )
    slots = [event["slot"] for event in started if event["run_id"] == runs[3].id]
    assert len(set(slots)) == 2, "another slot was asked for"
    for x in (2, 3):
        logs = [(host.directory / "logs" / f"{runs[x].id}{life}.log").read_text() for life in (".1", "")]
        assert all(f"life with {x}" in log for log in logs)
    assert sum(agent.runs_failed for agent in host.agents()) == 0
    assert sum(agent.runs_done for agent in host.agents()) == 3


TIMEOUTS = """
import sys, time
x = int(sys.argv[1].partition("=")[2])
print("waiting", flush=True)
try:
    time.sleep(60 if x == 1 else 0)
except KeyboardInterrupt:
    time.sleep(60)  # deaf to the first request
"""


def test_a_run_that_overruns_its_timeout_is_stopped_step_by_step_in_sight(
    client: WandbClient, launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep, host = launch(TIMEOUTS, policy=RunPolicy(timeout_seconds=1.0), points=2)
    wait_for(lambda: host.agents()[0].stopping == "asked")
    agent = host.agents()[0]
    assert (agent.state, agent.next_stop_step) == (AgentState.STOPPING, "terminates")
    assert agent.next_stop_at is not None
    assert agent.run_started_at is not None
    assert 14 <= (agent.next_stop_at - agent.run_started_at).total_seconds() <= 20
    os.killpg(int(events_of(host, "run_started")[0]["pid"]), signal.SIGTERM)
    assert host.wait(30)
    ended = events_of(host, "run_ended")
    assert [(event["failed"], event.get("kind")) for event in ended] == [(True, "timeout"), (False, None)]
    (group,) = host.agents()[0].failures
    assert (group.title, group.count) == ("took longer than its timeout of 1s", 1)
    assert host.agents()[0].stopping == ""


def test_the_budget_takes_no_more_runs_and_lets_the_current_one_end(client: WandbClient, launch: Launch) -> None:
    sweep, host = launch("import time; time.sleep(2.5); print('done')", policy=RunPolicy(budget_seconds=1.5), points=5)
    assert host.wait(30)
    (agent,) = host.agents()
    assert (agent.state, agent.runs_done, agent.runs_failed) == (AgentState.STOPPED, 1, 0)
    assert "budget of 1.5s is used up" in host.note()
    assert "budget" in agent.last_line
    assert client.read_sweep(sweep.reference).state is SweepState.RUNNING


def test_runs_that_all_fail_alike_do_not_burn_the_sweep(client: WandbClient, launch: Launch) -> None:
    source = "import argparse; argparse.ArgumentParser().parse_args()"
    sweep, host = launch(source, policy=RunPolicy(), points=9)
    assert host.wait(30)
    (agent,) = host.agents()
    assert (agent.state, agent.runs_failed) == (AgentState.FAILED, 3)
    assert "3 runs in a row failed alike: the program does not take its flags" in agent.last_line
    assert "unrecognized arguments: --x=" in agent.last_line
    assert client.read_sweep(sweep.reference).state is SweepState.RUNNING


def test_no_more_runs_are_asked_for_after_so_many_failures(client: WandbClient, launch: Launch) -> None:
    source = "import sys\nif sys.argv[1] != '--x=1': raise ValueError('bad shape')"
    sweep, host = launch(source, policy=RunPolicy(max_failures=2), points=9)
    assert host.wait(30)
    (agent,) = host.agents()
    assert (agent.state, agent.runs_done, agent.runs_failed) == (AgentState.FAILED, 3, 2)
    assert "as many as were allowed" in host.note()
    assert [(group.title, group.count) for group in agent.failures] == [("ValueError at train.py:2", 2)]


def test_a_sick_slot_rests_while_the_other_goes_on(client: WandbClient, launch: Launch, tmp_path: Path) -> None:
    source = """
import pathlib, os, sys, time
x = int(sys.argv[1].partition("=")[2])
if x == 1:  # the well slot: its first run outlives the others' failures
    while not pathlib.Path("rests").exists():
        time.sleep(0.02)
elif not pathlib.Path("rests").exists():
    time.sleep(0.6)
    os.kill(os.getpid(), 11)
"""
    policy = RunPolicy(slot_failures=2, slot_rests=(3.0, 600.0))
    sweep, host = launch(source, policy=policy, slots=2, points=9)
    wait_for(lambda: any(agent.waits_until for agent in host.agents()))
    (rest,) = events_of(host, "slot_rests")
    resting = next(agent for agent in host.agents() if agent.slot == rest["slot"])
    assert resting.waits_until is not None
    assert "This slot rests for 3s: 2 runs in a row failed here: crashed: ended by SIGSEGV" in resting.last_line
    (tmp_path / "rests").touch()
    assert host.wait(40)
    runs = client.read_runs(sweep)
    assert len(runs) == 9
    failed = [event for event in events_of(host, "run_ended") if event["failed"]]
    assert [event["slot"] for event in failed] == [rest["slot"]] * 2
    assert {event["kind"] for event in failed} == {"segfault"}


def test_a_resting_slot_does_not_outlive_its_sweep(client: WandbClient, launch: Launch, tmp_path: Path) -> None:
    source = """
import os, pathlib, sys, time
x = int(sys.argv[1].partition("=")[2])
while x == 1 and not pathlib.Path("rests").exists():
    time.sleep(0.02)
if not pathlib.Path("rests").exists():
    os.kill(os.getpid(), 11)
"""
    sweep, host = launch(source, policy=RunPolicy(slot_failures=2, slot_rests=(600.0,)), slots=2, points=5)
    wait_for(lambda: any(agent.waits_until for agent in host.agents()))
    (tmp_path / "rests").touch()
    assert host.wait(40)
    assert len(client.read_runs(sweep)) == 5


LEAVER = """
import os, subprocess, sys, time
sleeper = [sys.executable, "-c", "import time; time.sleep(300)"]
daemon = subprocess.Popen(sleeper, start_new_session=True)
print(daemon.pid, flush=True)
"""


def test_a_daemon_that_a_run_leaves_behind_is_ended_and_told(launch: Launch) -> None:
    _, host = launch(LEAVER, policy=RunPolicy(), points=1)
    assert host.wait(40)
    (left,) = events_of(host, "leftovers")
    daemon = int(next((host.directory / "logs").glob("*.log")).read_text())
    assert left["processes"] == [f"python ({daemon})"]
    assert left["how"] == "terminated"
    assert not process_start(daemon)


TALKER = """
import sys, time
for number in range(300):
    print("line", number, "x" * 1000, flush=True)
    time.sleep(0.005)
print("last words")
"""


def test_a_runs_log_is_bounded_while_it_runs(launch: Launch) -> None:
    _, host = launch(TALKER, policy=RunPolicy(log_bytes=60_000), points=1)
    assert host.wait(40)
    (log,) = (host.directory / "logs").glob("*.log")
    assert log.stat().st_size < 150_000  # it printed 300,000, half a second of it since the last look
    text = log.read_text()
    assert text.startswith("line 0 ")
    assert text.endswith("last words\n")
    assert "was cut" in text
    assert events_of(host, "log_cut")


NAN = """
import sys, wandb
x = int(sys.argv[1].partition("=")[2])
with wandb.init() as run:
    run.log({"acc": float("nan") if x == 1 else x} if x < 3 else {"loss": 1})
"""


def test_a_metric_that_is_no_number_fails_the_run_where_that_is_asked_and_can_end_the_sweep(
    client: WandbClient, launch: Launch
) -> None:
    sweep, host = launch(NAN, policy=RunPolicy().with_rule("nan_metric=stop-sweep:2"), points=9)
    assert host.wait(60)
    (agent,) = host.agents()
    assert (agent.state, agent.runs_failed) == (AgentState.FAILED, 3)
    titles = {group.title: group.count for group in agent.failures}
    assert titles == {"the metric acc ended as NaN": 1, "the metric acc was never logged": 2}
    assert "2 runs in a row failed alike" in host.note()
    assert client.read_sweep(sweep.reference).state is SweepState.FINISHED
    assert len(client.read_runs(sweep)) == 4


ALONE = """
import os, pathlib, sys, time
x = int(sys.argv[1].partition("=")[2])
first = pathlib.Path(f"first-{x}")
if x == 2 and not first.exists():
    first.touch()
    raise MemoryError
time.sleep(0.4)
"""


def test_a_run_that_needs_the_machine_to_itself_gets_it(launch: Launch) -> None:
    _, host = launch(ALONE, policy=RunPolicy().with_rule("out_of_memory=retry:1@alone"), slots=3, points=8)
    assert host.wait(40)
    lines = (host.directory / "events.jsonl").read_text().splitlines()
    moves = [event for event in map(json.loads, lines) if event["event"] in ("run_started", "run_ended")]
    again = next(place for place, event in enumerate(moves) if event.get("life") == 2)
    before = [event["event"] for event in moves[:again]]
    assert before.count("run_started") == before.count("run_ended")
    assert (moves[again + 1]["event"], moves[again + 1]["run_id"]) == ("run_ended", moves[again]["run_id"])
    assert [event["failed"] for event in moves if event["event"] == "run_ended"].count(True) == 1
    assert sum(agent.runs_done for agent in host.agents()) == 8
    assert sum(agent.runs_failed for agent in host.agents()) == 0
