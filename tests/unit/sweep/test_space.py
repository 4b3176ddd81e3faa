from __future__ import annotations

import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.errors import SweepConfigError
from trainer.sweep.canonical import canonical_key
from trainer.sweep.choices import MultipleChoices, SteppedChoices
from trainer.sweep.fixes import problems_and_oddities
from trainer.sweep.space import SearchSpace, run_count


def grid(parameters: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"method": "grid", "parameters": parameters, **rest}


def space(parameters: dict[str, Any], method: str = "grid") -> SearchSpace:
    return SearchSpace.from_config({"method": method, "parameters": parameters})


@pytest.mark.parametrize(
    ("values", "unique"),
    [
        ([1, 1, 2], 2),
        ([1, 1.0, 2], 2),
        ([True, 1, 0, False], 4),
        (["1", 1], 2),
        ([None, "null", "", "None"], 4),
        ([[1.0], [1]], 2),
        ([[1, 2], [1, 2], [2, 1]], 2),
        (["1e-3", 0.001], 2),
        ([None], 1),
        ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], 1),
        ([0.0, -0.0, 0], 1),
        ([float("nan"), float("nan")], 1),
        ([1e300, int(1e300)], 1),
    ],
)
def test_equal_values_count_once_as_in_wandb(values: list[Any], unique: int) -> None:
    counted = space({"p": {"values": values}})
    assert (counted.raw_count, counted.unique_count) == (len(values), unique)
    assert len(list(counted.points())) == unique


def test_the_last_of_equal_values_is_used_at_the_place_of_the_first() -> None:
    points = list(space({"p": {"values": [1, 5, 1.0, 2]}}).points())
    assert points == [{"p": 1.0}, {"p": 5}, {"p": 2}]
    assert isinstance(points[0]["p"], float)


@pytest.mark.parametrize(
    ("parameter", "values"),
    [
        ({"min": 1, "max": 4}, [1, 2, 3, 4]),
        ({"min": -2, "max": 1}, [-2, -1, 0, 1]),
        ({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.25}, [0, 0.25, 0.5, 0.75]),
        ({"distribution": "q_uniform", "min": 0, "max": 10, "q": 3}, [0, 3, 6, 9]),
        ({"distribution": "q_uniform", "min": 0, "max": 10, "q": 30}, [0]),
        ({"distribution": "q_uniform", "min": 1.5, "max": 4}, [1.5, 2.5, 3.5]),
        (
            {"distribution": "q_uniform", "min": 1.0, "max": 1.3, "q": 0.1},
            [1.0, 1.1, 1.2000000000000002, 1.3000000000000003],
        ),
        ({"value": None}, [None]),
        ({"value": 3, "values": [1, 2]}, [3]),
    ],
)
def test_each_kind_of_parameter_gives_its_grid_values(parameter: dict[str, Any], values: list[Any]) -> None:
    assert [point["p"] for point in space({"p": parameter}).points()] == values


def test_q_uniform_of_tenths_to_three_tenths_has_three_steps() -> None:
    assert space({"p": {"distribution": "q_uniform", "min": 0, "max": 0.3, "q": 0.1}}).unique_count == 3


@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ({"a": {"value": 1}, "b": {"value": None}}, 1),
        ({"o": {"parameters": {"a": {"values": [1, 2]}, "b": {"values": [1, 2, 3]}}}, "c": {"values": [1, 2]}}, 12),
        ({"o": {"parameters": {"a": {"value": 1}}}}, 1),
        ({"parameters": {"values": [1, 2]}}, 2),
        ({"a.b": {"values": [1, 2]}, "a": {"values": [1, 2, 3]}}, 6),
    ],
)
def test_the_count_is_the_product_of_all_leaves(parameters: dict[str, Any], count: int) -> None:
    assert space(parameters).unique_count == count
    assert run_count(grid(parameters)) == count


