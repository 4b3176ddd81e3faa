"""The command that starts one run: W&B's macros expanded into a list of arguments, as wandb 0.31's agent does it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainer.errors import ProgramError
from trainer.records import Json
from trainer.sweep.findings import Findings, Violation
from trainer.sweep.joint import unpacked

DEFAULT_COMMAND = ("${env}", "${interpreter}", "${program}", "${args}")
"""What W&B runs when a sweep names no `command`."""

MACROS: Mapping[str, str] = {
    "env": "/usr/bin/env (nothing on Windows)",
    "interpreter": "python",
    "program": "the sweep's program",
    "args": "--name=value …",
    "args_no_equals": "--name value …",
    "args_no_hyphens": "name=value …",
    "args_no_boolean_flags": "--name for True, nothing for False, else --name=value",
    "args_json": "all values as one JSON text",
    "args_json_file": "path of a file with the JSON text",
    "args_append_hydra": "+name=value …",
    "args_override_hydra": "++name=value …",
}
"""Macros by name (`args` is written `${args}`), with what each becomes."""

_ENVIRONMENT_MACRO = re.compile(r"\$\{envvar\:([A-Z0-9_]*)\}")


def command_of(config: Mapping[str, Json]) -> list[str]:
    """Return a sweep's command with its macros, or W&B's default."""
    command = config.get("command")
    if isinstance(command, list) and command:
        return [str(item) for item in command]
    return list(DEFAULT_COMMAND)


def command_argv(
    config: Mapping[str, Json],
    args: Mapping[str, Json],
    *,
    environ: Mapping[str, str] | None = None,
    args_json_file: Path | str | None = None,
) -> list[str]:
    """Return the argument list that starts one run, as wandb 0.31's agent builds it.

    Unlike that, it passes the members of joint parameters (`joint`) in their place.

    A macro expands when it is a whole item; only `${envvar:NAME}` may stand inside one, and becomes the text NAME
    where the variable is not set. An unknown macro becomes nothing.

    Args:
        config: The sweep configuration.
        args: Hyperparameters in flat form, in the order they shall appear; nested ones become Python literals.
        environ: Variables for `${envvar:NAME}`; None for this process's.
        args_json_file: What `${args_json_file}` becomes; nothing when None. The caller writes the file.

    Source: wandb 0.31.0, `wandb_agent.py` and `sdk/launch/sweeps/utils.py`.
    """
    environ = os.environ if environ is None else environ
    expansions = _expansions(config, unpacked(args, config), args_json_file)
    argv: list[str] = []
    for item in command_of(config):
        chunk = _ENVIRONMENT_MACRO.sub(lambda match: environ.get(match.group(1), match.group(1)), item)
        if chunk.startswith("${") and chunk.endswith("}"):
            argv += expansions.get(chunk[2:-1], [])
        else:
            argv.append(chunk)
    return argv


def args_json(args: Mapping[str, Json], config: Mapping[str, Json] | None = None) -> str:
    """Return the text of `${args_json}` and of the file that `${args_json_file}` names."""
    return json.dumps(unpacked(args, config))


def _expansions(
    config: Mapping[str, Json], args: Mapping[str, Json], args_json_file: Path | str | None
) -> dict[str, Sequence[str]]:
    program = config.get("program")
    pairs = [f"{name}={value}" for name, value in args.items()]
    flags = [
        f"--{name}" if value is True else f"--{name}={value}" for name, value in args.items() if value is not False
    ]
    return {
        "env": [] if sys.platform == "win32" else ["/usr/bin/env"],
        "interpreter": ["python"],
        "program": [] if program is None else [str(program)],
        "args": [f"--{pair}" for pair in pairs],
        "args_no_equals": [part for name, value in args.items() for part in (f"--{name}", str(value))],
        "args_no_hyphens": pairs,
        "args_no_boolean_flags": flags,
        "args_json": [json.dumps(dict(args))],
        "args_json_file": [] if args_json_file is None else [str(args_json_file)],
        "args_append_hydra": [f"+{pair}" for pair in pairs],
        "args_override_hydra": [f"++{pair}" for pair in pairs],
        # Not meant as a macro, yet upstream expands it, to the names alone.
        "args_dict": list(args),
    }


def check_program(config: Mapping[str, Json], cwd: Path) -> None:
    """Check that the file which `${program}` names is there; does nothing when the command has no `${program}`.

    Args:
        config: The sweep configuration.
        cwd: The folder runs are started in; a relative program is looked for there.

    Raises:
        ProgramError: If it is not.
    """
    if "${program}" not in command_of(config):
        return
    program = config.get("program")
    if not isinstance(program, str) or not program:
        raise ProgramError(
            "The command uses ${program}, but the sweep names no program.",
            hint="Add `program: train.py`, or a `command` without ${program}.",
        )
    before = _before_program(config)
    if before == "-m":
        # A module; only its interpreter can tell.
        return
    path = cwd / program
    if path.is_file() or (path.is_dir() and (path / "__main__.py").is_file()):
        return
    if path.is_dir():
        raise ProgramError(f"The program {program} is a folder: {path}.", hint="Name the file to run.")
    is_read_by_python = before == "${interpreter}" or before.rpartition("/")[2].startswith("python")
    if not is_read_by_python and shutil.which(program) is not None:
        return
    raise ProgramError(
        f"The program {program} does not exist: there is no {path}.",
        hint=f"Start from the folder that holds it (this is {cwd}), or mend `program`.",
    )


def program_problem(
    config: Mapping[str, Json], *folders: Path, positions: Mapping[str, int] | None = None
) -> list[Violation]:
    """Return what `check_program` says as a problem, of the first folder; none where the program is in one of them."""
    problems: list[Violation] = []
    for folder in folders:
        try:
            check_program(config, folder)
        except ProgramError as error:
            findings = Findings(positions)
            findings.add("program", error.message, error.hint, near="command", code="no-such-program")
            problems += findings.found
        else:
            return []
    return problems[:1]


def _before_program(config: Mapping[str, Json]) -> str:
    """Return the item of the command that comes before the program; empty when it comes first."""
    command = command_of(config)
    position = command.index("${program}")
    return command[position - 1] if position else ""
