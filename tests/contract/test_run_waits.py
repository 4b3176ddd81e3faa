"""What real hosts wait for and what they give up: room, servers, memory, other slots; budgets, leftovers, rests."""

from __future__ import annotations

import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.contract.agent_launches import Launch, events_of
from tests.contract.tracking_server import wait_for
from tests.machine.library import make_poor_machine
from trainer.agents.policy import RunPolicy
from trainer.process_identity import process_start
from trainer.records import SweepRecord
from trainer.states import AgentState, SweepState
from trainer.tracking.transport import GraphQLTransport
from trainer.tracking.wandb_client import WandbClient

# x=1 is killed as the kernel kills, x=2 loses its server, x=3 finds no room; each once.
NEEDY = """
import errno, os, pathlib, sys
x = int(sys.argv[1].partition("=")[2])
first = pathlib.Path(f"first-{x}")
if not first.exists() and x < 4:
    first.touch()
    if x == 1:
        pathlib.Path(os.environ["MACHINE_VMSTAT"]).write_text("oom_kill 1\\n")
        os.kill(os.getpid(), 9)
    if x == 3:
        pathlib.Path(os.environ["MACHINE_FULL"]).touch()
        raise OSError(errno.ENOSPC, "No space left on device")
    raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
"""


def test_runs_wait_for_the_machine_for_room_and_for_their_server(
    launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = make_poor_machine(tmp_path)
    for name, value in machine.environ.items():
        monkeypatch.setenv(name, value)
    # One at a time, so that the kernel's count is the run's own.
    _, host = launch(NEEDY, points=4, fresh=True)
    monkeypatch.delenv("LD_PRELOAD")
    wait_for(lambda: len(events_of(host, "run_retried")) == 2)
    killed, lost = events_of(host, "run_retried")
    assert (killed["kind"], killed["place"]) == ("oom_killed", "alone")
    assert (lost["kind"], lost["wait_seconds"]) == ("lost_server", 10)
    (agent,) = host.agents()
    assert (agent.state, agent.run_id, agent.runs_retried) == (AgentState.WAITING, lost["run_id"], 2)
    assert "starts over in 10s" in agent.last_line
    assert agent.waits_until is not None
    assert 5 <= (agent.waits_until - datetime.now(UTC)).total_seconds() <= 10
    wait_for(lambda: len(events_of(host, "run_retried")) == 3)
    started = [event["at"] for event in events_of(host, "run_started") if event["run_id"] == lost["run_id"]]
    assert (datetime.fromisoformat(started[1]) - datetime.fromisoformat(started[0])).total_seconds() >= 10
    full = events_of(host, "run_retried")[2]
    assert full["kind"] == "disk_full"
    wait_for(lambda: "waits until the disk has room" in host.agents()[0].last_line)
    assert host.agents()[0].state is AgentState.WAITING
    machine.full.unlink()
    assert host.wait(30)
    (agent,) = host.agents()
    assert (agent.runs_done, agent.runs_failed, agent.runs_retried) == (4, 0, 3)


STUBBORN = """
import pathlib, sys, time
pathlib.Path("begun").touch()
try:
    time.sleep(60)
except KeyboardInterrupt:
    pathlib.Path("asked").touch()
"""


def test_a_budget_ends_the_runs_under_way_where_that_is_asked(
    launch: Launch, client: WandbClient, tmp_path: Path
) -> None:
    began = time.monotonic()
    sweep, host = launch(STUBBORN, points=5, policy=RunPolicy(budget_seconds=2.0, budget_ends_runs=True))
    assert host.wait(30)
    assert time.monotonic() - began < 20
    assert (tmp_path / "asked").exists()
    (agent,) = host.agents()
    assert (agent.state, agent.runs_done, agent.runs_failed) == (AgentState.STOPPED, 1, 0)
    assert "those under way are stopped" in host.note()
    assert client.read_sweep(sweep.reference).state is SweepState.RUNNING


LEAVER = """
import subprocess, sys
sleeper = [sys.executable, "-c", "import time; time.sleep(300)"]
print(subprocess.Popen(sleeper, start_new_session=True).pid, flush=True)
"""


def test_what_a_run_leaves_behind_may_go_on_where_that_is_asked(launch: Launch) -> None:
    _, host = launch(LEAVER, points=1, policy=RunPolicy(keeps_leftovers=True))
    assert host.wait(40)
    daemon = int(next((host.directory / "logs").glob("*.log")).read_text())
    try:
        assert process_start(daemon)
        (left,) = events_of(host, "leftovers")
        assert (left["processes"], left["how"]) == ([f"python ({daemon})"], "kept")
        assert host.agents()[0].left_behind.endswith("behind: kept.")
    finally:
        os.kill(daemon, signal.SIGKILL)


# The first run that begins waits, so that its slot works; the other slot's runs are all killed, until it is closed.
SICK = """
import os, pathlib, time
try:
    pathlib.Path("well").mkdir()
except FileExistsError:
    if not pathlib.Path("closed").exists():
        time.sleep(0.3)
        os.kill(os.getpid(), 11 if pathlib.Path("moved").exists() else 9)
else:
    while not pathlib.Path("closed").exists():
        time.sleep(0.02)
"""


def test_a_resting_slots_retry_moves_on_and_a_slot_that_fails_after_its_rests_is_closed(
    launch: Launch, client: WandbClient, tmp_path: Path
) -> None:
    policy = RunPolicy(slot_failures=1, slot_rests=(0.3, 0.3)).with_rule("segfault=skip")
    sweep, host = launch(SICK, slots=2, points=8, policy=policy)
    wait_for(lambda: events_of(host, "run_retried"))
    (tmp_path / "moved").touch()
    sick = events_of(host, "run_retried")[0]
    wait_for(lambda: events_of(host, "slot_closed"))
    (closed,) = events_of(host, "slot_closed")
    assert closed["slot"] == sick["slot"]
    assert len(events_of(host, "slot_rests")) == 2
    # The event is written before the slot's state.
    reason = "This slot is closed: it failed again: crashed: ended by SIGSEGV"
    wait_for(lambda: any(agent.slot == sick["slot"] and reason in agent.last_line for agent in host.agents()))
    wait_for(lambda: any(agent.runs_waiting for agent in host.agents()))
    (tmp_path / "closed").touch()
    assert host.wait(15), "a run's end was not told"
    (moved,) = events_of(host, "run_moved")
    assert (moved["run_id"], moved["came_from"]) == (sick["run_id"], sick["slot"])
    assert moved["slot"] != sick["slot"]
    assert client.read_sweep(sweep.reference).state is SweepState.FINISHED
    assert len(client.read_runs(sweep)) == 8


def test_slots_that_all_rest_go_home_when_their_sweep_is_over(launch: Launch, client: WandbClient) -> None:
    policy = RunPolicy(slot_failures=1, slot_rests=(600.0,)).with_rule("segfault=skip")
    sweep, host = launch("import os; os.kill(os.getpid(), 11)", slots=2, points=9, policy=policy)
    wait_for(lambda: all(agent.waits_until for agent in host.agents()))
    assert host.is_alive()
    client.set_sweep_state(sweep.reference, SweepState.CANCELED)
    assert host.wait(15)
    assert [agent.state for agent in host.agents()] == [AgentState.STOPPED] * 2
    assert agents_on_server(client, sweep) == ["FINISHED"] * 2


def agents_on_server(client: WandbClient, sweep: SweepRecord) -> list[str]:
    document = """query Agents($entity: String!, $project: String!, $sweep: String!) {
      project(name: $project, entityName: $entity) {
        sweep(sweepName: $sweep) { agents { edges { node { state } } } }
      }
    }"""
    reference = sweep.reference
    variables = {"entity": reference.entity, "project": reference.project, "sweep": reference.id}
    data: Any = GraphQLTransport(client.connection, 10).execute(document, variables)
    return [edge["node"]["state"] for edge in data["project"]["sweep"]["agents"]["edges"]]
