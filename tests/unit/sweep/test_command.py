from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

from trainer.errors import ProgramError
from trainer.sweep.command import MACROS, check_program, command_argv

ARGS: dict[str, Any] = {"lr": 0.1, "n": 3, "flag": True, "off": False, "none": None, "opt": {"b": 1}, "l": [1, "x"]}


def stock_argv(config: dict[str, Any], args: dict[str, Any], json_file: str) -> list[str]:
    """Expand a command with wandb's own functions, joined as its agent's `_command_run` joins them."""
    command = create_sweep_command(list(config.get("command") or []))
    expansions = create_sweep_command_args({"args": {name: {"value": value} for name, value in args.items()}})
    expansions |= {
        "interpreter": ["python"],
        "program": [config["program"]],
        "args_json_file": [json_file],
        "env": ["/usr/bin/env"],
    }
    argv: list[str] = []
    for item in map(str, command):
        if item.startswith("${") and item.endswith("}"):
            argv += expansions.get(item[2:-1]) or []
        else:
            argv.append(item)
    return argv


@pytest.mark.parametrize("macro", [*MACROS, "args_dict", "nothing", "envvar:WHERE", "envvar:UNSET", "envvar:lower"])
def test_every_macro_expands_as_in_wandb(macro: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE", "${args}")
    config: dict[str, Any] = {"program": "train.py", "command": ["x", f"${{{macro}}}", f"--in=${{{macro}}}", 7, None]}
    assert command_argv(config, ARGS, args_json_file="f.json") == stock_argv(config, ARGS, "f.json")


@pytest.mark.parametrize("command", [None, []])
def test_the_default_command_is_wandbs(command: list[str] | None) -> None:
    config: dict[str, Any] = {"program": "train.py", "command": command}
    assert command_argv(config, {"lr": 0.1}) == ["/usr/bin/env", "python", "train.py", "--lr=0.1"]
    assert command_argv(config, {"lr": 0.1}) == stock_argv(config, {"lr": 0.1}, "")


items = st.one_of(
    st.sampled_from([f"${{{name}}}" for name in (*MACROS, "x", "envvar:HOME", "envvar:A}${envvar:B")]),
    st.text(max_size=9),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=4,
)


@given(st.lists(items, min_size=1, max_size=5), st.dictionaries(st.text(min_size=1, max_size=4), values, max_size=4))
def test_any_command_expands_as_in_wandb(command: list[str], args: dict[str, Any]) -> None:
    config: dict[str, Any] = {"program": "p.py", "command": command}
    assert command_argv(config, args, args_json_file="f") == stock_argv(config, args, "f")


def test_variables_come_from_the_given_environment() -> None:
    config: dict[str, Any] = {"command": ["${envvar:HOST}:${envvar:PORT}", "${program}", "${args_json_file}"]}
    assert command_argv(config, {}, environ={"HOST": "h"}) == ["h:PORT"]


def test_a_program_that_is_there_passes(tmp_path: Path) -> None:
    (tmp_path / "train.py").touch()
    package = tmp_path / "package"
    package.mkdir()
    (package / "__main__.py").touch()
    check_program({"program": "train.py"}, tmp_path)
    check_program({"program": str(tmp_path / "train.py")}, Path("/"))
    check_program({"program": "package"}, tmp_path)
    check_program({"program": "sh", "command": ["${env}", "${program}"]}, tmp_path)
    check_program({"program": "sh", "command": ["nice", "${program}"]}, tmp_path)
    check_program({"program": "some.module", "command": ["python", "-m", "${program}"]}, tmp_path)
    check_program({"program": "missing.py", "command": ["python", "-m", "trainer", "${args}"]}, tmp_path)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"program": "missing.py"}, "missing.py does not exist"),
        ({"program": "folder"}, "is a folder"),
        ({"program": ""}, "names no program"),
        ({}, "names no program"),
        ({"program": "sh", "command": ["python", "${program}"]}, "does not exist"),
        ({"program": "no-such-tool", "command": ["${program}"]}, "does not exist"),
    ],
)
def test_a_program_that_cannot_start_is_named(config: dict[str, Any], says: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ProgramError, match=says) as caught:
        check_program(config, tmp_path)
    assert caught.value.hint
