"""Tables of values: runs are found and ordered as without them, whatever happens to the runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.server.conftest import Desk
from trainer.server import housekeeping
from trainer.server.handlers import run_lists
from trainer.server.tables import run_values

_PAGE = """query Q($f: JSONString, $o: String, $n: Int, $c: String) { project(name: "p") {
  runCount(filters: $f)
  runs(filters: $f, order: $o, first: $n, after: $c) {
    edges { node { name } } pageInfo { hasNextPage endCursor } totalCount } } }"""
_FILTERS: list[Any] = [
    {},
    {"config.lr": {"$gt": 0.3}},
    {"config.lr": {"$lte": 0.3}, "summary_metrics.acc": {"$ne": 2}},
    {"config.lr": "text"},
    {"config.lr": {"$in": [1, "text", True, None]}},
    {"config.lr": {"$exists": True}},
    {"config.lr": None},
    {"$not": {"config.lr": {"$gt": 0}}},
    {"$and": [{"sweep": "SWEEP"}, {"$or": [{"config.lr": {"$lt": 1}}, {"state": "running"}]}]},
    {"summary_metrics.acc": {"$regex": "a"}},
    {"summary_metrics.deep.er": {"$gt": 1}},
    {"sweep": "SWEEP", "summary_metrics.acc": {"$gte": 1}},
]
_ORDERS = [
    "+created_at",
    "-summary_metrics.acc",
    "+summary_metrics.acc",
    "-config.lr.value",
    "+config.lr",
    "-config.no",
]
_VALUES: list[Any] = [0.1, 1, 1.0, 2, "text", "a", True, False, None, [1, "text"], {"b": 1}, 0.5, -3, 2**60, "é", "NaN"]


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take every project for one with many runs, and every page for one of many matches."""
    monkeypatch.setattr(run_lists, "_MANY_RUNS", 0)
    monkeypatch.setattr(run_lists, "_FEW_MATCHES", -1)
    yield


def pages(desk: Desk, filters: Any, order: str) -> tuple[int, list[str]]:
    """Return the number of the matches and their names, read in pages of three."""
    names: list[str] = []
    cursor = None
    while True:
        found = desk.ask(_PAGE, f=json.dumps(filters), o=order, n=3, c=cursor)["project"]
        names += [edge["node"]["name"] for edge in found["runs"]["edges"]]
        if not found["runs"]["pageInfo"]["hasNextPage"]:
            assert found["runCount"] == found["runs"]["totalCount"] == len(names)
            return found["runCount"], names
        cursor = found["runs"]["pageInfo"]["endCursor"]


def everything(desk: Desk, sweep: str) -> list[Any]:
    filters = json.loads(json.dumps(_FILTERS).replace("SWEEP", sweep))
    return [pages(desk, found, order) for found in filters for order in _ORDERS]


def tables(desk: Desk) -> int:
    return len(run_values.kept(desk.server.store.reader, 1))


@pytest.mark.usefixtures("many")
def test_runs_are_found_and_ordered_as_without_tables(desk: Desk) -> None:
    sweep = desk.create_sweep()["name"]

    def add(first: int, last: int) -> None:
        for number in range(first, last):
            config = {"lr": {"value": _VALUES[number % len(_VALUES)]}} if number % 7 else {}
            owner = {"sweep": sweep} if number % 3 else {}
            desk.upsert_run(f"r{number}", config=json.dumps(config), **owner)
            if number % 5:
                summary = {"acc": _VALUES[number * 4 % len(_VALUES)], "deep": {"er": number % 4}}
                desk.finish(f"r{number}", **summary)

    add(0, 20)
    everything(desk, sweep)
    assert tables(desk) == 0
    housekeeping.fill_value_tables(desk.server.store)
    assert tables(desk) == 5
    # New runs, changed ones, ones that start over, change their sweep or are deleted.
    add(20, 30)
    desk.upsert_run("r1", config=json.dumps({"lr": {"value": 7}}), sweep=sweep)
    desk.finish("r2", acc=99)
    desk.finish("r21", other=1)
    desk.upsert_run("r6", sweep=sweep)
    run = desk.upsert_run("r8")["bucket"]["id"]
    desk.ask("mutation D($id: ID!) { deleteRun(input: {id: $id}) { success } }", id=run)
    with_tables = everything(desk, sweep)
    desk.sql("DELETE FROM value_keys")
    assert desk.server.store.reader.execute("SELECT count(*) FROM run_values").fetchone()[0] == 0
    assert everything(desk, sweep) == with_tables
    assert max(count for count, _ in with_tables) == 29


@pytest.mark.usefixtures("many")
def test_a_project_has_so_many_tables_and_the_oldest_gives_way(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_values, "MAX_KEYS", 2)
    desk.upsert_run("a")
    for key in ("x", "y", "z"):
        pages(desk, {}, f"-config.{key}")
    housekeeping.fill_value_tables(desk.server.store)
    assert set(run_values.kept(desk.server.store.reader, 1)) == {("config", f'$."{key}"."value"') for key in ("x", "y")}
    desk.sql("""UPDATE value_keys SET used_at = used_at - 100000000000 WHERE path = '$."x"."value"'""")
    pages(desk, {}, "-config.z")
    housekeeping.fill_value_tables(desk.server.store)
    assert set(run_values.kept(desk.server.store.reader, 1)) == {("config", f'$."{key}"."value"') for key in ("y", "z")}


def test_small_projects_have_no_tables(desk: Desk) -> None:
    desk.upsert_run("a")
    pages(desk, {"config.x": 1}, "-config.y")
    assert desk.server.store.reader.execute("SELECT count(*) FROM value_keys").fetchone()[0] == 0
