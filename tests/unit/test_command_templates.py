from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trainer.sweep.command import MACROS, command_argv, command_of
from trainer.sweep.validation import violations
from tui.command_templates import (
    TEMPLATES,
    CommandTemplate,
    item_meaning,
    macro_meanings,
    template_of,
    variable_meanings,
)
from tui.path_candidates import program_candidates
from tui.run_command import command_words

ARGS: dict[str, Any] = {"lr": 0.1, "amp": True, "ema": False}
EXPECTED = {
    "Python script · --name=value": "python t.py --lr=0.1 --amp=True --ema=False",
    "Python script · --name value": "python t.py --lr 0.1 --amp True --ema False",
    "Python script · --flag for True, nothing for False": "python t.py --lr=0.1 --amp",
    "Python script · one JSON text": 'python t.py {"lr": 0.1, "amp": true, "ema": false}',
    "Python script · a JSON file": "python t.py c.json",
    "Python script · reads wandb.config alone": "python t.py",
    "Hydra · name=value": "python t.py lr=0.1 amp=True ema=False",
    "Hydra · ++name=value, new keys too": "python t.py ++lr=0.1 ++amp=True ++ema=False",
    "Python module · -m": "python -m t.py --lr=0.1 --amp=True --ema=False",
    "torchrun": "torchrun --standalone --nproc_per_node=1 t.py --lr=0.1 --amp=True --ema=False",
    "accelerate launch": "accelerate launch t.py --lr=0.1 --amp=True --ema=False",
    "Shell script · name=value": "bash t.py lr=0.1 amp=True ema=False",
    "the trainer of sweep-tui": "python -m trainer train --lr=0.1 --amp=True --ema=False",
}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_each_template_starts_its_kind_of_program(template: CommandTemplate) -> None:
    config: dict[str, Any] = {"method": "grid", "program": "t.py", "parameters": {"lr": {"value": 0.1}}}
    config["command"] = list(template.command)

    assert violations(config) == []
    argv = command_argv(config, ARGS, args_json_file="c.json")
    assert argv[0] == "/usr/bin/env"
    assert " ".join(argv[1:]) == EXPECTED[template.name]
    assert template_of(command_of(config)) is template


def test_a_command_of_ones_own_is_no_template_and_no_command_is_the_default() -> None:
    assert template_of(["make", "train"]) is None
    found = template_of(command_of({}))
    assert found is not None and found.is_default


def test_what_an_item_becomes_is_told_and_no_secret_with_it() -> None:
    environ = {"HOME": "/home/me", "MY_API_KEY": "abc", "lower": "x", "LONG": "x" * 99}
    assert item_meaning("${args}") == MACROS["args"]
    assert item_meaning("${program}", "t.py") == "t.py"
    assert item_meaning("--out=${envvar:HOME}", environ=environ) == "HOME: /home/me"
    assert item_meaning("${envvar:NONE}", environ=environ) == "NONE is not set: the text NONE"
    assert item_meaning("${argz}") == "no macro: becomes nothing"
    assert item_meaning("--fast") == item_meaning("") == ""
    variables = variable_meanings(environ)
    assert variables["${envvar:MY_API_KEY}"] == "(not shown)"
    assert len(variables["${envvar:LONG}"]) == 40 and "${envvar:lower}" not in variables
    assert set(macro_meanings()) == {f"${{{name}}}" for name in MACROS} | {"${envvar:NAME}"}


def test_arguments_that_are_another_value_to_the_program_are_told_apart() -> None:
    args: dict[str, Any] = {"lr": 0.1, "amp": True, "none": None, "opt": {"b": 1}, "name": "None"}

    def kinds(macro: str) -> dict[str, str]:
        config: dict[str, Any] = {"program": "t.py", "command": ["${program}", macro, "end"]}
        return {word.text: word.kind for word in command_words(command_argv(config, args), args)}

    plain = kinds("${args}")
    assert plain["t.py"] == plain["end"] == "plain"
    assert plain["--lr=0.1"] == plain["--name=None"] == "argument"
    assert plain["--amp=True"] == plain["--none=None"] == plain["'--opt={'\"'\"'b'\"'\"': 1}'"] == "odd"
    apart = kinds("${args_no_equals}")
    assert (apart["--amp"], apart["True"], apart["0.1"]) == ("argument", "odd", "argument")
    assert kinds("${args_no_boolean_flags}")["--amp"] == "argument"
    assert "odd" not in kinds("${args_json}").values()


def test_endless_commands_are_cut() -> None:
    words = command_words(["x" * 10_000, *["y"] * 1_000], {})
    assert len(words) == 301 and words[-1].text == "… 701 more"
    assert len(words[0].text) == 401


def test_paths_are_completed_with_programs_first(tmp_path: Path) -> None:
    for name in ("train.py", "tune.sh", "notes.txt", ".hidden.py", "sub/model.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    (tmp_path / "tool").write_text("")
    (tmp_path / "tool").chmod(0o755)
    (tmp_path / "gone").symlink_to("nowhere")

    def found(typed: str) -> list[str]:
        return [each.text for each in program_candidates(tmp_path, typed)]

    assert found("") == ["tool", "train.py", "tune.sh", "sub/"]
    assert found("tr") == ["train.py"]
    assert found("sub/") == found("./sub/")[:0] + ["sub/model.py"]
    assert found(".h") == [".hidden.py"]
    assert found("none/") == found("\0/") == found("~nobody-here/") == []
