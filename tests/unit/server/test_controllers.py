"""Sweeps that a program outside leads: a local controller, or a scheduler. Documents and shapes as SDK 0.31 sends."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.server.conftest import Desk
from tests.unit.server.test_commands import run_to_end
from trainer.server import housekeeping
from trainer.server.commands import AGENT_SILENCE
from trainer.states import RunState, SweepState

LOCAL = """{program: t.py, method: grid, metric: {name: acc, goal: maximize}, controller: {type: local},
  parameters: {x: {values: [1, 2]}}}"""
SCHEDULED = """{program: t.py, method: custom, metric: {name: acc, goal: maximize}, run_cap: 2,
  scheduler: {engine: optuna}, parameters: {x: {min: 0.0, max: 1.0}}}"""
STATE = '{ project(name: "p") { sweep(sweepName: "%s") { state controller scheduler controllerRunName runCount } } }'


def seen(desk: Desk, sweep: Any) -> Any:
    return desk.ask(STATE % sweep["name"])["project"]["sweep"]


def control(desk: Desk, sweep: Any, **controller: Any) -> dict[str, str]:
    """Write what a controller wants, as it does: with the whole configuration. Return the runs of its entries."""
    document = "mutation S($input: UpsertSweepInput!) { upsertSweep(input: $input) { sweep { name } } }"
    desk.ask(document, input={"id": sweep["id"], "config": LOCAL, "controller": json.dumps(controller)})
    return {item["id"]: item["runid"] for item in json.loads(seen(desk, sweep)["scheduler"])["scheduled"]}


def entry(name: str, value: int | None) -> dict[str, Any]:
    return {"id": name, "data": {"args": None if value is None else {"x": {"value": value}}}}


def enqueue(desk: Desk, sweep: Any, value: float) -> str:
    document = "mutation E($i: EnqueueSweepRunInput!) { enqueueSweepRun(input: $i) { id runQueueItemId } }"
    reply = desk.ask(document, i={"id": sweep["id"], "config": json.dumps({"x": {"value": value}})})
    return str(reply["enqueueSweepRun"]["id"])


def test_a_local_controller_leads_its_sweep_to_the_end(desk: Desk) -> None:
    sweep = desk.create_sweep(LOCAL)
    agent = desk.create_agent(sweep)
    assert desk.beat(agent) == [], "without a word from the controller there is nothing to run"
    scheduled = control(desk, sweep, schedule=[entry("s1", 7)])
    assert control(desk, sweep, schedule=[entry("s1", 7)]) == scheduled, "an entry counts once"
    [order] = desk.beat(agent)
    assert (order["run_id"], order["args"]) == (scheduled["s1"], {"x": {"value": 7}})
    run_to_end(desk, agent, order, acc=1)
    assert desk.beat(agent) == []
    assert control(desk, sweep, schedule=[entry("s2", None)]) == {}
    assert desk.beat(agent) == [{"type": "exit"}]
    assert seen(desk, sweep)["state"] == SweepState.FINISHED
    assert seen(desk, sweep)["runCount"] == 1


def test_a_local_controller_stops_runs_early_and_the_reason_is_kept(desk: Desk) -> None:
    sweep = desk.create_sweep(LOCAL)
    agent = desk.create_agent(sweep)
    name = control(desk, sweep, schedule=[entry("s1", 1)])["s1"]
    desk.beat(agent)
    desk.beat(agent, name)
    desk.upsert_run(name)
    assert control(desk, sweep, schedule=[], earlystop=[name]) == {"s1": name}
    assert desk.beat(agent, name) == [{"type": "stop", "run_id": name}]
    desk.finish(name, 255)
    assert desk.run(name, "state stopReason")["state"] == RunState.KILLED
    assert desk.run(name, "stopReason")["stopReason"].startswith("early_terminate:")
    assert control(desk, sweep, schedule=[], earlystop=[]) == {}, "an ended run that nobody asks about is forgotten"


def test_a_controllers_words_change_neither_a_name_a_user_gave_nor_an_ended_search(desk: Desk) -> None:
    sweep = desk.create_sweep(LOCAL.replace("{program", "{name: first, program"))
    document = "mutation S($input: UpsertSweepInput!) { upsertSweep(input: $input) { sweep { displayName } } }"
    desk.ask(document, input={"id": sweep["id"], "displayName": "mine"})
    again = {"id": sweep["id"], "config": LOCAL.replace("{program", "{name: first, program"), "controller": "{}"}
    assert desk.ask(document, input=again)["upsertSweep"]["sweep"]["displayName"] == "mine"
    renamed = {"id": sweep["id"], "config": LOCAL.replace("{program", "{name: second, program")}
    assert desk.ask(document, input=renamed)["upsertSweep"]["sweep"]["displayName"] == "second"


def test_a_malformed_word_of_a_controller_is_refused_whole(desk: Desk) -> None:
    sweep = desk.create_sweep(LOCAL)
    document = "mutation S($input: UpsertSweepInput!) { upsertSweep(input: $input) { sweep { name } } }"
    for text in ('{"schedule": 3}', '{"schedule": [{"data": {}}]}', '{"schedule": [{"id": "a", "data": {"args": 1}}]}'):
        error = desk.error(document, input={"id": sweep["id"], "controller": text})
        assert "schedule" in error
    assert seen(desk, sweep)["runCount"] == 0


def test_a_cloud_controller_is_this_server(desk: Desk) -> None:
    sweep = desk.create_sweep(
        "{program: t.py, method: grid, controller: {type: cloud}, parameters: {x: {values: [1]}}}"
    )
    assert [order["type"] for order in desk.beat(desk.create_agent(sweep))] == ["run"]


def test_a_scheduler_is_told_the_name_of_the_run_it_enqueued(desk: Desk) -> None:
    sweep = desk.create_sweep(SCHEDULED)
    name = enqueue(desk, sweep, 0.5)
    [order] = desk.beat(desk.create_agent(sweep))
    assert order["run_id"] == name


def test_no_more_runs_are_handed_out_than_a_scheduled_sweeps_cap_and_the_rest_is_dropped(desk: Desk) -> None:
    sweep = desk.create_sweep(SCHEDULED)
    agents = [desk.create_agent(sweep) for _ in range(3)]
    for value in (0.1, 0.2, 0.3):
        enqueue(desk, sweep, value)
    first, second = desk.beat(agents[0])[0], desk.beat(agents[1])[0]
    assert desk.beat(agents[2]) == []
    run_to_end(desk, agents[0], first)
    assert desk.beat(agents[0]) == []
    run_to_end(desk, agents[1], second)
    assert desk.beat(agents[1]) == [{"type": "exit"}]
    assert seen(desk, sweep)["state"] == SweepState.FINISHED
    assert seen(desk, sweep)["runCount"] == 2


def test_a_finished_sweep_drops_what_no_agent_took_and_kills_what_one_may_still_begin(desk: Desk) -> None:
    sweep = desk.create_sweep(SCHEDULED)
    agent = desk.create_agent(sweep)
    taken, waiting = enqueue(desk, sweep, 0.1), enqueue(desk, sweep, 0.2)
    desk.beat(agent)
    desk.sql("UPDATE agents SET heartbeat_at = heartbeat_at - ?", AGENT_SILENCE + 1)
    housekeeping.tidy(desk.server.store, 10_000)
    desk.set_sweep_state(sweep, SweepState.FINISHED)
    assert desk.run(taken)["state"] == RunState.KILLED
    assert desk.run(waiting) is None


def test_a_schedulers_log_ends_with_its_sweep_and_a_late_line_does_not_reopen_it_for_ever(desk: Desk) -> None:
    sweep = desk.create_sweep(SCHEDULED)
    log = seen(desk, sweep)["controllerRunName"]
    desk.upsert_run(log)
    housekeeping.tidy(desk.server.store, 1.0)
    assert desk.run(log)["state"] == RunState.RUNNING
    desk.set_sweep_state(sweep, SweepState.FINISHED)
    assert desk.run(log)["state"] == RunState.FINISHED
    desk.stream(log, files={"output.log": {"offset": 0, "content": ["bye"]}})
    housekeeping.tidy(desk.server.store, 1.0)
    assert desk.run(log, "state logLineCount") == {"state": RunState.FINISHED, "logLineCount": 1}
    assert seen(desk, sweep)["runCount"] == 0


def test_the_log_of_a_scheduler_that_died_is_closed(desk: Desk) -> None:
    sweep = desk.create_sweep(SCHEDULED)
    log = seen(desk, sweep)["controllerRunName"]
    desk.upsert_run(log)
    desk.sql("UPDATE runs SET heartbeat_at = heartbeat_at - ?", housekeeping.LOG_SILENCE + 1)
    housekeeping.tidy(desk.server.store, 10_000)
    assert desk.run(log)["state"] == RunState.FINISHED
    assert seen(desk, sweep)["state"] == SweepState.RUNNING


def test_a_search_at_its_end_finishes_its_sweep_though_no_agent_asks_again(desk: Desk) -> None:
    sweep = desk.create_sweep(LOCAL)
    agent = desk.create_agent(sweep)
    control(desk, sweep, schedule=[entry("s1", 1)])
    [order] = desk.beat(agent)
    desk.upsert_run(order["run_id"])
    control(desk, sweep, schedule=[entry("s2", None)])
    housekeeping.tidy(desk.server.store, 1.0)
    assert seen(desk, sweep)["state"] == SweepState.RUNNING
    desk.finish(order["run_id"])
    housekeeping.tidy(desk.server.store, 1.0)
    assert seen(desk, sweep)["state"] == SweepState.FINISHED
