"""Rules: read, compiled to what stock W&B takes, and read back from the comments of the file."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.records import Json
from trainer.sweep.canonical import canonical_key
from trainer.sweep.joint import unpacked
from trainer.sweep.parameters import parameter_from_config
from trainer.sweep.rule_compiler import Compiled, Leaf, compile_rules, joint_name
from trainer.sweep.rule_expressions import RuleError, parse_expression, spellings
from trainer.sweep.rule_groups import MAX_COMBINATIONS
from trainer.sweep.rule_notes import check_rules, notes_of_rules, oddities_of, read_rules
from trainer.sweep.rules import FormulaRule, OnlyIfRule, RuleLine, SeedsRule, ZipRule, parse_rule
from trainer.sweep.space import SearchSpace
from trainer.sweep.validation import violations
from trainer.sweep.yaml_edit import edited
from tui.sweep_draft import SweepDraft

NAMES = spellings([("a",), ("b",), ("lambda",), ("batch-size",), ("opt", "lr")])


def leaves(**entries: Json) -> list[Leaf]:
    return [(tuple(name.split("__")), entry) for name, entry in entries.items()]


def listed(*values: Json) -> dict[str, Json]:
    return {"values": list(values)}


def rules(*texts: str) -> list[RuleLine]:
    return [RuleLine(text) for text in texts]


def configuration(compiled: Compiled, method: str = "grid") -> dict[str, Json]:
    draft = SweepDraft.from_config({"method": method, "program": "t.py", "metric": {"name": "m", "goal": "minimize"}})
    parameters: dict[str, Any] = {}
    for path, entry in compiled.leaves:
        into = parameters
        for name in path[:-1]:
            into = into.setdefault(name, {"parameters": {}})["parameters"]
        into[path[-1]] = entry
    return {**draft.config(), "parameters": parameters}


def points(compiled: Compiled) -> list[dict[str, Any]]:
    return [unpacked(point) for point in SearchSpace.from_config(configuration(compiled)).points()]


@pytest.mark.parametrize(
    ("text", "values", "holds"),
    [
        ("a * b <= 512", (16, 32), True),
        ("a×b ≤ 512 && not a = 1", (16, 33), False),
        ("1 < a <= b or b is None", (1, None), True),
        ("lambda in [0.1, 'x'] and batch-size - 1 > 0", (0.1, 2), True),
        ("opt.lr * 2 == opt/lr + opt/lr", (0.1,), True),
        ("a/b >= 0.5", (1, 2), True),
        ("`batch-size` % 2 == 0", (4,), True),
        ("max(a, 3) == 3 and round(log10(b), 3) == 2 and -a < +b", (1, 100), True),
        ("a == 1", (True,), False),
        ("a ** 2 // 3 != 3", (3,), False),
        ('a == "it\'s \\"so\\"" or a == \'\\d\'', ("d",), True),
    ],
)
def test_an_expression_says_of_values_what_it_says(text: str, values: tuple[Any, ...], holds: bool) -> None:
    assert parse_expression(text, NAMES).holds(values) is holds


@pytest.mark.parametrize(
    ("text", "values", "said"),
    [
        ("a * 2", (3,), "gives 6, not true or false"),
        ("a < b", (None, 1), "`<` needs numbers, not None"),
        ("a + 1 > 0", ("x",), "needs numbers, not 'x'"),
        ("a / b > 1", (1, 0), "divides by zero"),
        ("a // b > 1", (1.0, 0.0), "divides by zero"),
        ("log(a) > 1", (0,), "log(0) is no number"),
        ("(a ** 0.5) > 1", (-1,), "root of a negative number"),
        ("a ** a ** a ** a > 1", (9,), "too large"),
        ("a ** a > 1", (1e300,), "cannot be worked out"),
        ("a * a * a > 1", (10**300,), "too large"),
        (f"{'9' * 400} ** 9 > a", (1,), "too large"),
        ("a in b", (1, 2), "`in` needs a list, not 2"),
        ("a and b", (1, True), "gives 1, not true or false"),
        ("min(a) > 1", (1,), "min(1) is no number"),
    ],
)
def test_what_cannot_be_worked_out_is_said(text: str, values: tuple[Any, ...], said: str) -> None:
    with pytest.raises(RuleError, match="(?s).*") as caught:
        parse_expression(text, NAMES).holds(values)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a <",
        "(a",
        "a == 'x",
        "c > 1",
        "a.b > 1",
        "opt > 1",
        "__import__('os').system('true')",
        "a.__class__ == 1",
        "(lambda: 1)() == a",
        "[x for x in [1]] == a",
        "a if b else 1",
        "a ^ b == 1",
        "~a == 1",
        "a := 1",
        "f'{a}' == 'x'",
        "a; b",
        "(" * 300 + "a" + ")" * 300,
        "a" + " + a" * 120 + " > 1",
        "-" * 400 + "a > 1",
        "a > 1j",
        "a > 1\n import os",
        "a == ${envvar:HOME}",
        "sum(a) > 1",
        "max(a, key=b) > 1",
        "max(*a) > 1",
        "a[0] == 1",
        "\0 == a",
        "a " * 400,
    ],
)
def test_nonsense_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse_expression(text, NAMES)
    assert "\n" not in str(caught.value)


@given(
    st.text(max_size=60) | st.text(alphabet="ab<>=!&|()[]{}.,+-*/%^~`'\"0123456789eE \\\tandornotinif_p0", max_size=40)
)
@settings(max_examples=300, deadline=None)
def test_no_text_at_all_fails_otherwise_than_with_a_sentence(text: str) -> None:
    for line in (text, f"a only if {text}", f"zip {text}", f"seeds {text}"):
        try:
            rule = parse_rule(line, [("a",), ("b",)])
            if isinstance(rule, FormulaRule | OnlyIfRule):
                rule.condition.holds([1] * len(rule.condition.paths))
        except RuleError:
            pass


def test_each_kind_of_rule_is_read() -> None:
    paths = [("a",), ("b",), ("opt", "lr")]
    assert parse_rule("zip a, opt.lr and b", paths) == ZipRule((("a",), ("opt", "lr"), ("b",)))
    conditional = parse_rule('a, b only if opt/lr == "x else y" else None', paths)
    assert isinstance(conditional, OnlyIfRule)
    assert (conditional.members, conditional.has_otherwise, conditional.otherwise) == ((("a",), ("b",)), True, None)
    assert conditional.condition.text == 'opt/lr == "x else y"'
    assert parse_rule("seeds 3", paths) == SeedsRule(("seed",), 3, 0)
    assert parse_rule("seeds 3 as train/seed from -5", paths) == SeedsRule(("train", "seed"), 3, -5)
    # Parameters may be named like the words of rules.
    assert isinstance(parse_rule("zip * seeds > 1", [("zip",), ("seeds",)]), FormulaRule)
    for text, said in [
        ("zip a", "two parameters"),
        ("zip a, a", "named twice"),
        ("zip a, c", "no parameter `c`"),
        ("a only if a > 1", "depend on itself"),
        ("a only if 1 == 1", "names no parameter"),
        ("1 == 1", "names no parameter"),
        ("a only if b > 1 else", "no value after"),
        ("seeds 0", "1 to 1,000"),
        ("seeds 5 of x", "cannot be read"),
    ]:
        with pytest.raises(RuleError) as caught:
            parse_rule(text, paths)
        assert said in str(caught.value)


def test_rules_that_share_parameters_make_one_joint_parameter_of_what_is_left() -> None:
    compiled = compile_rules(
        leaves(
            batch_size=listed(16, 32, 64),
            epochs={"value": 3},
            accumulation=listed(1, 2, 4, 8),
            optimizer=listed("sgd", "adam"),
            momentum=listed(0.8, 0.9),
        ),
        rules(
            "batch_size * accumulation <= 128",
            'momentum only if optimizer == "sgd"',
            'not (optimizer == "adam" and batch_size > 32)',
        ),
        "grid",
    )
    assert [effect.words for effect in compiled.effects] == [
        "12 combinations, 9 left",
        "4 combinations, 3 left",
        "6 combinations, 5 left",
    ]
    name = "joint__batch_size__accumulation__optimizer__momentum"
    assert [path for path, _ in compiled.leaves] == [(name,), ("epochs",)]
    assert (compiled.before, compiled.left) == (48, 25)
    config = configuration(compiled)
    assert violations(config) == []
    assert SearchSpace.from_config(config).unique_count == 25
    assert {"epochs": 3, "batch_size": 16, "accumulation": 1, "optimizer": "adam"} in points(compiled)


def test_a_rule_over_one_parameter_shortens_its_list_where_it_stands() -> None:
    compiled = compile_rules(leaves(a=listed(1, 2, 3), opt__lr={"min": 1, "max": 9}), rules("opt/lr > a_min"), "grid")
    assert compiled.effects[0].problem == "There is no parameter `a_min`."
    compiled = compile_rules(leaves(a=listed(1, 2, 3), opt__lr={"min": 1, "max": 9}), rules("opt/lr > 7"), "grid")
    assert compiled.leaves == ((("a",), listed(1, 2, 3)), (("opt", "lr"), listed(8, 9)))
    assert compiled.effects[0].words == "9 combinations, 2 left"


def test_seeds_repeat_every_point_and_may_be_named_by_other_rules() -> None:
    compiled = compile_rules(leaves(a=listed(1, 2)), rules("seeds 3 from 100"), "grid")
    assert points(compiled) == [{"a": a, "seed": seed} for a in (1, 2) for seed in (100, 101, 102)]
    assert compiled.effects[0].words == "3 times each"
    drawn = compile_rules(leaves(a=listed(1, 2)), rules("seeds 3"), "random")
    assert drawn.effects[0].words == "one of 3 seeds each"
    compiled = compile_rules(leaves(a=listed(1, 2)), rules("seeds 3", "a == 1 or seed == 0"), "grid")
    assert sorted((point["a"], point["seed"]) for point in points(compiled)) == [(1, 0), (1, 1), (1, 2), (2, 0)]
    taken = compile_rules(leaves(seed={"value": 1}), rules("seeds 3"), "grid")
    assert taken.effects[0].problem == "seed is a parameter already."
    assert [path for path, _ in taken.leaves] == [("seed",)]


@pytest.mark.parametrize(
    ("texts", "method", "said"),
    [
        (["zip a, b"], "grid", "zip needs as many values of each: a has 2, b has 3."),
        (["a * x < 1"], "grid", "x has no end of values (uniform): W&B cannot tie it to others."),
        (["zip a, p"], "grid", "p has probabilities, and a grid takes none."),
        (["a < bad"], "grid", "bad has a problem of its own."),
        (["a < none"], "grid", "`<` needs numbers, not None, where a=1, none=None."),
        (["a > 9"], "random", "No combination is left."),
        (["a < n"], "grid", "n has 1,000,000 values."),
        (["a + b + m + k > 0"], "grid", "60,000 combinations of a, b, m, k are too many to look at (10,000)."),
        (["m + k > 9"], "grid", "9,964 combinations of m, k are left: at most 2,000 can be listed."),
        (["a only if b > 1", "b only if a > 1"], "grid", "These `only if` rules depend on each other in a circle."),
    ],
)
def test_rules_that_cannot_be_kept_change_nothing_and_say_why(texts: list[str], method: str, said: str) -> None:
    sources = leaves(
        a=listed(1, 2),
        b=listed(1, 2, 3),
        x={"min": 0.0, "max": 1.0},
        p={"values": [1, 2], "probabilities": [0.5, 0.5]},
        bad={"values": []},
        none=listed(None, 3),
        n={"min": 1, "max": 1_000_000},
        m={"min": 1, "max": 100},
        k={"min": 1, "max": 100},
    )
    compiled = compile_rules(sources, rules(*texts), method)
    assert {effect.problem for effect in compiled.effects} == {said}
    assert compiled.leaves == tuple(sources)
    assert [line.text for line in compiled.loose_lines] == texts


def test_a_broken_rule_leaves_the_others_of_its_group_in_force() -> None:
    sources = leaves(a=listed(1, 2), b=listed(1, 2), c=listed(0, 1))
    compiled = compile_rules(sources, rules("a <= b", "b / c > 0", "zip b"), "grid")
    assert [bool(effect.problem) for effect in compiled.effects] == [False, True, True]
    assert [path for path, _ in compiled.leaves] == [("joint__a__b",), ("c",)]


def test_chances_of_a_random_search_are_those_of_the_parameters() -> None:
    sources = leaves(
        optimizer={"values": ["sgd", "adam"], "probabilities": [0.25, 0.75]}, momentum=listed(0.5, 0.7, 0.9)
    )
    compiled = compile_rules(sources, rules("momentum only if optimizer == 'sgd'"), "random")
    (_, entry) = compiled.leaves[0]
    assert isinstance(entry, dict)
    assert len(entry["values"]) == len(entry["probabilities"]) == 4  # type: ignore[arg-type]
    assert math.isclose(max(entry["probabilities"]), 0.75)  # type: ignore[type-var,arg-type]
    assert violations(configuration(compiled, "random")) == []


def test_zipped_values_are_as_likely_as_they_were_and_impossible_ones_never_run() -> None:
    chances: Json = {"values": [1, 2, 3], "probabilities": [0.75, 0.25, 0]}
    sources: list[Leaf] = [(("a",), chances), (("b",), {"values": ["x", "y", "z"]})]
    compiled = compile_rules(sources, rules("zip a, b"), "random")
    assert compiled.leaves[0][1] == {"values": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], "probabilities": [0.75, 0.25]}

    sources[1] = (("b",), {"values": ["x", "y", "z"], "probabilities": [0.5, 0.25, 0.25]})
    effect = compile_rules(sources, rules("zip a, b"), "random").effects[0]
    assert (effect.into, effect.problem) == (None, "a and b have other probabilities each.")

    sources.insert(1, (("c",), {"values": [1, 2, 3]}))
    compiled = compile_rules(sources, rules("zip a, c", "zip c, b", "a > 0"), "random")
    said = "a and b are zipped together, by way of others, and have other probabilities each."
    assert [effect.problem for effect in compiled.effects[:2]] == [said, said]
    assert said not in compiled.effects[2].problem


def test_whole_floats_are_written_as_they_come_back_from_a_run_where_w_and_b_compares_to_the_letter() -> None:
    compiled = compile_rules(leaves(a=listed(1.0, 0.5), b=listed([2.0], 1e30)), rules("zip a, b"), "grid")
    assert repr(compiled.leaves[0][1]) == "{'values': [{'a': 1, 'b': [2]}, {'a': 0.5, 'b': 1e+30}]}"
    alone = compile_rules(leaves(a=listed(1.0, 0.5)), rules("a > 0.7"), "grid")
    assert repr(alone.leaves[0][1]) == "{'values': [1.0]}"


def test_names_of_joint_parameters_are_allowed_short_and_not_taken() -> None:
    assert joint_name([("a",), ("opt", "lr")], []) == "joint__a__opt_lr"
    assert joint_name([("a",), ("b",)], ["joint__a__b"]) == "joint__a__b_2"
    many = joint_name([(f"parameter_number_{index}",) for index in range(9)], [])
    assert len(many) <= 80
    assert many.endswith("__and_6_more")
    assert joint_name([("n" * 99,), ("m" * 99,)], []) == "joint__2_parameters"


ENTRIES = st.one_of(
    st.lists(st.integers(-3, 9), min_size=1, max_size=3).map(lambda values: {"values": values}),
    st.lists(st.sampled_from([0.5, 1.0, 2.0, 1e-5]), min_size=1, max_size=3).map(lambda values: {"values": values}),
    st.tuples(st.integers(0, 1), st.integers(2, 3)).map(lambda bounds: {"min": bounds[0], "max": bounds[1]}),
    st.integers(-2, 2).map(lambda value: {"value": value}),
    st.just({"distribution": "q_uniform", "min": 0, "max": 3, "q": 1.5}),
)
SPACES = st.fixed_dictionaries(
    {("a",): ENTRIES, ("b",): ENTRIES, ("g", "c"): ENTRIES, ("g", "d"): ENTRIES, ("e",): ENTRIES}
)
Condition = Callable[[dict[str, Any]], bool]
FORMULAS: dict[str, Condition] = {
    "a + b <= 5": lambda v: v["a"] + v["b"] <= 5,
    "g.c * 2 >= a": lambda v: v["g/c"] * 2 >= v["a"],
    "b != 1 or g/d < 2": lambda v: v["b"] != 1 or v["g/d"] < 2,
    "a > -2": lambda v: v["a"] > -2,
    "max(a, e) < 8": lambda v: max(v["a"], v["e"]) < 8,
}
CONDITIONS: dict[str, tuple[str, str, Condition, int | None]] = {
    "b only if a > 1": ("b", "a", lambda v: v["a"] > 1, None),
    "g/d only if b <= 2 else 7": ("g/d", "b", lambda v: v["b"] <= 2, 7),
    "e only if g/c != 1": ("e", "g/c", lambda v: v["g/c"] != 1, None),
}
RULES = st.lists(
    st.sampled_from([*FORMULAS, *CONDITIONS, "zip a, b", "zip g/c, g/d", "seeds 2"]), unique=True, max_size=5
)


def brute_force(space: dict[tuple[str, ...], Any], kept: list[str]) -> dict[Any, dict[str, Any]]:
    """Return the configurations that rules leave, worked out one by one from the whole product."""
    lists: dict[str, list[Any]] = {}
    for path, entry in space.items():
        grid = parameter_from_config(path, entry).grid
        assert grid is not None
        values = entry.get("values") or [grid.value(index) for index in range(grid.count)]
        lists["/".join(path)] = values
    if "seeds 2" in kept:
        lists["seed"] = [0, 1]
    found: dict[Any, dict[str, Any]] = {}
    for indexes in itertools.product(*(range(len(values)) for values in lists.values())):
        at = dict(zip(lists, indexes, strict=True))
        if any(f"zip {one}, {two}" in kept and at[one] != at[two] for one, two in (("a", "b"), ("g/c", "g/d"))):
            continue
        point = {name: lists[name][index] for name, index in at.items()}
        for text in ("b only if a > 1", "g/d only if b <= 2 else 7", "e only if g/c != 1"):
            member, asked, condition, otherwise = CONDITIONS[text]
            if text in kept and not (asked in point and condition(point)):
                point.pop(member)
                if otherwise is not None:
                    point[member] = otherwise
        if all(condition(point) for text, condition in FORMULAS.items() if text in kept and _names(text) <= set(point)):
            found[canonical_key({name: _folded(value) for name, value in point.items()})] = point
    return found


def _names(text: str) -> set[str]:
    return {"/".join(path) for path in parse_expression(text, spellings(list(_PATHS))).paths}


_PATHS = (("a",), ("b",), ("g", "c"), ("g", "d"), ("e",))


def _folded(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _flat(config: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{key}/{inner}" if isinstance(value, dict) else key: item
        for key, value in config.items()
        for inner, item in (value.items() if isinstance(value, dict) else [("", value)])
    }


@given(SPACES, RULES)
@settings(max_examples=80, deadline=None)
def test_a_compiled_grid_has_exactly_the_points_that_the_rules_leave_each_once(
    space: dict[tuple[str, ...], Any], texts: list[str]
) -> None:
    sources = list(space.items())
    compiled = compile_rules(sources, rules(*texts), "grid")
    kept = [effect.line.text for effect in compiled.effects if effect.into is not None]
    expected = brute_force(space, kept)
    config = configuration(compiled)
    assert violations(config) == []
    flat = [_flat(point) for point in points(compiled)]
    found = [canonical_key({name: _folded(value) for name, value in point.items()}) for point in flat]
    assert sorted(map(repr, found)) == sorted(map(repr, expected))
    assert SearchSpace.from_config(config).unique_count == len(expected)
    for effect in compiled.effects:
        if effect.into is None:
            assert "as many values" in effect.problem or effect.problem == "No combination is left."
    # Everything comes back from the notes, and compiled again it is the same.
    method = "grid"
    read = read_rules(compiled.leaves, notes_of_rules(compiled), method)
    assert not read.stale
    assert sorted(map(repr, read.leaves)) == sorted(map(repr, sources))
    assert sorted(line.text for line in read.lines) == sorted(texts)
    again = compile_rules(read.leaves, read.lines, method)
    assert (again.leaves, notes_of_rules(again)) == (compiled.leaves, notes_of_rules(compiled))


def test_notes_say_in_words_what_was_compiled_and_hold_the_sources() -> None:
    sources = leaves(a=listed(1, 2), b=listed("x: y", None), g__c=listed(True, "two\nlines # no comment"))
    lines = [RuleLine("zip a, b"), RuleLine("a < 9", is_on=False), RuleLine("g.c  ==  a or a > 0"), RuleLine("oh no")]
    compiled = compile_rules(sources, lines, "grid")
    notes = notes_of_rules(compiled)
    assert notes == {
        "parameters": ["rule off: a < 9", "rule: oh no"],
        "parameters.joint__a__b__g_c": [
            "a, b and g/c in one: 4 of 8 combinations, by these rules:",
            "rule: zip a, b",
            "rule: g.c == a or a > 0",
            "of a: {values: [1, 2]}",
            "of b: {values: ['x: y', null]}",
            'of g/c: {values: [true, "two\\nlines # no comment"]}',
        ],
    }
    read = read_rules(compiled.leaves, notes, "grid")
    assert read.leaves == tuple(sources)
    assert [(line.text, line.is_on) for line in read.lines] == [
        ("zip a, b", True),
        ("g.c == a or a > 0", True),
        ("a < 9", False),
        ("oh no", True),
    ]


def test_what_was_changed_by_hand_stays_as_it_is_and_its_notes_are_kept_with_a_word() -> None:
    compiled = compile_rules(leaves(a=listed(1, 2), b=listed(3, 4)), rules("zip a, b"), "grid")
    notes = notes_of_rules(compiled)
    changed: list[Leaf] = [(("joint__a__b",), {"values": [{"a": 1, "b": 3}]})]
    read = read_rules(changed, notes, "grid")
    assert (read.leaves, read.lines) == (tuple(changed), ())
    (oddity,) = oddities_of(read.stale)
    assert oddity.path == "parameters.joint__a__b"
    assert "changed by hand" in oddity.message
    assert list(read.stale.values()) == [tuple(notes["parameters.joint__a__b"])]
    # A member that somebody added beside it belongs to its own parameter now.
    beside = read_rules([*compiled.leaves, (("a",), {"value": 1})], notes, "grid")
    assert beside.lines == ()
    # Another method does not unmake the rules.
    stepped = compile_rules(
        leaves(a=listed(1, 2), q={"distribution": "q_uniform", "min": 0.0, "max": 1.0, "q": 0.5}),
        rules("a > q"),
        "grid",
    )
    assert read_rules(stepped.leaves, notes_of_rules(stepped), "random").lines == tuple(rules("a > q"))


def test_rules_noted_in_a_file_that_do_not_hold_are_told_to_who_checks_it_with_their_lines() -> None:
    compiled = compile_rules(leaves(a=listed(1, 2), b=listed(3, 4)), rules("zip a, b", "zip a, c"), "grid")
    config = configuration(compiled)
    text = edited("", config, notes_of_rules(compiled))
    problems, oddities = check_rules(config, text)
    (line,) = (number for number, line in enumerate(text.splitlines(), 1) if line == "#: rule: zip a, c")
    assert [(each.path, each.message, each.line) for each in problems] == [
        ("rules[1]", "There is no parameter `c`.", line)
    ]
    assert oddities == []
    config["parameters"]["joint__a__b"] = {"values": [{"a": 1, "b": 3}]}  # type: ignore[index,call-overload]
    text = edited(text, config)
    problems, oddities = check_rules(config, text)
    assert [each.code for each in oddities] == ["rules-stale"]


def test_the_largest_group_is_worked_out_fast_and_then_remembered() -> None:
    sources = leaves(a={"min": 1, "max": 100}, b={"min": 1, "max": 100})
    assert 100 * 100 == MAX_COMBINATIONS
    started = time.process_time()
    first = compile_rules(sources, rules("a * b <= 500"), "grid")
    cold = time.process_time() - started
    started = time.process_time()
    for _ in range(10):
        again = compile_rules(sources, rules("a * b <= 500"), "grid")
    warm = (time.process_time() - started) / 10
    assert again.leaves == first.leaves
    assert cold < 2.0
    assert warm < cold / 5
