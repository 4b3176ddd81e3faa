from __future__ import annotations

import pytest

from trainer.records import Json
from trainer.sweep.rules import RuleLine
from tui.parameter_facts import FactsCache
from tui.parameter_tree import ParameterTreeModel
from tui.sweep_draft import SweepDraft
from tui.tree_lines import columns_for, rule_words, shown_line


def draft(*names: str, rules: tuple[str, ...] = ()) -> SweepDraft:
    parameters: dict[str, Json] = {name: {"values": [1, 2, 3]} for name in names}
    made = SweepDraft.from_config({"method": "grid", "parameters": parameters})
    for rule in rules:
        made.rules.append(RuleLine(rule))
    return made


@pytest.mark.parametrize(
    ("name", "width", "cells"),
    [("validation_fraction", 56, 23), ("lr", 56, 14), ("x" * 90, 56, 28), ("x" * 90, 200, 94), ("x" * 90, 12, 12)],
)
def test_names_get_the_room_they_need_up_to_half_of_the_width(name: str, width: int, cells: int) -> None:
    columns = columns_for(ParameterTreeModel(draft("a", name).rows).lines(), width)
    assert columns.name == cells
    assert columns.name + columns.text + columns.kind + columns.count == width


def test_what_a_rule_ties_is_marked_with_a_sign_and_a_word() -> None:
    made = draft("a", "b", "c", "d", "e", rules=("zip a, b", "c * d <= 4", "d <= c"))
    words = rule_words(made.compiled(), made.rows)
    lines = ParameterTreeModel(made.rows).lines()
    shown = [shown_line(line, FactsCache(), {}, words, is_cursor=False) for line in lines]

    assert [line.rule for line in shown] == ["zip", "zip", "2 rules", "2 rules", ""]
    assert [line.glyph for line in shown] == ["◆", "◆", "◆", "◆", "●"]
    made.rows[0].is_off = True
    assert rule_words(made.compiled(), made.rows).get(id(made.rows[0])) is None
