"""Which configurations a trial runs."""

from __future__ import annotations

from typing import Any

import pytest

from trainer.errors import InputError
from trainer.records import Json
from trainer.run_filter import flat_items
from trainer.trial.extremes import MAX_EXTREMES, extreme_points, nth_point


def config(method: str = "random", **parameters: Any) -> dict[str, Json]:
    return {"program": "t.py", "method": method, "parameters": parameters}


def seen(points: tuple[dict[str, Json], ...]) -> dict[str, list[Json]]:
    columns: dict[str, list[Json]] = {}
    for point in points:
        for key, value in flat_items(point):
            columns.setdefault(key, []).append(value)
    return columns


def test_each_bound_and_each_choice_occurs_the_least_of_all_first() -> None:
    found = extreme_points(
        config(
            lr={"min": 0.001, "max": 0.1, "distribution": "log_uniform_values"},
            layers={"min": 1, "max": 12},
            batch={"values": [64, 16, 32, 128]},
            model={"values": ["mlp", "lstm", "gru"]},
            clip={"values": [None, 0.5, 1.0]},
            optimizer={"parameters": {"name": {"values": ["sgd", "adam"]}, "momentum": {"value": 0.9}}},
            noise={"distribution": "normal", "mu": 0, "sigma": 1},
        )
    )
    columns = seen(found.configurations)
    assert len(found.configurations) == 3 and not found.left_out
    assert found.configurations[0]["lr"] == pytest.approx(0.001) and found.configurations[0]["batch"] == 16
    assert found.configurations[1]["lr"] == pytest.approx(0.1) and found.configurations[1]["batch"] == 128
    assert set(columns["layers"]) == {1, 12}
    assert set(columns["model"]) == {"mlp", "lstm", "gru"}
    assert set(columns["clip"]) == {None, 0.5, 1.0}
    assert set(columns["optimizer.name"]) == {"sgd", "adam"} and set(columns["optimizer.momentum"]) == {0.9}
    low, high = sorted(number for number in columns["noise"] if isinstance(number, float))[:: len(columns["noise"]) - 1]
    assert (low, high) == pytest.approx((-1.96, 1.96), abs=0.01)


def test_what_does_not_fit_is_named() -> None:
    found = extreme_points(config(model={"values": [f"m{number}" for number in range(12)]}))
    assert len(found.configurations) == MAX_EXTREMES
    assert found.left_out == ("model: 8 of 12 values",)


def test_of_joint_values_few_cover_the_extremes_of_their_members() -> None:
    pairs: list[Json] = [{"a": a, "b": b} for a in range(10) for b in ("x", "y")]
    found = extreme_points(config("grid", joint__a__b={"values": pairs}))
    columns = seen(found.configurations)
    assert {0, 9} <= set(columns["a"]) and set(columns["b"]) == {"x", "y"}
    assert len(found.configurations) == 2


def test_where_nothing_varies_there_is_one() -> None:
    assert extreme_points(config(a={"value": 1})).configurations == ({"a": 1},)


def test_a_point_is_chosen_by_its_number_in_the_plan() -> None:
    grid = config("grid", x={"values": list(range(10))}, y={"min": 0, "max": 10**18})
    assert nth_point(grid, 1) == {"x": 0, "y": 0}
    assert nth_point(grid, 10**19) == {"x": 9, "y": 10**19 - 9 * (10**18 + 1) - 1}
    with pytest.raises(InputError, match="no configuration number 4: it has 3"):
        nth_point(config("grid", x={"values": [1, 2, 3]}), 4)


@pytest.mark.parametrize("method", ["random", "custom"])
def test_where_there_is_no_order_the_seed_gives_one(method: str) -> None:
    space = config(method, lr={"min": 0.0, "max": 1.0})
    assert nth_point(space, 2) == nth_point(space, 2) != nth_point(space, 1)
