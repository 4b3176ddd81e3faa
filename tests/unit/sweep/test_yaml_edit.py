from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sweep.written_yaml import Writer, random_config, random_edit
from trainer.sweep.yaml_edit import edited, notes_of
from trainer.sweep.yaml_patches import same
from trainer.sweep.yaml_text import parse_yaml

FILE = """\
# Wine forest
# by hand

method: grid   # try all
name: 'wine-forest'

# what counts
metric: {name: accuracy, goal: maximize}

parameters:
  # number of trees
  n_estimators:
    values: [50, 100,  200]   # three

  max_depth: {values: [2,4, 8]}
  opt:
    parameters:
      lr: &lr
        min: 1e-5
        max: 0.1
      # momentum
      m:
        values:
        - 1 # one
        - 2 # two
command:
- ${env}
- "python"
# end
"""
Edit = Callable[[dict[str, Any]], object]


def read(text: str) -> Any:
    return parse_yaml(text, "text").value


def after(edit: Edit, text: str = FILE) -> str:
    """Return the text after an edit of what it says, which it then says."""
    config = read(text)
    edit(config)
    changed = edited(text, config)
    assert same(read(changed), config)
    return changed


def renamed(mapping: dict[str, Any], old: str, new: str) -> None:
    items = [(new if key == old else key, value) for key, value in mapping.items()]
    mapping.clear()
    mapping.update(items)


@pytest.mark.parametrize(
    ("edit", "old", "new"),
    [
        (lambda c: c.update(method="bayes"), "method: grid   #", "method: bayes   #"),
        (lambda c: c.update(name="it's"), "'wine-forest'", "'it''s'"),
        (lambda c: c["parameters"]["n_estimators"]["values"].insert(1, 75), "[50, 100,", "[50, 75, 100,"),
        (lambda c: c["parameters"]["n_estimators"]["values"].pop(), "[50, 100,  200]", "[50, 100]"),
        (lambda c: c["parameters"].update(max_depth={"min": 1, "max": 4}), "{values: [2,4, 8]}", "{min: 1, max: 4}"),
        (lambda c: c["metric"].update(target=0.9), "maximize}", "maximize, target: 0.9}"),
        (lambda c: c["metric"].pop("name"), "{name: accuracy, goal", "{goal"),
        (lambda c: renamed(c["parameters"], "n_estimators", "trees"), "  n_estimators:", "  trees:"),
        (lambda c: c["parameters"]["opt"]["parameters"]["lr"].update(max=1), "max: 0.1", "max: 1"),
        (lambda c: c["parameters"]["opt"]["parameters"]["m"]["values"].insert(1, 3), "# one\n", "# one\n        - 3\n"),
        (lambda c: c["command"].__setitem__(1, "python3"), '"python"', '"python3"'),
        (
            lambda c: c["parameters"].pop("n_estimators"),
            "  # number of trees\n  n_estimators:\n    values: [50, 100,  200]   # three\n\n",
            "",
        ),
        (
            lambda c: c["parameters"]["opt"]["parameters"].update(beta={"values": [1, 2]}),
            "        - 2 # two\n",
            "        - 2 # two\n      beta:\n        values: [1, 2]\n",
        ),
        (
            lambda c: c.update(metric=None, run_cap=5),
            ("metric: {name: accuracy, goal: maximize}", '- "python"\n'),
            ("metric: null", '- "python"\nrun_cap: 5\n'),
        ),
    ],
)
def test_only_what_was_edited_changes(edit: Edit, old: str | tuple[str, ...], new: str | tuple[str, ...]) -> None:
    expected = FILE
    pairs = [(old, new)] if isinstance(old, str) else zip(old, new, strict=True)
    for one, other in pairs:
        assert isinstance(one, str) and isinstance(other, str)
        expected = expected.replace(one, other, 1)

    assert after(edit) == expected


def test_entries_move_with_their_comments_and_the_opening_comment_stays() -> None:
    def turn(config: dict[str, Any]) -> None:
        items = list(config["parameters"].items())
        config["parameters"] = dict([items[1], items[0], items[2]])

    moved = after(turn)
    assert sorted(moved.splitlines()) == sorted(FILE.splitlines())
    assert "8]}\n\n  # number of trees\n  n_estimators:" in moved

    def program_first(config: dict[str, Any]) -> None:
        items = {"program": "train.py", **config}
        config.clear()
        config.update(items)

    assert after(program_first) == FILE.replace("method: grid", "program: train.py\nmethod: grid", 1)


