"""What a query may ask for: depth, aliases, the schema, numbers, time. Beyond it is a GraphQL error, soon."""

from __future__ import annotations

import json
import sqlite3
import threading

import pytest
from graphql import GraphQLError, get_introspection_query

from tests.unit.server.conftest import Desk
from trainer.server import budget
from trainer.server.budget import Budget, QueryEnded

_NESTED = "{ __schema { types " + "{ fields { type " * 4 + "{ name }" + " } }" * 4 + " } }"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{" + " ".join(f"a{n}: viewer {{ id }}" for n in range(101)) + "}", "more than 100 times"),
        ("{ viewer { " + "id " * 101 + "} }", "more than 100 times"),
        ("{ viewer " + "{ entity " * 30 + "}" * 31, "deeper than 24"),
        ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", "contains itself"),
        (
            "{ ...A0 } "
            + " ".join(f"fragment A{n} on Query {{ ...A{n + 1} ...A{n + 1} }}" for n in range(40))
            + " fragment A40 on Query { viewer { id } }",
            "more than 5000 fields",
        ),
        (_NESTED, "too deep into the schema"),
        ("{ viewer " + "@include(if: true) " * 4000 + "{ id } }", "tokens"),
        ("{" * 5000, "Expected Name"),
        ("{ project(name: " + "[" * 3000 + ") { id } }", "nested too deeply"),
        ("subscription { viewer { id } }", "subscription"),
        ("type A { b: Int }", "operation"),
    ],
)
def test_documents_beyond_the_bounds_are_errors(desk: Desk, document: str, said: str) -> None:
    with pytest.raises((GraphQLError, AssertionError), match=said):
        desk.ask(document)


def test_a_client_that_reads_the_whole_schema_may(desk: Desk) -> None:
    names = {kind["name"] for kind in desk.ask(get_introspection_query())["__schema"]["types"]}
    assert {"Query", "Run", "UpsertBucketInput"} <= names


def test_numbers_beyond_64_bits_are_the_end_of_the_line(desk: Desk) -> None:
    desk.upsert_run("a")
    desk.log("a", {"_step": 0, "x": 1})
    everything = f"history(minStep: -{10**30}, maxStep: {10**30})"
    assert desk.run("a", everything)["history"] == ['{"_step":0,"x":1}']
    assert desk.run("a", f"history(minStep: {2**63 - 1}, maxStep: -{2**63})")["history"] == []
    message = desk.error(
        'query Q($f: Int) { project(name: "p") { runs(first: $f) { edges { node { id } } } } }', f=2**40
    )
    assert "32-bit" in message
    assert "server failed" not in message


def test_an_error_quotes_little_of_what_was_sent(desk: Desk) -> None:
    assert len(desk.error("query Q($a: Int) { viewer { id } }", a="x" * 1_000_000)) < 3000


