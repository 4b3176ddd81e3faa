from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trainer.errors import SweepFileError
from trainer.records import Metric
from trainer.sweep.config import config_for_wandb, dump_sweep_config, load_sweep_file, metric_of, parse_sweep_text
from trainer.sweep.yaml_text import parse_yaml


def parse(text: str) -> dict[str, Any]:
    return dict(parse_sweep_text(text, "s.yaml").config)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("3e6", 3e6),
        ("1E5", 1e5),
        ("-2.5e+3", -2500.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("'1e-3'", "1e-3"),
        ('"0.1"', "0.1"),
        ("1e-3x", "1e-3x"),
        ("e5", "e5"),
        ("3", 3),
        ("null", None),
        ("~", None),
        ("None", "None"),
        ("yes", True),
        ("2026-11-23", "2026-11-23"),
        ("[1e-3, '1e-3', true]", [0.001, "1e-3", True]),
    ],
)
def test_values_are_read_with_yaml_1_2_numbers(text: str, value: Any) -> None:
    read = parse(f"a: {text}")["a"]
    assert read == value and type(read) is type(value)


def test_a_sweep_as_json_is_a_sweep() -> None:
    config = {"method": "grid", "parameters": {"lr": {"values": [1e-5, 1e22, None, "x\ty"]}}}
    assert parse(json.dumps(config, indent="\t")) == config


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: [1, 2", "line 3, column 1|line 2"),
        ("a: 1\na: 2", "line 2, column 1.*'a' a second time"),
        ("p:\n  x: {v: 1}\n  x: {v: 2}", "line 3, column 3.*'x' a second time"),
        ("a:\n\tb: 1", "line 2, column 1.*no tabs"),
        ("a: &a [*a]", "line 1.*refers to itself"),
        ("a: *b", "line 1, column 4"),
        ("a: !!python/name:os.system ", "line 1, column 4"),
        ("a: !thing 1", "line 1, column 4"),
        ("a: !!binary aGk=", "line 1, column 4.*bytes"),
        ("a: !!int x", "line 1, column 4.*unreadable"),
        ("? [a]\n: 1", "line 1, column 3.*as a key"),
        ("<<: 3", "merges"),
        ("a: 1\n---\nb: 2", "Keep one document"),
        ("a: \x00", "not YAML"),
        ("[" * 100_000, "nests deeper"),
        ("a: " + "{a: " * 200, "nests deeper"),
        ("", "is empty"),
        ("# only a comment\n", "is empty"),
        ("- a", "holds a list"),
        ("7", "holds a single value"),
    ],
)
def test_what_is_no_sweep_file_is_said_in_one_sentence_with_its_place(text: str, says: str) -> None:
    with pytest.raises(SweepFileError, match=rf"(?s)s\.yaml.*({says})") as caught:
        parse(text)
    assert "\n" not in str(caught.value) and caught.value.hint


def test_nested_aliases_do_not_explode() -> None:
    lines = ["a0: &a0 [0, 0]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    with pytest.raises(SweepFileError, match="1,000,000 values"):
        parse("\n".join(lines))


@pytest.mark.parametrize("line_break", ["\n", "\r", "\x85", "\u2028"])
@pytest.mark.parametrize("piece", ["a:", "- a:", "-", "? a\n:"])
def test_blocks_that_nest_too_deeply_are_refused_however_they_are_written(piece: str, line_break: str) -> None:
    text = line_break.join(" " * (4 * level) + piece for level in range(400)) + " 1"
    with pytest.raises(SweepFileError):
        parse(text)
    with pytest.raises(SweepFileError, match="100 levels"):
        parse("a: " + "[" * 5000)
    with pytest.raises(SweepFileError, match="100 levels"):
        parse("- " * 5000 + "1")


def test_more_values_than_wanted_are_refused_before_they_are_read() -> None:
    many = "a: [" + "1, " * 3000 + "1]"
    assert len(parse_yaml(many, "s.yaml").value["a"]) == 3001  # type: ignore[index, call-overload, arg-type]
    with pytest.raises(SweepFileError, match="more than 2,000 values"):
        parse_yaml(many, "s.yaml", max_values=2000)
    with pytest.raises(SweepFileError, match="more than 3,002 values"):
        parse_yaml(many, "s.yaml", max_values=3002)


def test_merge_keys_and_anchors_are_read_as_by_wandb() -> None:
    text = "base: &base {min: 1, max: 5}\np:\n  <<: *base\n  max: 7\nq:\n  <<: [*base, {min: 3, q: 2}]"
    assert parse(text) == yaml.safe_load(text)


def test_every_key_and_item_knows_its_line() -> None:
    text = "method: grid\nparameters:\n  lr:\n    values:\n      - 1\n      - 2\ncommand: [a,\n  b]\n"
    positions = parse_sweep_text(text, "s.yaml").positions
    assert positions["method"] == 1
    assert positions["parameters.lr"] == 3
    assert positions["parameters.lr.values[1]"] == 6
    assert positions["command[1]"] == 8


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "There is no sweep file"),
        (b"\xff\xfe\x00", "not a text file"),
        (b"a" * (8 * 1024 * 1024 + 1), "larger than"),
    ],
)
def test_unreadable_files_are_named(content: bytes | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SweepFileError, match=says) as caught:
        load_sweep_file(path)
    assert str(path) in str(caught.value)


