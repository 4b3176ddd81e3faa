"""Hydra overrides, read back by a reader of the grammar's own rules for quoted strings and by OmegaConf's for `${`."""

from __future__ import annotations

import math
import re
import shlex

import pytest

from trainer.errors import InputError
from trainer.records import Json
from trainer.sweep.hydra_overrides import hydra_overrides, hydra_value, hydra_words


def read_quoted(word: str) -> str:
    """Read a quoted string as Hydra 1.3 does: backslashes count only where a quote follows (`_ESC_QUOTED_STR`)."""
    assert re.fullmatch(r'"(?:\\"|[^"])*"', word, re.DOTALL), word
    found, text = [], word[1:]
    while match := re.search(r'\\+"', text):
        found += [text[: match.start()], text[match.start() + 1 : match.end() : 2]]
        text = text[match.end() :]
    return "".join([*found, text[:-1] if len(text) > 1 else ""])


def test_groups_become_paths_and_values_are_hydras_own() -> None:
    config: dict[str, Json] = {
        "lr": 1e-05, "optimizer": {"name": "adam", "betas": [0.9, 0.999]}, "layers": 3, "dropout": None,
        "shuffle": True, "data": {}, "big": 1e16, "path": "data/wine-2.csv", "worst": -math.inf,
    }  # fmt: skip
    assert hydra_overrides(config) == [
        "lr=1e-5", "optimizer.name=adam", "optimizer.betas=[0.9,0.999]", "layers=3", "dropout=null",
        "shuffle=true", "data={}", "big=1e+16", "path=data/wine-2.csv", "worst=-inf",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["None", "relu", "a.b", "x_1", "a-b"])
def test_plain_words_stand_without_quotes(text: str) -> None:
    assert hydra_value(text) == text


@pytest.mark.parametrize(
    "text",
    ["", " ", "null", "TRUE", "nan", "Inf", "1", "1e-3", "-5", "1_000", "a b", "a,b", "[1]", "{a: 1}", "f(x)", "k=v",
     "it's", 'say "hi"', "back\\", '\\"', 'a\\\\"b\\', "C:\\new\\", "'", "two\nlines", "日本", "$x", "~", "#1", "a:b"],
)  # fmt: skip
def test_any_other_text_is_quoted_and_read_back_as_it_was(text: str) -> None:
    word = hydra_value(text)
    assert read_quoted(word) == text
    assert shlex.split(hydra_words({"x": text})) == [f"x={word}"]


def test_text_that_omegaconf_would_look_up_is_escaped_for_it() -> None:
    assert hydra_value("${HOME}/x") == '"\\${HOME}/x"'
    assert read_quoted(hydra_value('\\${say "x"}')) == '\\\\\\${say "x"}'


def test_names_that_no_path_can_hold_are_keys_of_a_mapping_or_refused() -> None:
    assert hydra_overrides({"a": {"two words": 1, "b": "x y"}}) == ['a={two\\ words:1,b:"x y"}']
    assert hydra_overrides({"a.b": 1, "joint": {"c": 2}}) == ["a.b=1", "joint.c=2"]
    refused: list[dict[str, Json]] = [{"two words": 1}, {"a": {"it's": 1}}]
    for config in refused:
        with pytest.raises(InputError, match="no way to write the name"):
            hydra_overrides(config)
