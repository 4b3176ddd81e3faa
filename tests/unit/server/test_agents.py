"""Agents of every habit: several runs at once, one order of many, a laptop that slept, a clock set back."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.unit.server.conftest import Desk
from tests.unit.server.test_commands import run_to_end
from trainer.server import commands, housekeeping
from trainer.states import RunState

SEVERAL = """{program: t.py, method: grid, controller: {type: cloud, runs_per_agent: 3},
  parameters: {x: {values: [1, 2, 3, 4, 5]}}}"""
HOUR = 3_600_000_000


def names(answer: list[dict[str, Any]]) -> list[str]:
    assert all(command["type"] == "run" for command in answer), answer
    return [command["run_id"] for command in answer]


def fall_silent(desk: Desk) -> None:
    desk.sql("UPDATE agents SET heartbeat_at = heartbeat_at - ?", commands.AGENT_SILENCE + 1)
    housekeeping.tidy(desk.server.store, 10_000)


def test_an_agent_that_may_have_several_runs_is_kept_topped_up(desk: Desk) -> None:
    agent = desk.create_agent(desk.create_sweep(SEVERAL))
    first, second, third = names(desk.beat(agent))
    assert desk.beat(agent, first, second, third) == []
    for name in (first, second):
        desk.upsert_run(name)
        desk.finish(name)
    fourth, fifth = names(desk.beat(agent, third))
    assert desk.beat(agent, third, fourth, fifth) == []
    for name in (third, fourth, fifth):
        desk.upsert_run(name)
        desk.finish(name)
    assert desk.beat(agent, fifth) == [], "exit would kill a process that ends by itself"
    assert desk.beat(agent) == [{"type": "exit"}]


def test_stops_and_orders_come_in_one_answer(desk: Desk) -> None:
    agent = desk.create_agent(desk.create_sweep(SEVERAL))
    first, second, third = names(desk.beat(agent))
    desk.beat(agent, first, second, third)
    for name in (first, second, third):
        run = desk.upsert_run(name)["bucket"]
        if name != third:
            desk.ask("mutation S($id: ID!) { stopRun(input: {id: $id}) { success } }", id=run["id"])
    desk.finish(third)
    answer = desk.beat(agent, first, second)
    assert [(command["type"], command["run_id"]) for command in answer[:2]] == [("stop", first), ("stop", second)]
    assert [command["type"] for command in answer[2:]] == ["run"]


def test_orders_that_a_function_agent_leaves_are_given_again_one_by_one(desk: Desk) -> None:
    """It takes the first command of an answer (SDK 0.31, pyagent)."""
    agent = desk.create_agent(desk.create_sweep(SEVERAL))
    done: list[int] = []
    live: list[dict[str, Any]] = []
    for _ in range(20):
        answer = desk.beat(agent, *[order["run_id"] for order in live])
        for order in live[:1] if not answer else []:
            desk.upsert_run(order["run_id"])
            desk.finish(order["run_id"])
            done.append(order["args"]["x"]["value"])
            live.remove(order)
        if answer and answer[0]["type"] == "exit":
            break
        live += answer[:1]
    assert sorted(done) == [1, 2, 3, 4, 5]
    assert answer == [{"type": "exit"}]


def test_several_orders_that_were_lost_are_given_again_once(desk: Desk) -> None:
    agent = desk.create_agent(desk.create_sweep(SEVERAL))
    first = desk.beat(agent)
    assert desk.beat(agent) == first
    assert len(set(names(desk.beat(agent))) & set(names(first))) == 0
    assert {desk.run(name)["state"] for name in names(first)} == {RunState.FAILED}


@pytest.mark.parametrize("count", ["0", "65", "many", "true", "2.5"])
def test_a_senseless_number_of_runs_per_agent_is_refused(desk: Desk, count: str) -> None:
    document = "mutation S($input: UpsertSweepInput!) { upsertSweep(input: $input) { sweep { id } } }"
    assert "runs_per_agent" in desk.error(document, input={"config": SEVERAL.replace("3}", f"{count}}}", 1)})


def test_an_agent_that_slept_takes_up_its_run_if_nobody_has_it(desk: Desk) -> None:
    agent = desk.create_agent(desk.create_sweep())
    [name] = names(desk.beat(agent))
    desk.beat(agent, name)
    fall_silent(desk)
    assert desk.beat(agent, name) == []
    desk.upsert_run(name)
    assert desk.run(name, "state agent { id }") == {"state": RunState.RUNNING, "agent": {"id": agent}}


def test_an_agent_that_slept_stops_a_run_that_another_has_taken(desk: Desk) -> None:
    sweep = desk.create_sweep()
    slept, other = desk.create_agent(sweep), desk.create_agent(sweep)
    [name] = names(desk.beat(slept))
    desk.beat(slept, name)
    fall_silent(desk)
    assert names(desk.beat(other)) == [name]
    assert desk.beat(slept, name) == [{"type": "stop", "run_id": name}]
    assert desk.beat(other, name) == []


def test_an_agent_that_slept_stops_a_run_whose_sweep_ended_meanwhile(desk: Desk) -> None:
    sweep = desk.create_sweep()
    agent = desk.create_agent(sweep)
    [name] = names(desk.beat(agent))
    desk.beat(agent, name)
    fall_silent(desk)
    desk.set_sweep_state(sweep, "FINISHED")
    assert desk.beat(agent, name) == [{"type": "stop", "run_id": name}]
    assert desk.beat(agent) == [{"type": "exit"}]


def test_a_clock_that_was_set_back_neither_ends_runs_nor_keeps_dead_ones(desk: Desk) -> None:
    agent = desk.create_agent(desk.create_sweep("{program: t.py, method: grid, parameters: {x: {values: [1]}}}"))
    [name] = names(desk.beat(agent))
    desk.beat(agent, name)
    desk.upsert_run(name)
    desk.sql("UPDATE agents SET heartbeat_at = heartbeat_at + ?", HOUR)
    desk.sql("UPDATE runs SET heartbeat_at = heartbeat_at + ?", HOUR)
    assert desk.beat(agent, name) == []
    assert desk.run(name)["state"] == RunState.RUNNING
    fall_silent(desk)
    desk.sql("UPDATE runs SET heartbeat_at = heartbeat_at + ?", HOUR)
    assert desk.beat(agent) == [{"type": "exit"}]
    assert desk.run(name)["state"] == RunState.CRASHED


def test_silence_while_the_machine_slept_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monotonic, wall = [1000.0], [1_800_000_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: monotonic[0])
    monkeypatch.setattr(time, "time", lambda: wall[0])
    uptime = housekeeping.Uptime()
    for clock in (monotonic, wall):
        clock[0] += 400
    assert uptime.seconds() == 400
    wall[0] += 3600
    assert uptime.seconds() == 0
    for clock in (monotonic, wall):
        clock[0] += 5
    assert uptime.seconds() == 5
    wall[0] -= 7200
    assert uptime.seconds() == 0


def test_a_preempted_run_goes_to_the_next_agent_under_its_id(desk: Desk) -> None:
    sweep = desk.create_sweep("{program: t.py, method: grid, parameters: {x: {values: [1]}}}")
    agent, other = desk.create_agent(sweep), desk.create_agent(sweep)
    [name] = names(desk.beat(agent))
    desk.beat(agent, name)
    desk.upsert_run(name)
    desk.log(name, {"_step": 0, "acc": 1})
    desk.stream(name, preempting=True)
    desk.finish(name, 1)
    assert desk.run(name)["state"] == RunState.PREEMPTED
    [order] = desk.beat(other)
    assert (order["run_id"], order["args"]) == (name, {"x": {"value": 1}})
    assert desk.beat(agent) == []
    run_to_end(desk, other, order)
    assert desk.beat(other) == [{"type": "exit"}]
    assert desk.run(name)["state"] == RunState.FINISHED


def test_two_agents_of_one_host_are_two_agents(desk: Desk) -> None:
    sweep = desk.create_sweep()
    first, second = desk.create_agent(sweep), desk.create_agent(sweep)
    [one], [other] = names(desk.beat(first)), names(desk.beat(second))
    assert one != other
    document = """{ project(name: "p") { sweep(sweepName: "%s") { agents { edges { node { id name host totalRuns } } }
      agent(agentName: "%s") { id } } } }"""
    found = desk.ask(document % (sweep["name"], second))["project"]["sweep"]
    nodes = [edge["node"] for edge in found["agents"]["edges"]]
    assert [(node["id"], node["host"], node["totalRuns"]) for node in nodes] == [(first, "h", 1), (second, "h", 1)]
    assert found["agent"]["id"] == second, "the SDK looks agents up by what it calls their id"
    by_name = desk.ask(document % (sweep["name"], nodes[0]["name"]))["project"]["sweep"]["agent"]
    assert by_name["id"] == first


def test_more_agents_than_a_page_holds_are_all_listed(desk: Desk) -> None:
    sweep = desk.create_sweep()
    desk.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) INSERT INTO agents"
        " (sweep_id, name, host, created_at, heartbeat_at) SELECT 1, 'agent' || i, 'h', 0, 0 FROM n"
    )
    document = '{ project(name: "p") { sweep(sweepName: "%s") { agents { edges { node { id } } } } } }'
    found = desk.ask(document % sweep["name"])["project"]["sweep"]["agents"]["edges"]
    assert len({edge["node"]["id"] for edge in found}) == 1500
