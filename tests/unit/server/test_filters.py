"""Filters, orders and pages of runs."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.server.conftest import Desk
from trainer.server.handlers.run_lists import run_connection

LIST = """query L($f: JSONString, $o: String, $n: Int, $a: String) { project(name: "p") { runCount(filters: $f)
  runs(filters: $f, order: $o, first: $n, after: $a) { totalCount edges { node { name } } 
  pageInfo { endCursor hasNextPage } } } }"""


@pytest.fixture
def runs(desk: Desk) -> Desk:
    for index in range(6):
        name = f"r{index}"
        config = {"lr": {"value": index / 10}, "opt": {"value": {"name": "adam" if index % 2 else "sgd"}}}
        desk.upsert_run(name, config=json.dumps(config), tags=["even"] if index % 2 == 0 else ["odd", "x"])
        if index < 4:
            desk.finish(name, exit_code=0 if index < 3 else 1, acc=(index * 7) % 5, deep={"f1": index})
    return desk


def names(desk: Desk, filters: Any = None, order: str | None = None) -> list[str]:
    project = desk.ask(LIST, f=json.dumps(filters) if filters else None, o=order, n=100)["project"]
    found = [edge["node"]["name"] for edge in project["runs"]["edges"]]
    assert project["runCount"] == project["runs"]["totalCount"] == len(found)
    return found


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"state": "finished"}, "012"),
        ({"state": {"$in": ["failed", "running"]}}, "345"),
        ({"state": {"$ne": "finished"}}, "345"),
        ({"$not": {"state": "finished"}}, "345"),
        ({"config.lr": 0.2}, "2"),
        ({"config.lr.value": {"$gt": 0.15, "$lt": 0.45}}, "234"),
        ({"config.opt.name": "adam"}, "135"),
        ({"config.opt.value.name": {"$nin": ["adam"]}}, "024"),
        ({"summary_metrics.acc": {"$gte": 2}}, "12"),
        ({"summary_metrics.deep.f1": 3}, "3"),
        ({"summary_metrics.acc": {"$exists": False}}, "45"),
        ({"tags": "x"}, "135"),
        ({"tags": {"$in": ["even", "none"]}}, "024"),
        ({"tags": {"$nin": ["even"]}}, "135"),
        ({"name": {"$regex": "^r[12]$"}}, "12"),
        ({"$or": [{"name": "r0"}, {"$and": [{"tags": "odd"}, {"state": "failed"}]}]}, "03"),
        ({"$and": [{"tags": "odd"}, {"$or": [{"name": "r0"}, {"name": "r1"}, {"state": "running"}]}]}, "15"),
        ({"created_at": {"$gte": "2020-01-01"}}, "012345"),
        ({"created_at": {"$lt": "2020-01-01T00:00:00Z"}}, ""),
        ({"created_at": {"$regex": "^20..-"}}, "012345"),
        ({"created_at": "2020-01-01 12:00"}, ""),
        ({"heartbeatAt": {"$gt": "2020-01-01T00:00:00+02:00"}}, "012345"),
        ({"duration": {"$lt": 3600}}, "012345"),
        ({"exitcode": {"$ne": 0}}, "345"),
        ({"historyLineCount": 0}, "012345"),
        ({"username": "local"}, "012345"),
        ({"name": 0}, ""),
        ({"state": True}, ""),
        ({"group": None}, "012345"),
        ({"displayName": {"$exists": True}}, "012345"),
        ({"name": {"$regex": "^R[12]$", "$options": "i"}}, "12"),
        ({"name": {"$gte": "r4"}}, "45"),
        ({"tags": {"$all": ["odd", "x"]}}, "135"),
        ({"tags": ["odd", "x"]}, "135"),
        ({"tags": ["x", "odd"]}, ""),
        ({"config.opt": {"name": "adam"}}, "135"),
        ({"config.lr": "0.2"}, ""),
        ({"$nor": [{"state": "finished"}, {"tags": "x"}]}, "4"),
        ({"$or": [{"name": f"x{index}"} for index in range(1500)] + [{"name": "r0"}]}, "0"),
        ({"$and": [{"state": "running"}, {"$or": [{"config.lr": index / 10} for index in range(200)]}]}, "45"),
        ({"$and": []}, "012345"),
        ({"$or": []}, ""),
    ],
)
def test_filters(runs: Desk, filters: Any, expected: str) -> None:
    assert names(runs, filters) == [f"r{digit}" for digit in expected]


def test_orders_put_missing_values_last(runs: Desk) -> None:
    assert names(runs, order="+created_at") == [f"r{index}" for index in range(6)]
    assert names(runs, order="-created_at") == [f"r{index}" for index in reversed(range(6))]
    assert names(runs, order="-summary_metrics.acc")[:4] == ["r2", "r1", "r3", "r0"]
    assert names(runs, order="+summary_metrics.acc")[:4] == ["r0", "r3", "r1", "r2"]


ORDERS = [None, "-created_at", "-summary_metrics.acc", "+config.lr.value", "-name", "-state", "+config.mixed", "-tags"]
ORDERS += ["-state,+config.mixed", "+summary_metrics.acc,-created_at", "config.mixed,-config.lr,name", "-duration"]


def pages(desk: Desk, order: str | None, between: Callable[[int, str], None]) -> list[str]:
    seen: list[str] = []
    cursor = None
    for number in range(20):
        page = desk.ask(LIST, o=order, n=2, a=cursor)["project"]["runs"]
        seen += [edge["node"]["name"] for edge in page["edges"]]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return seen
        between(number, seen[-1])
    raise AssertionError(f"there is no end to {seen}")


@pytest.mark.parametrize("order", ORDERS)
def test_pages_cover_everything_once_while_runs_arrive_and_go(runs: Desk, order: str | None) -> None:
    for index, value in enumerate([True, 2, "two", None, 2.5, [1], "two"]):
        runs.upsert_run(f"m{index}", config=json.dumps({"mixed": {"value": value}, "lr": {"value": index % 2}}))
    whole = names(runs, order=order)
    assert len(whole) == 13
    assert pages(runs, order, lambda *_: None) == whole

    def change(number: int, last: str) -> None:
        runs.upsert_run(f"late{number}", config='{"mixed": {"value": 2}}')
        # What the cursor points at is gone before it is used.
        runs.sql("DELETE FROM runs WHERE name = ?", last)

    seen = pages(runs, order, change)
    assert [name for name in seen if name in whole] == whole
    assert len(seen) == len(set(seen))


def test_a_run_that_diverged_is_never_the_best(runs: Desk) -> None:
    runs.finish("r0", acc=float("nan"))
    runs.finish("r3", acc=-float("inf"))
    assert names(runs, order="-summary_metrics.acc")[:2] == ["r2", "r1"]
    assert names(runs, order="+summary_metrics.acc")[:2] == ["r1", "r2"]
    assert pages(runs, "-summary_metrics.acc", lambda *_: None) == names(runs, order="-summary_metrics.acc")


def test_an_order_names_known_keys_and_not_too_many(runs: Desk) -> None:
    assert names(runs, order="-summary_metrics.a,b") == names(runs, order="-created_at")
    assert "nothing" in runs.error(LIST, o="+nothing")
    assert "at most 5" in runs.error(LIST, o=",".join(["name"] * 6))
    cursor = runs.ask(LIST, o="+state,+name", n=1)["project"]["runs"]["pageInfo"]["endCursor"]
    assert "another order" in runs.error(LIST, o="+state", a=cursor)


@pytest.mark.parametrize(
    ("filters", "word"),
    [
        ("{", "JSON"),
        ('{"$where": "1"}', "$where"),
        ('{"config.lr": {"$near": 1}}', "$near"),
        ('{"passwords": 1}', "passwords"),
        ('{"name": {"$regex": "(?=a)"}}', "perl operator"),
        ('{"name": {"$regex": "("}}', "regular expression"),
        ('{"$or": 3}', "$or"),
        ('{"created_at": "yesterday"}', "yesterday"),
        ("[1]", "filter"),
        ('{"name": {"$options": "i"}}', "$options"),
        ('{"name": {"$regex": "a", "$options": "q"}}', "'q'"),
        ('{"config.lr": {"$gt": [1]}}', "compare"),
        ('{"config.lr": {"$in": 1}}', "list"),
        (json.dumps({"$and": [{"config.a.b.c.d": {"$in": [1]}}] * 900}), "large"),
        (json.dumps({"name": {"$in": ["x"] * 5000}}), "large"),
    ],
)
def test_a_bad_filter_is_an_error_that_says_why(runs: Desk, filters: str, word: str) -> None:
    assert word in runs.error(LIST, f=filters)


def test_deeply_nested_filters_are_refused(runs: Desk) -> None:
    filters: Any = {"state": "finished"}
    for _ in range(200):
        filters = {"$not": filters}
    assert "nested" in runs.error(LIST, f=json.dumps(filters))


def test_the_poll_of_a_live_sweep_uses_indexes_only(desk: Desk) -> None:
    sweep = desk.create_sweep()
    desk.upsert_run("a", sweep=sweep["name"])
    filters = {
        "$and": [
            {"sweep": sweep["name"]},
            {"$or": [
                {"state": {"$in": ["running", "pending"]}},
                {"name": {"$in": ["a", "b"]}},
                {"created_at": {"$gte": "2020-01-01"}},
            ]},
        ]
    }  # fmt: skip
    context = desk.server.context("http://127.0.0.1:1")
    statements: list[str] = []
    context.connection.set_trace_callback(statements.append)
    run_connection(context, 1, json.dumps(filters), None, 50, None)
    context.connection.set_trace_callback(None)
    page = next(statement for statement in statements if statement.startswith("SELECT runs.*"))
    plan = [str(row[3]) for row in context.connection.execute(f"EXPLAIN QUERY PLAN {page}")]
    assert any("MULTI-INDEX OR" in step for step in plan), plan
    assert not any(step.startswith("SCAN runs") for step in plan), plan
    ways = ("project_id=? AND sweep=?", "name=?", "(rowid=?)")
    searches = [step for step in plan if step.startswith("SEARCH")]
    assert all(any(way in step for way in ways) for step in searches), plan


@pytest.mark.parametrize(
    "text",
    [
        '{"created_at": {"$gt": 1e999}}',
        '{"created_at": {"$gt": NaN}}',
        '{"created_at": {"$gt": ' + "9" * 400 + "}}",
        '{"config.lr": ' + "9" * 400 + "}",
        '{"display_name": "\\ud800"}',
    ],
)
def test_values_that_sql_cannot_hold_are_no_fault(runs: Desk, text: str) -> None:
    body = runs.reply(LIST, f=text).body
    assert "failed at this request" not in json.dumps(body)


@pytest.mark.parametrize("cursor", [[None, 2**63], [2**63, 1], [None, 1e400], ["x"]])
def test_cursors_that_sql_cannot_hold_are_refused(runs: Desk, cursor: list[Any]) -> None:
    text = base64.b64encode(json.dumps(cursor).encode()).decode()
    assert "is not a cursor" in runs.error(LIST, a=text)


HOSTILE: list[Any] = [
    None,
    True,
    0,
    10**30,
    -(10**400),
    1.5,
    float("nan"),
    float("inf"),
    "",
    "\0",
    "\ud800",
    "(",
    "9999-12-31",
]
HOSTILE_KEYS = [
    "$and",
    "$or",
    "$nor",
    "$not",
    "$eq",
    "$gt",
    "$lte",
    "$in",
    "$nin",
    "$all",
    "$exists",
    "$regex",
    "$options",
]
HOSTILE_KEYS += [
    "config.x",
    "config.x.y.z",
    "config.",
    "config..",
    "config.value",
    ".",
    'config."',
    "config.\0",
    "tags",
    "name",
]
HOSTILE_KEYS += [
    "created_at",
    "duration",
    "keys_info.keys.x",
    "",
    "config.x[0]",
    "config.$",
    "summary_metrics.a",
    "-name,,",
]


def hostile(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.random()
    if depth < 4 and kind < 0.3:
        return {rng.choice(HOSTILE_KEYS): hostile(rng, depth + 1) for _ in range(rng.randrange(4))}
    if depth < 4 and kind < 0.5:
        return [hostile(rng, depth + 1) for _ in range(rng.randrange(4))]
    return rng.choice(HOSTILE)


def test_random_and_hostile_filters_are_answered_or_refused(runs: Desk) -> None:
    runs.upsert_run("odd", config=json.dumps({"x": {"value": [1, "s", {"y": {"z": None}}]}, '"': {"value": 1}}))
    rng = random.Random(3)
    texts = [json.dumps({rng.choice(HOSTILE_KEYS): hostile(rng)}) for _ in range(700)]
    for depth in (600, 900, 3000):
        texts += [
            f'{{"config.x": {"[" * depth}{"]" * depth}}}',
            f'{{"config.x": {{"$in": {"[" * depth}{"]" * depth}}}}}',
        ]
    bodies = [
        json.dumps(runs.reply(LIST, f=text, o=rng.choice([None, "+", ",", *HOSTILE_KEYS])).body) for text in texts
    ]
    assert [text for text, body in zip(texts, bodies, strict=True) if "failed at this request" in body] == []
    assert sum('"errors"' not in body for body in bodies) > 20
