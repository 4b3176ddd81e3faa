"""Documents from other versions of the SDK, too large ones, and mistakes."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLError

from tests.unit.server.conftest import GRID, Desk
from trainer.server.documents import DocumentCache
from trainer.server.graphql import load_schema
from trainer.server.members import snake_case


def test_unknown_fields_are_null(desk: Desk) -> None:
    desk.upsert_run("r")
    found = desk.ask('{ project(name: "p") { shoeSize run(name: "r") { name a: colour { deep { er } } } } }')
    assert found == {"project": {"shoeSize": None, "run": {"name": "r", "a": None}}}


def test_unknown_arguments_and_input_fields_are_ignored(desk: Desk) -> None:
    document = """mutation U($input: UpsertBucketInput!, $odd: NobodyKnowsThis) {
      upsertBucket(input: $input, hat: $odd) { bucket { name } } }"""
    found = desk.ask(document, input={"modelName": "p", "name": "r", "scarf": "red"}, odd={"x": 1})
    assert found == {"upsertBucket": {"bucket": {"name": "r"}}}
    assert desk.ask('mutation { upsertBucket(input: {modelName: "p", name: "s", scarf: 1}) { inserted } }')
    assert desk.ask(
        'query Q($d: String) { project(name: "p") { run(name: "", desc: $d) { name } } }', d="x" * 10**7
    ) == {"project": {"run": None}}


@pytest.mark.parametrize("document", ["{ launchRockets { ok } }", "mutation { launchRockets { ok } }"])
def test_an_unknown_operation_is_an_error_that_names_it(desk: Desk, document: str) -> None:
    with pytest.raises(GraphQLError, match="launchRockets"):
        desk.reply(document)


@pytest.mark.parametrize(
    "document",
    [
        "{ project" + "{ project" * 3000,
        '{ project(name: "p") ' + '{ run(name: "r") { project ' * 40 + "{ id }" + " } }" * 40 + " }",
        "{" + " ".join(f"a{index}: viewer {{ id }}" for index in range(3000)) + "}",
        "{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }",
        "{ viewer { ...A } } "
        + " ".join(f"fragment F{n} on User {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
        + " fragment F40 on User { id } fragment A on User { ...F0 }",
        "not graphql",
        "",
    ],
)
def test_hostile_documents_are_refused(document: str) -> None:
    with pytest.raises(GraphQLError):
        DocumentCache(load_schema()).prepare(document)


def test_names_are_translated() -> None:
    assert [snake_case(name) for name in ("historyLineCount", "runID", "clientIDMapping", "md5")] == [
        "history_line_count", "run_id", "client_id_mapping", "md5",
    ]  # fmt: skip


def test_a_missing_run_or_project_is_null(desk: Desk) -> None:
    assert desk.ask('{ project(name: "none") { id } }') == {"project": None}
    desk.upsert_run("r")
    assert desk.ask('{ project(name: "p") { run(name: "none") { id } } }') == {"project": {"run": None}}


@pytest.mark.parametrize("identifier", ["", "Zm9v", "💥", "UnVuOjE=x", "UnVuOjk5OTk5OTk5OTk5OTk5OTk5OTk5OQ=="])
def test_a_bad_id_is_an_error_not_a_fault(desk: Desk, identifier: str) -> None:
    message = desk.error("mutation S($id: ID!) { stopRun(input: {id: $id}) { success } }", id=identifier)
    assert "run" in message or "missing" in message
    assert "failed at this request" not in message


def test_a_bad_sweep_is_refused_with_every_problem_and_nothing_is_created(desk: Desk) -> None:
    config = "{program: t.py, method: grid, parameters: {x: {min: 0.0, max: 1.0}, y: {min: 3, max: 1}}}"
    message = desk.error(
        "mutation S($i: UpsertSweepInput!) { upsertSweep(input: $i) { sweep { id } } }",
        i={"projectName": "p", "config": config},
    )
    assert "parameters.x" in message
    assert "parameters.y" in message
    assert desk.ask('{ project(name: "p") { totalSweeps } }') == {"project": None}


_LAUGHS = "\n".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]" for n in range(9))
_BOMBS = (
    pytest.param("{" * 100_000, id="brackets"),
    pytest.param("- " * 5000 + "a", id="dashes"),
    pytest.param("a: &a [x, x, x]\n" + _LAUGHS, id="aliases"),
)
"""They ended the process, or filled its memory."""


@pytest.mark.parametrize(
    "config", ["[1]", "{", "x: &a [*a]", "a: b: c", "", "method: !!python/object:os.system x", *_BOMBS]
)
def test_an_unreadable_sweep_is_refused(desk: Desk, config: str) -> None:
    message = desk.error(
        "mutation S($i: UpsertSweepInput!) { upsertSweep(input: $i) { sweep { id } } }",
        i={"projectName": "p", "config": config},
    )
    assert "config" in message.lower()
    assert "failed at this request" not in message


def test_a_sweep_is_read_back_as_it_was_created(desk: Desk) -> None:
    sweep = desk.create_sweep(GRID, displayName="shown", description="why")
    fields = "name displayName description state method config runCount runCountExpected bestLoss createdAt"
    found = desk.ask(f'{{ project(name: "p") {{ sweep(sweepName: "{sweep["name"]}") {{ {fields} }} }} }}')
    read: dict[str, Any] = found["project"]["sweep"]
    assert read.pop("createdAt").endswith("Z")
    assert read == {
        "name": sweep["name"], "displayName": "shown", "description": "why", "state": "RUNNING", "method": "grid",
        "config": GRID, "runCount": 0, "runCountExpected": 3, "bestLoss": None,
    }  # fmt: skip


def test_best_loss_follows_the_goal(desk: Desk) -> None:
    sweep = desk.create_sweep(GRID)
    for name, acc in (("a", 0.5), ("b", 0.9), ("c", 0.7)):
        desk.upsert_run(name, sweep=sweep["name"])
        desk.finish(name, acc=acc)
    found = desk.ask(f'{{ project(name: "p") {{ sweep(sweepName: "{sweep["name"]}") {{ bestLoss runCount }} }} }}')
    assert found["project"]["sweep"] == {"bestLoss": 0.9, "runCount": 3}


def test_prior_runs_become_part_of_a_sweep_and_are_not_run_again(desk: Desk) -> None:
    desk.upsert_run("old", config='{"x": {"value": 2}}')
    desk.finish("old", acc=1)
    sweep = desk.create_sweep(GRID, priorRunsFilters='{"$or": [{"name": "old"}]}')
    agent = desk.create_agent(sweep)
    values = []
    while (order := desk.beat(agent)[0])["type"] == "run":
        values.append(order["args"]["x"]["value"])
        desk.beat(agent, order["run_id"])
        desk.upsert_run(order["run_id"])
        desk.finish(order["run_id"])
    assert values == [1, 3]