def test_a_folder_is_no_sweep_file_and_its_files_are_offered(tmp_path: Path) -> None:
    (tmp_path / "wine.yaml").touch()
    with pytest.raises(SweepFileError, match="is a folder"):
        load_sweep_file(tmp_path)
    with pytest.raises(SweepFileError, match="wine.yaml"):
        load_sweep_file(tmp_path / "vine.yaml")


def test_a_file_keeps_its_text_and_its_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_bytes(b"\xef\xbb\xbfmethod: grid # \xc3\xa9\n")
    file = load_sweep_file(path)
    assert (file.config, file.text, file.source) == ({"method": "grid"}, "method: grid # é\n", str(path))


texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "None",
            "null",
            "~",
            "1e-3",
            "yes",
            "No",
            "on",
            "0x1F",
            "1_000",
            "1:30",
            ".5",
            "2026-11-23",
            "",
            " ",
            "=",
            "<<",
        ]
    ),
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)


@given(st.dictionaries(texts, values, min_size=1, max_size=4))
def test_a_dumped_configuration_loads_back_to_the_same_values(config: dict[str, Any]) -> None:
    text = dump_sweep_config(config)
    read = parse(text)
    assert repr(read) == repr(config)
    # Stock tools read it alike, floats such as 1e-05 too.
    assert repr(yaml.safe_load(text)) == repr(config)


@pytest.mark.parametrize(
    ("config", "metric"),
    [
        ({}, None),
        ({"metric": None}, None),
        ({"metric": "acc"}, None),
        ({"metric": {"goal": "maximize"}}, None),
        ({"metric": {"name": "acc"}}, Metric("acc", "minimize")),
        ({"metric": {"name": "acc", "goal": "maximize", "target": 1}}, Metric("acc", "maximize", 1.0)),
        ({"metric": {"name": "acc", "goal": "MAX", "target": "high"}}, Metric("acc", "minimize")),
        ({"metrics": [{"name": "a", "goal": "maximize"}, {"name": "b"}]}, Metric("a", "maximize")),
    ],
)
def test_the_metric_is_read_from_any_configuration(config: dict[str, Any], metric: Metric | None) -> None:
    assert metric_of(config) == metric


def test_what_wandb_takes_only_as_a_text_is_sent_as_one() -> None:
    config: dict[str, Any] = {"method": "bayes", "metric": {"name": "m", "impute_while_running": False}}
    assert config_for_wandb(config)["metric"] == {"name": "m", "impute_while_running": "false"}
    assert config_for_wandb({"method": "grid"}) == {"method": "grid"}
    assert config["metric"]["impute_while_running"] is False


def test_reading_checking_and_counting_import_nothing_heavy() -> None:
    program = (
        "import sys, trainer.sweep.config, trainer.sweep.validation, trainer.sweep.command, trainer.sweep.space\n"
        "import trainer.search.optimizer, trainer.search.plan, trainer.search.hyperband\n"
        "print([name for name in ('numpy', 'scipy', 'optuna', 'wandb', 'textual', 'sklearn') if name in sys.modules])"
    )
    root = Path(__file__).parents[3]
    environ = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("command: [${env}, python, ${program}]\n", "Quote macros within brackets"),
        ("program: @train.py\n", "Quote the value."),
        ("program: *train\n", "Quote the value, unless"),
        ("method: grid\n---\nmethod: grid\n", "Keep one document"),
    ],
)
def test_broken_yaml_comes_with_the_way_out(text: str, hint: str) -> None:
    with pytest.raises(SweepFileError) as caught:
        parse_sweep_text(text, "s.yaml")
    assert caught.value.hint.startswith(hint)
