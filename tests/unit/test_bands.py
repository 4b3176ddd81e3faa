from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trainer.search.hyperband import RunCurve, bands, runs_to_stop
from trainer.sweep.iterations import bands_of, run_length
from trainer.sweep.validation import violations, warnings
from tui.bands import bands_picture, survivors


def sweep(stopping: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    return {
        "method": "random",
        "metric": {"name": "loss", "goal": "minimize"},
        "early_terminate": {"type": "hyperband"} | stopping,
        "parameters": {name: {"value": value} for name, value in parameters.items()} or {"x": {"min": 0, "max": 9}},
    }


def simulated(config: dict[str, Any], runs: int, looks: int) -> list[int]:
    """Let runs with different values come to each band together, and stop those that hyperband stops."""
    left, counts = list(range(runs)), []
    stopped: list[RunCurve] = []
    for band in bands(config)[:looks]:
        curves = [RunCurve(str(number), [float(number)] * band, True) for number in left]
        stops = {decision.run_id for decision in runs_to_stop(config, [*curves, *stopped])}
        stopped += [RunCurve(c.run_id, c.values, False) for c in curves if c.run_id in stops]
        left = [number for number in left if str(number) not in stops]
        counts.append(len(left))
    return counts


@given(st.integers(1, 200), st.sampled_from([1.5, 2, 3, 4, 10]), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_as_many_runs_go_on_as_hyperband_lets_pass(runs: int, eta: float, min_iter: int) -> None:
    config = sweep({"min_iter": min_iter * 3, "eta": eta})
    looks = 3
    assert survivors(runs, looks, eta) == simulated(config, runs, looks)


@pytest.mark.parametrize(
    "stopping", [{"min_iter": 3}, {"max_iter": 27, "s": 2}, {"max_iter": 81, "s": 9, "eta": 2}, {"min_iter": 5, "s": 1}]
)
def test_the_bands_drawn_are_hyperbands(stopping: dict[str, Any]) -> None:
    config = sweep(stopping)
    assert bands_of(config["early_terminate"]) == bands(config)


def test_the_picture_has_the_runs_left_above_the_bands_at_which_they_are_judged() -> None:
    picture = bands_picture(sweep({"max_iter": 81, "s": 3}), 27, 60)

    assert picture is not None
    assert picture.lines == (
        "        █████████████▃▃▃▃▃▃▃▃▃▃▃▃▃▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁",
        "runs    27           10           4            2            ",
        "logged  0            3            9            27           81",
    )
    assert "After 3, 9, 27 logged values of loss" in picture.words
    assert "by the value there" in picture.words


def test_the_picture_ends_where_runs_end_and_says_what_it_took_for_that() -> None:
    picture = bands_picture(sweep({"min_iter": 3, "strict": False}, epochs=30), None, 80)

    assert picture is not None
    assert picture.runs.split() == ["runs", "100%", "33%", "11%", "4%"]
    assert picture.logged.split() == ["logged", "0", "3", "9", "27", "30"]
    assert "best value so far" in picture.words and "`epochs` says it" in picture.words


@pytest.mark.parametrize(
    "stopping",
    [
        {},
        {"min_iter": "3"},
        {"max_iter": 27},
        {"max_iter": 2, "s": 5},
        {"min_iter": 3, "eta": 1},
        {"eta": None},
        {"min_iter": 1, "eta": None},
        {"min_iter": 1, "max_iter": None},
        {"min_iter": 10**400},
        {"max_iter": 10**400, "s": 2},
        {"min_iter": 3, "eta": 10**400},
    ],
)
def test_what_breaks_the_rules_has_no_picture(stopping: dict[str, Any]) -> None:
    config = sweep(stopping)
    assert violations(config)
    assert bands_picture(config, 9, 60) is None


@example({"max_iter": 1e8, "s": 1}, None, 40)
@example({"max_iter": 10**15, "s": 1}, None, 40)
@given(
    st.dictionaries(
        st.sampled_from(["min_iter", "max_iter", "s", "eta", "strict"]),
        st.integers(-2, 300) | st.floats() | st.none() | st.booleans() | st.text(max_size=3),
    ),
    st.none() | st.integers(0, 10**30),
    st.integers(0, 200),
)
@settings(max_examples=200, deadline=None)
def test_no_entry_and_no_width_breaks_the_picture(stopping: dict[str, Any], runs: int | None, width: int) -> None:
    config = sweep(stopping)
    picture = bands_picture(config, runs, width)
    if picture is not None and width >= 40:
        assert max(map(len, picture.lines)) <= width + 12
    assert isinstance(warnings(config), list)


def test_the_length_of_runs_is_told_by_the_names_that_programs_use() -> None:
    def found(**parameters: Any) -> tuple[int, str] | None:
        length = run_length(sweep({}, **parameters))
        return None if length is None else (length.values, length.source)

    assert found(epochs=30) == (30, "epochs")
    assert found(max_steps=1000, eval_every=100) == (10, "max_steps / eval_every")
    assert found(num_train_epochs=3.0, lr=0.1) == (3, "num_train_epochs")
    assert found(lr=0.1, n_estimators=100) is None
    assert found(epochs=30, warmup_steps=5) == (30, "epochs")
    assert found(epochs=30, steps=5) is None
    nested: dict[str, Any] = {"parameters": {"train": {"parameters": {"epochs": {"values": [5, 20]}}}}}
    assert run_length(nested) is not None


@pytest.mark.parametrize(
    ("stopping", "parameters", "words"),
    [
        ({"min_iter": 30}, {"epochs": 20}, "No run is ever judged"),
        ({"min_iter": 3}, {"epochs": 20, "log_every": 10}, "`epochs / log_every` says that runs log 2"),
        ({"max_iter": 81, "s": 3}, {"epochs": 10}, "The look after 27 logged values never comes"),
        ({"min_iter": 3}, {"epochs": 20}, ""),
        ({"max_iter": 81, "s": 2, "eta": 3}, {"epochs": 81}, ""),
    ],
)
def test_looks_that_never_come_are_odd(stopping: dict[str, Any], parameters: dict[str, Any], words: str) -> None:
    found = [each for each in warnings(sweep(stopping, **parameters)) if each.path.startswith("early_terminate")]
    assert [words in each.message for each in found] == ([True] if words else [])
