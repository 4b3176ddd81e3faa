"""Hosts that outlive what happens to them: requests from any process, crashes of hosts and of the server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.contract.agent_launches import Launch, events_of
from tests.contract.tracking_server import GRID, connect_to, wait_for
from trainer.agents.orders import OrderBook
from trainer.agents.pool import AgentHost, has_work_left, live_hosts, local_agents, start_agents
from trainer.agents.requests import ADD_SLOTS, DRAIN, REMOVE_SLOTS, SCALE, STOP, STOP_RUN, HostRequest, submit
from trainer.cli import build_cli
from trainer.errors import AgentError, InputError, NotFoundError, TerminalError
from trainer.process_identity import process_start
from trainer.server.lifecycle import find_running, stop_server
from trainer.states import AgentState, RunState, SweepState
from trainer.tracking.wandb_client import WandbClient

WAIT = """
import time
print("waiting", flush=True)
while True:
    time.sleep(0.02)
"""
GATED = """
import os, sys, time
import wandb
x = next(argument for argument in sys.argv if argument.startswith("--x=")).removeprefix("--x=")
with wandb.init() as run:
    for step in range(3):
        run.log({"acc": float(x) + step})
    print("waiting", flush=True)
    while not os.path.exists("gate"):
        time.sleep(0.02)
with open("finished", "a") as file:
    file.write(x + "\\n")
