"""The best value of a sweep: over what its runs logged, not over where they ended."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.server.conftest import GRID, Desk

_RISING = GRID
_FALLING = GRID.replace("maximize", "minimize")


def best_loss(desk: Desk, sweep: Any) -> Any:
    return desk.ask(f'{{ project(name: "p") {{ sweep(sweepName: "{sweep["name"]}") {{ bestLoss }} }} }}')["project"][
        "sweep"
    ]["bestLoss"]


@pytest.mark.parametrize(("config", "best"), [(_RISING, 0.9), (_FALLING, 0.2)])
def test_the_best_value_is_over_the_history(desk: Desk, config: str, best: float) -> None:
    sweep = desk.create_sweep(config)
    for name, values in (("a", (0.5, 0.9, 0.4)), ("b", (0.6, 0.2, 0.7))):
        desk.upsert_run(name, sweep=sweep["name"])
        rows = [{"_step": step, "acc": value} for step, value in enumerate(values)]
        for _ in range(2):
            desk.log(name, *rows)
        desk.finish(name, acc=values[-1])
    assert best_loss(desk, sweep) == best
    desk.restart()
    assert best_loss(desk, sweep) == best


def test_a_value_in_the_summary_alone_counts_while_it_is_there(desk: Desk) -> None:
    sweep = desk.create_sweep(_RISING)
    desk.upsert_run("a", sweep=sweep["name"])
    desk.log("a", {"_step": 0, "acc": 0.3})
    desk.finish("a", acc=0.8)
    assert best_loss(desk, sweep) == 0.8
    desk.upsert_run("b", sweep=sweep["name"], summaryMetrics='{"acc": 0.95}')
    assert best_loss(desk, sweep) == 0.95
    desk.upsert_run("b", summaryMetrics='{"acc": 0.1}')
    assert best_loss(desk, sweep) == 0.8


def test_what_is_no_finite_number_is_no_best_value(desk: Desk) -> None:
    sweep = desk.create_sweep(_FALLING)
    desk.upsert_run("a", sweep=sweep["name"])
    rows = ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", '"text"', "null", "true", "[1]", "1" + "0" * 400, "0.5"]
    content = [f'{{"_step": {step}, "acc": {value}}}' for step, value in enumerate(rows)]
    desk.stream("a", files={"wandb-history.jsonl": {"offset": 0, "content": content}})
    desk.stream("a", files={"wandb-summary.json": {"offset": 0, "content": [f'{{"acc": {"9" * 400}}}']}})
    assert best_loss(desk, sweep) == 0.5


def test_a_dotted_metric_is_found_nested_and_flat(desk: Desk) -> None:
    sweep = desk.create_sweep(_RISING.replace("name: acc", "name: val.acc"))
    desk.upsert_run("a", sweep=sweep["name"])
    desk.log("a", {"_step": 0, "val": {"acc": 0.4}}, {"_step": 1, "val.acc": 0.6})
    assert best_loss(desk, sweep) == 0.6


def test_a_changed_metric_and_adopted_runs_are_read_anew(desk: Desk) -> None:
    desk.upsert_run("old")
    desk.log("old", {"_step": 0, "acc": 0.7, "loss": 5}, {"_step": 1, "acc": 0.6, "loss": 9})
    desk.finish("old", acc=0.6, loss=9)
    sweep = desk.create_sweep(_RISING, priorRunsFilters='{"$or": [{"name": "old"}]}')
    assert best_loss(desk, sweep) == 0.7
    desk.create_sweep(_FALLING.replace("name: acc", "name: loss"), id=sweep["id"])
    assert best_loss(desk, sweep) == 5


def test_a_run_that_starts_over_has_a_new_best(desk: Desk) -> None:
    sweep = desk.create_sweep(_RISING)
    desk.upsert_run("a", sweep=sweep["name"])
    desk.log("a", {"_step": 0, "acc": 0.9})
    desk.finish("a", acc=0.9)
    desk.upsert_run("a", sweep=sweep["name"])
    desk.log("a", {"_step": 0, "acc": 0.2})
    assert best_loss(desk, sweep) == 0.2


@pytest.mark.parametrize("samples", [1, 2, 3, 50])
@pytest.mark.parametrize("best_step", [0, 1, 4321, 9999])
def test_a_thinned_curve_keeps_the_best_value(desk: Desk, samples: int, best_step: int) -> None:
    sweep = desk.create_sweep(_RISING)
    desk.upsert_run("a", sweep=sweep["name"])
    rows = [{"_step": step, "acc": 2.0 if step == best_step else step / 10_000} for step in range(10_000)]
    desk.log("a", *rows)
    spec = json.dumps({"keys": ["acc", "_step"], "samples": samples})
    document = 'query Q($s: [JSONString!]!) { project(name: "p") { run(name: "a") { sampledHistory(specs: $s) } } }'
    curve = desk.ask(document, s=[spec])["project"]["run"]["sampledHistory"][0]
    assert len(curve) <= samples
    assert {"acc": 2.0, "_step": best_step} in curve
    assert [point["_step"] for point in curve] == sorted(point["_step"] for point in curve)
