"""Local agents at work: real hosts, real programs, the embedded server, and the unmodified SDK."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from tests.contract.agent_launches import Launch, events_of
from tests.contract.tracking_server import GRID, connect_to, wait_for
from trainer.agents.pool import AgentHost, live_hosts, local_agents, start_agents
from trainer.errors import AgentError
from trainer.events import AgentsChanged, RunsChanged, SweepChanged, SweepEvent
from trainer.process_identity import process_start
from trainer.records import Json, SweepRecord
from trainer.server.lifecycle import stop_server
from trainer.states import AgentState, RunState, SweepState
from trainer.tracking.follow import follow_sweep
from trainer.tracking.wandb_client import WandbClient

TRAIN = """
import argparse, wandb
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=int)
arguments = parser.parse_args()
with wandb.init() as run:
    for step in range(3):
        run.log({"acc": arguments.x * step})
    print("trained with", run.config["x"])
"""
WAIT = """
import time
print("waiting", flush=True)
while True:
    time.sleep(0.02)
"""
FAIL = "raise SystemExit('no GPU here')"
QUICK = "print('done')"

FINISHING = """
import time
print("waiting", flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(3)
    print("all sent")
"""


def run_states(client: WandbClient, sweep: SweepRecord) -> list[RunState]:
    return [run.state for run in client.read_runs(sweep)]


def wait_until_running(host: AgentHost) -> None:
    wait_for(lambda: any(agent.last_line == "waiting" for agent in host.agents()))


def test_hyperband_kills_the_worse_run_and_the_sweep_still_ends(client: WandbClient, tmp_path: Path) -> None:
    source = TRAIN.replace("range(3)", "range(40)").replace("arguments.x * step", "arguments.x")
    (tmp_path / "train.py").write_text(source.replace("        run.log", "        time.sleep(0.2)\n        run.log"))
    (tmp_path / "train.py").write_text("import time\n" + (tmp_path / "train.py").read_text())
    early: dict[str, Json] = {"type": "hyperband", "min_iter": 2, "eta": 3}
    config: dict[str, Json] = {**GRID, "early_terminate": early, "parameters": {"x": {"values": [1, 9]}}}
    sweep = client.create_sweep(config, client.connection.entity, "agents")
    host = start_agents(client.connection, sweep, 2, cwd=tmp_path)
    assert host.wait(60)
    assert client.read_sweep(sweep.reference).state is SweepState.FINISHED
    runs = {run.config["x"]: run for run in client.read_runs(sweep, sweep.metric)}
    assert {x: run.state for x, run in runs.items()} == {1: RunState.KILLED, 9: RunState.FINISHED}
    assert 2 <= len(runs[1].curve) < len(runs[9].curve) == 40
    assert client.read_sweep(sweep.reference).best_value == 9


def test_two_agents_work_through_a_sweep_with_the_real_sdk(client: WandbClient, launch: Launch) -> None:
    sweep, host = launch(TRAIN, slots=2, points=4)
    assert [found.pid for found in live_hosts(sweep.reference)] == [host.pid]
    events: list[SweepEvent] = list(
        follow_sweep(
            client,
            sweep.reference,
            stop=threading.Event(),
            interval_seconds=0.1,
            agents=lambda: local_agents(sweep.reference),
        )
    )
    assert host.wait(20)
    runs = {run.id: run for event in events if isinstance(event, RunsChanged) for run in event.runs}
    assert sorted((run.config["x"], run.summary["acc"], run.state.value) for run in runs.values()) == [
        (x, 2 * x, "finished") for x in (1, 2, 3, 4)
    ]
    assert [event.sweep.state for event in events if isinstance(event, SweepChanged)][-1] is SweepState.FINISHED
    seen = [agent for event in events if isinstance(event, AgentsChanged) for agent in event.agents]
    assert {agent.slot for agent in seen if agent.state is AgentState.RUNNING and agent.run_id in runs} == {1, 2}
    last = host.agents()
    assert [agent.state for agent in last] == [AgentState.STOPPED, AgentState.STOPPED]
    assert sum(agent.runs_done for agent in last) == 4
    logs = [(host.directory / "logs" / f"{run_id}.log").read_text() for run_id in runs]
    assert all("trained with" in log for log in logs)
    assert local_agents(sweep.reference) == ()
    for path in host.directory.rglob("*"):
        if path.is_file():
            assert client.connection.api_key.encode() not in path.read_bytes(), path


def test_a_program_that_always_fails_is_given_up_with_its_words(client: WandbClient, launch: Launch) -> None:
    sweep, host = launch(FAIL, points=8)
    assert host.wait(30)
    (agent,) = host.agents()
    assert (agent.state, agent.runs_failed, agent.run_id) == (AgentState.FAILED, 5, "")
    assert "no GPU here" in agent.last_line
    assert "exit code 1" in agent.last_line
    assert local_agents(sweep.reference) == (agent,)
    assert len(run_states(client, sweep)) == 5


def test_a_run_that_never_called_wandb_is_handed_out_once(client: WandbClient, launch: Launch) -> None:
    sweep, host = launch(QUICK, points=3)
    assert host.wait(30)
    started = [event["run_id"] for event in events_of(host) if event["event"] == "run_started"]
    assert len(started) == len(set(started)) == 3
    assert host.agents()[0].runs_failed == 0


def test_count_bounds_all_slots_together(client: WandbClient, launch: Launch) -> None:
    sweep, host = launch(QUICK, slots=3, points=8, count=2)
    assert host.wait(30)
    assert sum(agent.runs_done for agent in host.agents()) == 2
    assert len(run_states(client, sweep)) == 2
    assert client.read_sweep(sweep.reference).state is SweepState.RUNNING


def test_a_stop_request_ends_the_run_and_the_host(client: WandbClient, launch: Launch) -> None:
    sweep, host = launch(WAIT)
    wait_until_running(host)
    host.request_stop()
    assert host.wait(20)
    (agent,) = host.agents()
    assert (agent.state, agent.runs_failed, agent.runs_done) == (AgentState.STOPPED, 0, 1)
    assert live_hosts(sweep.reference) == []
    ended = [event for event in events_of(host) if event["event"] == "run_ended"]
    assert len(ended) == 1
    assert ended[0]["failed"] is False


def test_a_run_that_is_asked_to_stop_has_time_to_finish_its_work(launch: Launch) -> None:
    _, host = launch(FINISHING)
    wait_until_running(host)
    host.request_stop()
    assert host.wait(20)
    ended = [event for event in events_of(host) if event["event"] == "run_ended"]
    assert [event["exit_code"] for event in ended] == [0]
    assert host.agents()[0].last_line == "all sent"


def test_a_second_stop_request_does_not_wait_for_the_first(launch: Launch) -> None:
    _, host = launch(FINISHING.replace("sleep(3)", "sleep(60)"))
    wait_until_running(host)
    host.request_stop()
    wait_for(lambda: host.agents()[0].state is AgentState.STOPPING)
    host.request_stop()
    assert host.wait(10)
    ended = [event for event in events_of(host) if event["event"] == "run_ended"]
    assert [event["exit_code"] for event in ended] == [-signal.SIGTERM]


def test_a_stop_file_does_the_same(launch: Launch) -> None:
    _, host = launch(WAIT)
    wait_until_running(host)
    (host.directory / "stop").touch()
    assert host.wait(20)


def test_stopping_one_run_goes_on_with_the_next(client: WandbClient, launch: Launch) -> None:
    sweep, host = launch(WAIT)
    wait_until_running(host)
    first = host.agents()[0].run_id
    client.stop_run(sweep.reference.entity, sweep.reference.project, first)
    wait_for(lambda: host.agents()[0].run_id not in ("", first))
    assert client.read_run(sweep.reference.entity, sweep.reference.project, first).state is RunState.KILLED


def test_cancelling_a_sweep_sends_its_agents_home(client: WandbClient, launch: Launch) -> None:
    sweep, host = launch(WAIT, slots=2)
    wait_for(lambda: all(agent.last_line == "waiting" for agent in host.agents()))
    client.set_sweep_state(sweep.reference, SweepState.CANCELED)
    assert host.wait(20)
    assert set(run_states(client, sweep)) == {RunState.KILLED}


def test_a_missing_program_asks_for_no_run(client: WandbClient, launch: Launch) -> None:
    sweep, host = launch(None)
    assert host.wait(20)
    (agent,) = host.agents()
    assert agent.state is AgentState.FAILED
    assert "train.py" in agent.last_line
    assert run_states(client, sweep) == []


def test_what_a_killed_host_without_a_guard_leaves_behind_is_ended_by_who_looks(launch: Launch) -> None:
    sweep, host = launch(WAIT)
    wait_until_running(host)
    events = events_of(host)
    child = next(int(str(event["pid"])) for event in events if event["event"] == "run_started")
    # Its guard would see to it at once.
    os.kill(next(int(str(event["pid"])) for event in events if event["event"] == "guard_started"), signal.SIGKILL)
    os.kill(host.pid, signal.SIGKILL)
    wait_for(lambda: not host.is_alive())
    assert process_start(child), "the run should go on without its host"
    wait_for(lambda: live_hosts() == [] and not process_start(child))
    wait_for(lambda: [agent.state for agent in local_agents(sweep.reference)] == [AgentState.FAILED])
    assert "unexpectedly" in local_agents(sweep.reference)[0].last_line


def test_a_run_goes_on_while_the_server_is_away(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, launch: Launch
) -> None:
    own = tmp_path_factory.mktemp("own-server")
    client = WandbClient(connect_to(own))
    gate = tmp_path / "gate"
    (tmp_path / "train.py").write_text(f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.02)")
    sweep = client.create_sweep(GRID, client.connection.entity, "agents")
    host = start_agents(client.connection, sweep, 1, cwd=tmp_path)
    try:
        wait_for(lambda: host.agents()[0].state is AgentState.RUNNING)
        stop_server(own)
        wait_for(lambda: any(event["event"] == "server_away" for event in events_of(host)))
        gate.touch()
        wait_for(lambda: host.agents()[0].runs_done == 1)
        assert host.is_alive()
        connect_to(own)
        assert host.wait(30)
        assert host.agents()[0].runs_done == 3
        assert host.agents()[0].state is AgentState.STOPPED
    finally:
        host.request_stop()
        stop_server(own)


def test_a_state_folder_that_cannot_be_made_is_said(
    client: WandbClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = client.create_sweep(GRID, client.connection.entity, "agents")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(AgentError, match="could not be started"):
        start_agents(client.connection, sweep, 1, cwd=tmp_path)
