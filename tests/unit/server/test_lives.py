"""Lives of a run: begun anew, gone on with, forked, rewound, written by several at once; and how each ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.server.conftest import Desk
from trainer.server import housekeeping
from trainer.states import RunState

FIRST = {"program": "train.py", "config": '{"lr": {"value": 1}}'}
"""What the SDK's first upsert of a process brings, and its later ones do not."""

REWIND = """mutation R($run: String!, $step: Float!) {
  rewindRun(input: {runName: $run, projectName: "p", metricName: "_step", metricValue: $step}) {
    rewoundRun { id name config historyLineCount project { name entity { name } } } } }"""


def rows(desk: Desk, name: str) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in desk.run(name, "history(minStep: 0, maxStep: 100000, samples: 1000)")["history"]
    ]


def resume(desk: Desk, name: str) -> Any:
    bucket = desk.ask(f'{{ model(name: "p") {{ bucket(name: "{name}") {{ id }} }} }}')["model"]["bucket"]
    return desk.upsert_run(name, id=bucket["id"], **FIRST)


def fall_silent(desk: Desk, name: str) -> None:
    desk.sql("UPDATE runs SET heartbeat_at = heartbeat_at - ? WHERE name = ?", housekeeping.RUN_SILENCE + 1, name)
    housekeeping.tidy(desk.server.store, 10_000)


def test_a_program_started_again_before_its_death_was_noticed_starts_over(desk: Desk) -> None:
    desk.upsert_run("r", **FIRST)
    desk.log("r", {"_step": 0, "a": 1}, {"_step": 1, "a": 2})
    assert desk.upsert_run("r", **FIRST)["bucket"]["historyLineCount"] == 0
    desk.log("r", {"_step": 0, "a": 1})
    assert rows(desk, "r") == [{"_step": 0, "a": 1}]


def test_a_changed_configuration_is_no_new_life_not_even_of_a_run_taken_for_crashed(desk: Desk) -> None:
    desk.upsert_run("r", entityName="local", **FIRST)
    desk.log("r", {"_step": 0, "a": 1})
    desk.upsert_run("r", entityName="local", config='{"lr": {"value": 2}}')
    fall_silent(desk, "r")
    assert desk.run("r")["state"] == RunState.CRASHED
    desk.upsert_run("r", entityName="local", config='{"lr": {"value": 3}}')
    assert desk.run("r", "state config historyLineCount") == {
        "state": RunState.RUNNING, "config": '{"lr":{"value":3}}', "historyLineCount": 1,
    }  # fmt: skip


def test_a_heartbeat_shows_that_a_run_taken_for_crashed_lives(desk: Desk) -> None:
    desk.upsert_run("r")
    fall_silent(desk, "r")
    assert desk.run("r")["state"] == RunState.CRASHED
    desk.stream("r")
    assert desk.run("r")["state"] == RunState.RUNNING


@pytest.mark.parametrize("exit_code", [None, 0, 1])
def test_a_run_is_resumed_however_it_ended(desk: Desk, exit_code: int | None) -> None:
    desk.upsert_run("r", **FIRST)
    desk.log("r", {"_step": 0, "a": 1})
    desk.stream("r", files={"output.log": {"offset": 0, "content": ["one", "two"]}})
    if exit_code is None:
        fall_silent(desk, "r")
    else:
        desk.finish("r", exit_code)
    desk.restart()
    assert resume(desk, "r")["bucket"]["historyLineCount"] == 1
    desk.log("r", {"_step": 1, "a": 2}, offset=1)
    assert desk.run("r", "state exitcode logLineCount") == {"state": "running", "exitcode": None, "logLineCount": 2}
    assert len(rows(desk, "r")) == 2


def test_to_have_asked_about_a_run_does_not_make_the_next_program_resume_it(desk: Desk) -> None:
    desk.upsert_run("r", **FIRST)
    desk.log("r", {"_step": 0, "a": 1})
    desk.finish("r")
    desk.ask('{ model(name: "p") { bucket(name: "r") { id } } }')  # resume="never" asks, and goes no further
    assert desk.upsert_run("r", **FIRST)["bucket"]["historyLineCount"] == 0


def test_an_edit_by_the_public_api_is_no_sign_of_life(desk: Desk) -> None:
    run = desk.upsert_run("r")["bucket"]
    desk.finish("r")
    document = """mutation U($input: UpsertBucketInput!) { upsertBucket(input: $input) { bucket { state } } }"""
    edited = desk.ask(document, input={"id": run["id"], "tags": ["x"], "notes": "n"})["upsertBucket"]["bucket"]
    assert edited["state"] == RunState.FINISHED


def test_a_run_deleted_while_it_lives_does_not_come_back_by_itself(desk: Desk) -> None:
    run = desk.upsert_run("r", **FIRST)["bucket"]
    desk.ask("mutation D($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }", id=run["id"])
    document = "mutation U($input: UpsertBucketInput!) { upsertBucket(input: $input) { inserted } }"
    changed = {"entityName": "local", "modelName": "p", "name": "r", "config": "{}"}
    assert "was deleted" in desk.error(document, input=changed)
    assert desk.run("r") is None
    assert desk.upsert_run("r", **FIRST)["inserted"] is True
    assert desk.ask(document, input=changed) == {"upsertBucket": {"inserted": False}}