def test_the_last_parameter_varies_fastest_in_alphabetical_order() -> None:
    parameters = {
        "z": {"values": ["x", "y"]},
        "m": {"parameters": {"lr": {"values": [0.1, 0.01]}, "a": {"value": 7}}},
    }
    assert list(space(parameters).points()) == [
        {"m": {"a": 7, "lr": 0.1}, "z": "x"},
        {"m": {"a": 7, "lr": 0.1}, "z": "y"},
        {"m": {"a": 7, "lr": 0.01}, "z": "x"},
        {"m": {"a": 7, "lr": 0.01}, "z": "y"},
    ]


@pytest.mark.parametrize("entry", [{"min": 0.0, "max": 1.0}, {"distribution": "normal"}])
def test_a_continuous_parameter_has_no_count(entry: dict[str, Any]) -> None:
    endless = space({"p": entry, "q": {"values": [1]}})
    assert (endless.raw_count, endless.unique_count) == (None, None)
    with pytest.raises(SweepConfigError, match="Parameter p"):
        endless.point(0)


@pytest.mark.parametrize("kind", ["q_uniform", "q_log_uniform_values", "q_beta", "q_log_uniform", "q_loguniform"])
def test_steps_too_small_to_be_counted_are_said_to_be_and_break_nothing(kind: str) -> None:
    config = grid({"p": {"distribution": kind, "min": 1, "max": 1e9, "q": 5e-324}}, method="random", run_cap=3)
    with pytest.raises(SweepConfigError):
        SearchSpace.from_config(config)
    codes = [each.code for each in problems_and_oddities(config)]
    assert "step-too-small" in codes or kind not in ("q_uniform", "q_log_uniform_values")


def test_probabilities_are_no_grid_and_impossible_values_do_not_count() -> None:
    parameters = {"p": {"values": [1, 2, 3], "probabilities": [0.5, 0.5, 0]}}
    assert space(parameters).unique_count is None
    assert space(parameters, "random").unique_count == 2


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (grid({"p": {"values": [1, 2, 3]}}, run_cap=2), 2),
        (grid({"p": {"values": [1, 2, 3]}}, run_cap=5.0), 3),
        ({"method": "random", "parameters": {"p": {"min": 0.0, "max": 1.0}}}, None),
        ({"method": "random", "parameters": {"p": {"min": 0.0, "max": 1.0}}, "run_cap": 7}, 7),
        ({"method": "bayes", "parameters": {"p": {"values": [1, 2]}}, "run_cap": 7}, 2),
        ({"method": "custom", "parameters": {"p": {"values": [1, 2]}}}, None),
        (grid({"p": {"values": [1, 2]}}, scheduler={"engine": "wandb"}), None),
    ],
)
def test_run_count_is_bounded_by_the_space_and_by_run_cap(config: dict[str, Any], count: int | None) -> None:
    assert run_count(config) == count


def test_a_space_of_10_to_the_18_is_counted_without_listing_it() -> None:
    parameters: dict[str, Any] = {f"p{i}": {"values": list(range(10))} for i in range(3)}
    parameters["n"] = {"min": 1, "max": 10**15}
    started = time.perf_counter()
    counted = space(parameters)
    assert counted.unique_count == 10**18
    assert counted.point(10**18 - 1) == {"n": 10**15, "p0": 9, "p1": 9, "p2": 9}
    # Measured 0.3 ms; the bound only tells counting from listing.
    assert time.perf_counter() - started < 0.5


def test_no_point_lies_outside() -> None:
    for index in (-1, 2):
        with pytest.raises(IndexError):
            space({"p": {"values": [1, 2]}}).point(index)


@pytest.mark.parametrize(
    ("config", "index"),
    [
        ({"a": 2, "o": {"b": "x"}}, 2),
        ({"a": 2.0, "o": {"b": "x", "more": 1}, "other": 3}, 2),
        ({"a": "2", "o": {"b": "x"}}, None),
        ({"a": True, "o": {"b": "x"}}, None),
        ({"a": 2}, None),
        ({"a": 2, "o": None}, None),
        ({"a": 2, "o": {"b": ["x"]}}, None),
    ],
)
def test_a_runs_configuration_finds_its_point_or_none(config: dict[str, Any], index: int | None) -> None:
    parameters = {
        "a": {"values": [1, 2]},
        "c": {"value": "constants are not compared"},
        "o": {"parameters": {"b": {"values": ["x", "y"]}}},
    }
    assert space(parameters).index_of(config) == index


