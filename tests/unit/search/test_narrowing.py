"""Where the best runs lie: numbers checked by hand, chance left alone, and nothing outside of the old space."""

from __future__ import annotations

import math
import random
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.records import Json
from trainer.search.evidence import chance_of_none, chance_of_range, quantile
from trainer.search.narrowing import METHOD, Evaluated, Narrowing, narrowing
from trainer.sweep.validation import violations


def config(method: str = "random", **parameters: Any) -> dict[str, Json]:
    return {
        "name": "s", "program": "t.py", "method": method, "run_cap": 60,
        "metric": {"name": "loss", "goal": "minimize"}, "parameters": parameters,
    }  # fmt: skip


def change(found: Narrowing, name: str) -> tuple[Any, str]:
    (one,) = [each for each in found.changes if each.name == name]
    return one.after, one.reason


def kept(found: Narrowing, name: str) -> str:
    (one,) = [each for each in found.kept if each.name == name]
    return one.reason


def spread(count: int, low: float, high: float) -> list[float]:
    return [low + (high - low) * index / (count - 1) for index in range(count)]


def test_a_log_range_is_narrowed_around_the_best_runs_and_written_readably() -> None:
    lr = {"distribution": "log_uniform_values", "min": 1e-5, "max": 1.0}
    exponents = spread(60, -5, 0)
    runs = [Evaluated({"lr": 10**exponent}, abs(exponent + 2.35)) for exponent in exponents]
    found = narrowing(config(lr=lr), runs, "minimize")
    # 12 of 60: exponents -2.797 to -1.864; a quarter of the 0.932 decades more at each end: -3.030 to -1.631.
    assert change(found, "lr") == (
        {"distribution": "log_uniform_values", "min": 0.00093, "max": 0.024},
        "the best 12 of 60 runs lie in 0.0016..0.0137",
    )
    narrowed = found.config()
    assert narrowed["name"] == "s (narrowed)"
    assert narrowed["method"] == "bayes"
    assert narrowed["run_cap"] == 60
    assert violations(narrowed) == []
    assert found.config(set()) == config(lr=lr), "with every change refused it is what it was"
    assert found.config({("lr",)})["method"] == "random", "the method stays where its change is refused"
    assert change(found, "method") == ("bayes", "60 runs showed where to look: bayes goes on from there")
    assert found.changes[-1].path == METHOD


def test_linear_ranges_whole_numbers_and_steps_stay_what_they_are() -> None:
    space = config(
        x={"min": 0.0, "max": 1.0},
        depth={"min": 1, "max": 100},
        rate={"distribution": "q_uniform", "min": 0.0, "max": 1.0, "q": 0.05},
        edge={"min": 0.0, "max": 1.0},
    )
    runs = [
        Evaluated({"x": at, "depth": round(1 + 99 * at), "rate": round(at * 20) / 20, "edge": 1 - at}, abs(at - 0.7))
        for at in spread(60, 0, 1)
    ]
    found = narrowing(space, runs, "minimize")
    # x: 12 runs from 0.610 to 0.797, a quarter of 0.186 more at each end.
    assert change(found, "x")[0] == {"min": 0.56, "max": 0.85}
    assert change(found, "depth")[0] == {"min": 56, "max": 85}
    rate = change(found, "rate")[0]
    assert rate == {"distribution": "q_uniform", "min": 0.55, "max": 0.85, "q": 0.05}
    assert change(found, "edge")[0] == {"min": 0.15, "max": 0.44}
    assert violations(found.config()) == []


def test_the_best_at_the_edge_keep_the_edge() -> None:
    runs = [Evaluated({"x": at}, -at) for at in spread(50, 0, 1)]
    assert change(narrowing(config(x={"min": 0.0, "max": 1.0}), runs, "minimize"), "x")[0] == {"min": 0.77, "max": 1.0}


