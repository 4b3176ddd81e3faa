"""Which program a sweep starts: its file or module, and what its command passes besides the parameters."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import trainer
from trainer.errors import ProgramError
from trainer.programs.sources import module_file
from trainer.records import Json
from trainer.sweep.command import command_of

_PYTHON = re.compile(r"(?:.*/)?(?:python|pypy)[\d.]*(?:\.exe)?")
_LAUNCHERS = ("torch.distributed", "accelerate", "deepspeed", "torchrun", "horovod", "ray", "coverage", "kernprof")
"""Modules that start another program, which follows among their arguments."""
_SUFFIXES = (".py", ".pyw", ".ipynb")
"""What the name of a file ends with that Python or a notebook reads."""
_ARGS = re.compile(r"\$\{args(_\w+)?\}")


@dataclass(frozen=True, slots=True)
class ProgramPlace:
    """A program that can be read."""

    shown: str
    """As people name it: `train.py`, `-m package.module`."""
    path: Path
    """The file that is run."""
    module: str = ""
    """The module's name where it is started with `-m`; empty for a script."""


@dataclass(frozen=True, slots=True)
class StartCommand:
    """What a sweep's command starts."""

    program: str
    """A script's path; empty where there is none to be seen."""
    module: str
    """What follows `-m`; empty for a script."""
    before: tuple[str, ...]
    """Fixed words between the program and the parameters, subcommands among them."""
    after: tuple[str, ...]
    """Fixed words behind the parameters."""


def start_command(config: Mapping[str, Json]) -> StartCommand:
    """Return what a sweep's command starts; never fails."""
    command = command_of(config)
    named = config.get("program")
    program = named if isinstance(named, str) else ""
    position, module = _program_position(command, program)
    if position is None:
        return StartCommand("", "", (), ())
    start = program if command[position] == "${program}" else command[position]
    rest = command[position + 1 :]
    at = next((index for index, item in enumerate(rest) if _ARGS.fullmatch(item)), len(rest))
    before, after = tuple(rest[:at]), tuple(item for item in rest[at:] if not _ARGS.fullmatch(item))
    return StartCommand("" if module else start, start if module else "", before, after)


def _program_position(command: Sequence[str], program: str) -> tuple[int | None, bool]:
    """Return where the program stands among the words, and whether it is a module."""
    for index, item in enumerate(command):
        if item == "${program}":
            return (index, index > 0 and command[index - 1] == "-m") if program else (None, False)
        if _ARGS.fullmatch(item):
            break
        is_module = item == "-m" and index > 0 and (_is_python(command[index - 1]))
        if is_module and index + 1 < len(command) and not command[index + 1].startswith(_LAUNCHERS):
            if command[index + 1] == "${program}" and not program:
                return None, False
            return index + 1, True
        if item.endswith(".py") and not item.startswith("-"):
            return index, False
    return None, False


def _is_python(word: str) -> bool:
    # Options such as `-u` may stand between the interpreter and `-m`.
    return word == "${interpreter}" or bool(_PYTHON.fullmatch(word)) or word.startswith("-")


def locate(config: Mapping[str, Json], cwd: Path) -> ProgramPlace | None:
    """Return the program that a sweep starts; None where it is no Python program that can be found here."""
    start = start_command(config)
    try:
        if start.module:
            return _module(start.module, cwd)
        return _script(start.program, cwd) if start.program else None
    except (ProgramError, OSError, ValueError):
        # `check_program` says what does not exist; what is no Python is not ours.
        return None


def locate_named(text: str, cwd: Path) -> ProgramPlace:
    """Return the program that a user named: a path, a folder with `__main__.py`, `-m package.module` or a module.

    Raises:
        ProgramError: If there is none, or it is no Python.
    """
    words = _words(text)
    if len(words) > 1 and _is_python(words[0]) and not words[0].startswith("-"):
        words = words[1:]
    if len(words) > 1 and words[0] == "-m":
        return _module(words[1], cwd)
    name = words[0] if words and not (cwd / text).exists() else text.strip()
    if name.startswith("-m") and len(name) > 2:
        return _module(name[2:], cwd)
    if not name:
        raise ProgramError("No program is named.", hint="Give the path of a Python file, or -m and a module.")
    is_file_name = name.endswith(_SUFFIXES)
    if not is_file_name and not (cwd / name).exists() and all(part.isidentifier() for part in name.split(".")):
        return _module(name, cwd)
    return _script(name, cwd)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        # A quotation mark in a file name; it is no list of words then.
        return [text]


def _script(name: str, cwd: Path) -> ProgramPlace:
    path = cwd / Path(name).expanduser()
    if path.is_dir():
        path = path / "__main__.py"
        if not path.is_file():
            raise ProgramError(f"{name} is a folder without __main__.py.", hint="Name the file to run.")
    if not path.exists():
        raise ProgramError(f"There is no program {name}: no {path}.", hint=f"Name it as seen from {cwd}.")
    if path.suffix not in (*_SUFFIXES, "") or (not path.suffix and not _has_python_line(path)):
        raise ProgramError(f"{name} is no Python program: its options cannot be read.", hint="Name a .py file.")
    return ProgramPlace(name, path)


def _has_python_line(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        first = file.readline(200)
    return first.startswith(b"#!") and b"python" in first


def _module(name: str, cwd: Path) -> ProgramPlace:
    parts = name.split(".")
    if all(part.isidentifier() for part in parts):
        for root in (cwd, cwd / "src"):
            base = root.joinpath(*parts)
            main = base / "__main__.py"
            found = main if main.is_file() else module_file(base)
            if found is not None and (found.name != "__init__.py"):
                return ProgramPlace(f"-m {name}", found, name)
    if name == trainer.__name__:
        # Sweeps name it from any folder: it is installed.
        return ProgramPlace(f"-m {name}", Path(trainer.__file__).with_name("__main__.py"), name)
    raise ProgramError(
        f"There is no module {name} in {cwd}.", hint="Installed packages are not read; name a file of your project."
    )
