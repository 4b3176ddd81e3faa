"""Narrowing a sweep whose rules made joint parameters: their members are looked at by their own names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from trainer.records import Json
from trainer.search.narrowing import Evaluated, narrowing
from trainer.sweep.joint import with_members
from trainer.sweep.rule_compiler import compile_rules
from trainer.sweep.rules import RuleLine
from trainer.sweep.space import SearchSpace
from trainer.sweep.validation import violations


def sweep(method: str, *rules: str, **entries: Json) -> dict[str, Json]:
    compiled = compile_rules([((name,), entry) for name, entry in entries.items()], list(map(RuleLine, rules)), method)
    return {
        "program": "t.py", "method": method, "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {path[0]: entry for path, entry in compiled.leaves},
    }  # fmt: skip


def runs_of(config: dict[str, Json], loss: Any) -> list[Evaluated]:
    """Return a run for each point, with what its configuration holds in the end."""
    points = [with_members(point, config) for point in SearchSpace.from_config(config).points()]
    return [Evaluated(point, float(loss(point))) for point in points]


def test_combinations_go_whose_members_never_do_well_and_the_reason_names_the_member() -> None:
    entries: dict[str, Json] = {
        "a": {"values": [1, 2, 4, 8]}, "opt": {"values": ["sgd", "adam", "rmsprop"]}, "seed": {"values": [0, 1, 2]},
    }  # fmt: skip
    config = sweep("random", "a > 0 or opt == 'sgd'", **entries)
    name = next(iter(config["parameters"]))  # type: ignore[arg-type]
    assert name == "joint__a__opt"

    def loss(run: Mapping[str, Any]) -> float:
        return float((run["opt"] != "adam") * 10 + (run["a"] * 5 + run["seed"] * 7) % 11)

    found = narrowing(config, runs_of(config, loss), "minimize")
    (change,) = [each for each in found.changes if each.name == name]
    assert change.after == {"values": [{"a": a, "opt": "adam"} for a in (1, 2, 4, 8)]}
    assert change.reason == "none of the 24 runs with opt=sgd, opt=rmsprop is among the best 8 of 36"
    narrowed = found.config()
    assert violations(narrowed) == []
    assert SearchSpace.from_config(narrowed).unique_count == 12


@pytest.mark.parametrize("method", ["grid", "random", "bayes"])
def test_members_that_are_numbers_absent_nested_or_zipped_are_narrowed_too(method: str) -> None:
    entries: dict[str, Json] = {
        "lr": {"values": [1, 2, 3, 4, 5, 6, 7, 8]}, "m": {"values": [0.5, 0.7, 0.9]}, "k": {"values": ["x", "y"]},
        "w": {"values": [10, 20, 30, 40, 50, 60, 70, 80]},
    }  # fmt: skip
    config = sweep(method, "m only if k == 'x'", "lr > 0 or k == 'x'", "zip lr, w", **entries)
    found = narrowing(config, runs_of(config, lambda run: abs(run["lr"] - 2)), "minimize")
    (change,) = [each for each in found.changes if each.name.startswith("joint")]
    assert isinstance(change.after, dict)
    left = change.after["values"]
    assert isinstance(left, list)
    assert {value["lr"] for value in left} <= {1, 2, 3, 4} and {value["w"] // 10 for value in left} <= {1, 2, 3, 4}  # type: ignore[index,call-overload,operator]
    assert any("m" not in value for value in left) and {value.get("m") for value in left} == {None, 0.5, 0.7, 0.9}  # type: ignore[union-attr,operator]
    assert "lr=8" in change.reason and "k=" not in change.reason
    assert violations(found.config()) == []


def test_what_may_be_chance_and_what_no_run_says_stays() -> None:
    config = sweep("random", "a >= b", a={"values": [1, 2, 3, 4, 5, 6]}, b={"values": [1, 2, 3, 4, 5, 6]})
    rank = iter([5, 17, 2, 11, 20, 8, 14, 1, 10, 19, 4, 13, 7, 16, 3, 12, 21, 6, 18, 9, 15])
    found = narrowing(config, runs_of(config, lambda run: next(rank)), "minimize")
    assert found.changes == ()
    nameless = [Evaluated({"other": 1}, float(value)) for value in range(30)]
    assert narrowing(config, nameless, "minimize").changes == ()
