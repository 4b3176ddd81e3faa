"""A run uses one thread unless the user says otherwise."""

from __future__ import annotations

import numpy as np
import pytest
import threadpoolctl  # type: ignore[import-untyped]

from trainer.training.catalog import MODELS
from trainer.training.datasets import Split
from trainer.training.estimators import make_grower
from trainer.training.threads import limited_threads, thread_count


@pytest.mark.parametrize(
    ("environ", "count"),
    [
        ({}, 1),
        ({"OMP_NUM_THREADS": "4"}, 4),
        ({"OMP_NUM_THREADS": "3,2"}, 3),
        ({"OMP_NUM_THREADS": "many", "MKL_NUM_THREADS": "2"}, 2),
        ({"OPENBLAS_NUM_THREADS": "0"}, 1),
    ],
)
def test_the_user_s_variables_say_how_many_threads_else_one(environ: dict[str, str], count: int) -> None:
    assert thread_count(environ) == count


def test_a_share_that_the_agents_set_is_a_bound_and_not_a_wish() -> None:
    assert thread_count({"OMP_NUM_THREADS": "8", "SWEEP_TUI_CPU_SHARE": "8"}) == 1
    assert thread_count({"OMP_NUM_THREADS": "8", "SWEEP_TUI_CPU_SHARE": "8", "MKL_NUM_THREADS": "3"}) == 3


def test_libraries_are_held_to_one_thread_within_the_block_only() -> None:
    def most() -> int:
        return max(int(library["num_threads"]) for library in threadpoolctl.threadpool_info())

    assert np.eye(2).sum() == 2
    before = most()
    with limited_threads({}):
        assert most() == 1
    assert most() == before


def test_xgboost_is_told_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xgboost")
    import json

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    rows, labels = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    split = Split(rows, labels, rows, labels, ("a", "b"), ("n", "y"))
    model = MODELS["xgboost"]
    grower = make_grower(model, {item.name: item.default for item in model.hyperparameters}, split, 0)
    told = json.loads(grower._booster.save_config())["learner"]["generic_param"]  # type: ignore[attr-defined]
    assert told["nthread"] == "1"