def test_the_goal_says_which_end_is_good() -> None:
    runs = [Evaluated({"x": at}, at) for at in spread(50, 0, 1)]
    space = config(x={"min": 0.0, "max": 1.0})
    assert change(narrowing(space, runs, "maximize"), "x")[0]["max"] == 1.0
    assert change(narrowing(space, runs, "minimize"), "x")[0]["min"] == 0.0


def test_values_that_never_do_well_are_left_out_and_the_reason_counts_them() -> None:
    space = config(
        act={"values": ["relu", "tanh", "gelu", "rare"]},
        flag={"values": [True, False]},
        w={"values": ["a", "b", "c"], "probabilities": [0.5, 0.25, 0.25]},
    )
    runs = []
    for index in range(60):
        act = ["relu", "tanh", "gelu"][index % 3] if index else "rare"
        w = ["a", "b", "c"][index // 20]
        good = act == "relu" or (act == "gelu" and index % 2)
        runs.append(
            Evaluated({"act": act, "flag": index % 2 == 0, "w": w}, (0 if good else 1) + (w == "c") + index / 1e3)
        )
    found = narrowing(space, runs, "minimize")
    after, reason = change(found, "act")
    assert after == {"values": ["relu", "gelu", "rare"]}
    assert reason == "none of the 20 runs with tanh is among the best 12 of 60"
    assert "chance" in kept(found, "flag")
    after, reason = change(found, "w")
    assert after == {"values": ["a", "b"], "probabilities": [0.5 / 0.75, 0.25 / 0.75]}
    assert violations(found.config()) == []


def test_one_value_left_becomes_a_constant_and_nested_parameters_stay_nested() -> None:
    space = config(opt={"parameters": {"name": {"values": ["adam", "sgd"]}}}, seed={"value": 3})
    runs = [Evaluated({"opt": {"name": "adam" if i < 30 else "sgd"}, "seed": 3}, float(i)) for i in range(60)]
    found = narrowing(space, runs, "minimize")
    assert change(found, "opt.name")[0] == {"value": "adam"}
    assert found.config()["parameters"] == {"opt": {"parameters": {"name": {"value": "adam"}}}, "seed": {"value": 3}}
    assert found.config()["method"] == "grid"
    assert violations(found.config()) == []


def test_a_grid_is_looked_at_between_its_values() -> None:
    space = config("grid", lr={"values": [1e-4, 1e-3, 1e-2, 1e-1, 1.0]}, units={"values": [16, 32, 64, 128]})
    del space["run_cap"]
    runs = [
        Evaluated(
            {"lr": lr, "units": units}, abs(math.log10(lr) + 2) * 2 + abs(math.log2(units) - 4) * 0.2 + seed / 100
        )
        for lr, units, seed in product([1e-4, 1e-3, 1e-2, 1e-1, 1.0], [16, 32, 64, 128], range(3))
    ]
    found = narrowing(space, runs, "minimize")
    after, reason = change(found, "lr")
    assert after == {"distribution": "log_uniform_values", "min": 0.001, "max": 0.1}
    assert reason.startswith("the best 12 of 60 runs have 0.01 (12)")
    assert found.config()["method"] == "bayes"
    assert found.config()["run_cap"] == 30
    assert violations(found.config()) == []
    assert found.config({("lr",)})["method"] == "random", "a grid has no end within a range"


def test_numbers_tried_seldom_are_judged_by_where_the_best_lie_among_them() -> None:
    # Two runs of each of eight values: alone, none of them says anything.
    space = config("random", x={"values": [1, 2, 3, 4, 5, 6, 7, 8]})
    runs = [Evaluated({"x": x}, (x - 4) ** 2 + y / 100) for x, y in product(range(1, 9), range(2))]
    after, reason = change(narrowing(space, runs, "minimize", top=0.25), "x")
    assert after == {"values": [3, 4, 5]}
    assert reason == "none of the 10 runs with 1, 2, 6, 7, 8 is among the best 5 of 16"


def test_bell_curves_move_to_the_best_runs() -> None:
    draws = random.Random(1)
    values = [draws.gauss(0, 1) for _ in range(200)]
    runs = [Evaluated({"x": value, "y": math.exp(value)}, abs(value - 0.5)) for value in values]
    found = narrowing(
        config(x={"distribution": "normal"}, y={"distribution": "log_normal", "mu": 0, "sigma": 1}), runs, "minimize"
    )
    for name in ("x", "y"):
        after, _ = change(found, name)
        assert after["mu"] == pytest.approx(0.5, abs=0.05)
        assert 0.1 < after["sigma"] < 0.3
    assert violations(found.config()) == []


@pytest.mark.parametrize(("count", "top", "needed"), [(0, 0.2, 10), (9, 0.2, 10), (20, 0.99, 21)])
def test_of_too_few_runs_nothing_is_said(count: int, top: float, needed: int) -> None:
    runs = [Evaluated({"x": 0.5 + index / 1e4}, 1.0) for index in range(count)]
    found = narrowing(config(x={"min": 0.0, "max": 1.0}), runs, "minimize", top=top)
    assert found.problem == f"Too few runs to say: {count} runs with a value; it takes {needed}."
    assert found.changes == ()
    assert found.config() == config(x={"min": 0.0, "max": 1.0})


def test_chance_alone_narrows_one_time_in_ten_at_most() -> None:
    draws = random.Random(7)
    narrowed = 0
    for _ in range(400):
        runs = [Evaluated({"x": draws.random()}, draws.random()) for _ in range(40)]
        narrowed += bool(narrowing(config(x={"min": 0.0, "max": 1.0}), runs, "minimize").changes)
    # 400 trials at 10 %: mean 40, standard deviation 6.
    assert narrowed <= 40 + 4 * 6


def test_the_chances_are_those_of_the_textbook() -> None:
    # 20 of 60 runs, none among 12: C(40, 12) / C(60, 12).
    assert chance_of_none(20, 12, 60) == pytest.approx(0.003993, rel=1e-3)
    assert chance_of_none(55, 12, 60) == 0.0
    assert chance_of_range(0.5, 5) == pytest.approx(5 * 0.5**4 - 4 * 0.5**5)
    assert (chance_of_range(1.0, 7), chance_of_range(0.0, 7), chance_of_range(0.1, 1)) == (1.0, 0.0, 1.0)
    draws = random.Random(3)
    within = sum(
        max(sample) - min(sample) <= 0.5 for sample in ([draws.random() for _ in range(5)] for _ in range(4000))
    )
    assert within / 4000 == pytest.approx(chance_of_range(0.5, 5), abs=0.02)
    assert quantile([1, 2, 4], 0.75) == 3


@settings(max_examples=30, deadline=None)
@given(
    st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.floats(0, 1), st.integers(0, 10**6), st.sampled_from([12, 40, 150])
)
def test_a_narrowed_range_holds_the_best_and_stays_within_the_old_one(
    low: float, width: float, peak: float, seed: int, count: int
) -> None:
    draws = random.Random(seed)
    shares = [draws.random() for _ in range(count)]
    positive = abs(low) + 1e-9
    space = config(
        x={"distribution": "uniform", "min": low, "max": low + width},
        y={"distribution": "log_uniform_values", "min": positive, "max": positive * (1 + width)},
        n={"min": 0, "max": 1 + int(width)},
    )
    runs = [
        Evaluated(
            {"x": low + width * share, "y": positive * (1 + width) ** share, "n": round((1 + int(width)) * share)},
            abs(share - peak),
        )
        for share in shares
    ]
    found = narrowing(space, runs, "minimize")
    best = sorted(runs, key=lambda run: run.value)[:5]
    for one in found.changes:
        if one.path == METHOD:
            continue
        before: Any = one.before
        after: Any = one.after
        assert before["min"] <= after["min"] < after["max"] <= before["max"]
        for run in best:
            value: Any = run.config[one.name]
            slack = 1e-9 * abs(value) + 1e-12
            assert after["min"] - slack <= value <= after["max"] + slack
    assert violations(found.config()) == []
