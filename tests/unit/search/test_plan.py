from __future__ import annotations

import json
from typing import Any

import pytest

from trainer.errors import SweepConfigError
from trainer.search.plan import make_plan

GRID: dict[str, Any] = {
    "method": "grid",
    "program": "train.py",
    "parameters": {"opt": {"parameters": {"lr": {"values": [0.1, 0.1, 0.2]}}}, "n": {"values": [1, 2]}},
}


def test_a_grid_is_planned_in_order_with_its_commands() -> None:
    assert make_plan({**GRID, "run_cap": 3}, 2).as_json() == {
        "method": "grid",
        "raw_count": 6,
        "unique_count": 4,
        "run_count": 3,
        "configurations": [{"n": 1, "opt": {"lr": 0.1}}, {"n": 1, "opt": {"lr": 0.2}}],
        "argv": [
            ["/usr/bin/env", "python", "train.py", "--n=1", "--opt={'lr': 0.1}"],
            ["/usr/bin/env", "python", "train.py", "--n=1", "--opt={'lr': 0.2}"],
        ],
    }


@pytest.mark.parametrize(("limit", "shown"), [(0, 0), (-1, 0), (3, 3), (99, 4)])
def test_the_limit_bounds_what_is_shown_and_not_the_counts(limit: int, shown: int) -> None:
    plan = make_plan(GRID, limit)
    assert len(plan.configurations) == len(plan.argv) == shown
    assert plan.unique_count == 4


@pytest.mark.parametrize("method", ["random", "bayes"])
def test_an_endless_space_has_no_counts_and_seeded_configurations(method: str) -> None:
    config: dict[str, Any] = {
        "method": method,
        "program": "t.py",
        "metric": {"name": "m"},
        "parameters": {"x": {"min": 0.0, "max": 1.0}},
    }
    plan = make_plan(config, 5, seed=1)
    assert (plan.raw_count, plan.unique_count, plan.run_count) == (None, None, None)
    assert plan == make_plan(config, 5, seed=1) != make_plan(config, 5, seed=2)
    assert len(plan.configurations) == 5
    json.dumps(plan.as_json(), allow_nan=False)


@pytest.mark.parametrize("changes", [{"method": "custom"}, {"scheduler": {"engine": "wandb"}}])
def test_what_a_scheduler_decides_is_not_planned(changes: dict[str, Any]) -> None:
    plan = make_plan({**GRID, **changes}, 5)
    assert (plan.raw_count, plan.unique_count, plan.run_count, plan.configurations) == (None, None, None, ())


def test_a_grid_of_10_to_the_18_is_planned_at_once() -> None:
    parameters: dict[str, Any] = {f"p{i}": {"min": 1, "max": 10**6} for i in range(3)}
    plan = make_plan({**GRID, "parameters": parameters}, 2)
    assert plan.run_count == 10**18 and plan.configurations[1] == {"p0": 1, "p1": 1, "p2": 2}


def test_a_grid_without_end_is_an_error() -> None:
    with pytest.raises(SweepConfigError, match="Parameter x"):
        make_plan({**GRID, "parameters": {"x": {"min": 0.0, "max": 1.0}}}, 1)
