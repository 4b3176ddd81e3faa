"""Lists of a hand-written file whose items are edited: what stays keeps its line, its comment and its style."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.sweep.yaml_edit import edited
from trainer.sweep.yaml_lists import aligned
from trainer.sweep.yaml_patches import same
from trainer.sweep.yaml_text import parse_yaml

BLOCK = """\
values:
  # small ones
  - 16   # laptop
  - 32
  # large ones
  - 64   # desktop

  - "128"   # cluster
  # why not more
# next
method: grid
"""
LINES = """\
values: [
  # small ones
  16,   # laptop
  32,
  # large ones
  64,   # desktop
  "128"   # cluster
  # why not more
]   # end
method: grid
"""
PACKED = """\
values: [16,  32,   # small
         64, "128"]   # large
method: grid
"""


def after(text: str, values: list[Any]) -> str:
    config: Any = {**parse_yaml(text, "").value, "values": values}  # type: ignore[dict-item]
    changed = edited(text, config)
    assert same(parse_yaml(changed, "").value, config)
    return changed


def without(text: str, *lines: str) -> str:
    for line in lines:
        assert line in text
        text = text.replace(line, "", 1)
    return text


@pytest.mark.parametrize(
    ("values", "block", "in_lines"),
    [
        ([32, 64, "128"], without(BLOCK, "  - 16   # laptop\n"), without(LINES, "  16,   # laptop\n")),
        ([16, 32, "128"], without(BLOCK, "  - 64   # desktop\n"), without(LINES, "  64,   # desktop\n")),
        (
            [16, 32, 64],
            without(BLOCK, '  - "128"   # cluster\n'),
            without(LINES, '  "128"   # cluster\n').replace("64,   #", "64    #"),
        ),
        (
            [16, 32, 64, "128", "256"],
            BLOCK.replace("cluster\n  # why not more\n", 'cluster\n  - "256"\n  # why not more\n'),
            LINES.replace('"128"   # cluster\n', '"128",  # cluster\n  "256"\n'),
        ),
        (
            [16, 24, 32, 64, "128"],
            BLOCK.replace("laptop\n", "laptop\n  - 24\n"),
            LINES.replace("laptop\n", "laptop\n  24,\n"),
        ),
        ([8, 16, 32, 64, "128"], BLOCK.replace("  - 16", "  - 8\n  - 16"), LINES.replace("  16", "  8,\n  16")),
        ([16, 33, 64, "128"], BLOCK.replace("32", "33"), LINES.replace("32", "33")),
        (
            [64, 16, 32, "128"],
            without(BLOCK, "  - 64   # desktop\n").replace("  - 16", "  - 64   # desktop\n  - 16"),
            without(LINES, "  64,   # desktop\n").replace("  16", "  64,   # desktop\n  16"),
        ),
    ],
)
def test_an_edit_of_a_list_touches_only_the_lines_of_its_items(values: list[Any], block: str, in_lines: str) -> None:
    assert after(BLOCK, values) == block
    assert after(LINES, values) == in_lines


def test_a_comment_above_one_item_goes_where_the_item_goes() -> None:
    text = "values:\n# for laptops\n- 16\n# for the rest\n- 64\nmethod: grid\n"
    in_lines = "values: [\n  # for laptops\n  16,\n  # for the rest\n  64\n]\nmethod: grid\n"

    assert after(text, [64, 16]) == "values:\n# for the rest\n- 64\n# for laptops\n- 16\nmethod: grid\n"
    assert after(in_lines, [64, 16]) == ("values: [\n  # for the rest\n  64,\n  # for laptops\n  16\n]\nmethod: grid\n")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([16, 32, 64], PACKED.replace(', "128"]', "]")),
        ([16, 32, 48, 64, "128"], PACKED.replace("32,   #", "32, 48,   #")),
        ([16, 64, "128"], PACKED.replace("16,  32,   # small", "16,  # small")),
        ([32, 64, "128"], PACKED.replace("16,  32", "32")),
        ([16, 32, "128"], PACKED.replace('64, "128"', '"128"')),
        ([16, 32, 64, "128", "x"], PACKED.replace('"128"]', '"128", "x"]')),
        ([8, 16, 32, 64, "128"], PACKED.replace("[16", "[8, 16")),
        ([16, 32], "values: [16,  32    # small\n         ]   # large\nmethod: grid\n"),
    ],
)
def test_a_list_that_is_wrapped_stays_wrapped(values: list[Any], expected: str) -> None:
    assert after(PACKED, values) == expected


@pytest.mark.parametrize("text", ["values: [1, 2,]\n", "values:\n- &a 1\n- *a\n", "values:\n-   1\n-   2\n"])
def test_what_a_list_looks_like_is_kept(text: str) -> None:
    config: Any = parse_yaml(text, "").value
    values = [*config["values"], 3]
    last = text.splitlines()[-1]
    expected = text + last[:-1] + "3\n" if "-   " in text else text + "- 3\n" if "&" in text else "values: [1, 2, 3,]\n"

    assert after(text, values) == expected


def test_lists_of_mappings_and_of_lists_are_edited_in_place() -> None:
    text = (
        "values:\n  - {a: 1, b: 2}   # first\n  - {a: 3, b: 4}   # second\n"
        "more:\n- a: 1   # one\n  b: 2   # two\n- a: 3\n  # why 4\n  b: 4\n"
        "sizes:\n  - [64, 64]   # deep\n  - [32]   # flat\nmatrix: [[1, 2],   # row\n         [3, 4]]   # last\n"
    )
    config: Any = parse_yaml(text, "").value
    config["values"][1]["b"] = 5
    config["values"].insert(1, {"a": 9, "b": 9})
    config["more"][0]["b"] = 7
    config["more"].append({"a": 5, "b": 6})
    config["sizes"][0].append(16)
    config["matrix"].insert(1, [0, 0])

    changed = edited(text, config)

    assert changed == (
        "values:\n  - {a: 1, b: 2}   # first\n  - {a: 9, b: 9}\n  - {a: 3, b: 5}   # second\n"
        "more:\n- a: 1   # one\n  b: 7   # two\n- a: 3\n  # why 4\n  b: 4\n- a: 5\n  b: 6\n"
        "sizes:\n  - [64, 64, 16]   # deep\n  - [32]   # flat\n"
        "matrix: [[1, 2],   # row\n         [0, 0],\n         [3, 4]]   # last\n"
    )


def test_entries_within_brackets_keep_their_comments() -> None:
    text = "metric: {\n  name: loss,   # what\n  goal: minimize   # how\n}\n"

    assert edited(text, {"metric": {"name": "loss", "goal": "minimize", "target": 1}}) == (
        "metric: {\n  name: loss,   # what\n  goal: minimize,  # how\n  target: 1\n}\n"
    )
    assert edited(text, {"metric": {"name": "loss"}}) == "metric: {\n  name: loss    # what\n}\n"


def test_entries_within_brackets_move_with_their_comments() -> None:
    text = "p: {\n  a: 1,   # one\n  # two\n  b: 2,\n  c: 3    # three\n}\n"

    assert edited(text, {"p": {"c": 3, "a": 1, "b": 2}}) == (
        "p: {\n  c: 3,   # three\n  a: 1,   # one\n  # two\n  b: 2\n}\n"
    )
    assert edited("p: {a: 1, b: 2,  c: 3}\n", {"p": {"b": 2, "a": 1, "c": 3}}) == "p: {b: 2, a: 1,  c: 3}\n"


def test_as_many_items_stay_as_can() -> None:
    def stays(old: list[Any], new: list[Any]) -> list[int | None]:
        return [place.stays for place in aligned(old, new)]

    assert stays([1, 2, 3, 4], [4, 1, 2, 3]) == [None, 0, 1, 2]
    assert [place.moved for place in aligned([1, 2, 3, 4], [4, 1, 2, 3])] == [3, None, None, None]
    assert stays([1, 2, 3], [1, 1, 2, 3]) == [0, None, 1, 2]
    assert stays([1, 2, 1], [2, 1]) == [1, 2]
    assert stays([1, True, 1.0], [1.0, 1, True]) == [None, 0, 1]
    assert stays(list(range(20_000)), list(range(1, 20_001))) == [*range(1, 20_000), None]


VALUES = [16, 32, 64, 0.5, 1e-5, "relu", "a: b", "it's", "# no", None, True, [1, 2], {"a": 1, "b": "x"}, "", "${env}"]


def flow(value: Any) -> str:
    return yaml.safe_dump([value], default_flow_style=True, width=1_000_000).strip()[1:-1]


def written(random: Random, values: list[Any], step: str) -> str:
    """Return lines of a list, each of whose items has its comment, with other comments between."""
    kind = random.choice(["block", "block", "lines", "opened", "packed"])
    lines: list[str] = []
    for index, value in enumerate(values):
        above = f"{step}# between {index}" if random.random() < 0.3 and kind != "packed" else ""
        comment = f"{' ' * random.randint(1, 3)}# is {value!r}" if random.random() < 0.7 else ""
        comma = "" if index + 1 == len(values) and random.random() < 0.7 else ","
        if kind == "block":
            lines += [above, f"{step}-{' ' * random.choice([1, 1, 3])}{flow(value)}{comment}"]
        else:
            lines += [above, f"{step}  {flow(value)}{comma}{comment}"]
        if random.random() < 0.1 and kind == "block":
            lines.append(random.choice([" ", f"{step}   # deeper {index}"]))
    lines = [line for line in lines if line]
    if kind == "block":
        return "\n" + "\n".join(lines)
    if kind == "packed":
        parts = [flow(value) for value in values]
        cut = random.randint(1, len(parts))
        rest = ", ".join(parts[cut:])
        return " [" + ", ".join(parts[:cut]) + (f",   # packed\n{step}  {rest}]" if rest else "]")
    if kind == "opened" and not lines[0].lstrip().startswith("#"):
        return " [" + lines[0].lstrip() + "\n" + "\n".join([*lines[1:], f"{step}]"])
    return " [\n" + "\n".join([*lines, f"{step}]"])


def edit(random: Random, values: list[Any]) -> list[Any]:
    changed = list(values)
    for _ in range(random.randint(1, 3)):
        kind = random.choice(["insert", "insert", "remove", "change", "move", "twice", "turn", "span"])
        at = random.randrange(len(changed)) if changed else 0
        if kind == "insert" or not changed:
            changed.insert(random.randint(0, len(changed)), random.choice([1, "new", "two words", [3], {"a": 2}, None]))
        elif kind == "remove" and len(changed) > 1:
            del changed[at]
        elif kind == "change":
            changed[at] = random.choice([7, "other", {"a": 1, "b": 5}])
        elif kind == "move":
            changed.insert(random.randrange(len(changed)), changed.pop(at))
        elif kind == "twice":
            changed.insert(at, changed[at])
        elif kind == "turn":
            changed.reverse()
        elif kind == "span" and len(changed) > 2:
            changed[at : at + 2] = [random.choice([8, 9, "z"])]
    return changed


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_after_a_random_edit_of_a_list_each_item_that_survives_has_its_comment(seed: int) -> None:
    random = Random(seed)
    values = random.sample(VALUES, random.randint(1, 8))
    step = " " * random.choice([2, 4, 6])
    text = f"top: 1   # top\nouter:\n  values:{written(random, values, step)}\n  after: 2   # after\n# end\nlast: 3\n"
    assert yaml.safe_load(text)["outer"]["values"] == values
    new = edit(random, values)
    if not new:
        return

    changed = edited(text, {"top": 1, "outer": {"values": new, "after": 2}, "last": 3})

    assert yaml.safe_load(changed) == {"top": 1, "outer": {"values": new, "after": 2}, "last": 3}
    lines = changed.splitlines()
    for value in values:
        comment = f"# is {value!r}"
        if comment in text and any(same(value, each) for each in new):
            assert [line for line in lines if line.endswith(comment) and flow(value) in line], (value, text, changed)
    for line in text.splitlines():
        if line.lstrip().startswith(("# between", "# deeper", "# end")):
            assert line.strip() in {each.strip() for each in lines}, (line, text, changed)
    if "# packed" in text and same(values[0], new[0]):
        assert "# packed" in changed
    assert "top: 1   # top\nouter:\n  values:" in changed
    assert "  after: 2   # after\n# end\nlast: 3\n" in changed
    is_block = "values:\n" in text
    assert ("values:\n" in changed) == is_block
    assert changed.count("\n") >= text.count("\n") - 2 * len(values)
    assert edited(changed, {"top": 1, "outer": {"values": new, "after": 2}, "last": 3}) == changed
