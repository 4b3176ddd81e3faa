from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.records import Json
from trainer.sweep.config import load_sweep_file, parse_sweep_text
from trainer.sweep.yaml_edit import notes_of
from trainer.sweep.yaml_patches import same
from tui import draft_rows
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


@pytest.mark.parametrize(
    ("index", "steps", "expected"),
    [
        (0, 1, ["opt/a", "opt/lr", "opt/deep/x", "z"]),
        (0, -1, ["a", "opt/lr", "opt/deep/x", "z"]),
        (3, -1, ["a", "opt/lr", "opt/deep/x", "opt/z"]),
        (1, -1, ["a", "lr", "opt/deep/x", "z"]),
        (1, 1, ["a", "opt/deep/lr", "opt/deep/x", "z"]),
        (2, 1, ["a", "opt/lr", "opt/x", "z"]),
        (2, -1, ["a", "opt/lr", "opt/x", "z"]),
    ],
)
def test_a_parameter_moves_line_by_line_into_groups_and_out_of_them(
    index: int, steps: int, expected: list[str]
) -> None:
    draft = SweepDraft.from_config(TREE)

    at = draft_rows.move(draft, index, steps)

    assert names(draft) == expected
    assert draft.rows[at].entry == SweepDraft.from_config(TREE).rows[index].entry


def test_a_parameter_that_moves_on_and_on_arrives_at_the_end_and_back_at_the_start() -> None:
    draft = SweepDraft.from_config(TREE)
    at = 0
    seen = []
    for _ in range(8):
        at = draft_rows.move(draft, at, 1)
        seen.append(draft.rows[at].name)
    assert seen == ["opt/a", "opt/a", "opt/deep/a", "opt/deep/a", "opt/a", "a", "a", "a"]
    assert names(draft) == ["opt/lr", "opt/deep/x", "z", "a"]
    for _ in range(8):
        at = draft_rows.move(draft, at, -1)

    assert same(draft.config(), TREE)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda draft: draft_rows.duplicate(draft, 1), ["a", "opt/lr", "opt/lr_2", "opt/deep/x", "z"]),
        (lambda draft: draft_rows.delete(draft, 0), ["opt/lr", "opt/deep/x", "z"]),
        (lambda draft: draft_rows.regroup(draft, 0, ("opt", "deep")), ["opt/lr", "opt/deep/x", "opt/deep/a", "z"]),
        (lambda draft: draft_rows.regroup(draft, 1, ()), ["a", "opt/deep/x", "z", "lr"]),
        (lambda draft: draft_rows.regroup(draft, 0, ("new",)), ["new/a", "opt/lr", "opt/deep/x", "z"]),
        (lambda draft: draft_rows.rename_group(draft, ("opt",), "o/p"), ["a", "o/p/lr", "o/p/deep/x", "z"]),
        (lambda draft: draft_rows.delete_group(draft, ("opt",)), ["a", "z"]),
        (lambda draft: draft_rows.toggle_group(draft, ("opt",)), ["a", "~opt/lr", "~opt/deep/x", "z"]),
        (lambda draft: draft_rows.move_group(draft, ("opt",), -1), ["opt/lr", "opt/deep/x", "a", "z"]),
        (lambda draft: draft_rows.move_group(draft, ("opt",), 1), ["a", "z", "opt/lr", "opt/deep/x"]),
        (lambda draft: draft_rows.move_group(draft, ("opt", "deep"), -1), ["a", "opt/deep/x", "opt/lr", "z"]),
        (lambda draft: draft_rows.move_group(draft, ("opt", "deep"), 1), ["a", "opt/lr", "opt/deep/x", "z"]),
    ],
)
def test_rows_and_groups_are_changed_as_a_whole(change: Callable[[SweepDraft], object], expected: list[str]) -> None:
    draft = SweepDraft.from_config(TREE)

    change(draft)

    assert names(draft) == expected


@pytest.mark.parametrize("off", [[0], [1], [2], [3], [1, 2], [0, 1, 2, 3], [0, 3], [2, 3]])
def test_what_is_off_is_not_in_the_configuration_but_in_the_yaml_and_comes_back_in_its_place(off: list[int]) -> None:
    document = SweepDocument.from_config(TREE)
    for index in off:
        draft_rows.toggle(document.draft, index)
    document.form_edited("switch off", "")

    text = document.text
    again = SweepDocument.from_config(parse_sweep_text(text, "text").config, text)

    assert sorted(names(again.draft)) == sorted(names(document.draft))
    for row in again.draft.rows:
        assert row.entry == next(other.entry for other in document.draft.rows if other.name == row.name)
    if len(off) < 4 and off != [1, 2]:
        assert names(again.draft) == names(document.draft)
    for index, row in enumerate(again.draft.rows):
        if row.is_off:
            draft_rows.toggle(again.draft, index)
    again.form_edited("switch on", "")
    assert sorted(row.name for row in SweepDraft.from_config(again.config()).rows) == ["a", "opt/deep/x", "opt/lr", "z"]
    assert "#:" not in again.text


def test_notes_above_a_parameter_go_where_it_goes() -> None:
    text = "method: grid\nparameters:\n  #: zip a, b\n  joint: {values: [1]}\n  c: {value: 2}\n"
    document = SweepDocument.from_config(parse_sweep_text(text, "text").config, text)

    document.draft.rows[0].name = "both"
    document.draft.rows.reverse()
    document.form_edited("move", "")

    assert document.text == "method: grid\nparameters:\n  c: {value: 2}\n  #: zip a, b\n  both: {values: [1]}\n"


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
            draft_rows.move(document.draft, index, data.draw(st.sampled_from([-1, 1])))
        elif kind == "toggle":
            draft_rows.toggle(document.draft, index)
        elif kind == "delete":
            draft_rows.delete(document.draft, index)
        else:
            rows[index].entry = {"value": data.draw(st.text(max_size=5))}
        document.form_edited(kind, "")
        again = SweepDocument.from_config(parse_sweep_text(document.text, "text").config, document.text)

        assert same(again.config(), document.config())
        assert notes_of(document.text) == document.draft.notes()
        assert sorted(names(again.draft)) == sorted(names(document.draft))