bounds = st.one_of(st.integers(-1000, 1000), st.floats(-1e6, 1e6, allow_nan=False))


@given(bounds, bounds, st.one_of(st.integers(1, 50), st.floats(1e-3, 1e4)))
def test_q_uniform_steps_are_numpys(low: float, high: float, step: float) -> None:
    if not low < high or (high - low) / step > 20_000:
        return
    expected = np.arange(low, high, step).tolist()
    steps = SteppedChoices(low, high, step)
    assert steps.count == len(expected)
    assert list(map(repr, map(steps.value, range(steps.count)))) == list(map(repr, expected))
    assert all(steps.index_of(expected[index]) == index for index in (0, len(expected) // 2, len(expected) - 1))


@given(bounds, bounds, st.one_of(st.integers(1, 50), st.floats(1e-3, 1e4)))
def test_multiples_stay_within_the_bounds_and_are_distinct(low: float, high: float, step: float) -> None:
    if not low < high or (high - low) / step > 2_000:
        return
    multiples = MultipleChoices(low, high, step)
    values = [multiples.value(index) for index in range(multiples.count)]
    assert all(low <= value <= high for value in values)
    assert len({canonical_key(value) for value in values}) == multiples.count
    assert [multiples.index_of(value) for value in values] == list(range(multiples.count))


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([1.0, 0.5, -0.0, 1e-3]),
    st.sampled_from(["1", "", "x"]),
)
entries = st.one_of(
    st.fixed_dictionaries(
        {"values": st.lists(st.one_of(scalars, st.lists(scalars, max_size=2)), min_size=1, max_size=4)}
    ),
    st.fixed_dictionaries({"value": scalars}),
    st.builds(lambda low, width: {"min": low, "max": low + width}, st.integers(-5, 5), st.integers(1, 4)),
    st.builds(
        lambda low, width, q: {"distribution": "q_uniform", "min": low, "max": low + width, "q": q},
        st.integers(-5, 5),
        st.integers(1, 3),
        st.sampled_from([1, 0.5, 1.0, 2]),
    ),
)
names = st.sampled_from(["a", "b", "B", "a.b", "parameters", "z"])
nested = st.one_of(
    entries, st.fixed_dictionaries({"parameters": st.dictionaries(names, entries, min_size=1, max_size=2)})
)


@given(st.dictionaries(names, nested, min_size=1, max_size=4))
def test_the_count_equals_brute_force_and_points_find_themselves(parameters: dict[str, Any]) -> None:
    counted = space(parameters)
    points = list(counted.points())
    assert counted.unique_count == len(points)
    assert len({canonical_key(point) for point in points}) == len({str(point) for point in points})
    assert all(counted.index_of(point) == index for index, point in enumerate(points))
    assert len(points) == sum(1 for _ in itertools.product(*(_distinct(entry) for entry in _leaves(parameters))))


def _leaves(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    leaves: list[dict[str, Any]] = []
    for entry in parameters.values():
        leaves += _leaves(entry["parameters"]) if "parameters" in entry else [entry]
    return leaves


def _distinct(entry: dict[str, Any]) -> set[Any]:
    if "values" in entry:
        return {canonical_key(value) for value in entry["values"]}
    if "value" in entry:
        return {0}
    if "q" in entry:
        return set(np.arange(entry["min"], entry["max"], entry["q"]).tolist())
    return set(range(entry["min"], entry["max"] + 1))


def test_grids_are_those_that_wandbs_engine_makes() -> None:
    # Recorded from sweeps 0.3.0 (grid_search_next_runs over random configurations).
    recorded = json.loads(Path(__file__).with_name("engine_grids.json").read_text())
    assert len(recorded) == 40
    for case in recorded:
        points = list(space(case["parameters"]).points())
        assert json.dumps(points, sort_keys=True) == json.dumps(case["configurations"], sort_keys=True)