def test_lists_within_lists_end_when_the_answer_is_too_large(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        desk.upsert_run(f"r{number}")
    monkeypatch.setattr(budget.Budget.__init__, "__defaults__", (60.0, 2000, 10**6))
    inner = "runs { edges { node { name } } }"
    for _ in range(3):
        inner = f"runs {{ edges {{ node {{ project {{ {inner} }} }} }} }}"
    assert "more than one answer may hold" in desk.error(f'{{ project(name: "p") {{ {inner} }} }}')


def test_a_query_that_takes_too_long_is_ended_within_sql_too(desk: Desk) -> None:
    late = Budget(seconds=0)
    late.check()  # nothing runs yet
    late.start()
    with pytest.raises(QueryEnded, match="takes longer than 0 s"):
        late.check()
    with desk.server.store.snapshot() as connection:
        connection.set_progress_handler(late.is_late, 1000)
        endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            connection.execute(endless)
        connection.set_progress_handler(None, 0)


def test_text_and_fields_count() -> None:
    small = Budget(resolved=10, text=100)
    small.spend("x" * 90)
    small.check()
    with pytest.raises(QueryEnded):
        small.spend(["y" * 20])
    with pytest.raises(QueryEnded):
        Budget(resolved=10).spend([1] * 20)
    assert budget.MAX_RESOLVED >= 100_000  # a page of 1,000 whole runs has about 60,000


def test_what_a_mutation_returns_is_bounded_and_what_it_does_is_not(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(50):
        desk.upsert_run(f"r{number}")
    lists = " ".join(f"a{n}: runs(first: 50) {{ edges {{ node {{ id name }} }} }}" for n in range(40))
    document = (
        f'mutation {{ upsertBucket(input: {{modelName: "p", name: "made"}}) {{ bucket {{ project {{ {lists} }} }} }} }}'
    )
    monkeypatch.setattr(budget.Budget.__init__, "__defaults__", (60.0, 5000, 10**6))
    assert "more than one answer may hold" in desk.error(document)
    monkeypatch.setattr(budget.Budget.__init__, "__defaults__", (0.0, 5000, 10**6))
    assert desk.upsert_run("r1")["inserted"] is False  # reads no list: nothing to be late for
    monkeypatch.undo()
    assert desk.run("made")["state"] == "running"


def test_heavy_queries_take_turns_and_light_ones_need_none(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "_turns", threading.BoundedSemaphore(1))
    monkeypatch.setattr(budget, "WAIT_SECONDS", 0.01)
    light = "{ viewer { teams { edges { node { name } } } } }"
    with budget._turns:
        desk.ask(light)
        monkeypatch.setattr(budget, "LIGHT_SECONDS", 0.0)
        reply = desk.reply(light)
    assert reply.status == 429
    assert reply.body["data"] is None
    for _ in range(3):
        desk.ask(light)  # each gives its turn back


def test_long_lists_with_fields_that_take_arguments_are_what_the_query_asks_for(desk: Desk) -> None:
    for name in ("r", "s"):
        desk.upsert_run(name)
        rows = [json.dumps({"_step": step, "acc": step / 4, "loss": 1}) for step in range(4)]
        desk.stream(name, files={"wandb-history.jsonl": {"offset": 0, "content": rows}})
    good, odd = json.dumps({"keys": ["_step", "acc"], "samples": 9}), json.dumps({"keys": 3})
    plain = "runs(order: $order) { edges { cursor node { name state h: sampledHistory(specs: $specs) tags } } }"
    # With a directive, which is not plain, graphql-core makes the same list field by field.
    slow = plain.replace("tags", "tags @include(if: true)")
    query = 'query Q($specs: [JSONString!]!, $order: String) {{ project(name: "p") {{ {} }} }}'
    made = [desk.ask(query.format(fields), specs=[good], order="+created_at")["project"] for fields in (plain, slow)]
    assert made[0] == made[1]
    assert [len(edge["node"]["h"][0]) for edge in made[0]["runs"]["edges"]] == [4, 4]
    assert all(edge["cursor"] for edge in made[0]["runs"]["edges"])
    for fields in (plain, slow):
        assert "list of names" in desk.error(query.format(fields), specs=[odd]), fields


def test_long_plain_lists_are_what_the_query_asks_for(desk: Desk) -> None:
    desk.upsert_run("r")
    lines = ["2026-01-01T00:00:00.5 one", "ERROR 2026-01-01T00:00:01Z two", "2026-01-01T00:00:02+01:00 a\nb", "odd"]
    desk.stream("r", files={"output.log": {"offset": 0, "content": lines}})
    plain = "logLines(first: 10) { edges { c: cursor node { ...L label } } pageInfo { hasNextPage endCursor } }"
    # With a directive, which is not plain, graphql-core makes the same list field by field.
    slow = plain.replace("label", "label @include(if: true)")
    made = [
        desk.ask(
            f'{{ project(name: "p") {{ run(name: "r") {{ one: {fields} two: {fields} }} }} }}'
            " fragment L on LogLine { number l: line ... on LogLine { level timestamp } __typename unheardOf }"
        )["project"]["run"]
        for fields in (plain, slow)
    ]
    assert made[0] == made[1]
    assert made[0]["one"] == made[0]["two"]
    nodes = [edge["node"] for edge in made[0]["one"]["edges"]]
    assert [(node["l"], node["level"], node["timestamp"]) for node in nodes] == [
        ("one", None, "2026-01-01T00:00:00.5"),
        ("two", "error", "2026-01-01T00:00:01Z"),
        ("a\nb", None, "2026-01-01T00:00:02+01:00"),
        ("odd", None, None),
    ]


def test_files_are_announced_together_in_their_order(desk: Desk) -> None:
    desk.upsert_run("r")
    document = """mutation M($f: [String!]!) { createRunFiles(input: {
        entityName: "local", projectName: "p", runName: "r", files: $f}) { files { id name uploadUrl } } }"""
    names = [f"f{number}" for number in range(1200, 0, -1)] + ["./f7"]
    made = desk.ask(document, f=names)["createRunFiles"]["files"]
    assert [file["name"] for file in made] == [name.removeprefix("./") for name in names]
    assert len({file["id"] for file in made}) == 1200
    assert made == desk.ask(document, f=names)["createRunFiles"]["files"]
    assert "50,000 files at most" in desk.error(document, f=["x"] * 50_001)
