from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.records import Json
from trainer.sweep.config import load_sweep_file, parse_sweep_text
from trainer.sweep.yaml_edit import notes_of
from trainer.sweep.yaml_patches import same
from tui.sweep_document import SweepDocument
from tui.sweep_draft import ParameterDraft, SweepDraft

TREE: dict[str, Json] = {
    "parameters": {
        "a": {"value": 1},
        "opt": {"parameters": {"lr": {"value": 2}, "deep": {"parameters": {"x": {"value": 3}}}}},
        "z": {"value": 4},
    }
}
SWEEPS = sorted((Path(__file__).parents[2] / "sweeps").glob("*.yaml"))


def names(draft: SweepDraft) -> list[str]:
    return [("~" if row.is_off else "") + row.name for row in draft.rows]


def toggle(row: ParameterDraft) -> None:
    row.is_off = not row.is_off


@pytest.mark.parametrize("off", [[0], [1], [2], [3], [1, 2], [0, 1, 2, 3], [0, 3], [2, 3]])
def test_what_is_off_is_not_in_the_configuration_but_in_the_yaml_and_comes_back_in_its_place(off: list[int]) -> None:
    document = SweepDocument.from_config(TREE)
    for index in off:
        toggle(document.draft.rows[index])
    document.form_edited("switch off", "")

    text = document.text
    again = SweepDocument.from_config(parse_sweep_text(text, "text").config, text)

    assert sorted(names(again.draft)) == sorted(names(document.draft))
    for row in again.draft.rows:
        assert row.entry == next(other.entry for other in document.draft.rows if other.name == row.name)
    if len(off) < 4 and off != [1, 2]:
        assert names(again.draft) == names(document.draft)
    for row in again.draft.rows:
        if row.is_off:
            toggle(row)
    again.form_edited("switch on", "")
    assert sorted(row.name for row in SweepDraft.from_config(again.config()).rows) == ["a", "opt/deep/x", "opt/lr", "z"]
    assert "#:" not in again.text


@pytest.mark.parametrize("name", ["train/lr", "a b", "- x", "no", "[x", "a: b", "#", "1e-5", "ü", "/", "x" * 200])
def test_a_parameter_that_is_off_keeps_its_name_whatever_it_is(name: str) -> None:
    config: dict[str, Json] = {
        "parameters": {name: {"value": 1}, "g/h": {"parameters": {name: {"min": 0, "max": 1}}}, "z": {"value": 2}}
    }
    document = SweepDocument.from_config(config)
    for index in (0, 1):
        toggle(document.draft.rows[index])
    document.form_edited("switch off", "")
    assert document.config() == {"parameters": {"z": {"value": 2}}}

    again = SweepDocument.from_text(document.text)
    for row in again.draft.rows:
        row.is_off = False
    assert again.config() == config


def test_notes_above_a_parameter_go_where_it_goes() -> None:
    text = "method: grid\nparameters:\n  #: zip a, b\n  joint: {values: [1]}\n  c: {value: 2}\n"
    document = SweepDocument.from_config(parse_sweep_text(text, "text").config, text)

    document.draft.rows[0].name = "both"
    document.draft.rows.reverse()
    document.form_edited("move", "")

    assert document.text == "method: grid\nparameters:\n  c: {value: 2}\n  #: zip a, b\n  both: {values: [1]}\n"


def test_notes_above_the_parameters_as_a_whole_stay_there() -> None:
    text = "method: grid\n#: rule off: a <= b\nparameters:\n  a: {value: 1}\n  #: at the end\n"
    document = SweepDocument.from_config(parse_sweep_text(text, "text").config, text)

    document.draft.rows[0].entry = {"value": 2}
    document.form_edited("edit a", "")

    assert document.text == text.replace("value: 1", "value: 2")


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: str(path.stem))
def test_a_file_shown_in_the_form_and_not_edited_stays_byte_for_byte(path: Path) -> None:
    file = load_sweep_file(path)
    document = SweepDocument.from_config(file.config, file.text)

    document.form_edited("look", "")

    assert document.text == file.text


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_form_to_yaml_to_form_changes_nothing(data: st.DataObject) -> None:
    draft = SweepDraft.from_config(TREE)
    document = SweepDocument(draft, SweepDocument.from_config(TREE).text)
    for _ in range(data.draw(st.integers(1, 6))):
        rows = document.draft.rows
        index = data.draw(st.integers(0, max(len(rows) - 1, 0)))
        kind = data.draw(st.sampled_from(["move", "toggle", "add", "delete", "entry"]))
        if kind == "add" or not rows:
            rows.append(ParameterDraft(f"n{data.draw(st.integers(0, 99))}", {"values": [1, "x: y", None]}))
        elif kind == "move":
            rows.insert(data.draw(st.integers(0, len(rows) - 1)), rows.pop(index))
        elif kind == "toggle":
            toggle(document.draft.rows[index])
        elif kind == "delete":
            del rows[index]
        else:
            rows[index].entry = {"value": data.draw(st.text(max_size=5))}
        document.form_edited(kind, "")
        if any("there twice" in problem.message for problem in document.problems()):
            return
        again = SweepDocument.from_config(parse_sweep_text(document.text, "text").config, document.text)

        assert same(again.config(), document.config())
        assert notes_of(document.text) == document.draft.notes()
        assert sorted(names(again.draft)) == sorted(names(document.draft))