def forked(source: str, step: int) -> str:
    return json.dumps({"_wandb": {"value": {"branch_point": {"run_id": source, "step": step}}}})


def test_a_fork_has_the_history_of_its_source_and_leaves_it_alone(desk: Desk) -> None:
    desk.upsert_run("src", **FIRST)
    desk.log("src", *({"_step": step, "a": step, "late": step} for step in range(6)))
    desk.finish("src")
    for _ in range(2):  # the first answer was lost, and the SDK asks again
        assert desk.upsert_run("f", program="t", config=forked("src", 3))["bucket"]["historyLineCount"] == 4
    desk.log("f", {"_step": 4, "a": 40}, offset=4)
    assert [row["a"] for row in rows(desk, "f")] == [0, 1, 2, 3, 40]
    assert [row["a"] for row in rows(desk, "src")] == [0, 1, 2, 3, 4, 5]
    found = desk.run("f", "historyKeys summaryMetrics")
    assert found["historyKeys"]["lastStep"] == 4
    assert found["historyKeys"]["keys"]["a"]["typeCounts"] == [{"type": "number", "count": 5}]
    assert json.loads(found["summaryMetrics"]) == {"_step": 3, "a": 3, "late": 3}


def test_a_fork_of_nothing_is_refused_and_leaves_nothing(desk: Desk) -> None:
    document = "mutation U($input: UpsertBucketInput!) { upsertBucket(input: $input) { inserted } }"
    said = desk.error(document, input={"modelName": "p", "name": "f", "config": forked("nope", 1)})
    assert "no run 'nope'" in said
    desk.upsert_run("other")
    assert desk.run("f") is None


def test_a_rewound_run_has_lost_what_came_later_and_keeps_its_configuration(desk: Desk) -> None:
    desk.upsert_run("r", **FIRST)
    desk.log("r", *({"_step": step * 10, "a": step} for step in range(5)))
    desk.stream("r", files={"output.log": {"offset": 0, "content": ["old"]}})
    desk.finish("r", a=4, only_summary=1)
    for _ in range(2):
        rewound = desk.ask(REWIND, run="r", step=20)["rewindRun"]["rewoundRun"]
        assert (rewound["historyLineCount"], rewound["config"]) == (3, '{"lr":{"value":1}}')
        assert rewound["project"] == {"name": "p", "entity": {"name": "local"}}
    again = desk.upsert_run("r", id=rewound["id"], program="t")
    assert again["bucket"]["historyLineCount"] == 3
    desk.log("r", {"_step": 21, "a": 9}, offset=3)
    assert [(row["_step"], row["a"]) for row in rows(desk, "r")] == [(0, 0), (10, 1), (20, 2), (21, 9)]
    found = desk.run("r", "state historyKeys summaryMetrics logLineCount")
    assert (found["state"], found["historyKeys"]["lastStep"], found["logLineCount"]) == ("running", 21, 0)
    assert json.loads(found["summaryMetrics"]) == {"_step": 20, "a": 2}


def test_a_rewind_of_nothing_is_refused(desk: Desk) -> None:
    assert "no run local/p/nope" in desk.error(REWIND, run="nope", step=1)


