"""What a query may ask for: depth, aliases, the schema, numbers, time. Beyond it is a GraphQL error, soon."""

from __future__ import annotations

import sqlite3

import pytest
from graphql import GraphQLError, get_introspection_query

from tests.unit.server.conftest import Desk
from trainer.server import budget
from trainer.server.budget import Budget, BudgetError

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
    with pytest.raises(BudgetError, match="takes longer than 0 s"):
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
    with pytest.raises(BudgetError):
        small.spend(["y" * 20])
    with pytest.raises(BudgetError):
        Budget(resolved=10).spend([1] * 20)
    assert budget.MAX_RESOLVED >= 100_000  # a page of 1,000 whole runs has about 60,000
