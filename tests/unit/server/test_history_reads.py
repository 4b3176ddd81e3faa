"""Reading histories: pages of steps lose nothing, samples are evenly spread."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.server.conftest import Desk

SAMPLED = 'query S($s: [JSONString!]!) { project(name: "p") { run(name: "r") { sampledHistory(specs: $s) } } }'


def sampled(desk: Desk, **spec: Any) -> list[Any]:
    found: list[Any] = desk.ask(SAMPLED, s=[json.dumps(spec)])["project"]["run"]["sampledHistory"][0]
    return found


def page(desk: Desk, low: int, high: int) -> list[int]:
    found = desk.run("r", f"history(minStep: {low}, maxStep: {high}, samples: {high - low})")["history"]
    return [json.loads(row)["_step"] for row in found]


def test_a_page_of_steps_has_every_row_of_a_step(desk: Desk) -> None:
    desk.upsert_run("r")
    desk.log("r", *[{"_step": step // 3, "x": step} for step in range(300)])
    assert page(desk, 10, 20) == [step for step in range(10, 20) for _ in range(3)]
    # SDK 0.31 means the last step, 0.25 the one behind it.
    for samples, end in ((11, 63), (10, 60)):
        rows = sampled(desk, keys=["x"], minStep=10, maxStep=20, samples=samples)
        assert [row["x"] for row in rows] == list(range(30, end))
    assert len(sampled(desk, minStep=0, maxStep=9, samples=10)) == 30


def test_samples_of_a_rare_key_are_as_many_as_there_are(desk: Desk) -> None:
    desk.upsert_run("r")
    desk.log("r", *[{"_step": step, "x": step} | ({"rare": step} if step % 7 == 3 else {}) for step in range(4000)])
    assert [row["rare"] for row in sampled(desk, keys=["_step", "rare"], samples=600)] == list(range(3, 4000, 7))
    few = [row["x"] for row in sampled(desk, keys=["x"], samples=5)]
    assert few[0] == 0
    assert few[-1] >= 3900
    assert len(few) == 5


def test_rows_without_a_key_and_runs_without_rows_are_no_rows(desk: Desk) -> None:
    desk.upsert_run("r")
    assert sampled(desk, keys=["x"]) == []
    assert desk.run("r", "history(samples: 5) historyKeys") == {"history": [], "historyKeys": None}
    desk.log("r", {"_step": 5, "a.b": 1, "c": {"d.e": {"f": 2}, "g": None}}, {"_step": 10**9, "a.b": 3})
    assert sampled(desk, keys=["a.b"]) == [{"a.b": 1}, {"a.b": 3}]
    assert sampled(desk, keys=["c.d.e.f"]) == [{"c.d.e.f": 2}]
    assert sampled(desk, keys=["c.g"]) == []
    assert page(desk, 10**9, 10**9 + 1) == [10**9]


def test_the_history_is_live_from_its_first_row_on(desk: Desk) -> None:
    desk.upsert_run("r")
    live = 'parquetHistory(liveKeys: ["_step"]) { parquetUrls liveData }'
    assert desk.run("r", live)["parquetHistory"] == {"parquetUrls": [], "liveData": []}
    desk.log("r", *[{"_step": step} for step in (3, 4, 9)])
    assert desk.run("r", live)["parquetHistory"]["liveData"] == [{"_step": 3}, {"_step": 9}]