def test_a_comment_below_a_value_is_no_line_of_the_text_that_takes_its_place() -> None:
    text = "a: 1  # one\nb:\n  c: 1\n  # below\nd: 2\n"

    changed = after(lambda c: c.update(b="two\nlines"), text)

    assert changed == 'a: 1  # one\nb: "two\\nlines"\n  # below\nd: 2\n'


def test_quotes_that_a_name_needed_go_with_the_name() -> None:
    assert after(lambda c: renamed(c, "a: 1", "b"), "'a: 1': 2\n\"c\": 3\n") == 'b: 2\n"c": 3\n'
    assert after(lambda c: renamed(c, "c", "d"), "'a: 1': 2\n\"c\": 3\n") == "'a: 1': 2\n\"d\": 3\n"


ANCHORS = """\
base: &base {min: 0, max: 1}   # shared
parameters:
  a: *base
  b:
    <<: *base
    max: 2
  c: *base
"""


@pytest.mark.parametrize(
    ("edit", "kept"),
    [
        (lambda c: c["parameters"].update(a={"value": 3}), ["base: &base {min: 0, max: 1}   # shared", "  c: *base"]),
        (lambda c: c["base"].update(max=9), ["base: &base {min: 0, max: 9}   # shared", "    max: 2"]),
        (lambda c: c["parameters"]["b"].update(max=3, q=1), ["  a: *base", "    <<: *base", "    max: 3", "    q: 1"]),
        (lambda c: c["parameters"]["b"].update(min=7), ["    <<: *base", "    max: 2", "    min: 7"]),
        (lambda c: c["parameters"]["b"].pop("min"), ["  a: *base", "  c: *base"]),
        (lambda c: c.pop("base"), ["parameters:"]),
        (lambda c: c.update(base=5), ["parameters:"]),
    ],
)
def test_anchors_stay_where_they_still_say_the_same(edit: Edit, kept: list[str]) -> None:
    lines = after(edit, ANCHORS).splitlines()

    assert [line for line in kept if line not in lines] == []


def test_json_stays_json() -> None:
    config = {"method": "grid", "parameters": {"lr": {"values": [1, 2]}, "x": {"value": "ü"}}}
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"

    changed = after(lambda c: (c["parameters"].update(m={"min": 1, "max": 3}), c.pop("method")), text)

    assert list(json.loads(changed)) == ["parameters"]
    assert '    "x": {\n      "value": "ü"\n    },\n    "m": {"min": 1, "max": 3}' in changed


@pytest.mark.parametrize(
    "text",
    [
        FILE.replace("\n", "\r\n"),
        "\ufeff" + FILE,
        "---\n" + FILE + "...\n",
        FILE.replace("method: grid  ", "method:\tgrid\t"),
        FILE.rstrip("\n"),
        FILE.replace("\n", "\n\n"),
        FILE + "description: |\n  #: not a note\n\n  three\n  lines\n\n\n",
        FILE + "description: >-\n  folded\n  lines # text\nlong: " + "word " * 100 + "\n",
        FILE + "nothing:\nother: ~\n",
        "{method: grid, parameters: {lr: {values: [1, 2]}, opt: {parameters: {m: {value: 1}}}}}",
        "method: grid\nparameters:\n    lr: {values: [1]}\n    opt:\n        parameters:\n            m: {value: 1}\n",
        "? method\n: grid\nparameters: {opt: {parameters: {}}, lr: 1}\n",
        "",
        "# nothing but a comment",
        "[1, 2]\n",
        "a: 1\na: 2\n",
        "a: 1\n---\nb: 2\n",
        "a: [1\n",
    ],
)
def test_every_way_to_write_yaml_can_be_edited(text: str) -> None:
    try:
        config = read(text)
    except Exception:
        config = None
    config = config if isinstance(config, dict) else {}
    wanted: dict[str, Any] = {**config, "run_cap": 7, "method": "random"}
    wanted["parameters"] = {**wanted.get("parameters", {}), "new": {"values": [1, "x"]}}
    opt = wanted["parameters"].get("opt")
    if opt:
        wanted["parameters"]["opt"] = {"parameters": {**opt["parameters"], "deep": {"value": 1}}}

    changed = edited(text, wanted)

    assert same(read(changed), wanted)
    comments = {line.strip() for line in text.removeprefix("\ufeff").splitlines() if line.strip().startswith("#")}
    assert comments <= {line.strip() for line in changed.removeprefix("\ufeff").splitlines()}
    assert ("\r\n" in text) == ("\r\n" in changed)
    assert changed.count("\n") == changed.count("\r\n") or "\r\n" not in text
    assert changed.startswith("\ufeff") == text.startswith("\ufeff")


