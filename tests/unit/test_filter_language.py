"""The filter language against an evaluator of its own, its words for what is odd, and its completion."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.filter_hints import FilterKey, FilterKeys, completions, filter_note, listed_values
from trainer.records import Json, RunRecord
from trainer.run_filter import parse_run_filter
from trainer.states import RunState
from trainer.tracking.filtering import matching_runs, point_note

RUN = RunRecord(
    id="k3x9",
    name="Rose sweep (3)",
    state=RunState.CRASHED,
    config={"lr": 0.01, "optimizer": {"name": "adam", "beta": 0.9}, "path": "/data/wine", "batch size": 32},
    summary={"accuracy": 0.91, "val": {"loss": 0.25}},
    tags=("nightly", "gpu"),
    notes="looks fine",
    host="lab-7",
    duration_seconds=400.0,
    created_at=datetime(2026, 11, 28, 12, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("optimizer.name=adam|sgd", True),
        ("optimizer.name = rmsprop | sgd", False),
        ("optimizer.name!=rmsprop|sgd", True),
        ("optimizer.name!=adam|sgd", False),
        ("state in (finished, crashed)", True),
        ("state not in (finished, crashed)", False),
        ("state in (finished", False),
        ("lr=1 or accuracy>0.9", True),
        ("lr=1 | accuracy>0.9", True),
        ("lr=1 OR NOT accuracy>0.9", False),
        ("(lr=1 or accuracy>0.9) and host=lab-8", False),
        ("lr=1 or accuracy>0.9 host=lab-8", False),
        ("host=lab-7 lr=1 or accuracy>0.9", True),
        ("not (lr=1 or host=lab-8)", True),
        ("-(rose or tulip)", False),
        ("not not rose", True),
        ('name="rose sweep (3)"', True),
        ("name='rose sweep'", False),
        ("'batch size'>=32", True),
        ('"rose sweep"', True),
        ("name=rose*", True),
        ("name=*sweep", False),
        ("name~r*e", True),
        ("name~/^rose.*\\d\\)$/", True),
        ("name~/^sweep/", False),
        ("name!~rose", False),
        ("name!~/^sweep/", True),
        ("path~/data/", True),
        ("path=/data/wine", True),
        ("tag:nightly", True),
        ("tags=gpu", True),
        ("note:fine", True),
        ("cfg.optimizer.name:ad", True),
        ("has:val.loss", True),
        ("has:loss", False),
        ("val.loss<0.3", True),
        ("time>5m", True),
        ("time>1h", False),
        ("created>2026-11-27", True),
        ("created<2026-11-27", False),
        ("crashed|failed", True),
        ("lr>=1e-3 optimizer.name~dam state=crashed", True),
        ("lr>abc", False),
        ("lr<=nan", False),
    ],
)
def test_the_language(text: str, holds: bool) -> None:
    assert parse_run_filter(text).matches(RUN) is holds


@pytest.mark.parametrize(
    "text",
    ["-", "!", "(", ")", "()", "not", "or", "and or", "lr>=", "name=", 'name="', "lr=|", "|", "||", "state in (",
     "not (", "rose or", "rose and (", "rose | "],
)  # fmt: skip
def test_what_is_still_being_typed_hides_nothing(text: str) -> None:
    assert parse_run_filter(text).matches(RUN)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab01 ()|&\"'=<>!~-*/:,.notridx", max_size=24))
def test_every_text_parses(text: str) -> None:
    parsed = parse_run_filter(text)
    assert parsed.matches(RUN) in (True, False)
    assert filter_note(parsed, KNOWN) is not None and completions(text, KNOWN) is not None


# An evaluator of its own: it takes the tree that the text was written from, and knows no text.

Tree = tuple[Any, ...]
POINT: dict[str, Json] = {"lr": 0.01, "depth": 5, "model": "forest", "warm": True, "opt.name": "a b"}
values_of: dict[str, list[str]] = {
    "lr": ["0.01", "1e-2", "0.1", "-1"],
    "depth": ["5", "3", "5.0"],
    "model": ["forest", "FOREST", "for*", "boost", "fo"],
    "warm": ["true", "false"],
    "opt.name": ["a b", "a", "b"],
    "name": ["a b"],
}


def decide(tree: Tree) -> bool:
    kind = tree[0]
    if kind == "not":
        return not decide(tree[1])
    if kind in ("and", "or"):
        both = [decide(tree[1]), decide(tree[2])]
        return all(both) if kind == "and" else any(both)
    _, key, op, wanted = tree
    held = POINT["opt.name" if key == "name" else str(key)]
    return any(compare(held, str(op), each) for each in wanted) ^ (op in ("!=", "!~"))


def compare(held: Json, op: str, wanted: str) -> bool:
    word = str(held).lower()
    if op in ("~", "!~"):
        return fnmatch.fnmatchcase(word, f"*{wanted.lower()}*")
    number = held if isinstance(held, float | int) and not isinstance(held, bool) else None
    if op in ("=", "!="):
        return fnmatch.fnmatchcase(word, wanted.lower()) if number is None else number == float(wanted)
    assert number is not None
    limit = float(wanted)
    return {">": number > limit, "<": number < limit, ">=": number >= limit, "<=": number <= limit}[op]


@st.composite
def comparison(draw: st.DrawFn) -> Tree:
    key = draw(st.sampled_from(list(values_of)))
    number = key in ("lr", "depth")
    op = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">="] if number else ["=", "!=", "~", "!~"]))
    return ("term", key, op, draw(st.lists(st.sampled_from(values_of[key]), min_size=1, max_size=3)))


def a_tree() -> st.SearchStrategy[Tree]:
    return st.recursive(
        comparison(),
        lambda inner: st.one_of(
            st.tuples(st.just("not"), inner), st.tuples(st.sampled_from(["and", "or"]), inner, inner)
        ),
        max_leaves=6,
    )


def written(tree: Tree, draw: Callable[[st.SearchStrategy[Any]], Any], within: str = "or") -> str:
    """Write a tree with no more parentheses than it needs, in one of its spellings."""
    kind = tree[0]
    if kind == "term":
        _, key, op, wanted = tree
        words = [f'"{each}"' if " " in each else each for each in wanted]
        if op in ("=", "!=") and draw(st.booleans()):
            return f"{key} {'not ' if op == '!=' else ''}in ({', '.join(words)})"
        space = draw(st.sampled_from(["", " "]))
        return f"{key}{space}{op}{space}{draw(st.sampled_from(['|', ' | '])).join(words)}"
    if kind == "not":
        inner = written(tree[1], draw, "not")
        return str(draw(st.sampled_from(["not ", "-", "! ", "NOT "]))) + inner
    left, right = (written(tree[n], draw, str(kind)) for n in (1, 2))
    joined = draw(st.sampled_from([" ", " and ", " AND ", " && "] if kind == "and" else [" or ", " OR ", " || "]))
    text = f"{left}{joined}{right}"
    needs = {"or": (), "and": ("or",), "not": ("or", "and")}[within]
    return f"({text})" if kind in needs or draw(st.booleans()) else text


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_written_tree_decides_as_the_tree(data: st.DataObject) -> None:
    tree = data.draw(a_tree())
    text = written(tree, data.draw)
    flat = dict(POINT)
    assert parse_run_filter(text).matches_point(flat) is decide(tree), text
    run = RunRecord("a", "run", RunState.FINISHED)
    if "name" not in text.replace("opt.name", ""):
        assert parse_run_filter(text).matches(run, flat) is decide(tree), text


KNOWN = FilterKeys(
    {
        "lr": FilterKey("lr", "config", ["0.01", "0.1"]),
        "optimizer.name": FilterKey("optimizer.name", "config", ["adam", "sgd", "a b"]),
        "accuracy": FilterKey("accuracy", "last value"),
    }
)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("acuracy>0.9", "Nothing is called acuracy; did you mean accuracy?"),
        ("nme=adam", "Nothing is called nme; did you mean name?"),
        ("zzz=1", "Nothing is called zzz."),
        ("lr>abc", "lr > abc: abc is not a number."),
        ("state=finishd", "No state is called finishd; did you mean finished?"),
        ("name~/a(/", "/a(/ is not a regular expression: missing ), unterminated subpattern."),
        ("rose)", "There is a ) without its (."),
        ("(rose", "A ( has no ) yet."),
        ("lr>0.1 or name=adam rose cfg.lr=1 has:lr state=failed|crashed", ""),
    ],
)
def test_what_is_odd_is_one_sentence(text: str, note: str) -> None:
    assert filter_note(parse_run_filter(text), KNOWN) == note


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("acc", "accuracy"),
        ("lr=1 acc", "lr=1 accuracy"),
        ("-(opt", "-(optimizer.name"),
        ("nam", "name"),
        ("optimizer.name=", "optimizer.name=adam"),
        ("name = s", "name = sgd"),
        ("optimizer.name=adam|s", "optimizer.name=adam|sgd"),
        ("optimizer.name in (adam, s", "optimizer.name in (adam, sgd"),
        ("name=a ", "name=a lr"),
        ('name="a', 'name="a b"'),
        ("state=fin", "state=finished"),
        ("lr=1 o", "lr=1 optimizer.name"),
        ("lr=1 or", "lr=1 or "),
        ("has:ac", "has:accuracy"),
    ],
)
def test_keys_operators_and_values_are_completed(typed: str, first: str) -> None:
    offered = [each.text for each in completions(typed, KNOWN)]
    assert first in offered[:2], offered


def test_values_are_listed_by_size_and_not_when_there_are_too_many() -> None:
    assert listed_values([10, 2, "x", True, None, 2.5]) == ["2", "2.5", "10", "null", "true", "x"]
    assert listed_values(range(1000)) == []


def test_the_command_line_filters_runs_and_says_what_is_odd() -> None:
    other = RunRecord("b", "tulip", RunState.FINISHED, config={"lr": 1.0})
    assert matching_runs([RUN, other], "lr<0.1 or beta>1") == ([RUN], "")
    assert matching_runs([RUN, other], "lr<0.1 or loss=1") == ([RUN], "")
    assert matching_runs([RUN, other], "lrr<0.1") == ([], "Nothing is called lrr; did you mean lr?")
    assert point_note(parse_run_filter("state=failed"), [{"lr": 1}]) == "Nothing is called state."
    assert point_note(parse_run_filter("lr=failed"), [{"lr": 1}]) == ""
