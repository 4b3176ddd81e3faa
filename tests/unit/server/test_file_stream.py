"""What runs stream: retries, restarts, resumes, rewritten console lines, states, odd input."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.server.conftest import Desk
from trainer.server.file_stream import parts_of
from trainer.states import RunState


def history(desk: Desk, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in desk.run(name, "history(samples: 1000)")["history"]]


def test_a_retried_chunk_changes_nothing(desk: Desk) -> None:
    desk.upsert_run("r")
    rows = [{"_step": step, "loss": step / 2} for step in range(5)]
    for _ in range(3):
        desk.log("r", *rows)
    desk.log("r", *rows[3:], offset=3)
    assert history(desk, "r") == rows
    assert desk.run("r", "historyLineCount historyKeys")["historyLineCount"] == 5
    keys = desk.run("r", "historyKeys")["historyKeys"]
    assert keys["lastStep"] == 4
    assert keys["keys"]["loss"] == {
        "typeCounts": [{"type": "number", "count": 5}],
        "monotonic": True,
        "previousValue": 2.0,
    }


def test_rows_survive_a_restart(desk: Desk) -> None:
    desk.upsert_run("r")
    desk.log("r", {"_step": 0, "a": 1})
    desk.restart()
    desk.log("r", {"_step": 1, "a": 2}, offset=1)
    assert history(desk, "r") == [{"_step": 0, "a": 1}, {"_step": 1, "a": 2}]


def test_an_id_used_again_starts_over(desk: Desk) -> None:
    desk.upsert_run("r")
    desk.log("r", {"_step": 0, "a": 1}, {"_step": 1, "a": 2})
    desk.finish("r", a=2)
    again = desk.upsert_run("r")
    assert again["inserted"] is False
    assert again["bucket"]["historyLineCount"] == 0
    desk.log("r", {"_step": 0, "a": 9})
    assert history(desk, "r") == [{"_step": 0, "a": 9}]
    assert desk.run("r", "summaryMetrics")["summaryMetrics"] == "{}"


def test_another_first_line_while_running_starts_over_too(desk: Desk) -> None:
    desk.upsert_run("r")
    desk.log("r", {"_step": 0, "a": 1}, {"_step": 1, "a": 2})
    desk.log("r", {"_step": 0, "a": 7})
    assert history(desk, "r") == [{"_step": 0, "a": 7}]


def test_a_resumed_run_goes_on(desk: Desk) -> None:
    desk.upsert_run("r")
    desk.log("r", {"_step": 0, "a": 1})
    desk.finish("r")
    fields = 'id historyLineCount logLineCount historyTail eventsTail wandbConfig(keys: ["t"])'
    status = desk.ask(f'{{ model(name: "p") {{ bucket(name: "r", missingOk: true) {{ {fields} }} }} }}')
    bucket = status["model"]["bucket"]
    assert bucket["historyLineCount"] == 1
    assert [json.loads(line) for line in json.loads(bucket["historyTail"])] == [{"_step": 0, "a": 1}]
    assert desk.upsert_run("r", id=bucket["id"])["bucket"] | {"id": ""} == {
        "id": "", "name": "r", "state": "running", "displayName": desk.run("r", "displayName")["displayName"],
        "historyLineCount": 1, "config": "{}",
    }  # fmt: skip
    desk.log("r", {"_step": 1, "a": 2}, offset=1)
    assert len(history(desk, "r")) == 2


def test_console_lines_may_be_rewritten_and_tell_errors(desk: Desk) -> None:
    desk.upsert_run("r")
    stamp = "2026-01-01T00:00:00.000000"
    desk.stream("r", files={"output.log": {"offset": 0, "content": [f"{stamp} 10%", f"ERROR {stamp} oh no"]}})
    desk.stream("r", files={"output.log": {"offset": 0, "content": [f"{stamp} 100%"]}})
    lines = desk.run("r", "logLines(last: 10) { edges { node { number level line timestamp } } }")["logLines"]["edges"]
    assert [(edge["node"]["line"], edge["node"]["level"]) for edge in lines] == [("100%", None), ("oh no", "error")]
    first = desk.run("r", "logLines(first: 1) { edges { cursor } pageInfo { hasNextPage endCursor } }")["logLines"]
    assert first["pageInfo"]["hasNextPage"] is True
    after = first["pageInfo"]["endCursor"]
    rest = desk.run("r", f'logLines(first: 5, after: "{after}") {{ edges {{ node {{ line }} }} }}')["logLines"]
    assert rest["edges"] == [{"node": {"line": "oh no"}}]
    pages = "{ edges { node { line } } pageInfo { startCursor hasPreviousPage hasNextPage } }"
    last = desk.run("r", f"logLines(last: 1, useImprovedPagination: true) {pages}")["logLines"]
    assert last["edges"] == rest["edges"] and last["pageInfo"]["hasPreviousPage"] is True
    before = last["pageInfo"]["startCursor"]
    start = desk.run("r", f'logLines(last: 5, before: "{before}") {pages}')["logLines"]
    assert start["edges"] == [{"node": {"line": "100%"}}]
    assert start["pageInfo"] | {"startCursor": ""} == {
        "startCursor": "",
        "hasPreviousPage": False,
        "hasNextPage": True,
    }


@pytest.mark.parametrize(
    ("exit_code", "stop", "state"),
    [
        (0, False, RunState.FINISHED),
        (1, False, RunState.FAILED),
        (255, True, RunState.KILLED),
        (0, True, RunState.FINISHED),
    ],
)
def test_the_end_of_a_run_has_a_state(desk: Desk, exit_code: int, stop: bool, state: RunState) -> None:
    run = desk.upsert_run("r")["bucket"]
    if stop:
        desk.ask("mutation S($id: ID!) { stopRun(input: {id: $id}) { success } }", id=run["id"])
    desk.finish("r", exit_code)
    assert desk.run("r", "state exitcode") == {"state": state, "exitcode": exit_code}


def test_a_late_heartbeat_does_not_raise_the_dead(desk: Desk) -> None:
    desk.upsert_run("r")
    desk.finish("r")
    desk.stream("r")
    assert desk.run("r")["state"] == RunState.FINISHED


def test_what_comes_late_does_not_change_how_a_run_ended(desk: Desk) -> None:
    desk.upsert_run("r")
    desk.log("r", {"_step": 0, "a": 1})
    desk.stream("r", preempting=True)
    for _ in range(2):  # the answer to the last request was lost
        desk.finish("r", 1)
    desk.log("r", {"_step": 0, "a": 1})  # a copy of an earlier request
    assert desk.run("r", "state exitcode") == {"state": RunState.PREEMPTED, "exitcode": 1}
    assert history(desk, "r") == [{"_step": 0, "a": 1}]


@pytest.mark.parametrize(
    "body",
    [
        {"files": None},
        {"files": {"wandb-history.jsonl": None, "x": 3}},
        {"files": {"wandb-history.jsonl": {"offset": -5, "content": ["{not json", "[]", '{"_step": "x", "a": 1}']}}},
        {"files": {"wandb-history.jsonl": {"offset": 0, "content": ['{"a": NaN, "b": Infinity, "c": "\\ud800"}']}}},
        {"files": {"wandb-summary.json": {"offset": 0, "content": ["nonsense"]}}},
        {"files": {"output.log": {"offset": True, "content": "one line"}}},
        {"files": {"wandb-history.jsonl": {"offset": 2**80, "content": ["{}"]}}},
        {"complete": True, "exitcode": "zero", "uploaded": 5},
    ],
)
def test_odd_chunks_are_no_errors(desk: Desk, body: dict[str, Any]) -> None:
    desk.upsert_run("r")
    desk.stream("r", **body)
    json.dumps(desk.run("r", "state summaryMetrics historyKeys history logLineCount"))


def test_not_a_number_is_stored_as_json(desk: Desk) -> None:
    desk.upsert_run("r")
    desk.log("r", {"_step": 0, "a": float("nan"), "b": float("-inf")})
    assert history(desk, "r") == [{"_step": 0, "a": "NaN", "b": "-Infinity"}]


def test_system_events_are_kept_apart(desk: Desk) -> None:
    desk.upsert_run("r")
    desk.stream("r", files={"wandb-events.jsonl": {"offset": 0, "content": ['{"system.cpu": 3}']}})
    seen = desk.run("r", "events eventsLineCount systemMetrics historyLineCount")
    assert seen == {
        "events": ['{"system.cpu":3}'],
        "eventsLineCount": 1,
        "systemMetrics": '{"system.cpu":3}',
        "historyLineCount": 0,
    }


def test_nested_values_of_whole_rows_have_dotted_names_and_media_stay_whole(desk: Desk) -> None:
    desk.upsert_run("r")
    media = {"_type": "histogram", "values": [1], "bins": [0, 1]}
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"x": deep}
    desk.log("r", {"_step": 0, "train": {"loss": 1, "by": {"class": 2}}, "h": media, "empty": {}, "deep": deep})
    [row] = history(desk, "r")
    assert (row["train.loss"], row["train.by.class"], row["h"], row["empty"]) == (1, 2, media, {})
    assert "train" not in row
    spec = json.dumps({"samples": 10})
    [[sampled]] = desk.run("r", f"sampledHistory(specs: [{json.dumps(spec)}])")["sampledHistory"]
    assert sampled == row


def test_sampled_history_thins_and_selects(desk: Desk) -> None:
    desk.upsert_run("r")
    desk.log("r", *({"_step": step, "loss": step, "n": {"x": step}} for step in range(1000)))
    specs = [json.dumps({"keys": ["_step", "loss"], "samples": 10}), json.dumps({"keys": ["n.x"], "minStep": 990})]
    document = 'query Q($s: [JSONString!]!) { project(name: "p") { run(name: "r") { sampledHistory(specs: $s) } } }'
    thinned, tail = desk.ask(document, s=specs)["project"]["run"]["sampledHistory"]
    assert len(thinned) == 10
    assert thinned[0] == {"_step": 0, "loss": 0}
    assert tail == [{"n.x": step} for step in range(990, 1000)]
    pages = desk.run("r", "history(minStep: 10, maxStep: 20, samples: 100)")["history"]
    assert [json.loads(row)["_step"] for row in pages] == list(range(10, 20))


def test_numbers_beyond_json_and_sqlite_are_no_fault(desk: Desk) -> None:
    desk.upsert_run("r")
    rows = [
        '{"_step": 0, "a": NaN}',
        '{"_step": 1, "a": 1e999}',
        '{"_step": 2, "a": 1}',
        f'{{"_step": 3, "a": {10**400}}}',
    ]
    desk.stream("r", files={"wandb-history.jsonl": {"offset": 0, "content": rows}})
    desk.stream("r", complete=True, exitcode=2**70)
    found = desk.run("r", "state historyKeys history(samples: 9)")
    assert found["state"] == RunState.FAILED
    json.dumps(found, allow_nan=False)
    assert json.loads(found["history"][0])["a"] == "NaN"


def test_a_long_chunk_is_stored_in_parts_as_if_whole(desk: Desk) -> None:
    rows = [json.dumps({"_step": step, "loss": step}) for step in range(1234)]
    console = [f"2026-11-27T12:00:00.000000 line {number} {'x' * 9000}" for number in range(300)]
    body: dict[str, Any] = {
        "files": {
            "wandb-history.jsonl": {"offset": 0, "content": rows},
            "output.log": {"offset": 0, "content": console},
            "wandb-summary.json": {"offset": 0, "content": ['{"loss": 7}']},
        },
        "complete": True,
        "exitcode": 0,
    }
    fields = "state summaryMetrics historyLineCount logLineCount history(samples: 2000) historyKeys"
    for name, bodies in (("whole", [body]), ("parts", list(parts_of(body))), ("again", list(parts_of(body))[:3] * 2)):
        desk.upsert_run(name)
        for part in bodies:
            desk.stream(name, **part)
    parts = list(parts_of(body))
    assert len(parts) == 5
    assert sum("complete" in part for part in parts) == 1
    assert desk.run("parts", fields) == desk.run("whole", fields)
    assert desk.run("again", "historyLineCount state") == {"historyLineCount": 1000, "state": "running"}
    for odd in (
        {},
        {"files": 3},
        {"files": {"output.log": {"offset": -1, "content": console}}},
        {"files": {"x": None}},
    ):
        assert list(parts_of(odd)) == [odd]  # type: ignore[arg-type]


def test_lines_at_absurd_offsets_leave_counts_that_can_be_told(desk: Desk) -> None:
    desk.upsert_run("a")
    for offset in (2**30 - 1, 2**31, 2**53 - 1, 2**53, 10**30, -1):
        for name in ("wandb-history.jsonl", "wandb-events.jsonl", "output.log"):
            desk.stream("a", files={name: {"offset": offset, "content": ["{}", "{}"]}})
    counts = desk.run("a", "historyLineCount eventsLineCount logLineCount")
    assert counts == dict.fromkeys(counts, 2**30 + 1)


def test_what_is_nested_too_deeply_is_kept_as_a_text_and_breaks_no_filter(desk: Desk) -> None:
    for number, depth in enumerate((100, 290, 310, 600, 900)):
        deep = '{"a":' * depth + "NaN" + "}" * depth
        name = f"r{number}"
        desk.upsert_run(name, config=f'{{"k": {{"value": {deep}}}}}', summaryMetrics=f'{{"s": {deep}, "x": 1}}')
        desk.stream(
            name,
            files={
                "wandb-history.jsonl": {"offset": 0, "content": [f'{{"h": {deep}, "_step": 0}}']},
                "wandb-summary.json": {"offset": 0, "content": [f'{{"s": {deep}, "x": 1}}']},
            },
        )
    document = """query Q($f: JSONString) { project(name: "p") { runs(filters: $f, order: "-summary_metrics.x") {
        totalCount edges { node { name config summaryMetrics history } } } } }"""
    for filters, total in (('{"summary_metrics.x": 1}', 5), ('{"config.k.a.a": {"$exists": true}}', 5)):
        found = desk.ask(document, f=filters)["project"]["runs"]
        assert found["totalCount"] == total
    assert "NaN" in desk.run("r4", "config")["config"]
