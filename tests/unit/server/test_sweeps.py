"""Making and changing sweeps: states, prior runs, counts, changes in mid-sweep, and configurations of every size."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.unit.server.conftest import GRID, Desk
from tests.unit.server.test_commands import run_to_end
from trainer.states import RunState, SweepState

UPSERT = "mutation S($input: UpsertSweepInput!) { upsertSweep(input: $input) { sweep { id name state } } }"
STATES = ("PENDING", "RUNNING", "PAUSED", "FINISHED", "CANCELED")
ALLOWED = {
    ("PENDING", "PENDING"), ("PENDING", "RUNNING"), ("PENDING", "FINISHED"), ("PENDING", "CANCELED"),
    ("RUNNING", "RUNNING"), ("RUNNING", "PAUSED"), ("RUNNING", "FINISHED"), ("RUNNING", "CANCELED"),
    ("PAUSED", "PAUSED"), ("PAUSED", "RUNNING"), ("PAUSED", "FINISHED"), ("PAUSED", "CANCELED"),
    ("FINISHED", "FINISHED"), ("FINISHED", "RUNNING"), ("CANCELED", "CANCELED"), ("CANCELED", "RUNNING"),
}  # fmt: skip
"""What the command line of SDK 0.31 lets through, and a repetition that changes nothing."""


def field(desk: Desk, sweep: Any, fields: str) -> Any:
    found = desk.ask(f'{{ project(name: "p") {{ sweep(sweepName: "{sweep["name"]}") {{ {fields} }} }} }}')
    return found["project"]["sweep"]


def update(desk: Desk, sweep: Any, **changes: Any) -> None:
    desk.ask(UPSERT, input={"id": sweep["id"], **changes})


def value_of(order: dict[str, Any]) -> Any:
    return order["args"]["x"]["value"]


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_a_sweep_changes_its_state_only_where_that_makes_sense(desk: Desk, before: str, after: str) -> None:
    sweep = desk.create_sweep()
    desk.sql("UPDATE sweeps SET state = ?", before)
    if (before, after) in ALLOWED:
        desk.set_sweep_state(sweep, after)
        assert desk.sweep_state(sweep) == after
    else:
        error = desk.error(UPSERT, input={"id": sweep["id"], "state": after})
        assert f"is {before}: it cannot become {after}." in error
        assert desk.sweep_state(sweep) == before


def test_a_finished_sweep_can_be_canceled_while_its_runs_live(desk: Desk) -> None:
    sweep = desk.create_sweep()
    agent = desk.create_agent(sweep)
    [order] = desk.beat(agent)
    desk.beat(agent, order["run_id"])
    desk.set_sweep_state(sweep, "FINISHED")
    desk.set_sweep_state(sweep, "CANCELED")
    assert desk.beat(agent, order["run_id"]) == [{"type": "stop", "run_id": order["run_id"]}]


def test_a_pending_sweep_runs_from_its_first_order_on(desk: Desk) -> None:
    sweep = desk.create_sweep(state="PENDING")
    assert desk.sweep_state(sweep) == SweepState.PENDING
    desk.beat(desk.create_agent(sweep))
    assert desk.sweep_state(sweep) == SweepState.RUNNING


def test_a_grid_that_grows_and_shrinks_in_mid_sweep_runs_each_of_its_points_once(desk: Desk) -> None:
    sweep = desk.create_sweep(GRID)
    agent = desk.create_agent(sweep)
    seen = []
    for config in (None, GRID.replace("[1, 2, 3]", "[1, 2, 3, 4, 5]"), None, GRID.replace("[1, 2, 3]", "[1, 2, 5]")):
        if config:
            update(desk, sweep, config=config)
        [order] = desk.beat(agent)
        seen.append(value_of(order))
        run_to_end(desk, agent, order)
    assert seen == [1, 2, 3, 5]
    assert desk.beat(agent) == [{"type": "exit"}]
    update(desk, sweep, config=GRID)
    desk.set_sweep_state(sweep, "RUNNING")
    assert desk.beat(agent) == [{"type": "exit"}]
    update(desk, sweep, config=GRID.replace("[1, 2, 3]", "[9]"))
    desk.set_sweep_state(sweep, "RUNNING")
    assert [value_of(order) for order in desk.beat(agent)] == [9]


def test_a_cap_that_changes_in_mid_sweep_holds_from_then_on(desk: Desk) -> None:
    config = "{program: t.py, method: random, run_cap: %d, parameters: {x: {min: 0.0, max: 1.0}}}"
    sweep = desk.create_sweep(config % 1)
    agent = desk.create_agent(sweep)
    run_to_end(desk, agent, desk.beat(agent)[0])
    update(desk, sweep, config=config % 2)
    assert field(desk, sweep, "runCountExpected")["runCountExpected"] == 2
    run_to_end(desk, agent, desk.beat(agent)[0])
    assert desk.beat(agent) == [{"type": "exit"}]
    assert desk.sweep_state(sweep) == SweepState.FINISHED


def test_the_point_of_a_deleted_run_is_run_again(desk: Desk) -> None:
    sweep = desk.create_sweep()
    agent = desk.create_agent(sweep)
    [first] = desk.beat(agent)
    run_to_end(desk, agent, first)
    run = desk.run(first["run_id"], "id")
    desk.ask("mutation D($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }", id=run["id"])
    assert value_of(desk.beat(agent)[0]) == value_of(first)


def adopt(desk: Desk, sweep: Any, *names: str) -> dict[str, Any]:
    return {"id": sweep["id"], "priorRunsFilters": json.dumps({"$or": [{"name": name} for name in names]})}


def test_prior_runs_count_as_points_done_also_when_they_come_late(desk: Desk) -> None:
    for name, value in (("one", 1), ("three", 3)):
        desk.upsert_run(name, config=json.dumps({"x": {"value": value}}))
        desk.finish(name, acc=value)
    sweep = desk.create_sweep(priorRunsFilters='{"$or": [{"name": "one"}]}')
    agent = desk.create_agent(sweep)
    [order] = desk.beat(agent)
    assert value_of(order) == 2
    run_to_end(desk, agent, order)
    desk.ask(UPSERT, input=adopt(desk, sweep, "three", "one"))
    assert desk.beat(agent) == [{"type": "exit"}]
    assert field(desk, sweep, "runCount bestLoss") == {"runCount": 3, "bestLoss": 3}


def test_prior_runs_that_do_not_exist_are_refused_and_nothing_is_made(desk: Desk) -> None:
    filters = json.dumps({"$or": [{"name": "nope"}]})
    desk.create_sweep()
    error = desk.error(UPSERT, input={"projectName": "p", "config": GRID, "priorRunsFilters": filters})
    assert "There is no run 'nope'" in error
    assert desk.ask('{ project(name: "p") { totalSweeps } }')["project"]["totalSweeps"] == 1


def test_finished_runs_of_another_sweep_are_points_done_but_stay_where_they_are(desk: Desk) -> None:
    other = desk.create_sweep()
    agent = desk.create_agent(other)
    names = []
    for exit_code in (0, 1):
        [order] = desk.beat(agent)
        names.append(order["run_id"])
        assert desk.beat(agent, order["run_id"]) == []
        desk.upsert_run(order["run_id"], config=json.dumps(order["args"]))
        desk.finish(order["run_id"], exit_code)
    filters = json.dumps({"$or": [{"name": name} for name in names]})
    wider = GRID.replace("[1, 2, 3]", "[1, 2, 3, 4]") + "run_cap: 2\n"
    sweep = desk.create_sweep(wider, priorRunsFilters=filters)
    # Of 1 to 4, 1 finished; the run of 2 failed, so that it is to be run again.
    assert field(desk, sweep, "runCount runCountExpected") == {"runCount": 0, "runCountExpected": 2}
    assert field(desk, other, "runCount")["runCount"] == 2
    update(desk, sweep, config=wider.replace("run_cap: 2", "run_cap: 9"))
    assert field(desk, sweep, "runCountExpected")["runCountExpected"] == 3
    agent = desk.create_agent(sweep)
    seen = []
    for _ in range(3):
        [order] = desk.beat(agent)
        seen.append(value_of(order))
        run_to_end(desk, agent, order)
    assert seen == [2, 3, 4]
    assert desk.beat(agent) == [{"type": "exit"}]


@pytest.mark.parametrize(
    ("parameters", "rest", "expected"),
    [
        ("{x: {values: [1, 2, 3]}, o: {parameters: {y: {values: [1, 2]}, z: {value: 9}}}}", "method: grid", 6),
        ("{x: {values: [1, 2, 3]}}", "method: grid, run_cap: 2", 2),
        ("{x: {values: [1, 1, 2]}}", "method: grid", 2),
        ("{x: {distribution: q_uniform, min: 0, max: 1, q: 0.25}}", "method: grid", 4),
        ("{x: {min: 1, max: 4}}", "method: grid", 4),
        ("{x: {min: 0.0, max: 1.0}}", "method: random", None),
        ("{x: {min: 0.0, max: 1.0}}", "method: random, run_cap: 7", 7),
        ("{x: {min: 1, max: 1000000000}, y: {min: 1, max: 1000000000}}", "method: grid", None),
        ("{x: {min: 0.0, max: 1.0}}", "method: custom, run_cap: 4", 4),
    ],
)
def test_how_many_runs_there_will_be(desk: Desk, parameters: str, rest: str, expected: int | None) -> None:
    sweep = desk.create_sweep(f"{{program: t.py, {rest}, parameters: {parameters}}}")
    assert field(desk, sweep, "runCountExpected")["runCountExpected"] == expected


THOUSAND = [f"p{number}" for number in range(1000)]
GRID_OF_ALL_SORTS: dict[str, dict[str, Any]] = {
    "a space of 10^18 points": {
        "method": "grid",
        "parameters": {"x": {"min": 1, "max": 10**9}, "y": {"min": 1, "max": 10**9}},
    },
    "a thousand parameters": {"method": "random", "parameters": {name: {"values": [1, 2, 3]} for name in THOUSAND}},
    "a thousand for bayes": {
        "method": "bayes",
        "metric": {"name": "acc"},
        "parameters": {name: {"min": 0.0, "max": 1.0} for name in THOUSAND},
    },
    "a value list of 50,000": {"method": "grid", "parameters": {"x": {"values": list(range(50_000))}}},
}


@pytest.mark.parametrize("kind", GRID_OF_ALL_SORTS)
def test_a_heartbeat_is_answered_soon_whatever_the_size_of_the_space(desk: Desk, kind: str) -> None:
    sweep = desk.create_sweep(json.dumps({"program": "t.py", **GRID_OF_ALL_SORTS[kind]}))
    agent = desk.create_agent(sweep)
    started = time.process_time()
    for _ in range(3):
        [order] = desk.beat(agent)
        run_to_end(desk, agent, order, acc=0.5)
    assert time.process_time() - started < 8


def test_a_deeply_nested_space_is_searched_or_refused_in_one_sentence(desk: Desk) -> None:
    parameters: dict[str, Any] = {"x": {"values": [1, 2]}}
    for _ in range(40):
        parameters = {"o": {"parameters": parameters}}
    config = json.dumps({"program": "t.py", "method": "grid", "parameters": parameters})
    reply = desk.reply(UPSERT, input={"projectName": "p", "config": config})
    if "errors" in reply.body:
        assert len(reply.body["errors"][0]["message"]) < 300  # type: ignore[index]
    else:
        agent = desk.create_agent(reply.body["data"]["upsertSweep"]["sweep"])  # type: ignore[index]
        assert len(desk.beat(agent)) == 1


@pytest.mark.parametrize("summary", [{"acc": float("nan")}, {}, {"acc": "high"}, {"acc": None}, {"acc": {"max": 1}}])
def test_bayes_goes_on_after_runs_without_a_usable_metric(desk: Desk, summary: dict[str, Any]) -> None:
    sweep = desk.create_sweep(
        "{program: t.py, method: bayes, metric: {name: acc, goal: maximize}, parameters: {x: {min: 0.0, max: 1.0}}}"
    )
    agent = desk.create_agent(sweep)
    for turn in range(4):
        [order] = desk.beat(agent)
        desk.beat(agent, order["run_id"])
        # Its configuration overwritten by something else entirely.
        desk.upsert_run(order["run_id"], config='{"x": {"value": "none"}, "y": {"value": [1]}}' if turn else "{}")
        desk.finish(order["run_id"], **summary)
    assert [command["type"] for command in desk.beat(agent)] == ["run"]


def test_a_run_that_comes_back_after_it_was_given_up_is_learned_from(desk: Desk) -> None:
    sweep = desk.create_sweep(GRID.replace("goal: maximize", "goal: maximize, target: 0.9"))
    agent, other = desk.create_agent(sweep), desk.create_agent(sweep)
    [order] = desk.beat(agent)
    desk.beat(agent, order["run_id"])
    desk.upsert_run(order["run_id"])
    desk.sql("UPDATE runs SET state = ?", RunState.CRASHED)
    [following] = desk.beat(other)
    desk.log(order["run_id"], {"_step": 0, "acc": 0.1})
    assert desk.beat(other, following["run_id"]) == []
    desk.upsert_run(following["run_id"])
    desk.finish(following["run_id"])
    [third] = desk.beat(other)
    desk.finish(order["run_id"], acc=0.95)
    run_to_end(desk, other, third)
    assert desk.beat(other) == [{"type": "exit"}], "its value reached the target"


def test_a_value_that_a_live_run_logs_reaches_the_search(desk: Desk) -> None:
    sweep = desk.create_sweep(GRID.replace("goal: maximize", "goal: maximize, target: 0.9"))
    agents = [desk.create_agent(sweep) for _ in range(3)]
    [order] = desk.beat(agents[0])
    desk.upsert_run(order["run_id"])
    assert len(desk.beat(agents[1])) == 1
    desk.log(order["run_id"], {"_step": 0, "acc": 0.95})
    assert desk.beat(agents[2]) == [], "the target is reached: nothing new begins"


def test_hyperband_looks_at_the_metric_it_has_now_and_at_the_life_a_run_has_now(desk: Desk) -> None:
    config = """{program: t.py, method: grid, metric: {name: %s, goal: maximize},
      early_terminate: {type: hyperband, min_iter: 2, eta: 3}, parameters: {x: {values: [1, 2]}}}"""
    sweep = desk.create_sweep(config % "acc")
    agents = [desk.create_agent(sweep), desk.create_agent(sweep)]
    first, second = (desk.beat(agent)[0]["run_id"] for agent in agents)
    for name, acc, auc in ((first, 0.9, 0.1), (second, 0.9, 0.8)):
        desk.upsert_run(name)
        desk.log(name, *({"_step": step, "acc": acc, "auc": auc} for step in range(4)))
    assert desk.beat(agents[0], first) == []
    update(desk, sweep, config=config % "auc")
    assert desk.beat(agents[0], first) == [{"type": "stop", "run_id": first}]
    assert "0.1" in desk.run(first, "stopReason")["stopReason"]


def test_hyperband_stops_a_run_begun_by_hand_though_its_sweeps_only_agent_waits(desk: Desk) -> None:
    sweep = desk.create_sweep("""{program: t.py, method: custom, metric: {name: acc, goal: maximize},
      early_terminate: {type: hyperband, min_iter: 2, eta: 3}, parameters: {x: {values: [1, 2]}}}""")
    agent = desk.create_agent(sweep)
    for name, acc in (("good", 0.9), ("bad", 0.1)):
        desk.upsert_run(name, sweep=sweep["name"])
        desk.log(name, *({"_step": step, "acc": acc} for step in range(4)))
    assert desk.beat(agent) == []
    assert [desk.run(name, "shouldStop")["shouldStop"] for name in ("good", "bad")] == [False, True]
    assert desk.stream("bad") is True


FILTERS: list[tuple[Any, list[str]]] = [
    ({}, ["c", "b", "a"]),
    ({"state": "PAUSED"}, ["b"]),
    ({"state": {"$ne": "PAUSED"}}, ["c", "a"]),
    ({"display_name": {"$regex": "^[ab]$"}}, ["b", "a"]),
    ({"$or": [{"displayName": "a"}, {"displayName": "c"}]}, ["c", "a"]),
    ({"$and": [{"method": "grid"}, {"$not": {"state": "RUNNING"}}]}, ["b"]),
    ({"method": {"$in": ["random", "bayes"]}}, ["c"]),
    ({"config.parameters.x.value": 3}, ["c"]),
    ({"config.metric.name": "acc"}, ["b", "a"]),
    ({"run_count": {"$gte": 1}}, ["a"]),
    ({"created_at": {"$gt": "2001-01-01"}}, ["c", "b", "a"]),
    ({"created_at": {"$lt": "2001-01-01T00:00:00Z"}}, []),
]


def test_sweeps_are_filtered_as_runs_are_and_come_in_pages(desk: Desk) -> None:
    for name in ("a", "b"):
        desk.create_sweep(GRID + f"name: {name}\n")
    desk.create_sweep("{name: c, program: t.py, method: random, parameters: {x: {value: 3}, y: {min: 0.0, max: 1.0}}}")
    document = """query Q($f: JSONString, $n: Int, $after: String) { project(name: "p") { sweeps(filters: $f, first: $n,
      after: $after) { edges { node { name id displayName } } pageInfo { hasNextPage endCursor } } } }"""

    def shown(filters: Any) -> list[str]:
        pages, cursor = [], None
        while True:
            page = desk.ask(document, f=json.dumps(filters), n=2, after=cursor)["project"]["sweeps"]
            pages += [edge["node"] for edge in page["edges"]]
            if not page["pageInfo"]["hasNextPage"]:
                return [node["displayName"] for node in pages]
            cursor = page["pageInfo"]["endCursor"]

    sweeps = [edge["node"] for edge in desk.ask(document, f="{}", n=9)["project"]["sweeps"]["edges"]]
    desk.set_sweep_state(sweeps[1], "PAUSED")
    desk.upsert_run("r", sweep=sweeps[2]["name"])
    for filters, expected in FILTERS:
        assert shown(filters) == expected, filters
    assert shown({"name": sweeps[0]["name"]}) == ["c"]
    for wrong in ({"nonsense": 1}, {"state": {"$near": 1}}, [1], {"tags": "x"}):
        assert len(desk.error(document, f=json.dumps(wrong), n=2)) < 300