"""

ROOT = Path(__file__).resolve().parents[2]


def states(host: AgentHost) -> dict[int, AgentState]:
    return {agent.slot: agent.state for agent in host.agents()}


def waiting(host: AgentHost) -> set[int]:
    """Return the slots whose run has begun its wait."""
    return {agent.slot for agent in host.agents() if agent.last_line == "waiting" and agent.run_id}


def test_slots_come_and_go_while_a_host_runs(launch: Launch, client: WandbClient) -> None:
    sweep, host = launch(WAIT, points=20)
    wait_for(lambda: waiting(host) == {1})
    host.ask(HostRequest(ADD_SLOTS, count=2))
    wait_for(lambda: waiting(host) == {1, 2, 3})
    host.ask(HostRequest(REMOVE_SLOTS, slots=(2,)))
    wait_for(lambda: [agent.draining for agent in host.agents()] == [False, True, False])
    assert host.working_slots() == 2
    assert states(host)[2] is AgentState.RUNNING, "a drained slot finishes its run"
    # What leaves after its run goes on when there are to be as many again; the others are new.
    host.ask(HostRequest(SCALE, count=4))
    wait_for(lambda: waiting(host) == {1, 2, 3, 4})
    assert host.working_slots() == 4
    host.ask(HostRequest(SCALE, count=1))
    wait_for(lambda: host.working_slots() == 1)
    leaving = [agent for agent in host.agents() if agent.draining]
    for agent in leaving:
        host.ask(HostRequest(STOP_RUN, run_id=agent.run_id))
    wait_for(lambda: [state for slot, state in states(host).items() if slot > 1] == [AgentState.STOPPED] * 3)
    assert waiting(host) == {1}
    reference = sweep.reference
    stopped = [client.read_run(reference.entity, reference.project, agent.run_id) for agent in leaving]
    assert {run.state for run in stopped} == {RunState.KILLED}
    host.ask(HostRequest(DRAIN))
    host.ask(HostRequest(STOP_RUN, run_id=host.agents()[0].run_id))
    assert host.wait(20)
    assert client.read_sweep(reference).state is SweepState.RUNNING
    with pytest.raises(AgentError, match="have ended"):
        host.ask(HostRequest(DRAIN))


def test_a_request_needs_no_signal_and_what_is_none_is_said_and_removed(launch: Launch) -> None:
    _, host = launch(WAIT)
    wait_for(lambda: waiting(host) == {1})
    box = host.directory / "requests"
    box.mkdir()
    for name, text in (("1.json", '{"do": "dance"}'), ("2.json", "{"), ("3.json", '{"do": "add_slots", "count": 999}')):
        (box / name).write_text(text)
    (box / ".half-written").write_text('{"do": "stop"')
    wait_for(lambda: os.listdir(box) == [".half-written"], 5)
    assert [event["request"] for event in events_of(host, "request_refused")] == ["1.json", "2.json", "3.json"]
    assert "dance" in events_of(host, "request_refused")[0]["reason"]
    submit(host.directory, HostRequest(STOP_RUN, run_id="none"))
    submit(host.directory, HostRequest(STOP))
    assert host.wait(20)
    assert [event.get("refused") for event in events_of(host, "request")] == ["no slot has this run", None]


def test_a_killed_host_takes_its_runs_with_it_and_the_next_host_goes_on_with_them(
    launch: Launch, client: WandbClient, tmp_path: Path
) -> None:
    sweep, host = launch(GATED, slots=2, points=4)
    wait_for(lambda: waiting(host) == {1, 2})
    begun = {agent.run_id for agent in host.agents()}
    children = [int(event["pid"]) for event in events_of(host, "run_started")]
    os.kill(host.pid, signal.SIGKILL)
    # Nobody looks for it.
    wait_for(lambda: not any(map(process_start, children)))
    wait_for(lambda: events_of(host, "host_lost"))
    assert "unexpectedly" in local_agents(sweep.reference)[0].last_line
    assert has_work_left(host)
    heir = start_agents(client.connection, sweep, 1, cwd=tmp_path)
    wait_for(lambda: waiting(heir))
    assert heir.agents()[0].run_id in begun
    assert not has_work_left(host)
    (tmp_path / "gate").touch()
    assert heir.wait(60)
    assert client.read_sweep(sweep.reference).state is SweepState.FINISHED
    runs = client.read_runs(sweep)
    assert sorted((run.config["x"], run.state) for run in runs) == [(x, RunState.FINISHED) for x in (1, 2, 3, 4)]
    assert begun <= {run.id for run in runs}
    assert Counter((tmp_path / "finished").read_text().split()) == Counter("1234")
    assert {event["run_id"] for event in events_of(heir, "run_taken_over")} == begun
    assert OrderBook(heir.directory).is_empty


def test_a_living_host_takes_over_from_one_that_crashed_beside_it(
    launch: Launch, client: WandbClient, tmp_path: Path
) -> None:
    sweep, host = launch(GATED, points=3)
    other = start_agents(client.connection, sweep, 1, cwd=tmp_path)
    wait_for(lambda: waiting(host) and waiting(other))
    os.kill(host.pid, signal.SIGKILL)
    wait_for(lambda: events_of(other, "taken_over"))
    (tmp_path / "gate").touch()
    assert other.wait(60)
    assert sorted(run.state for run in client.read_runs(sweep)) == [RunState.FINISHED] * 3
    assert Counter((tmp_path / "finished").read_text().split()) == Counter("123")


def test_a_server_that_is_killed_is_started_again_by_the_host_alone(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, launch: Launch
) -> None:
    own = tmp_path_factory.mktemp("own-server")
    client = WandbClient(connect_to(own))
    (tmp_path / "train.py").write_text(GATED)
    sweep = client.create_sweep(GRID, client.connection.entity, "hosts")
    host = start_agents(client.connection, sweep, 1, cwd=tmp_path)
    try:
        wait_for(lambda: waiting(host))
        server = find_running(own)
        assert server is not None
        os.kill(server.pid, signal.SIGKILL)
        (tmp_path / "gate").touch()
        assert host.wait(90)
        revived = find_running(own)
        assert revived is not None
        assert revived.pid != server.pid
        assert client.read_sweep(sweep.reference).state is SweepState.FINISHED
        assert sorted(run.state for run in client.read_runs(sweep)) == [RunState.FINISHED] * 3
    finally:
        host.request_stop()
        stop_server(own)


def test_a_server_that_was_told_to_end_is_left_alone_by_the_host(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, launch: Launch
) -> None:
    own = tmp_path_factory.mktemp("own-server")
    client = WandbClient(connect_to(own))
    (tmp_path / "train.py").write_text(WAIT)
    host = start_agents(
        client.connection, client.create_sweep(GRID, client.connection.entity, "hosts"), 1, cwd=tmp_path
    )
    wait_for(lambda: waiting(host))
    stop_server(own)
    wait_for(lambda: events_of(host, "server_revival"))
    assert events_of(host, "server_revival")[0]["exit_code"] == 3
    assert find_running(own) is None
    for _ in range(3):
        host.request_stop()
    assert host.wait(20)


def test_the_commands_list_scale_drain_and_follow_what_runs(launch: Launch) -> None:
    sweep, host = launch(GATED, slots=1, points=6)
    wait_for(lambda: waiting(host))

    def told(*arguments: str) -> str:
        given = ["agents", *arguments]
        answer = CliRunner().invoke(build_cli(None), given, catch_exceptions=False, standalone_mode=False)
        return answer.output

    listed = told()
    assert all(text in listed for text in (host.id, str(sweep.reference), f"process {host.pid}", "slot 1  running"))
    assert "| waiting" in listed
    assert "slot 2 added" in told("scale", sweep.reference.id, "2")
    wait_for(lambda: waiting(host) == {1, 2})
    (entry,) = json.loads(told("--json"))
    assert (entry["state"], entry["pid"], len(entry["slots"])) == ("running", host.pid, 2)
    assert "slot 2 leaves after its run" in told("drain", host.id, "--slot", "2")
    assert "leaves after this run" in told()
    assert "slot 2 stays" in told("scale", f"agents/{sweep.reference.id}", "2")
    assert "slot 1 | waiting" in told("logs", sweep.reference.id, "-n", "1")
    run_id = host.agents()[0].run_id
    assert told("logs", sweep.reference.id, "--run", run_id, "-n", "1") == "waiting\n"
    with pytest.raises(AgentError, match="no slot has this run"):
        told("stop", sweep.reference.id, "--run", "nonesuch")
    with pytest.raises(InputError, match="no slot 7"):
        told("drain", sweep.reference.id, "--slot", "7")
    with pytest.raises(NotFoundError, match="No agents on this machine"):
        told("drain", "nonesuch")
    with pytest.raises(TerminalError, match="not part of"):
        told("attach", sweep.reference.id)
    command = [sys.executable, "-m", "trainer", "agents", "logs", sweep.reference.id, "-f"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert following.stdout.readline().startswith("slot 1 | ")
        told("drain", sweep.reference.id)
        assert "stopping" in told("stop", sweep.reference.id)
        assert host.wait(40)
        assert "KeyboardInterrupt" in following.stdout.read()
    assert following.returncode == 0
    assert "No agents run" in told()
    assert "ended" in told("--all")


def test_more_agents_join_those_that_work_on_the_sweep_and_leave_them_when_they_are_interrupted(
    launch: Launch, client: WandbClient, tmp_path: Path
) -> None:
    sweep, host = launch(WAIT, points=20)
    wait_for(lambda: waiting(host) == {1})
    command = [sys.executable, "-m", "trainer", "agent", str(sweep.reference), "--server", client.connection.base_url]
    environ = os.environ | {"PYTHONPATH": str(ROOT), "WANDB_API_KEY": client.connection.api_key}

    def begin(*options: str) -> subprocess.Popen[str]:
        return subprocess.Popen([*command, *options], cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True)

    following, other = begin("-a", "2"), begin("--timeout", "1h", "--detach")
    wait_for(lambda: waiting(host) == {1, 2, 3})
    wait_for(lambda: len(live_hosts(sweep.reference)) == 2)
    _, told = other.communicate(timeout=30)
    assert "these do not join them: its policy differs" in told
    following.send_signal(signal.SIGINT)
    _, told = following.communicate(timeout=30)
    assert f"slots 2, 3 added to process {host.pid} (host {host.id})" in told
    assert following.returncode == 130
    assert {slot for slot, state in states(host).items() if state.is_terminal} == {2, 3}
    assert waiting(host) == {1}
