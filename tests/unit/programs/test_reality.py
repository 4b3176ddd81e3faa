"""What is read of a program is what the program does: its real parser, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.programs.examples import ARGPARSE, CLICK, write_examples
from trainer.programs.findings import program_findings
from trainer.programs.options import Form, ProgramOption
from trainer.programs.reading import read_for_sweep, read_named
from trainer.records import Json
from trainer.sweep.command import command_argv

REALITY = Path(__file__).with_name("reality.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    write_examples(folder)
    return folder


def ask(wish: dict[str, Any]) -> Any:
    done = subprocess.run(
        [sys.executable, str(REALITY)], input=json.dumps(wish), capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(done.stdout)


def plain(value: object) -> object:
    return None if not isinstance(value, bool | int | float | str | list) else value


def test_what_is_read_of_argparse_programs_is_what_their_parsers_have(folder: Path) -> None:
    real = ask({"describe": [str(folder / name) for name in ARGPARSE]})
    assert len(real) == len(ARGPARSE)
    for name, actions in zip(ARGPARSE, real, strict=True):
        options = read_named(name, folder)
        assert options.is_complete and not options.allows_unknown and not options.notes, (name, options.notes)
        assert len(options.options) == len(actions), name
        for option, action in zip(
            by_flags(options.options), sorted(actions, key=lambda each: str(each["flags"])), strict=True
        ):
            read = {
                "flags": [*option.flags, *([option.off_flag] if option.off_flag else [])],
                "default": plain(option.default),
                "required": option.is_required,
                "takes_no_value": option.form.takes_no_value,
                "help": option.help or None,
            }
            expected = {key: action[key] for key in read}
            # argparse turns a text default into a number only as it parses.
            if isinstance(read["default"], int) and isinstance(expected["default"], str):
                expected["default"] = int(expected["default"])
            if "default: " in str(expected["help"]):
                expected["help"] = read["help"]
            assert read == expected, (name, option.name)
            assert (None if option.choices is None else list(option.choices)) == action["choices"], (name, option.name)


def by_flags(options: tuple[ProgramOption, ...]) -> list[ProgramOption]:
    return sorted(options, key=lambda each: str([*each.flags, *([each.off_flag] if each.off_flag else [])]))


def test_what_is_read_of_click_programs_is_what_their_commands_have(folder: Path) -> None:
    real = ask({"describe": [str(folder / name) for name in CLICK]})
    kinds = {"integer": "int", "integer range": "int", "float": "float", "float range": "float", "text": "str"}
    kinds |= {"boolean": "bool", "choice": "str"}
    for name, commands in zip(CLICK, real, strict=True):
        options = read_named(name, folder)
        assert options.is_complete and not options.allows_unknown
        for command, parameters in commands.items():
            read = options.commands[command] if command else options.options
            assert [list(option.flags) for option in read] == [each["flags"] for each in parameters]
            for option, parameter in zip(read, parameters, strict=True):
                where = (name, option.name)
                assert option.is_required == parameter["required"], where
                assert option.form.takes_no_value == parameter["takes_no_value"], where
                assert (None if option.choices is None else list(option.choices)) == parameter["choices"], where
                assert (option.low, option.high) == (parameter["min"], parameter["max"]), where
                assert ([option.off_flag] if option.off_flag else []) == parameter["off"], where
                if option.form is Form.VALUE:
                    assert kinds[parameter["type"]] == option.kind, where
                if parameter["default"] is not None:
                    assert option.default == parameter["default"], where


ARGS, SPACED, BARE, PAIRS = "${args}", "${args_no_equals}", "${args_no_boolean_flags}", "${args_no_hyphens}"
SWEEPS: list[tuple[str, list[str], dict[str, Json], str]] = [
    # Program, words before the parameters, parameters, macro.
    ("plain.py", [], {"lr": [0.1], "batch_size": [1, 2]}, ARGS),
    ("plain.py", [], {"learning-rate": [0.1]}, SPACED),
    ("plain.py", [], {"learning_rate": [0.1]}, ARGS),
    ("plain.py", [], {"learning": [0.1]}, ARGS),
    ("plain.py", [], {"batchsize": [8]}, ARGS),
    ("plain.py", [], {"e": [8]}, ARGS),
    ("plain.py", [], {"batch_size": [8, 16.0]}, ARGS),
    ("plain.py", [], {"batch_size": ["8"]}, ARGS),
    ("plain.py", [], {"batch_size": [None]}, ARGS),
    ("plain.py", [], {"optimizer": ["sgd", "rmsprop"]}, ARGS),
    ("plain.py", [], {"optimizer": ["sgd", None]}, ARGS),
    ("plain.py", [], {"amp": [True]}, ARGS),
    ("plain.py", [], {"amp": [True, False]}, BARE),
    ("plain.py", [], {"amp": [1]}, BARE),
    ("plain.py", [], {"no-cuda": [True]}, BARE),
    ("plain.py", [], {"cuda": [True]}, BARE),
    ("plain.py", [], {"ema": [True, False]}, BARE),
    ("plain.py", [], {"ema": [False]}, ARGS),
    ("plain.py", [], {"no-ema": [True]}, BARE),
    ("plain.py", [], {"verbose": [2]}, ARGS),
    ("plain.py", [], {"betas": [0.9]}, ARGS),
    ("plain.py", [], {"betas": [[0.9, 0.99]]}, ARGS),
    ("plain.py", [], {"layers": [64, 128]}, ARGS),
    ("plain.py", [], {"layers": [[64, 128]]}, ARGS),
    ("plain.py", [], {"resume": ["a", True]}, BARE),
    ("plain.py", [], {"lr": [True]}, ARGS),
    ("plain.py", [], {"lr": ["1e-3"]}, ARGS),
    ("plain.py", [], {"lr": [0.1]}, PAIRS),
    ("plain.py", [], {"optimizer": [{"lr": 1}]}, ARGS),
    ("plain.py", [], {"optim": ["sgd"], "learning": [0.1]}, ARGS),
    ("plain.py", [], {"optim": [{"lr": 1}]}, ARGS),
    ("plain.py", [], {"be": ["x"]}, ARGS),
    ("inherited.py", [], {"dropout": [0.5], "activation": ["elu"], "depth": [3]}, ARGS),
    ("inherited.py", [], {"activation": ["selu"]}, ARGS),
    ("looped.py", [], {"use_bn": [True, False], "width": [8], "encoder_layers": [2]}, ARGS),
    ("looped.py", [], {"use_bn": [True]}, BARE),
    ("looped.py", [], {"heads": [4]}, ARGS),
    ("looped.py", [], {"heads": [5]}, ARGS),
    ("parents.py", ["d"], {"seed": [1], "out": ["x"]}, ARGS),
    ("parents.py", ["d"], {"seed": [1]}, ARGS),
    ("parents.py", ["d", "--out", "x"], {"seed": [1]}, ARGS),
    ("parents.py", ["d", "--out=x"], {"see": [1]}, ARGS),
    ("parents.py", [], {"out": ["x"]}, ARGS),
    ("parents.py", [], {"out": ["x"], "data": ["y"]}, ARGS),
    ("parents.py", ["d"], {"out": ["x"], "flag-with-bool-type": [False]}, ARGS),
    ("enums.py", [], {"schedule": ["cosine"], "loss": ["l1"], "warmup": ["1e3"], "out-dir": ["a"]}, ARGS),
    ("enums.py", [], {"schedule": ["COSINE"], "loss": ["huber"]}, ARGS),
    ("clicked.py", [], {"name": ["a"], "lr": [0.1], "batch-size": [8]}, ARGS),
    ("clicked.py", [], {"lr": [0.1]}, ARGS),
    ("clicked.py", ["--name", "a"], {"batch_size": [8]}, ARGS),
    ("clicked.py", ["--name", "a"], {"batch-size": [0]}, ARGS),
    ("clicked.py", ["--name", "a"], {"drop_out": [0.5, 1.5]}, ARGS),
    ("clicked.py", ["--name", "a"], {"drop-out": [0.5]}, ARGS),
    ("clicked.py", ["--name", "a"], {"shout": [True]}, ARGS),
    ("clicked.py", ["--name", "a"], {"shout": [True, False]}, BARE),
    ("clicked.py", ["--name", "a"], {"amp": [True], "use-bn": [True]}, BARE),
    ("clicked.py", ["--name", "a"], {"use-bn": [True, False]}, ARGS),
    ("clicked.py", ["--name", "a"], {"window": [3]}, ARGS),
    ("clicked.py", ["--name", "a"], {"opt": [None]}, ARGS),
    ("clicked.py", ["--name", "a"], {"seed": [None]}, SPACED),
    ("clicked.py", ["--name", "a"], {"lr": [0.1]}, PAIRS),
    ("clicked.py", ["--name", "a"], {"tag": ["x"], "lr": ["fast"]}, ARGS),
    ("grouped.py", ["train", "d"], {"lr": [0.1], "seed": [3]}, ARGS),
    ("grouped.py", ["train"], {"lr": [0.1]}, ARGS),
    ("grouped.py", ["eval"], {"lr": [0.1]}, ARGS),
    ("grouped.py", ["eval"], {"checkpoint": ["x"]}, ARGS),
    ("subparsers.py", ["train"], {"lr": [0.1]}, ARGS),
    ("subparsers.py", ["train"], {"lr": [0.1], "debug": [True]}, BARE),
    ("subparsers.py", ["--debug", "train"], {"format": ["pt"]}, ARGS),
    ("subparsers.py", ["export"], {"format": ["tflite"]}, ARGS),
]


def test_a_problem_is_found_exactly_where_the_program_refuses_a_run(folder: Path) -> None:
    runs: list[tuple[str, list[str]]] = []
    owners: list[int] = []
    verdicts = []
    for number, (program, words, parameters, macro) in enumerate(SWEEPS):
        config: dict[str, Json] = {
            "program": program,
            "command": ["${env}", "${interpreter}", "${program}", *words, macro],
            "method": "grid",
            "parameters": {name: {"values": values} for name, values in parameters.items()},
        }
        options = read_for_sweep(config, folder)
        assert options is not None
        verdicts.append(program_findings(config, options))
        longest = max(len(values) for values in parameters.values() if isinstance(values, list))
        for index in range(longest):
            point = {n: v[min(index, len(v) - 1)] for n, v in parameters.items() if isinstance(v, list)}
            argv = command_argv(config, point, environ={})
            runs.append((str(folder / program), argv[argv.index(program) + 1 :]))
            owners.append(number)
    codes = ask({"run": runs})
    wrong = []
    for number, sweep in enumerate(SWEEPS):
        refused = any(code for code, owner in zip(codes, owners, strict=True) if owner == number)
        if bool(verdicts[number].problems) != refused:
            wrong.append((sweep, "refused" if refused else "taken", verdicts[number].problems))
    assert wrong == []
