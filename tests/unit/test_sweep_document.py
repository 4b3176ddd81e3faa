from __future__ import annotations

from typing import Any

from tui.sweep_document import SweepDocument
from tui.sweep_draft import FRESH_CONFIG, ParameterDraft

TEXT = "# mine\nmethod: grid  # all\nparameters:\n  a: {values: [1, 2]}\n  b: {values: [3]}\n"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def of_text(clock: Clock | None = None) -> SweepDocument:
    document = SweepDocument.from_config({})
    document.replace_text(TEXT)
    return SweepDocument(document.draft, TEXT, clock=clock or Clock())


def test_typing_in_one_field_is_one_step_and_a_pause_begins_another() -> None:
    clock = Clock()
    document = of_text(clock)
    for name in ("r", "ra", "random"):
        clock.now += 0.3
        document.draft.set("name", name)
        document.form_edited("edit name", "name")
    clock.now += 5
    document.draft.set("name", "other")
    document.form_edited("edit name", "name")
    document.draft.set("run_cap", 3)
    document.form_edited("edit run cap", "run_cap")
    assert document.text == TEXT + "name: other\nrun_cap: 3\n"

    assert document.undo() == "edit run cap"
    assert document.undo() == "edit name"
    assert document.text == TEXT + "name: random\n"
    assert document.undo() == "edit name"
    assert (document.text, document.undo()) == (TEXT, "")
    assert [document.redo(), document.redo(), document.redo(), document.redo()] == [
        "edit name",
        "edit name",
        "edit run cap",
        "",
    ]
    assert document.text == TEXT + "name: other\nrun_cap: 3\n"


def test_what_a_field_says_on_the_way_costs_no_comment() -> None:
    clock = Clock()
    text = "method: grid\nparameters:\n  a:\n    # few\n    values:\n      - 16   # small\n      - 32   # large\n"
    document = SweepDocument.from_text(text)
    document = SweepDocument(document.draft, text, clock=clock)
    typed: list[dict[str, Any]] = [
        {"values": [16, 3]},
        {"value": 16},
        {},
        {"min": 1, "max": 3},
        {"values": [16, 32]},
        {"values": [16, 32, 64]},
    ]
    for entry in typed:
        clock.now += 5
        document.draft.rows[0].entry = dict(entry)
        document.form_edited("edit a", "a")
        assert SweepDocument.from_text(document.text).config() == document.config()

    assert document.text == text + "      - 64\n"
    for _ in typed:
        document.undo()
    assert document.text == text


def test_a_new_edit_ends_what_could_be_done_again() -> None:
    document = of_text()
    document.draft.set("name", "x")
    document.form_edited("edit name", "name")
    document.undo()
    document.draft.set("name", "y")
    document.form_edited("edit name", "name")

    assert not document.can_redo


def test_steps_of_the_form_and_of_the_text_are_taken_back_in_turn() -> None:
    document = of_text()
    document.draft.rows[0].entry = {"values": [1, 2, 9]}
    document.form_edited("edit a", "a")
    typed = document.text.replace("# all", "# everything").replace("  b: {values: [3]}", "  b: {values: [3, 4]}")
    document.replace_text(typed)
    assert document.config()["parameters"] == {"a": {"values": [1, 2, 9]}, "b": {"values": [3, 4]}}
    document.draft.set("method", "random")
    document.form_edited("edit method", "method")
    assert document.text == typed.replace("grid", "random")

    assert [document.undo(), document.undo(), document.undo()] == ["edit method", "edit the YAML", "edit a"]
    assert document.text == TEXT
    assert document.config()["parameters"] == {"a": {"values": [1, 2]}, "b": {"values": [3]}}


def test_a_text_that_cannot_be_read_stays_as_typed_and_the_form_keeps_the_last_good_state() -> None:
    document = of_text()
    broken = TEXT + "run_cap: [3\n"

    document.replace_text(broken)

    assert document.text == broken
    assert document.config()["method"] == "grid"
    assert document.text_problem is not None and document.text_problem.line
    assert document.problems()[0] == document.text_problem
    document.replace_text(TEXT + "run_cap: 3\n")
    assert document.text_problem is None
    assert document.config()["run_cap"] == 3
    document.undo()
    assert document.text in (TEXT, broken)


def test_an_edit_of_the_form_while_the_text_is_broken_can_be_taken_back_to_what_was_typed() -> None:
    document = of_text()
    broken = TEXT + "run_cap: [3\n"
    document.replace_text(broken)

    document.draft.set("method", "random")
    document.form_edited("edit method", "method")

    assert document.text == TEXT.replace("grid", "random")
    assert document.text_problem is None
    assert document.undo() == "edit method"
    assert document.text == broken and document.text_problem is not None


def test_what_is_being_typed_into_the_form_outlives_an_edit_of_the_text() -> None:
    document = of_text()
    document.draft.rows[0].problem = "not closed"
    document.draft.rows.insert(1, ParameterDraft("", {}))
    document.form_edited("edit a", "a")

    document.replace_text(TEXT.replace("[3]", "[4]"))

    assert [(row.name, row.problem) for row in document.draft.rows] == [("a", "not closed"), ("", ""), ("b", "")]


def test_another_configuration_keeps_comments_and_what_is_off() -> None:
    document = of_text()
    document.draft.rows[1].is_off = True
    document.form_edited("switch off b", "")

    document.replace_config({**document.config(), "method": "random"}, "search at random")

    assert document.text == TEXT.replace("grid", "random").replace("  b: {", "  #: off b: {")
    assert document.undo() == "search at random"


def test_the_line_of_a_value_is_that_of_the_innermost_one_that_is_there() -> None:
    document = of_text()

    assert [document.line_of(path) for path in ("method", "parameters.b.values[0]", "parameters.b.min", "x")] == [
        2,
        5,
        5,
        None,
    ]


def test_a_fresh_sweep_is_written_short() -> None:
    assert "    values: [50, 100, 200]\n" in SweepDocument.from_config(FRESH_CONFIG).text


def test_a_thread_asks_a_snapshot_and_what_it_read_for_another_state_is_not_taken() -> None:
    document = of_text()
    read = document.read(TEXT.replace("grid", "random"))
    document.draft.set("name", "x")
    document.form_edited("edit name", "name")
    snapshot = document.snapshot()
    assert (document.has_text, document.is_still(snapshot), document.is_large) == (False, True, False)
    assert snapshot.text == TEXT + "name: x\n"
    assert document.has_text

    assert not document.take_read(read)
    assert document.take_read(document.read(document.text.replace("grid", "random")))
    assert document.config()["method"] == "random"
    assert not document.is_still(snapshot)
    assert document.take_read(document.read(document.text)) and document.step_count == 2
    many = "parameters:\n" + "".join(f"  p{number}: {{values: [1, 2]}}\n" for number in range(500))
    assert SweepDocument.from_text(many).is_large
