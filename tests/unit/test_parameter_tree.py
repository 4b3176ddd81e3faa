from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.records import Json
from tui.parameter_facts import FactsCache, ParameterFacts
from tui.parameter_tree import ParameterTreeModel, TreeNode
from tui.shorthand import parse_shorthand
from tui.sweep_draft import ParameterDraft, SweepDraft


def rows_of(*names: str) -> list[ParameterDraft]:
    return [ParameterDraft(name, {"value": name}) for name in names]


def node_at(model: ParameterTreeModel, name: str) -> TreeNode:
    return next(line.node for line in model.lines() if "/".join(line.node.path) == name)


def shown(rows: list[ParameterDraft]) -> list[str]:
    return ["  " * line.depth + line.node.name for line in ParameterTreeModel(rows).lines()]


def moved(rows: list[ParameterDraft], name: str, by: int) -> list[str]:
    model = ParameterTreeModel(rows)
    model.move(node_at(model, name), by)
    return [row.name for row in rows]


def test_what_shares_a_group_stands_together_and_folds() -> None:
    rows = rows_of("a", "opt/lr", "b", "opt/sgd/m", "opt/wd")
    model = ParameterTreeModel(rows)

    assert shown(rows) == ["a", "opt", "  lr", "  sgd", "    m", "  wd", "b"]
    assert [line.node.name for line in model.lines({("opt",)})] == ["a", "opt", "b"]
    assert [line.node.name for line in model.lines({("opt", "sgd")})] == ["a", "opt", "lr", "sgd", "wd", "b"]


def test_a_name_that_came_with_a_slash_is_no_group() -> None:
    rows = SweepDraft.from_config({"parameters": {"opt/lr": {"value": 1}, "b": {"value": 2}}}).rows

    assert shown(rows) == ["opt/lr", "b"]
    assert moved(rows, "b", -1) == ["b", "opt/lr"]
    assert rows[1].path == ("opt/lr",)


def test_a_parameter_moves_past_neighbours_into_groups_and_out_of_them() -> None:
    rows = rows_of("a", "b", "opt/lr", "opt/wd", "z")

    assert moved(rows, "a", 1) == ["b", "a", "opt/lr", "opt/wd", "z"]
    assert moved(rows, "a", 1) == ["b", "opt/a", "opt/lr", "opt/wd", "z"]
    assert moved(rows, "opt/a", -1) == ["b", "a", "opt/lr", "opt/wd", "z"]
    assert moved(rows, "z", -1) == ["b", "a", "opt/lr", "opt/wd", "opt/z"]
    assert moved(rows, "opt/z", 1) == ["b", "a", "opt/lr", "opt/wd", "z"]
    assert moved(rows, "z", 1) == ["b", "a", "opt/lr", "opt/wd", "z"]
    assert moved(rows, "opt", -1) == ["b", "opt/lr", "opt/wd", "a", "z"]


def test_a_folded_group_is_passed_not_entered() -> None:
    rows = rows_of("a", "opt/lr")
    model = ParameterTreeModel(rows)

    assert model.move(node_at(model, "a"), 1, {("opt",)})
    assert [row.name for row in rows] == ["opt/lr", "a"]


def test_copies_and_deletions_take_whole_groups() -> None:
    rows = rows_of("opt/lr", "opt/wd", "b", "b_2")
    model = ParameterTreeModel(rows)
    model.duplicate(node_at(model, "opt"))
    assert [row.name for row in rows] == ["opt/lr", "opt/wd", "opt_2/lr", "opt_2/wd", "b", "b_2"]
    model = ParameterTreeModel(rows)
    model.duplicate(node_at(model, "b"))
    assert [row.name for row in rows][-3:] == ["b", "b_3", "b_2"]
    model = ParameterTreeModel(rows)
    model.delete(node_at(model, "opt"))

    assert [row.name for row in rows] == ["opt_2/lr", "opt_2/wd", "b", "b_3", "b_2"]


def test_groups_and_parameters_are_renamed() -> None:
    rows = rows_of("opt/lr", "opt/wd", "b")
    model = ParameterTreeModel(rows)
    model.rename(node_at(model, "opt"), "sgd")
    assert [row.name for row in rows] == ["sgd/lr", "sgd/wd", "b"]
    model = ParameterTreeModel(rows)
    model.rename(node_at(model, "sgd/lr"), "rate")
    model.rename(node_at(model, "b"), "model/b")

    assert [row.name for row in rows] == ["sgd/rate", "sgd/wd", "model/b"]


def test_what_is_off_is_left_out_of_the_configuration_and_causes_no_problems() -> None:
    draft = SweepDraft.from_config(
        {"method": "grid", "parameters": {"g": {"parameters": {"x": {}}}, "y": {"value": 1}}}
    )
    model = ParameterTreeModel(draft.rows)

    assert model.switch(node_at(model, "g"))
    assert draft.config()["parameters"] == {"y": {"value": 1}}
    assert not [problem for problem in draft.problems() if problem.path.startswith("parameters")]
    assert draft.copy().rows[0].is_off
    assert not model.switch(node_at(model, "g"))
    assert "g" in str(draft.config()["parameters"])


names = st.lists(st.sampled_from("abcd"), min_size=1, max_size=3).map("/".join)


@given(st.lists(names, max_size=7), st.lists(st.tuples(st.integers(0, 20), st.sampled_from([-1, 1, 0])), max_size=8))
def test_no_move_loses_a_parameter_or_its_entry(names: list[str], moves: list[tuple[int, int]]) -> None:
    rows = [ParameterDraft(name, {"value": index}) for index, name in enumerate(names)]
    entries = sorted(str(row.entry) for row in rows)
    for place, by in moves:
        model = ParameterTreeModel(rows)
        lines = model.lines()
        if lines:
            model.move(lines[place % len(lines)].node, by) if by else None
        assert sorted(str(row.entry) for row in rows) == entries
        # What is shown is what is written: reading the rows again changes nothing.
        again = copy.deepcopy(rows)
        assert shown(again) == shown(rows)


@pytest.mark.parametrize(
    ("text", "kind", "count"),
    [
        ("1, 2, 2", "categorical", "×2"),
        ("5", "constant", ""),
        ("1..10", "int_uniform", "×10"),
        ("0.1..1", "uniform", "∞"),
        ("0..1 step 0.25", "q_uniform", "×4"),
        ("1..", "uniform", "?"),
        ("", "", ""),
        (f"1..{10**20}", "int_uniform", "×≈ 10^20"),
    ],
)
def test_a_line_says_distribution_and_number_of_values(text: str, kind: str, count: str) -> None:
    facts = ParameterFacts(parse_shorthand(text))

    assert (facts.kind, facts.count_text) == (kind, count)


@pytest.mark.parametrize("entry", [5, None, [1], "x", {"min": "a"}])
def test_entries_that_are_no_parameters_have_facts_too(entry: Json) -> None:
    facts = ParameterFacts(entry)

    assert facts.text
    assert facts.count is None


def test_facts_are_kept_as_long_as_the_entry_is() -> None:
    cache = FactsCache()
    entry: Json = {"values": [1]}
    facts = cache.of(entry)
    assert cache.of(entry) is facts
    for number in range(500):
        cache.of({"value": number})
        cache.keep_only([ParameterDraft("x", entry)])

    assert cache.of(entry) is facts
    assert cache.of({"values": [1]}) is not facts
