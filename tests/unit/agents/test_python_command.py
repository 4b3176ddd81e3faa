from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from trainer.agents.python_command import (
    PythonCommand,
    python_command,
    reason_against_warm,
    resolved_interpreter,
)
from trainer.records import Json
from trainer.sweep.command import command_argv


@pytest.mark.parametrize(
    ("argv", "interpreter", "flags", "is_module", "target", "arguments"),
    [
        ("/usr/bin/env python train.py --x=1", "python", "", False, "train.py", "--x=1"),
        ("python3.12 -u -X dev train.py", "python3.12", "-u -X dev", False, "train.py", ""),
        ("/opt/python -W error -m pkg.train x=1 -m y", "/opt/python", "-W error", True, "pkg.train", "x=1 -m y"),
        ("env A=1 B=x=y python -OO train.py", "python", "-OO", False, "train.py", ""),
    ],
)  # fmt: skip
def test_python_programs_are_known(
    argv: str, interpreter: str, flags: str, is_module: bool, target: str, arguments: str
) -> None:
    found = python_command(argv.split())
    assert isinstance(found, PythonCommand)
    assert (found.interpreter, " ".join(found.flags), found.is_module) == (interpreter, flags, is_module)
    assert (found.target, " ".join(found.arguments)) == (target, arguments)
    assert dict(found.variables) == ({"A": "1", "B": "x=y"} if "A=1" in argv else {})


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        ("torchrun --nproc 2 train.py", "torchrun"),
        ("/usr/bin/env bash run.sh", "bash"),
        ("./train.py --x=1", "./train.py"),
        ("uv run python train.py", "uv"),
        ("python -c print(1)", "-c"),
        ("python - --x=1", "-"),
        ("python -i train.py", "-i"),
        ("python", "no program"),
        ("python -m", "no program"),
        ("env -i python train.py", "-i"),
        ("env", "empty"),
        ("", "empty"),
        ("pythonista train.py", "pythonista"),
    ],
)
def test_what_is_no_python_program_is_said(argv: str, word: str) -> None:
    reason = python_command(argv.split())
    assert isinstance(reason, str)
    assert word in reason


def test_every_macro_of_arguments_starts_the_same_program() -> None:
    macros = ["args", "args_no_equals", "args_no_hyphens", "args_no_boolean_flags", "args_json", "args_json_file"]
    macros += ["args_append_hydra", "args_override_hydra"]
    for macro in macros:
        command: list[Json] = ["${env}", "${interpreter}", "${program}", f"${{{macro}}}"]
        config: dict[str, Json] = {"program": "train.py", "command": command}
        with_values = python_command(command_argv(config, {"x": 1, "flag": True}, args_json_file="/tmp/p.json"))
        without = python_command(command_argv(config, {}))
        assert isinstance(with_values, PythonCommand)
        assert with_values == without
        assert with_values.arguments


def test_the_search_folder_is_the_one_python_takes(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "train.py").touch()
    (tmp_path / "link.py").symlink_to(tmp_path / "deep" / "train.py")

    def folder(*argv: str) -> Path:
        found = python_command(argv)
        assert isinstance(found, PythonCommand)
        return found.search_folder(tmp_path)

    assert folder("python", "deep/train.py") == folder("python", "link.py") == folder("python", "deep")
    assert folder("python", "deep") == tmp_path / "deep"
    assert folder("python", "-m", "deep.train") == tmp_path


@pytest.mark.parametrize(("flags", "added"), [("-u", True), ("-I", False), ("-uP", False), ("-X importtime", True)])
def test_an_isolated_interpreter_has_no_folder_of_the_program(flags: str, added: bool) -> None:
    found = python_command(["python", *flags.split(), "train.py"])
    assert isinstance(found, PythonCommand)
    assert found.adds_folder is added


def test_the_interpreter_is_looked_for_as_the_shell_does(tmp_path: Path) -> None:
    named = python_command([Path(sys.executable).name, "x.py"])
    assert isinstance(named, PythonCommand)
    environ = {"PATH": os.path.dirname(sys.executable)}
    assert resolved_interpreter(named, environ, tmp_path) == str(Path(sys.executable).parent / named.interpreter)
    assert resolved_interpreter(named, {"PATH": str(tmp_path)}, tmp_path) == ""
    (tmp_path / "python").symlink_to(sys.executable)
    local = python_command(["./python", "x.py"])
    assert isinstance(local, PythonCommand)
    assert resolved_interpreter(local, {}, tmp_path) == str(tmp_path / "python")


def test_nothing_is_forked_where_that_is_not_safe() -> None:
    assert "macOS" in reason_against_warm("darwin")
    assert reason_against_warm("linux") == ""
    assert "win32" in reason_against_warm("win32")