def test_writers_at_once_do_not_overwrite_each_other(desk: Desk) -> None:
    desk.upsert_run("r", **FIRST)
    for _ in range(2):  # every chunk arrives twice: the SDK sends again what was not answered
        for writer in ("one", "two"):
            for offset in (0, 2):
                desk.stream(
                    "r",
                    writer=writer,
                    files={
                        "output.log": {"offset": offset, "content": [f"{writer} {offset}", f"{writer} {offset + 1}"]},
                        "wandb-history.jsonl": {
                            "offset": offset,
                            "content": [json.dumps({"_step": offset + i, writer: offset + i}) for i in range(2)],
                        },
                        "wandb-events.jsonl": {"offset": offset // 2, "content": [json.dumps({f"cpu/l:{writer}": 1})]},
                        "wandb-summary.json": {"offset": 0, "content": [json.dumps({writer: offset, "_step": 1})]},
                    },
                )
    found = desk.run(
        "r",
        "historyLineCount eventsLineCount systemMetrics summaryMetrics logLines(first: 99) { edges { node { line } } }",
    )
    assert (found["historyLineCount"], found["eventsLineCount"]) == (8, 4)
    assert [row["_step"] for row in rows(desk, "r")] == list(range(8))
    assert [row["two"] for row in rows(desk, "r") if "two" in row] == [0, 1, 2, 3]
    lines = [edge["node"]["line"] for edge in found["logLines"]["edges"]]
    assert sorted(lines) == sorted(f"{writer} {number}" for writer in ("one", "two") for number in range(4))
    assert json.loads(found["summaryMetrics"]) == {"one": 2, "two": 2, "_step": 7}
    assert json.loads(found["systemMetrics"]) == {"cpu/l:one": 1, "cpu/l:two": 1}


def test_a_writer_rewrites_its_own_console_line_only(desk: Desk) -> None:
    desk.upsert_run("r")
    for writer, text in (("one", "10%"), ("two", "hello"), ("one", "100%")):
        desk.stream("r", writer=writer, files={"output.log": {"offset": 0, "content": [text]}})
    lines = desk.run("r", "logLines(first: 9) { edges { node { line } } }")["logLines"]["edges"]
    assert [edge["node"]["line"] for edge in lines] == ["100%", "hello"]


def test_rows_of_another_writer_do_not_raise_an_ended_run(desk: Desk) -> None:
    desk.upsert_run("r")
    desk.stream("r", writer="one", complete=True, exitcode=0)
    desk.stream("r", writer="two", files={"wandb-history.jsonl": {"offset": 0, "content": ['{"a": 1}']}})
    assert desk.run("r", "state historyLineCount") == {"state": RunState.FINISHED, "historyLineCount": 1}


@pytest.mark.parametrize(("exit_code", "state"), [(0, RunState.FINISHED), (143, RunState.PREEMPTED)])
def test_a_run_marked_preempting_is_preempted_unless_it_ended_well(desk: Desk, exit_code: int, state: RunState) -> None:
    desk.upsert_run("r")
    desk.stream("r", preempting=True)
    desk.log("r", {"_step": 0})
    assert desk.run("r")["state"] == RunState.PREEMPTING
    desk.finish("r", exit_code)
    assert desk.run("r")["state"] == state


def test_a_preempting_run_that_falls_silent_was_preempted(desk: Desk) -> None:
    desk.upsert_run("r")
    desk.stream("r", preempting=True)
    fall_silent(desk, "r")
    assert desk.run("r")["state"] == RunState.PREEMPTED


def test_a_preempted_run_of_a_sweep_is_handed_out_again_before_anything_new(desk: Desk) -> None:
    sweep = desk.create_sweep("{program: t.py, method: grid, parameters: {x: {values: [1, 2]}}}")
    lost, other = desk.create_agent(sweep), desk.create_agent(sweep)
    [order] = desk.beat(lost)
    name = order["run_id"]
    desk.beat(lost, name)
    desk.upsert_run(name, **FIRST)
    desk.log(name, {"_step": 0, "acc": 1})
    desk.stream(name, preempting=True)
    desk.finish(name, 143)
    desk.restart()
    assert desk.beat(other) == [order | {"type": "resume"}]
    assert desk.run(name)["state"] == RunState.PENDING
    assert desk.beat(other) == [order | {"type": "resume"}]  # the answer was lost: the run is not
    desk.beat(other, name)
    assert resume(desk, name)["bucket"]["historyLineCount"] == 1
    desk.finish(name)
    [second] = desk.beat(other)
    assert second["args"] == {"x": {"value": 2}}
    desk.beat(other, second["run_id"])
    desk.upsert_run(second["run_id"])
    desk.finish(second["run_id"])
    assert desk.beat(other) == [{"type": "exit"}]


def test_a_preempted_run_whose_agent_still_lists_it_is_handed_out_once_it_is_gone(desk: Desk) -> None:
    agent = desk.create_agent(desk.create_sweep())
    [order] = desk.beat(agent)
    name = order["run_id"]
    desk.beat(agent, name)
    desk.upsert_run(name, **FIRST)
    desk.log(name, {"_step": 0, "acc": 1})
    desk.stream(name, preempting=True)
    desk.finish(name, 143)
    assert desk.beat(agent, name) == []
    assert desk.beat(agent) == [order | {"type": "resume"}]


def test_a_preempted_run_outside_sweeps_and_one_that_was_stopped_wait_for_nobody(desk: Desk) -> None:
    sweep = desk.create_sweep("{program: t.py, method: grid, parameters: {x: {values: [1]}}}")
    agent = desk.create_agent(sweep)
    [order] = desk.beat(agent)
    desk.beat(agent, order["run_id"])
    run = desk.upsert_run(order["run_id"])["bucket"]
    desk.stream(order["run_id"], preempting=True)
    desk.ask("mutation S($id: ID!) { stopRun(input: {id: $id}) { success } }", id=run["id"])
    desk.finish(order["run_id"], 1)
    assert desk.run(order["run_id"])["state"] == RunState.KILLED
    assert desk.beat(agent) == [{"type": "exit"}]


def test_an_alert_is_kept_once_within_the_wait_it_asks_for(desk: Desk) -> None:
    desk.upsert_run("r")
    document = """mutation A($title: String!, $wait: Duration) { notifyScriptableRunAlert(input: {entityName: "local",
      projectName: "p", runName: "r", title: $title, text: "t", severity: "WARN", waitDuration: $wait}) { success } }"""
    for title, wait in (("a", 60_000), ("a", 60_000), ("b", 60_000), ("a", 0)):
        assert desk.ask(document, title=title, wait=wait)["notifyScriptableRunAlert"] == {"success": True}
    alerts = desk.run("r", "alerts { title text severity createdAt }")["alerts"]
    assert [(alert["title"], alert["severity"]) for alert in alerts] == [("a", "WARN"), ("b", "WARN"), ("a", "WARN")]
