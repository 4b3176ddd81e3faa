from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.records import Json
from trainer.sweep.parameters import DISTRIBUTIONS, infer_distribution
from tui.shorthand import ShorthandError, converted, entry_for, format_entry, is_same, parse_shorthand


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("", {}),
        ("wine", {"value": "wine"}),
        ("1e-3", {"value": 0.001}),
        ("None", {"value": None}),
        ('"None"', {"value": "None"}),
        ('"a, b"', {"value": "a, b"}),
        ("train.py", {"value": "train.py"}),
        ("50, 100, 200", {"values": [50, 100, 200]}),
        ("50,", {"values": [50]}),
        ("[3, 5, None]", {"values": [3, 5, None]}),
        ("[1, 2], [3]", {"values": [[1, 2], [3]]}),
        ("true/false", {"values": [True, False]}),
        ("True / False", {"values": [True, False]}),
        ("small @ 0.8, large @ 0.2", {"values": ["small", "large"], "probabilities": [0.8, 0.2]}),
        ("3..10", {"min": 3, "max": 10}),
        ("3 to 10", {"min": 3, "max": 10}),
        ("-5..-1", {"min": -5, "max": -1}),
        ("0.1..1", {"min": 0.1, "max": 1.0}),
        ("1..", {"min": 1}),
        ("0..1 step 0.1", {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.1}),
        ("1e-5..1e-1 log", {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1}),
        ("log 1..100", {"distribution": "log_uniform_values", "min": 1, "max": 100}),
        ("1..100 log step 5", {"distribution": "q_log_uniform_values", "min": 1, "max": 100, "q": 5}),
        ("normal(0, 1)", {"distribution": "normal", "mu": 0, "sigma": 1}),
        ("q_beta(a=2, q=0.1)", {"distribution": "q_beta", "a": 2, "q": 0.1}),
        ("{min: 1, max: 3}", {"min": 1, "max": 3}),
    ],
)
def test_text_people_would_try_becomes_the_entry_they_mean(text: str, entry: dict[str, Json]) -> None:
    assert is_same(parse_shorthand(text), entry)


@pytest.mark.parametrize(
    "text", ["[1", "'x", "1,,2", "a: b", "normal(1, 2, 3)", "normal(x=1)", "a, b @ 0.5", "9" * 5000]
)
def test_text_that_cannot_be_read_says_so(text: str) -> None:
    with pytest.raises(ShorthandError):
        parse_shorthand(text)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=12)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=2),
    max_leaves=4,
)
entries = st.one_of(
    st.fixed_dictionaries({"value": values}),
    st.fixed_dictionaries({"values": st.lists(values, max_size=4)}),
    st.fixed_dictionaries(
        {"distribution": st.sampled_from(sorted(DISTRIBUTIONS))},
        optional={"min": scalars, "max": scalars, "q": scalars},
    ),
    st.dictionaries(st.text("abcxyz", min_size=1), values, max_size=3),
)


@given(entries)
def test_every_entry_can_be_written_on_one_line_and_read_back(entry: dict[str, Json]) -> None:
    assert is_same(parse_shorthand(format_entry(entry)), entry)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        entry = parse_shorthand(text)
    except ShorthandError:
        return
    assert is_same(parse_shorthand(format_entry(entry)), entry)


@pytest.mark.parametrize("distribution", sorted(DISTRIBUTIONS))
@pytest.mark.parametrize(
    "text", ["wine", "5", "1, 2, 4", "1..10", "0.1..1 step 0.1", "a @ 0.5, b @ 0.5", "normal(0, 1)"]
)
def test_choosing_a_distribution_gives_an_entry_of_that_distribution(text: str, distribution: str) -> None:
    entry = converted(parse_shorthand(text), distribution)

    assert entry.get("distribution", infer_distribution(entry)) == distribution


def test_numbers_survive_a_change_of_distribution() -> None:
    assert converted({"values": [1, 8, 4]}, "int_uniform") == {"min": 1, "max": 8}
    assert converted({"min": 1, "max": 8}, "categorical") == {"values": [1, 8]}


def test_the_distribution_is_named_only_where_it_would_not_be_inferred() -> None:
    assert entry_for("uniform", {"min": 0.1, "max": 0.9}) == {"min": 0.1, "max": 0.9}
    assert entry_for("uniform", {"min": 0, "max": 0.9})["distribution"] == "uniform"
    assert entry_for("int_uniform", {"min": 1, "max": 2}) == {"min": 1, "max": 2}
