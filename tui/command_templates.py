"""Commands that people start from, and what each item of a command means. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainer.sweep.command import DEFAULT_COMMAND, MACROS

_ENVIRONMENT = re.compile(r"\$\{envvar:([A-Z0-9_]+)\}")
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH")


@dataclass(frozen=True, slots=True)
class CommandTemplate:
    """A command for one kind of program."""

    name: str
    """What the program is, and how it takes its parameters."""
    command: tuple[str, ...]
    """With macros; W&B's own default is written as no command at all."""

    @property
    def is_default(self) -> bool:
        """Whether it is what W&B runs when a sweep names no command."""
        return self.command == DEFAULT_COMMAND


_PYTHON = ("${env}", "${interpreter}", "${program}")
TEMPLATES: Sequence[CommandTemplate] = (
    CommandTemplate("Python script · --name=value", DEFAULT_COMMAND),
    CommandTemplate("Python script · --name value", (*_PYTHON, "${args_no_equals}")),
    CommandTemplate("Python script · --flag for True, nothing for False", (*_PYTHON, "${args_no_boolean_flags}")),
    CommandTemplate("Python script · one JSON text", (*_PYTHON, "${args_json}")),
    CommandTemplate("Python script · a JSON file", (*_PYTHON, "${args_json_file}")),
    CommandTemplate("Python script · reads wandb.config alone", _PYTHON),
    CommandTemplate("Hydra · name=value", (*_PYTHON, "${args_no_hyphens}")),
    CommandTemplate("Hydra · ++name=value, new keys too", (*_PYTHON, "${args_override_hydra}")),
    CommandTemplate("Python module · -m", ("${env}", "${interpreter}", "-m", "${program}", "${args}")),
    CommandTemplate("torchrun", ("${env}", "torchrun", "--standalone", "--nproc_per_node=1", "${program}", "${args}")),
    CommandTemplate("accelerate launch", ("${env}", "accelerate", "launch", "${program}", "${args}")),
    CommandTemplate("Shell script · name=value", ("${env}", "bash", "${program}", "${args_no_hyphens}")),
    CommandTemplate(
        "the trainer of sweep-tui", ("${env}", "${interpreter}", "-m", "trainer", "train", "${args}")
    ),
)  # fmt: skip


def template_of(command: Sequence[str]) -> CommandTemplate | None:
    """Return the template that a command is, or None for one's own."""
    return next((each for each in TEMPLATES if each.command == tuple(command)), None)


def macro_meanings() -> dict[str, str]:
    """Return every macro as it is written, with what it becomes."""
    return {f"${{{name}}}": meaning for name, meaning in MACROS.items()} | {
        "${envvar:NAME}": "the variable NAME of the agent's environment"
    }


def variable_meanings(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return a macro for each variable of the environment, with its value unless that may be a secret."""
    names = sorted(name for name in environ if re.fullmatch(r"[A-Z0-9_]+", name))
    return {f"${{envvar:{name}}}": _shown(name, environ[name]) for name in names}


def item_meaning(item: str, program: str = "", environ: Mapping[str, str] = os.environ) -> str:
    """Return what an item of a command becomes; empty for one that is passed on as it stands."""
    if item == "${program}" and program:
        return program
    known = macro_meanings().get(item)
    if known:
        return known
    found = _ENVIRONMENT.findall(item)
    if found:
        return ", ".join(
            f"{name}: {_shown(name, environ[name])}" if name in environ else f"{name} is not set: the text {name}"
            for name in found
        )
    return "no macro: becomes nothing" if item.startswith("${") and item.endswith("}") else ""


def _shown(name: str, value: str) -> str:
    if _SECRET.search(name):
        return "(not shown)"
    return value if len(value) <= 40 else f"{value[:39]}…"
