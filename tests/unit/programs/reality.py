"""Runs real programs in one process and says what became of each: the truth that reading them is held against."""

from __future__ import annotations

import contextlib
import io
import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any


def described_parsers(programs: list[str]) -> list[Any]:
    """Return, for each program, the options of the argparse parser or click command that it runs."""
    import argparse

    import click

    found: list[Any] = []

    def dump_parser(self: argparse.ArgumentParser, *_: object, **__: object) -> None:
        found.append([_action(action) for action in self._actions if action.dest != "help"])
        raise SystemExit

    def dump_command(self: click.Command, *_: object, **__: object) -> None:
        commands = self.commands if isinstance(self, click.Group) else {"": self}
        found.append({name: [_parameter(each) for each in one.params] for name, one in commands.items()})
        raise SystemExit

    argparse.ArgumentParser.parse_args = dump_parser  # type: ignore[method-assign,assignment]
    click.Command.main = dump_command  # type: ignore[method-assign,assignment]
    for program in programs:
        _run(program, [])
    return found


def _action(action: Any) -> dict[str, Any]:
    import argparse

    is_flag = action.nargs == 0
    return {
        "flags": action.option_strings,
        "dest": action.dest,
        "default": None if action.default is argparse.SUPPRESS else action.default,
        "choices": None if action.choices is None else list(action.choices),
        "required": action.required,
        "takes_no_value": is_flag,
        "help": None if action.help is None else " ".join(action.help.split()),
    }


def _parameter(parameter: Any) -> dict[str, Any]:
    is_option = parameter.param_type_name == "option"
    choices = getattr(parameter.type, "choices", None)
    default = parameter.default
    return {
        "flags": parameter.opts if is_option else [],
        "off": parameter.secondary_opts,
        "type": parameter.type.name,
        "choices": None if choices is None else list(choices),
        "min": getattr(parameter.type, "min", None),
        "max": getattr(parameter.type, "max", None),
        "required": parameter.required,
        "takes_no_value": is_option and (parameter.is_flag or parameter.count),
        "default": default if isinstance(default, bool | int | float | str) else None,
    }


def exit_codes(runs: list[tuple[str, list[str]]]) -> list[int]:
    """Return the exit code of each program with its arguments."""
    return [_run(program, arguments) for program, arguments in runs]


def _run(program: str, arguments: list[str]) -> int:
    sys.argv = [program, *arguments]
    folder = str(Path(program).parent)
    before = set(sys.modules)
    sys.path.insert(0, folder)
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            runpy.run_path(program, run_name="__main__")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    finally:
        sys.path.remove(folder)
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(folder):
                del sys.modules[name]
    return 0


if __name__ == "__main__":
    wish = json.loads(sys.stdin.read())
    os.environ["COLUMNS"] = "80"
    answer = described_parsers(wish["describe"]) if "describe" in wish else exit_codes(wish["run"])
    print(json.dumps(answer, default=str))
