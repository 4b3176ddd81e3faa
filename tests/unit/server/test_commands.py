"""What agents are told: grid points once, crashes, pauses, stops, the end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.server.conftest import Desk
from trainer.server import commands, housekeeping
from trainer.server.file_stream import AGENT_AT_WORK
from trainer.states import RunState, SweepState


def run_to_end(desk: Desk, agent: str, order: dict[str, Any], **summary: Any) -> None:
    name = order["run_id"]
    assert desk.beat(agent, name) == []
    desk.upsert_run(name, config=json.dumps(order["args"]))
    desk.finish(name, **summary)


def test_hands_out_every_grid_point_once_then_finishes_the_sweep(desk: Desk) -> None:
    sweep = desk.create_sweep()
    agents = [desk.create_agent(sweep), desk.create_agent(sweep)]
    orders: list[dict[str, Any]] = []
    for turn in range(3):
        [order] = desk.beat(agents[turn % 2])
        orders.append(order)
        run_to_end(desk, agents[turn % 2], order)
    assert [order["args"] for order in orders] == [{"x": {"value": value}} for value in (1, 2, 3)]
    assert [order["type"] for order in orders] == ["run"] * 3
    assert orders[0]["program"] == "train.py"
    assert desk.beat(agents[0]) == [{"type": "exit"}]
    assert desk.beat(agents[1]) == [{"type": "exit"}]
    assert desk.sweep_state(sweep) == SweepState.FINISHED


def test_an_assigned_run_is_pending_until_it_reports(desk: Desk) -> None:
    agent = desk.create_agent(desk.create_sweep())
    [order] = desk.beat(agent)
    assert desk.run(order["run_id"])["state"] == RunState.PENDING
    desk.upsert_run(order["run_id"])
    assert desk.run(order["run_id"])["state"] == RunState.RUNNING


def test_an_idle_agent_waits_while_another_still_runs(desk: Desk) -> None:
    sweep = desk.create_sweep("{program: t.py, method: grid, parameters: {x: {values: [1]}}}")
    busy, idle = desk.create_agent(sweep), desk.create_agent(sweep)
    [order] = desk.beat(busy)
    assert desk.beat(idle) == []
    run_to_end(desk, busy, order)
    assert desk.beat(idle) == [{"type": "exit"}]


def test_an_order_that_was_lost_is_given_again_once(desk: Desk) -> None:
    sweep = desk.create_sweep()
    agent = desk.create_agent(sweep)
    [first] = desk.beat(agent)
    assert desk.beat(agent) == [first]
    [other] = desk.beat(agent)
    assert other["run_id"] != first["run_id"]
    assert desk.run(first["run_id"])["state"] == RunState.FAILED


def test_orders_whose_answers_died_with_the_server_are_not_counted(desk: Desk) -> None:
    agent = desk.create_agent(desk.create_sweep())
    [first] = desk.beat(agent)
    for _ in range(3):
        desk.restart()
        assert desk.beat(agent) == [first]


def test_points_survive_a_restart_of_the_server(desk: Desk) -> None:
    sweep = desk.create_sweep()
    agent = desk.create_agent(sweep)
    values = []
    for _ in range(3):
        [order] = desk.beat(agent)
        run_to_end(desk, agent, order)
        values.append(order["args"]["x"]["value"])
        desk.restart()
    assert values == [1, 2, 3]
    assert desk.beat(agent) == [{"type": "exit"}]


def test_a_program_that_changes_its_config_does_not_make_its_point_run_again(desk: Desk) -> None:
    sweep = desk.create_sweep()
    agent = desk.create_agent(sweep)
    values = []
    for _ in range(3):
        [order] = desk.beat(agent)
        values.append(order["args"]["x"]["value"])
        desk.beat(agent, order["run_id"])
        desk.upsert_run(order["run_id"], config='{"x": {"value": 99}, "other": {"value": 1}}')
        desk.finish(order["run_id"])
        desk.restart()
    assert values == [1, 2, 3]


def test_a_run_whose_process_died_before_it_reported_has_failed(desk: Desk) -> None:
    agent = desk.create_agent(desk.create_sweep())
    [order] = desk.beat(agent)
    desk.beat(agent, order["run_id"])
    [following] = desk.beat(agent)
    assert desk.run(order["run_id"])["state"] == RunState.FAILED
    assert following["args"] == {"x": {"value": 2}}


def test_a_run_that_vanishes_without_a_word_has_crashed_after_a_grace(desk: Desk) -> None:
    sweep = desk.create_sweep("{program: t.py, method: grid, parameters: {x: {values: [1]}}}")
    agent = desk.create_agent(sweep)
    [order] = desk.beat(agent)
    desk.beat(agent, order["run_id"])
    desk.upsert_run(order["run_id"])
    assert desk.beat(agent) == []
    desk.sql("UPDATE runs SET heartbeat_at = heartbeat_at - ?", commands.GRACE + 1)
    assert desk.beat(agent) == [{"type": "exit"}]
    assert desk.run(order["run_id"])["state"] == RunState.CRASHED


def test_the_unbegun_run_of_a_dead_agent_goes_to_another_once(desk: Desk) -> None:
    sweep = desk.create_sweep("{program: t.py, method: grid, parameters: {x: {values: [1]}}}")
    dead, alive = desk.create_agent(sweep), desk.create_agent(sweep)
    [order] = desk.beat(dead)
    desk.beat(dead, order["run_id"])
    assert desk.beat(alive) == []
    for expected in ([order], [{"type": "exit"}]):
        desk.sql("UPDATE agents SET heartbeat_at = heartbeat_at - ?", commands.AGENT_SILENCE + 1)
        housekeeping.tidy(desk.server.store, 10_000)
        desk.sql("UPDATE agents SET heartbeat_at = heartbeat_at + ?", commands.AGENT_SILENCE + 1)
        assert desk.beat(alive) == expected
    assert desk.run(order["run_id"])["state"] == RunState.FAILED


@pytest.mark.parametrize("over", [SweepState.FINISHED, SweepState.CANCELED])
def test_the_unbegun_run_of_a_dead_agent_ends_with_its_sweep(desk: Desk, over: SweepState) -> None:
    sweep = desk.create_sweep()
    [order] = desk.beat(desk.create_agent(sweep))
    desk.set_sweep_state(sweep, over)
    desk.sql("UPDATE agents SET heartbeat_at = heartbeat_at - ?", commands.AGENT_SILENCE + 1)
    housekeeping.tidy(desk.server.store, 10_000)
    assert desk.run(order["run_id"])["state"] == RunState.KILLED


def test_run_cap_ends_a_random_sweep(desk: Desk) -> None:
    config = "{program: t.py, method: random, run_cap: 2, parameters: {x: {min: 0.0, max: 1.0}}}"
    sweep = desk.create_sweep(config)
    agent = desk.create_agent(sweep)
    for _ in range(2):
        [order] = desk.beat(agent)
        run_to_end(desk, agent, order)
    assert desk.beat(agent) == [{"type": "exit"}]


def test_a_paused_sweep_hands_out_nothing_until_it_is_resumed(desk: Desk) -> None:
    sweep = desk.create_sweep()
    agent = desk.create_agent(sweep)
    desk.set_sweep_state(sweep, "PAUSED")
    assert desk.beat(agent) == []
    desk.set_sweep_state(sweep, "RUNNING")
    assert [order["type"] for order in desk.beat(agent)] == ["run"]


def test_a_stopped_sweep_lets_its_runs_end_and_then_sends_agents_home(desk: Desk) -> None:
    sweep = desk.create_sweep()
    agent = desk.create_agent(sweep)
    [order] = desk.beat(agent)
    desk.beat(agent, order["run_id"])
    desk.upsert_run(order["run_id"])
    desk.set_sweep_state(sweep, "FINISHED")
    assert desk.beat(agent, order["run_id"]) == []
    desk.finish(order["run_id"])
    assert desk.beat(agent) == [{"type": "exit"}]


def test_a_canceled_sweep_stops_its_runs_which_end_as_killed(desk: Desk) -> None:
    sweep = desk.create_sweep()
    agent = desk.create_agent(sweep)
    [order] = desk.beat(agent)
    name = order["run_id"]
    desk.beat(agent, name)
    desk.upsert_run(name)
    desk.set_sweep_state(sweep, "CANCELED")
    assert desk.beat(agent, name) == [{"type": "stop", "run_id": name}]
    assert desk.stream(name) is False, "told twice, the SDK drops what is left"
    desk.sql("UPDATE agents SET heartbeat_at = heartbeat_at - ?", AGENT_AT_WORK + 1)
    assert desk.stream(name) is True
    desk.finish(name, exit_code=255)
    assert desk.run(name)["state"] == RunState.KILLED
    assert desk.beat(agent) == [{"type": "exit"}]


def test_a_run_that_a_signal_ended_is_killed_at_once_and_late_rows_do_not_revive_it(desk: Desk) -> None:
    sweep = desk.create_sweep()
    agent = desk.create_agent(sweep)
    [order] = desk.beat(agent)
    name = order["run_id"]
    desk.beat(agent, name)
    desk.upsert_run(name)
    desk.set_sweep_state(sweep, "CANCELED")
    assert desk.beat(agent, name) == [{"type": "stop", "run_id": name}]
    assert desk.beat(agent) == [{"type": "exit"}]
    assert desk.run(name)["state"] == RunState.KILLED
    desk.log(name, {"_step": 0, "acc": 0.5})
    assert desk.run(name, "state historyLineCount") == {"state": RunState.KILLED, "historyLineCount": 1}
    desk.stream(name, complete=True, exitcode=0)
    assert desk.run(name)["state"] == RunState.FINISHED


def test_an_agent_of_a_finished_sweep_stays_until_it_is_settled_how_its_run_ended(desk: Desk) -> None:
    sweep = desk.create_sweep()
    agent, other = desk.create_agent(sweep), desk.create_agent(sweep)
    [order], [lost] = desk.beat(agent), desk.beat(other)
    desk.beat(agent, order["run_id"])
    desk.upsert_run(order["run_id"])
    desk.set_sweep_state(sweep, "FINISHED")
    assert desk.beat(agent) == []
    desk.sql("UPDATE runs SET heartbeat_at = heartbeat_at - ?", commands.GRACE + 1)
    assert desk.beat(agent) == [{"type": "exit"}]
    assert desk.run(order["run_id"])["state"] == RunState.CRASHED
    assert desk.beat(other) == [{"type": "exit"}]
    assert desk.run(lost["run_id"])["state"] == RunState.KILLED


def test_a_stopped_run_whose_agent_left_is_killed_before_it_counts_as_crashed(desk: Desk) -> None:
    run = desk.upsert_run("r")["bucket"]
    desk.ask("mutation S($id: ID!) { stopRun(input: {id: $id}) { success } }", id=run["id"])
    desk.sql("UPDATE runs SET heartbeat_at = heartbeat_at - ?", housekeeping.STOPPED_SILENCE + 1)
    housekeeping.tidy(desk.server.store, 10_000.0)
    assert desk.run("r")["state"] == RunState.KILLED


def test_one_run_can_be_stopped(desk: Desk) -> None:
    agent = desk.create_agent(desk.create_sweep())
    [order] = desk.beat(agent)
    desk.beat(agent, order["run_id"])
    run = desk.upsert_run(order["run_id"])["bucket"]
    desk.ask("mutation S($id: ID!) { stopRun(input: {id: $id}) { success } }", id=run["id"])
    assert desk.beat(agent, order["run_id"]) == [{"type": "stop", "run_id": order["run_id"]}]


def test_a_run_that_was_told_to_stop_before_it_began_is_killed_when_its_order_is_lost(desk: Desk) -> None:
    agent = desk.create_agent(desk.create_sweep())
    (order,) = desk.beat(agent)
    run = desk.run(order["run_id"], "id")
    desk.ask("mutation S($id: ID!) { stopRun(input: {id: $id}) { success } }", id=run["id"])
    (following,) = desk.beat(agent)
    assert following["run_id"] != order["run_id"], "it is not to begin after all"
    assert desk.run(order["run_id"])["state"] == RunState.KILLED


def test_hyperband_stops_the_losers_and_says_why(desk: Desk) -> None:
    config = """{program: t.py, method: grid, metric: {name: acc, goal: maximize},
      early_terminate: {type: hyperband, min_iter: 2, eta: 3}, parameters: {x: {values: [1, 2]}}}"""
    sweep = desk.create_sweep(config)
    agents = [desk.create_agent(sweep), desk.create_agent(sweep)]
    orders = [desk.beat(agent)[0] for agent in agents]
    for order, value in zip(orders, (0.9, 0.1), strict=True):
        desk.upsert_run(order["run_id"])
        desk.log(order["run_id"], *({"_step": step, "acc": value + step / 1000} for step in range(4)))
    answers = [desk.beat(agent, order["run_id"]) for agent, order in zip(agents, orders, strict=True)]
    loser = orders[1]["run_id"]
    assert answers == [[], [{"type": "stop", "run_id": loser}]]
    assert desk.run(loser, "stopReason")["stopReason"].startswith("early_terminate:")
    assert desk.run(orders[0]["run_id"], "shouldStop") == {"shouldStop": False}


def test_a_scheduler_outside_feeds_its_sweep_itself(desk: Desk) -> None:
    sweep = desk.create_sweep("{program: t.py, method: custom, parameters: {x: {min: 0.0, max: 1.0}}}")
    agent = desk.create_agent(sweep)
    assert desk.beat(agent) == []
    document = "mutation E($i: EnqueueSweepRunInput!) { enqueueSweepRun(input: $i) { id runQueueItemId } }"
    desk.ask(document, i={"id": sweep["id"], "config": '{"x": {"value": 0.5}}', "displayName": "mine"})
    [order] = desk.beat(agent)
    assert order["args"] == {"x": {"value": 0.5}}
    assert desk.run(order["run_id"], "displayName")["displayName"] == "mine"
    desk.set_sweep_state(sweep, "FINISHED")
    assert "FINISHED" in desk.error(document, i={"id": sweep["id"], "config": "{}"})


@pytest.mark.parametrize("agent", ["QWdlbnQ6OTk5", "nonsense"])
def test_an_unknown_agent_is_answered_404(desk: Desk, agent: str) -> None:
    reply = desk.reply("mutation H($id: ID!) { agentHeartbeat(input: {id: $id}) { commands } }", id=agent)
    assert reply.status == 404


def test_a_silent_run_crashes_but_not_for_the_servers_own_absence(desk: Desk) -> None:
    desk.upsert_run("quiet")
    desk.sql("UPDATE runs SET heartbeat_at = heartbeat_at - ?", housekeeping.RUN_SILENCE + 1)
    assert housekeeping.tidy(desk.server.store, 1.0) is True
    assert desk.run("quiet")["state"] == RunState.RUNNING
    assert housekeeping.tidy(desk.server.store, 10_000.0) is False
    assert desk.run("quiet")["state"] == RunState.CRASHED
