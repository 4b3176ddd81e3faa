"""What rules go on with while they are typed."""

from __future__ import annotations

import pytest

from trainer.records import Json
from trainer.sweep.rule_compiler import compile_rules
from trainer.sweep.rules import RuleLine
from tui.rule_completion import completion, templates

LEAVES: list[tuple[tuple[str, ...], Json]] = [
    (("dataset",), {"value": "wine"}),
    (("batch_size",), {"values": [16, 32, 64]}),
    (("accumulation",), {"values": [1, 2, 4]}),
    (("opt", "name"), {"values": ["sgd", "adam"]}),
    (("momentum",), {"values": [0.5, 0.9]}),
    (("lr",), {"min": 0.1, "max": 0.9}),
]


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("z", "zip"),
        ("zip ba", "zip batch_size"),
        ("see", "seeds"),
        ("momentum o", "momentum only if "),
        ("momentum only if opt/n", "momentum only if opt/name"),
        ("momentum only if opt.n", "momentum only if opt.name"),
        ("momentum only if opt/name == ", "momentum only if opt/name == "),
        ('momentum only if opt/name == "s', 'momentum only if opt/name == "sgd"'),
        ("momentum only if opt/name = ad", 'momentum only if opt/name = "adam"'),
        ("batch_size * acc", "batch_size * accumulation"),
        ("mi", "min"),
        ("batch_size", "batch_size"),
        ("3", "3"),
        ("", ""),
    ],
)
def test_the_word_at_the_end_is_completed(typed: str, completed: str) -> None:
    assert completion(typed, LEAVES) == completed


def test_each_kind_of_rule_begins_with_parameters_that_fit_and_can_be_kept_at_once() -> None:
    made = templates(LEAVES)
    assert made == {
        "zip": "zip batch_size, accumulation",
        "only if": 'momentum only if opt/name == "sgd"',
        "formula": "batch_size * accumulation <= 64",
        "seeds": "seeds 5",
    }
    compiled = compile_rules(LEAVES, [RuleLine(text) for text in made.values()], "grid")
    assert [effect.problem for effect in compiled.effects] == [""] * 4
    assert templates([])["zip"] == "zip lr, batch_size"
