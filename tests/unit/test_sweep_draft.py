from __future__ import annotations

from pathlib import Path

import pytest

from trainer.records import Json
from trainer.sweep.config import load_sweep_file
from tui.sweep_count import count_text_of
from tui.sweep_draft import FRESH_CONFIG, ParameterDraft, SweepDraft

SWEEPS = sorted((Path(__file__).parents[2] / "sweeps").glob("*.yaml"))


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: str(path.stem))
def test_a_file_that_is_not_edited_stays_as_it_is(path: Path) -> None:
    config = load_sweep_file(path).config

    draft = SweepDraft.from_config(config)

    assert draft.config() == config
    assert list(draft.config()) == list(config)


@pytest.mark.parametrize(
    "config",
    [
        {"method": "grid", "x-own": {"a": [1]}, "parameters": {"a": {"value": 1, "note": "x"}, "b": 5}},
        {"parameters": {"g": {"parameters": {"h": {"parameters": {"a.b": {"value": 1}}}}, "extra": 1}}},
        {"parameters": [1, 2]},
        {"parameters": {"g": {"parameters": {}}}},
        {"parameters": {"optimizer/lr": {"value": 1}, "/": {"value": 2}, " a ": {"value": 3}}},
        {"parameters": {"g": {"parameters": {"a/b": {"value": 1}}}, "g/a": {"parameters": {"b": {"value": 2}}}}},
        {"metric": "accuracy", "parameters": {}},
    ],
)
def test_what_the_form_cannot_show_is_kept(config: dict[str, Json]) -> None:
    assert SweepDraft.from_config(config).config() == config


def test_the_fresh_sweep_can_be_launched_at_once() -> None:
    draft = SweepDraft.from_config(FRESH_CONFIG)

    assert draft.problems() == []
    assert count_text_of(draft.config()).headline == "9 runs"


def test_nested_parameters_are_rows_with_a_slash_and_go_back_into_their_group() -> None:
    config: dict[str, Json] = {"parameters": {"opt": {"parameters": {"lr": {"value": 1}, "a.b": {"value": 2}}}}}
    draft = SweepDraft.from_config(config)

    assert [row.name for row in draft.rows] == ["opt/lr", "opt/a.b"]
    draft.rows.append(ParameterDraft("opt/beta", {"values": [1, 2]}))
    assert draft.config()["parameters"] == {
        "opt": {"parameters": {"lr": {"value": 1}, "a.b": {"value": 2}, "beta": {"values": [1, 2]}}}
    }


def test_a_name_with_a_slash_means_a_group_once_it_is_typed() -> None:
    draft = SweepDraft.from_config({"method": "grid", "parameters": {"opt/lr": {"value": 1}}})
    assert "opt/lr" in draft.problems()[0].message, "W&B takes no such name, and the form must not hide that"

    draft.rows[0].name = "opt/rate"
    assert draft.config()["parameters"] == {"opt": {"parameters": {"rate": {"value": 1}}}}
    draft.rows[0].name = "opt/lr"
    assert draft.config()["parameters"] == {"opt/lr": {"value": 1}}


def test_setting_and_removing_nested_keys_leaves_no_empty_mapping() -> None:
    draft = SweepDraft.from_config({"method": "grid"})

    draft.set("metric.name", "loss")
    assert draft.get("metric.name") == "loss"
    draft.set("metric.name", None)
    assert "metric" not in draft.config()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "a"], "there twice"),
        (["a", "a/b"], "there twice"),
        (["a/b", "a"], "there twice"),
        (["/b"], "group has no name"),
        ([""], "has no name"),
    ],
)
def test_names_that_cannot_be_are_problems(names: list[str], message: str) -> None:
    draft = SweepDraft({"method": "grid"}, [ParameterDraft(name, {"value": 1}) for name in names])

    assert any(message in problem.message for problem in draft.problems())


def test_a_blank_row_is_no_problem_and_not_in_the_configuration() -> None:
    draft = SweepDraft.from_config(FRESH_CONFIG)
    draft.rows.append(ParameterDraft("", {}))

    assert draft.problems() == []
    assert draft.config() == FRESH_CONFIG


@pytest.mark.parametrize(
    ("changes", "headline", "detail"),
    [
        ({}, "9 runs", "3 × 3 grid"),
        ({"run_cap": 5}, "5 runs", "run cap 5 of 9"),
        ({"method": "random", "parameters": {"a": {"min": 0.0, "max": 1.0}}}, "endless", "set a run cap"),
        ({"parameters": {"a": {"min": 0.0, "max": 1.0}}}, "? runs", "cannot run through a"),
        ({"parameters": {"a": {"values": [1, 1, 2]}}}, "2 runs", "3 written, 2 distinct"),
        ({"parameters": {"a": {"value": 1}}}, "1 run", "nothing varies"),
        ({"parameters": {f"p{i}": {"min": 1, "max": 10**6} for i in range(3)}}, f"{10**18:,} runs", "1,000,000 ×"),
        ({"parameters": {"a": {"min": 0, "max": 10**300}}}, "≈ 10^300 runs", ""),
        ({"parameters": {"a": {}}}, "? runs", "neither"),
    ],
)
def test_the_count_says_how_many_runs_and_why(changes: dict[str, Json], headline: str, detail: str) -> None:
    count = count_text_of({**FRESH_CONFIG, **changes})

    assert count.headline == headline
    assert detail in count.detail
