"""Whether a command line starts a Python program, and which: what a warm start needs to know. Pure."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PYTHON = re.compile(r"python(\d+(\.\d+)?)?")
_PLAIN_FLAGS = re.compile(r"-[bBdEIOPsSuvq]+")
_FLAGS_WITH_VALUE = ("-W", "-X")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


@dataclass(frozen=True)
class PythonCommand:
    """A Python program with its arguments, as a command line names it."""

    interpreter: str
    """As the command names it: a name on PATH, or a path."""
    flags: tuple[str, ...]
    """The interpreter's own."""
    is_module: bool
    """Whether it was named by `-m`."""
    target: str
    arguments: tuple[str, ...] = field(compare=False)
    variables: Mapping[str, str] = field(default_factory=dict)
    """What `env` sets before it."""

    def search_folder(self, cwd: Path) -> Path:
        """Return the folder that Python puts first on its search path."""
        if self.is_module:
            return cwd
        path = (cwd / self.target).resolve()
        return path if path.is_dir() else path.parent

    @property
    def adds_folder(self) -> bool:
        """Whether Python puts the program's folder on its search path: not when it is isolated."""
        return not any(flag[1:2] not in "WX" and set(flag) & set("IP") for flag in self.flags)


def python_command(argv: Sequence[str]) -> PythonCommand | str:
    """Return the Python program that a command line starts, or why it is none that can be started warm."""
    rest = list(argv)
    variables: dict[str, str] = {}
    if rest and Path(rest[0]).name == "env":
        rest.pop(0)
        while rest and _ASSIGNMENT.fullmatch(rest[0]):
            name, _, value = rest.pop(0).partition("=")
            variables[name] = value
    if not rest:
        return "the command is empty"
    interpreter = rest.pop(0)
    if interpreter.startswith("-"):
        return f"the command gives env the option {interpreter}"
    if not _PYTHON.fullmatch(Path(interpreter).name):
        return f"the command starts {interpreter}, which is not a Python interpreter"
    flags = _take_flags(rest)
    is_module = rest[:1] == ["-m"]
    if is_module:
        rest.pop(0)
    if not rest:
        return "the command names no program"
    if rest[0].startswith("-") and not is_module:
        return f"the command gives Python the option {rest[0]}"
    return PythonCommand(interpreter, tuple(flags), is_module, rest[0], tuple(rest[1:]), variables)


def _take_flags(rest: list[str]) -> list[str]:
    """Take the interpreter's own options, as far as they are known, off the front of a list."""
    flags: list[str] = []
    while rest:
        if rest[0] in _FLAGS_WITH_VALUE and len(rest) > 1:
            flags += [rest.pop(0), rest.pop(0)]
        elif (rest[0].startswith(_FLAGS_WITH_VALUE) and len(rest[0]) > 2) or _PLAIN_FLAGS.fullmatch(rest[0]):
            flags.append(rest.pop(0))
        else:
            break
    return flags


def resolved_interpreter(command: PythonCommand, environ: Mapping[str, str], cwd: Path) -> str:
    """Return the path of the interpreter; empty when it is not there."""
    if "/" in command.interpreter:
        # Not resolved: through a virtual environment's link, Python knows the environment.
        path = cwd / command.interpreter
        return str(path) if shutil.which(str(path)) else ""
    return shutil.which(command.interpreter, path=environ.get("PATH")) or ""


def reason_against_warm(platform: str = sys.platform) -> str:
    """Return why nothing can be started warm on this platform; empty when it can."""
    if platform == "darwin":
        return "a fork without exec is not safe on macOS"
    return "" if platform.startswith("linux") else f"runs cannot be forked on {platform}"
