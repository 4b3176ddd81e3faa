from __future__ import annotations

from typing import Any

import pytest

from trainer.records import Json
from trainer.sweep.validation import violations
from tui.pasted_parameters import pasted_parameters, typed_parameter
from tui.presets import PRESETS, Preset, matching_presets, preset_named
from tui.shorthand import format_entry, parse_shorthand


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_preset_is_a_valid_parameter(preset: Preset) -> None:
    config: dict[str, Json] = {
        "method": "random",
        "program": "x.py",
        "parameters": {preset.name: parse_shorthand(preset.text)},
    }

    assert violations(config) == []
    assert preset_named(preset.name) is preset, "another one takes its name"


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("lr", "learning_rate"),
        ("optimizer/lr", "learning_rate"),
        ("Learning-Rate", "learning_rate"),
        ("wd", "weight_decay"),
        ("hidden_dim", "hidden_size"),
        ("drop", "dropout"),
        ("tree", "max_depth"),
        ("boosting", "min_child_weight"),
        ("", "learning_rate"),
    ],
)
def test_presets_are_found_by_name_alias_and_letters(query: str, first: str) -> None:
    assert matching_presets(query)[0].name == first


def test_a_name_of_ones_own_is_no_preset() -> None:
    assert preset_named("my_flag") is None
    assert matching_presets("zzz") == []


@pytest.mark.parametrize(
    ("text", "names", "texts"),
    [
        ("lr: 1e-5..1e-1 log\nbatch_size = 16, 32", ["lr", "batch_size"], ["1e-5..0.1 log", "16, 32"]),
        ("--lr 0.1\n--batch-size=32\n\n# a comment", ["lr", "batch-size"], ["0.1", "32"]),
        ("- opt / lr: 0.1,\n* x = 'a'", ["opt/lr", "x"], ["0.1", "a"]),
        ("lr:\n  min: 0.1\n  max: 1.0\ng:\n  parameters:\n    x: {value: 1}", ["lr", "g/x"], ["0.1..1.0", "1"]),
        ("parameters:\n  lr: {values: [1, 2]}", ["lr"], ["1, 2"]),
        ("name", ["name"], [""]),
        ("a: 1..10\nb: [3, 5", ["a", "b"], ["1..10", ""]),
    ],
)
def test_pasted_lines_become_parameters(text: str, names: list[str], texts: list[str]) -> None:
    rows = pasted_parameters(text)

    assert [row.name for row in rows] == names
    assert [format_entry(row.entry) for row in rows] == texts


def test_a_pasted_value_that_cannot_be_read_keeps_its_text_and_its_problem() -> None:
    row = pasted_parameters("b: [3, 5\nc: 1")[0]

    assert row.typed == "[3, 5"
    assert row.problem


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", ": = :", "\x00\n\x00", "a\n" * 5000])
def test_any_pasted_text_is_read_without_failing(text: str) -> None:
    assert len(pasted_parameters(text)) <= 1000


@pytest.mark.parametrize(
    ("text", "name", "entry"),
    [
        ("lr: 0.1..1", "lr", {"min": 0.1, "max": 1.0}),
        ("opt/lr:16, 32", "opt/lr", {"values": [16, 32]}),
        ("x = relu|tanh", "x", {"values": ["relu", "tanh"]}),
        ("x: {min: 1, max: 3}", "x", {"min": 1, "max": 3}),
        *((text, None, None) for text in ("k:v", "a=b", "lr:", "lr: ", ": 3", "a b", "")),
    ],
)
def test_a_name_with_its_values_behind_it_is_taken_apart(text: str, name: str | None, entry: Any) -> None:
    row = typed_parameter(text)

    assert (row and row.name, row and row.entry) == (name, entry)
