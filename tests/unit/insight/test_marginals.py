from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from tests.unit.insight.synthetic import LOSS, PARAMETERS, a_sweep, peaked_runs
from trainer.insight.features import Feature, RunTable, run_table
from trainer.insight.marginals import bins_of, box_of, boxes, heat_map
from trainer.records import Json
from trainer.tracking.leaderboard import flatten_config

RUNS = peaked_runs(120)
FRAME = pd.DataFrame([flatten_config(run.config) | {"loss": run.summary["loss"]} for run in RUNS])


def the_table() -> RunTable:
    parameters: dict[str, Json] = {**PARAMETERS, "momentum": {"min": 0.0, "max": 1.0}}
    return run_table(a_sweep(parameters), RUNS, LOSS, "last")


def a_feature(name: str) -> Feature:
    feature = the_table().feature(name)
    assert feature is not None
    return feature


def test_each_value_is_a_bin_and_many_values_are_cut_into_equal_shares() -> None:
    assert [(each.label, len(each.places)) for each in bins_of(a_feature("width"))] == [
        (str(width), int((FRAME["width"] == width).sum())) for width in (16, 32, 64)
    ]
    lr = bins_of(a_feature("lr"))
    assert [len(each.places) for each in lr] == [24] * 5
    edges = pd.qcut(FRAME["lr"], 5, labels=False)
    assert [set(each.places) for each in lr] == [set(FRAME.index[edges == number]) for number in range(5)]
    momentum = bins_of(a_feature("momentum"))
    assert momentum[-1].label == "–" and len(momentum[-1].places) == int(FRAME["momentum"].isna().sum())
    tied = Feature("x", "linear", (*[1.0] * 90, *map(float, range(2, 12))))
    assert [len(each.places) for each in bins_of(tied)] == [90, 10]
    words = Feature("x", "category", tuple(f"w{n // 2 if n < 40 else n}" for n in range(60)))
    assert [each.label for each in bins_of(words)][-1] == "33 others"
    assert sum(len(each.places) for each in bins_of(words)) == 60


def test_boxes_are_numpys_quartiles_and_tukeys_whiskers() -> None:
    for box, optimizer in zip(boxes(the_table(), a_feature("optimizer")), ["adam", "sgd"], strict=True):
        values = FRAME.loc[FRAME["optimizer"] == optimizer, "loss"].to_numpy(dtype=float)
        first, median, third = np.percentile(values, [25, 50, 75])
        assert (box.label, box.count) == (optimizer, len(values))
        assert (box.first, box.median, box.third) == pytest.approx((first, median, third))
        inside = values[np.abs(values - np.clip(values, first, third)) <= 1.5 * (third - first)]
        assert (box.low, box.high) == pytest.approx((inside.min(), inside.max()))
        assert len(box.outliers) == len(values) - len(inside)
    assert box_of("one", [2.0]).median == 2.0
    assert box_of("far", [1.0, 1.0, 1.0, 1.0, 9.0]).outliers == (9.0,)


def test_a_heat_map_holds_the_means_of_a_pivot_table() -> None:
    found = heat_map(the_table(), a_feature("width"), a_feature("model.depth"))
    pivot = FRAME.pivot_table(index="model.depth", columns="width", values="loss")
    counts = FRAME.pivot_table(index="model.depth", columns="width", values="loss", aggfunc="count", fill_value=0)
    assert [each.label for each in found.rows] == [str(depth) for depth in pivot.index]
    for row, means in enumerate(found.means):
        for column, mean in enumerate(means):
            expected = float(str(pivot.iloc[row, column]))
            assert mean is None if math.isnan(expected) else mean == pytest.approx(expected)
            assert found.counts[row][column] == counts.iloc[row, column]
