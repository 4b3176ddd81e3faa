from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.records import Json
from trainer.sweep.parameters import DISTRIBUTIONS, infer_distribution
from trainer.sweep.yaml_text import parse_yaml
from tui.conversion import converted, entry_for
from tui.shorthand import ShorthandError, format_entry, is_same, parse_items, parse_shorthand


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
        ("50 100 200", {"values": [50, 100, 200]}),
        ("1; 2; 3", {"values": [1, 2, 3]}),
        ("50，100", {"values": [50, 100]}),
        ("(1, 2)", {"values": [1, 2]}),
        ("{relu, tanh}", {"values": ["relu", "tanh"]}),
        ("relu|tanh", {"values": ["relu", "tanh"]}),
        ("relu | 2 | None", {"values": ["relu", 2, None]}),
        ("yes/no", {"values": [True, False]}),
        ("On/Off", {"values": [True, False]}),
        ("True", {"value": True}),
        ("“wine”", {"value": "wine"}),
        ("1e-5-1e-1", {"min": 1e-5, "max": 0.1}),
        ("3-10", {"min": 3, "max": 10}),
        ("3–10", {"min": 3, "max": 10}),
        ("−5..−1", {"min": -5, "max": -1}),
        ("between 3 and 10", {"min": 3, "max": 10}),
        ("from 3 to 10", {"min": 3, "max": 10}),
        ("[0.1..1]", {"min": 0.1, "max": 1.0}),
        ("10^-5..10^-1 log", {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1}),
        ("10**-5 .. 10**-1, log", {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1}),
        ("2^4..2^8", {"min": 16, "max": 256}),
        ("2^4, 2^5", {"values": [16, 32]}),
        ("2^-1", {"value": 0.5}),
        ("1..10 float", {"min": 1.0, "max": 10.0}),
        ("1..100 log int", {"distribution": "q_log_uniform_values", "min": 1, "max": 100, "q": 1}),
        ("1k..10k", {"min": 1000, "max": 10000}),
        ("10..50%", {"min": 0.1, "max": 0.5}),
        ("1_000..2_000", {"min": 1000, "max": 2000}),
        ("0..1 by 0.1", {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.1}),
        ("0..1 in steps of 0.1", {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.1}),
        ("16..256 x2", {"values": [16, 32, 64, 128, 256]}),
        ("1e-1..1e-3 ×0.1", {"values": [0.1, 0.01, 0.001]}),
        ("16, 32, … 256", {"values": [16, 32, 64, 128, 256]}),
        ("1, 2, ..., 5", {"values": [1, 2, 3, 4, 5]}),
        ("0.1 0.2 … 0.5", {"values": [0.1, 0.2, 0.3, 0.4, 0.5]}),
        ("1, 10, … 1000", {"values": [1, 10, 100, 1000]}),
        ("10, 20, 40, … 80", {"values": [10, 20, 40, 80]}),
        ("1, 2, 5..8", {"values": [1, 2, 5, 6, 7, 8]}),
        ("linspace(0, 1, 5)", {"values": [0.0, 0.25, 0.5, 0.75, 1.0]}),
        ("np.linspace(0, 1, num=3)", {"values": [0.0, 0.5, 1.0]}),
        ("logspace(-3,-1,3)", {"values": [0.001, 0.01, 0.1]}),
        ("geomspace(1e-3, 0.1, 3)", {"values": [0.001, 0.01, 0.1]}),
        ("range(1,10,2)", {"values": [1, 3, 5, 7, 9]}),
        ("range(1, 10)", {"min": 1, "max": 9}),
        ("arange(0, 0.3, 0.1)", {"values": [0.0, 0.1, 0.2]}),
        ("loguniform(1e-5, 1e-1)", {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1}),
        ("U(0, 1)", {"distribution": "uniform", "min": 0, "max": 1}),
        ("choice([a, b])", {"distribution": "categorical", "values": ["a", "b"]}),
        # What may as well be a text stays one.
        ("10k", {"value": "10k"}),
        ("2020-01-01", {"value": "2020-01-01"}),
        ("10-3", {"value": "10-3"}),
        ("../data, ../more", {"values": ["../data", "../more"]}),
        ("relu tanh", {"value": "relu tanh"}),
        ('"3-10"', {"value": "3-10"}),
        ('"a|b"', {"value": "a|b"}),
    ],
)
def test_text_people_would_try_becomes_the_entry_they_mean(text: str, entry: dict[str, Json]) -> None:
    assert is_same(parse_shorthand(text), entry)


@pytest.mark.parametrize(
    "text",
    [
        "[1",
        "'x",
        "1,,2",
        "a: b",
        "normal(1, 2, 3)",
        "normal(x=1)",
        "nomal(0, 1)",
        "f(x)",
        "a, b @ 0.5",
        "a||b",
        "3:10",
        "1,000",
        "1, 0.1..0.5",
        "randint(1, 10)",
        "range(0, 100000, 7)",
        "range(a)",
        "linspace(0, 1)",
        "logspace(0, 1e9, 3)",
        "16..256 x1",
        "16.. x2",
        "2, 4, … 16",
        "1, 2, … 0",
        "(1,2),(3,4)",
        "> 0",
    ],
)
def test_text_that_cannot_be_read_says_so_with_an_example(text: str) -> None:
    with pytest.raises(ShorthandError) as raised:
        parse_shorthand(text)
    assert raised.value.message.endswith((".", "?"))
    assert "`" in raised.value.hint


@pytest.mark.parametrize(
    "text", ["9" * 5000, "1..2" + " log" * 3000 + "x", "1 " * 5000 + "x", "1," * 5000 + "..", "9^" * 3000]
)
def test_long_nonsense_is_dealt_with_at_once(text: str) -> None:
    start = time.process_time()
    with suppress(ShorthandError):
        parse_shorthand(text)
    assert time.process_time() - start < 1


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False)
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


number_texts = st.sampled_from(["1", "16", "0.1", "1e-5", "2^4", "-3", "50%", "10k", "9" * 30, "1e400"])
joints = st.sampled_from(
    ["..", "-", " to ", ", ", " ", " … ", ":", " x", " log", " step ", "|", "/", "(", ")", "[", "]"]
)


@given(st.lists(st.tuples(number_texts, joints), max_size=5).map(lambda parts: "".join(map("".join, parts))))
def test_anything_near_a_range_is_read_or_refused(text: str) -> None:
    try:
        entry = parse_shorthand(text)
    except ShorthandError:
        return
    assert is_same(parse_shorthand(format_entry(entry)), entry)


@given(
    st.lists(
        st.sampled_from(["1", "-2", "0.5", "1e-3", ".5", "5.", "007", "1_0", "a b", "x.y", "None", "yes", "1.2.3"])
    )
)
def test_the_short_way_of_reading_lists_is_yamls(tokens: list[str]) -> None:
    text = ", ".join(tokens).replace("None", "null")

    assert is_same(parse_items(text), parse_yaml(f"[{text}\n]", "text").value)


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


@pytest.mark.parametrize("text", ["16, , 48", ", 3", "1,,2"])
def test_nothing_between_two_commas_is_said_so(text: str) -> None:
    with pytest.raises(ShorthandError, match="no value between two commas"):
        parse_shorthand(text)
