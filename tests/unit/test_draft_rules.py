"""Rules of the builder's draft: in the configuration as what they leave, in the YAML as notes, and back."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.sweep.rules import RuleLine
from trainer.sweep.yaml_text import parse_yaml
from tui.sweep_document import SweepDocument
from tui.sweep_draft import ParameterDraft, SweepDraft

TEXT = """\
# my forest
method: grid
program: train.py
metric: {name: acc, goal: maximize}
parameters:
  epochs: {value: 3}  # three do
  batch_size: {values: [16, 32, 64]}
  # how often
  accumulation: {values: [1, 2, 4]}
  optimizer:
    parameters:
      name: {values: [sgd, adam]}
      momentum: {values: [0.5, 0.9]}
"""


def with_rules(*texts: str) -> SweepDocument:
    document = SweepDocument.from_config(parse_yaml(TEXT, "t").value, TEXT)  # type: ignore[arg-type]
    for text in texts:
        document.draft.rules.append(RuleLine(text))
        document.form_edited("add rule", "")
    return document


def test_a_rule_is_written_above_what_it_makes_and_taken_back_with_one_undo() -> None:
    document = with_rules("batch_size * accumulation <= 64")
    text = document.text
    assert text.startswith("# my forest\nmethod: grid\n")
    assert "  epochs: {value: 3}  # three do\n" in text
    assert (
        "  #: batch_size and accumulation in one: 6 of 9 combinations, by this rule:\n"
        "  #: rule: batch_size * accumulation <= 64\n"
        "  #: of batch_size: {values: [16, 32, 64]}\n"
        "  #: of accumulation: {values: [1, 2, 4]}\n"
        "  joint__batch_size__accumulation:\n"
    ) in text
    again = SweepDocument.from_config(parse_yaml(text, "t").value, text)  # type: ignore[arg-type]
    assert again.draft.rules == document.draft.rules
    assert [row.name for row in again.draft.rows] == [row.name for row in document.draft.rows]
    assert again.text == text
    assert again.config() == document.config()
    assert document.undo() == "add rule"
    assert document.text == TEXT
    document.redo()
    assert document.text == text


def test_rules_that_are_off_or_broken_are_kept_too_and_the_broken_ones_are_problems() -> None:
    document = with_rules(
        "zip batch_size, nothing", "", "seeds 2", 'optimizer.momentum only if optimizer.name == "sgd"'
    )
    draft = document.draft
    draft.rules.append(RuleLine("batch_size > 16", is_on=False))
    draft.rows.insert(2, ParameterDraft("lr", {"min": 0.0, "max": 1.0}, is_off=True))
    document.form_edited("more", "")
    assert [(problem.path, problem.code) for problem in document.problems()] == [("rules[0]", "rule")]
    text = document.text
    assert "#: rule: zip batch_size, nothing\n#: rule off: batch_size > 16\nparameters:" in text
    assert "  #: off lr: {min: 0.0, max: 1.0}\n  accumulation" in text.replace("  # how often\n", "")
    assert "  #: rule: seeds 2\n  seed:" in text
    again = SweepDocument.from_config(parse_yaml(text, "t").value, text)  # type: ignore[arg-type]
    assert sorted(map(repr, again.draft.rules)) == sorted(repr(line) for line in draft.rules if line.text)
    assert [(row.name, row.is_off) for row in again.draft.rows] == [(row.name, row.is_off) for row in draft.rows]
    # What is typed in the YAML leaves the order of the rules, and one that is empty, as they were.
    document.replace_text(text.replace("value: 3", "value: 4"))
    assert [line.text for line in document.draft.rules] == [line.text for line in draft.rules]


def test_a_list_changed_by_hand_in_the_yaml_is_a_parameter_of_its_own_and_said_to_be() -> None:
    document = with_rules("zip batch_size, accumulation")
    text = document.text
    changed = text.replace("batch_size: 16, accumulation: 1", "batch_size: 8, accumulation: 1")
    assert changed != text
    document.replace_text(changed)
    assert document.text == changed
    assert document.draft.rules == []
    assert [row.name for row in document.draft.rows][1] == "joint__batch_size__accumulation"
    assert document.problems() == []
    assert [oddity.code for oddity in document.oddities()][0] == "rules-stale"
    # An edit elsewhere leaves all of it, the notes too.
    document.draft.set("run_cap", 2)
    document.form_edited("edit run cap", "run_cap")
    assert document.text.replace("run_cap: 2\n", "") == changed
    # The old list makes the rules count again.
    document.replace_text(text)
    assert [line.text for line in document.draft.rules] == ["zip batch_size, accumulation"]


def test_the_method_may_change_in_either_view_without_unmaking_rules() -> None:
    document = with_rules("optimizer/momentum only if optimizer/name == 'sgd'")
    document.draft.set("method", "random")
    document.form_edited("edit method", "method")
    entry: Any = document.config()["parameters"]["joint__optimizer_name__optimizer_momentum"]  # type: ignore[index,call-overload]
    assert entry["probabilities"] == [0.25, 0.25, 0.5]
    assert "probabilities" in document.text
    document.replace_text(document.text.replace("method: random", "method: grid"))
    assert len(document.draft.rules) == 1
    assert "probabilities" not in str(document.config())


def test_seeds_of_any_name_are_named_in_the_description_as_long_as_their_rule_stands() -> None:
    document = with_rules("seeds 3 as shuffle/no")
    document.form_edited("all at once", "")
    assert document.config()["description"] == "Seeds: shuffle.no"
    again = SweepDocument.from_config(document.config(), document.text)
    assert [line.text for line in again.draft.rules] == ["seeds 3 as shuffle/no"]
    again.draft.rules = [RuleLine("seeds 4 as draw")]
    again.form_edited("rules", "")
    assert again.config()["description"] == "Seeds: draw" and "shuffle" not in again.text
    again.draft.rules = []
    again.form_edited("rules", "")
    assert "description" not in again.config()
    assert "description" not in with_rules("seeds 3 as random_state").config()


LINES = st.sampled_from(
    [
        RuleLine("zip batch_size, accumulation"),
        RuleLine("batch_size * accumulation <= 64"),
        RuleLine("batch_size > 16"),
        RuleLine("optimizer.momentum only if optimizer.name == 'sgd' else 0"),
        RuleLine("seeds 3 as run_seed from 5"),
        RuleLine("seeds 2 as draw"),
        RuleLine("oh no"),
        RuleLine("accumulation < 3", is_on=False),
    ]
)


@given(st.lists(LINES, unique=True), st.lists(st.integers(0, 4), unique=True, max_size=2))
@settings(max_examples=40, deadline=None)
def test_text_and_draft_say_the_same_whatever_the_rules(lines: list[RuleLine], off: list[int]) -> None:
    document = with_rules()
    document.draft.rules = list(lines)
    for index in off:
        document.draft.rows[index].is_off = True
    document.form_edited("all at once", "")
    text = document.text
    value: Any = parse_yaml(text, "t").value
    assert value == document.config()
    again = SweepDocument.from_config(value, text)
    assert again.config() == document.config()
    assert sorted(map(repr, again.draft.rules)) == sorted(map(repr, lines))
    assert sorted((row.name, repr(row.entry), row.is_off) for row in again.draft.rows) == sorted(
        (row.name, repr(row.entry), row.is_off) for row in document.draft.rows
    )
    assert again.draft.notes() == SweepDraft.from_config(value, again.draft.notes()).notes()
