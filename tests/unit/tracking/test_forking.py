"""What a fork runs: points that finished runs have covered are left out, all others are not."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.errors import SweepConfigError
from trainer.records import RunRecord, SweepRecord, SweepReference
from trainer.states import RunState, SweepState
from trainer.sweep.config import parse_sweep_text
from trainer.sweep.space import SearchSpace
from trainer.sweep.yaml_notes import notes_of
from trainer.tracking.forking import coverage, fork_text, missing_configs, reused_sweep

SOURCE = SweepReference("me", "p", "abc")
CONFIG: dict[str, Any] = {
    "method": "grid", "program": "t.py", "name": "s", "run_cap": 40,
    "parameters": {"a": {"values": [1, 2, 3]}, "g": {"parameters": {"b": {"values": ["x", "y"]}}}, "c": {"value": 0}},
}  # fmt: skip


def sweep(config: dict[str, Any] = CONFIG) -> SweepRecord:
    return SweepRecord(SOURCE, "s", SweepState.FINISHED, "grid", None, config)


def run(number: int, state: RunState = RunState.FINISHED, **config: Any) -> RunRecord:
    return RunRecord(f"r{number}", f"run {number}", state, config)


def test_a_fork_is_the_same_sweep_with_a_note_that_stock_tools_skip() -> None:
    text = fork_text(sweep())
    assert parse_sweep_text(text, "").config == {**CONFIG, "name": "s (fork)", "project": "p"}
    assert "#: reuse the runs of me/p/abc\nparameters:" in text
    assert reused_sweep(notes_of(text)) == SOURCE
    assert reused_sweep(notes_of(fork_text(sweep(), reuse=False))) is None
    assert fork_text(sweep({**CONFIG, "name": "s (fork)"})).count("(fork)") == 1


def test_finished_runs_cover_points_and_no_others_do() -> None:
    runs = [
        run(1, a=1, g={"b": "x"}, c=0),
        run(2, a="1", g={"b": "x"}),
        run(3, RunState.FAILED, a=2, g={"b": "x"}),
        run(4, RunState.KILLED, a=2, g={"b": "y"}),
        run(5, a=9, g={"b": "x"}),
        run(6, a=3, g={"b": "y"}, extra=1),
    ]
    done = coverage(CONFIG, runs)
    assert (done.size, len(done.numbers), done.left) == (6, 2, 4)
    assert done.run_ids == ("r1", "r2", "r6")
    assert done.text() == "4 left of 6 · 2 already run"
    assert coverage({**CONFIG, "run_cap": 3}, runs).left == 3


def test_a_space_without_end_starts_from_the_runs_that_have_all_of_its_parameters() -> None:
    endless: dict[str, Any] = {"method": "bayes", "parameters": {"a": {"min": 0.0, "max": 1.0}}, "run_cap": 20}
    done = coverage(endless, [run(1, a=0.5), run(2, b=1), run(3, RunState.CRASHED, a=0.1)])
    assert (done.size, done.run_ids, done.left) == (None, ("r1",), 20)
    assert done.text() == "1 earlier run to start from"
    with pytest.raises(SweepConfigError, match="no end"):
        missing_configs(sweep(), endless, done)


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 11)), st.sets(st.integers(0, 30)))
def test_the_missing_grids_hold_exactly_the_points_that_no_run_covered(old: set[int], extra: set[int]) -> None:
    config = {**CONFIG, "parameters": {"a": {"values": [*range(4), *sorted(extra)]}, "b": {"values": ["x", "y", "z"]}}}
    points = list(product(range(4), "xyz"))
    runs = [run(number, a=points[number][0], b=points[number][1]) for number in sorted(old)]
    done = coverage(config, runs)
    grids = missing_configs(sweep(), config, done)
    made = [(point["a"], point["b"]) for grid in grids for point in SearchSpace.from_config(grid).points()]
    everything = {(point["a"], point["b"]) for point in SearchSpace.from_config(config).points()}
    assert len(made) == len(set(made)), "no point twice"
    assert set(made) == everything - {points[number] for number in old}
