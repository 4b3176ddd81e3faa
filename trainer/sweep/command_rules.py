"""The rules a sweep's `command` must keep, so that what starts is what was meant."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from trainer.records import Json
from trainer.sweep.command import MACROS, command_of
from trainer.sweep.findings import Findings, did_you_mean, show

_MACRO = re.compile(r"\$\{([^}]*)\}")
_VARIABLE = re.compile(r"envvar:[A-Z0-9_]+")


def check_command(config: Mapping[str, Json], findings: Findings, needs_program: bool = True) -> None:
    """Add every problem of `command` and of `program` where the command uses it.

    Args:
        config: The sweep configuration.
        findings: Where problems go.
        needs_program: Whether it is a problem that the default command finds no program.
    """
    command = config.get("command", [])
    if not isinstance(command, list):
        hint = "Write one item per line, each with a `-`."
        if isinstance(command, str):
            hint = f"Write [{', '.join(_split(command))}]."
        findings.add("command", f"`command` must be a list, not {show(command)}.", hint, code="command-not-list")
        return
    for index, item in enumerate(command):
        _check_item(item, f"command[{index}]", findings)
    starts_a_program = not config.get("job") and not config.get("image_uri") and (needs_program or bool(command))
    if "${program}" in command_of(config) and starts_a_program and not config.get("program"):
        findings.add(
            "program",
            "The command uses ${program}, but the sweep names no `program`.",
            "Add `program: train.py`, or a `command` without ${program}.",
            near="command",
            code="no-program",
        )


def _split(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        # An open quotation mark; the plain words still show the form that is meant.
        return command.split()


def _check_item(item: object, path: str, findings: Findings) -> None:
    if isinstance(item, Mapping | list):
        findings.add(path, f"An item of `command` must be a text, not {show(item)}.", "Quote it.", code="command-item")
        return
    whole = re.fullmatch(r"\$\{(.*)\}", str(item), re.DOTALL)
    if whole is None or whole.group(1) in MACROS or _VARIABLE.search(whole.group(1)):
        return
    name = whole.group(1)
    if name.startswith("envvar:"):
        hint = f"Variables are in capitals here: ${{envvar:{name.removeprefix('envvar:').upper()}}}."
    else:
        hint = did_you_mean(name, MACROS)
    findings.add(path, f"There is no macro ${{{name}}}: W&B would replace it by nothing.", hint, code="unknown-macro")


def embedded_macros(item: str) -> list[str]:
    """Return the macros inside a longer item, which W&B passes on as they stand: `--out=${program}`."""
    names = _MACRO.findall(item)
    if item.startswith("${") and item.endswith("}"):
        return []
    return [name for name in names if not _VARIABLE.fullmatch(name)]
