from __future__ import annotations

import pytest

from tests.unit.test_feeds import make_run, make_sweep
from trainer.records import Json, SweepReference
from trainer.states import RunState
from trainer.sweep_comparison import SweepWithRuns, compare_sweeps, entry_words


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"value": None}, "null"),
        ({"value": "wine"}, "wine"),
        ({"values": [2, 0.5, None, True]}, "2 | 0.5 | null | true"),
        ({"values": ["a", "b"], "probabilities": [0.9, 0.1]}, "a @ 0.9 | b @ 0.1"),
        ({"min": 20, "max": 200}, "20 … 200"),
        ({"distribution": "log_uniform_values", "min": 0.01, "max": 0.5}, "0.01 … 0.5 log"),
        ({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.1}, "0 … 1 step 0.1"),
        ({"distribution": "normal", "mu": 0, "sigma": 1}, "normal mu=0 sigma=1"),
    ],
)
def test_an_entry_of_a_space_is_a_few_words(entry: dict[str, Json], words: str) -> None:
    assert entry_words(entry) == words


def test_sweeps_are_told_apart_by_what_differs_and_the_better_one_is_named() -> None:
    first = make_sweep(
        name="first",
        config={
            "method": "grid",
            "parameters": {
                "data": {"value": "wine"},
                "depth": {"values": [3, 5]},
                "opt": {"parameters": {"lr": {"value": 0.1}}},
            },
        },
    )
    second = make_sweep(
        name="second",
        reference=SweepReference("local", "iris", "def"),
        method="bayes",
        run_count_expected=None,
        config={
            "early_terminate": {"type": "hyperband", "min_iter": 3},
            "parameters": {"data": {"value": "wine"}, "depth": {"min": 1, "max": 9}, "trees": {"value": 7}},
        },
    )
    found = [
        SweepWithRuns(
            first, [make_run(1, 0.5, depth=3), make_run(2, 0.9, depth=5), make_run(3, state=RunState.FAILED)]
        ),
        SweepWithRuns(second, [make_run(4, 0.7, depth=8, trees=7)]),
    ]

    comparison = compare_sweeps(found)

    rows = {(section.title, row.title): row for section in comparison.sections for row in section.rows}
    best = rows["result", "best value"]
    assert (best.values, best.best) == (("0.9", "0.7"), 0)
    assert rows["result", "found by"].values == ("run 2 of 3", "run 1 of 1")
    assert rows["result", "runs"].values == ("3 of 9", "1")
    assert rows["result", "failed"].values == ("1", "0")
    assert rows["search", "early_terminate"].values == ("none", "hyperband min_iter=3")
    assert rows["search", "project"].values == ("wine", "iris")
    assert rows["space", "depth"].values == ("3 | 5", "1 … 9")
    assert rows["space", "opt.lr"].values == ("0.1", "–")
    assert rows["best configuration", "depth"].values == ("5", "8")
    assert comparison.same == ("data: wine",) and comparison.notes == ()
    assert found[0].best_so_far() == [(1.0, 0.5), (2.0, 0.9), (3.0, 0.9)]
    tie = compare_sweeps([found[1], SweepWithRuns(first, [make_run(9, 0.7)])])
    assert tie.sections[0].rows[0].best is None, "of two that are equally good none is better"