def untouched(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of the keys whose values are the same in both."""
    if isinstance(old, dict):
        for key, value in old.items():
            if isinstance(new, dict) and key in new:
                if same(value, new[key]):
                    yield f"{path}/{key}"
                yield from untouched(value, new[key], f"{path}/{key}")


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_a_random_edit_of_a_random_file_says_what_it_shall_and_keeps_every_other_comment(seed: int, edits: int) -> None:
    random = Random(seed)
    config = random_config(random)
    text = Writer(random).write(config)
    assert same(read(text), config)
    wanted = config
    for _ in range(edits):
        wanted = random_edit(random, wanted) if wanted else wanted

    changed = edited(text, wanted)

    assert same(read(changed), wanted)
    assert edited(changed, wanted) == changed
    if wanted:
        kept = [f"#<{path}>#" for path in untouched(config, wanted)]
        assert [comment for comment in kept if comment in text and comment not in changed] == []


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_text_outside_of_the_changed_entry_stays_byte_for_byte(seed: int) -> None:
    random = Random(seed)
    config = random_config(random)
    text = Writer(random).write(config)
    key = random.choice(list(config))
    lines = parse_yaml(text, "text").lines
    following = [lines[each] for each in config if lines[each] > lines[key]]
    before = "".join(text.splitlines(keepends=True)[: lines[key] - 1])
    # The comment right above the next key is part of that key's entry.
    behind = "".join(text.splitlines(keepends=True)[min(following) - 1 :]) if following else ""

    changed = edited(text, {**config, key: {"something": ["else"]}})

    assert changed.startswith(before)
    assert changed.endswith(behind)


def test_notes_belong_to_the_key_below_or_to_the_end_of_their_mapping() -> None:
    text = (
        "#: at the top\nmethod: grid\nparameters:\n  #: off a: {value: 1}\n  # mine\n  b: {value: 2}\n"
        "  opt:\n    parameters:\n      c: {value: 3}\n      #: off d: {value: 4}\n"
        "  #: off e: {value: 5}\n\nrun_cap: 3\ndescription: |\n  #: no note\n#: last\n"
    )

    assert notes_of(text) == {
        "method": ["at the top"],
        "parameters.b": ["off a: {value: 1}"],
        "parameters.opt.parameters.": ["off d: {value: 4}"],
        "parameters.": ["off e: {value: 5}"],
        ".": ["last"],
    }
    assert notes_of("a: [1") == {}


@pytest.mark.parametrize(
    "notes",
    [
        {},
        {"parameters.max_depth": ["zip a, b", "a: {values: [1]}"]},
        {"parameters.": ["off x: {value: 1}"]},
        {"parameters.opt.parameters.": ["off x: 1"], "parameters.": ["off y: 1"], "method": ["x"], ".": ["end"]},
    ],
)
@pytest.mark.parametrize("text", [FILE, FILE.replace("\n", "\r\n"), FILE.rstrip("\n"), json.dumps(read(FILE))])
def test_notes_are_written_changed_and_removed_again(text: str, notes: dict[str, list[str]]) -> None:
    config = read(text)

    noted = edited(text, config, notes)

    assert same(read(noted), config)
    assert notes_of(noted) == notes
    if not text.startswith("{"):
        assert edited(noted, config, {}) == text


def test_notes_of_an_empty_mapping_stand_below_it() -> None:
    config = {**read(FILE), "parameters": {}}
    notes = {"parameters.": ["off lr: {values: [1, 2]}"]}

    noted = edited(FILE, config, notes)

    assert (read(noted), notes_of(noted)) == (config, notes)
    assert "parameters: {}\n  #: off lr: {values: [1, 2]}\ncommand:" in noted
