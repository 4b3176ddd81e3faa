"""What following a program brought to light, gathered by the readers; and how values become parts of options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainer.programs.options import NONE_GIVEN, UNREAD, Default, Kind, ProgramOption
from trainer.programs.values import NO_VALUE, UNKNOWN, Call, ClassValue, EnumMember, External, Value, is_plain
from trainer.records import Json

if TYPE_CHECKING:
    from trainer.programs.argparse_reader import Parser
    from trainer.programs.click_reader import Command
    from trainer.programs.hydra_reader import HydraMain

MAX_CHOICES = 400
KINDS: dict[str, Kind] = {
    "builtins.int": "int",
    "builtins.float": "float",
    "builtins.str": "str",
    "builtins.bool": "bool",
    "pathlib.Path": "path",
    "pathlib.PurePath": "path",
    "os.fspath": "path",
    "os.path.expanduser": "path",
    "os.path.abspath": "path",
    "json.loads": "json",
    "ast.literal_eval": "literal",
    "builtins.eval": "literal",
    "distutils.util.strtobool": "bool",
    "yaml.safe_load": "any",
}
"""What well-known callables make of a text."""


@dataclass
class Records:
    """Options of a program that parses its arguments into classes or a function's parameters."""

    style: str
    """`tyro`, `draccus`, `fire`…"""
    options: list[ProgramOption]
    is_complete: bool
    line: int
    commands: dict[str, list[ProgramOption]] = field(default_factory=dict)
    """Options by the word that is written for them, where each function of a class or a module is a command."""


@dataclass
class Trace:
    """What the readers saw while a program was followed."""

    parsers: list[Parser] = field(default_factory=list)
    parsed: list[tuple[Parser, bool]] = field(default_factory=list)
    """Parsers that were asked to read the command line, and whether they refuse what they do not know."""
    commands: list[Command] = field(default_factory=list)
    invoked: list[Command] = field(default_factory=list)
    hydra_mains: list[HydraMain] = field(default_factory=list)
    stored_configs: dict[tuple[str, str], Value] = field(default_factory=dict)
    """Structured configurations of Hydra's ConfigStore by group and name."""
    cli_configs: list[Value] = field(default_factory=list)
    """What `OmegaConf.from_cli()` was merged with."""
    has_from_cli: bool = False
    records: list[Records] = field(default_factory=list)
    flags: list[ProgramOption] = field(default_factory=list)
    """absl's."""
    has_absl: bool = False
    wandb_defaults: dict[str, ProgramOption] = field(default_factory=dict)
    wandb_reads: dict[str, ProgramOption] = field(default_factory=dict)
    wandb_config_escapes: bool = False
    """Whether wandb's configuration is handed on as a whole, so that not every use of it is seen."""
    uses_wandb_config: bool = False
    logged: dict[str, None] = field(default_factory=dict)
    """Names of metrics, in order."""
    notes: list[str] = field(default_factory=list)

    def note(self, sentence: str) -> None:
        """Keep a sentence on what could not be read."""
        if sentence not in self.notes and len(self.notes) < 12:
            self.notes.append(sentence)


def place_of(call: Call) -> str:
    """Return where a call stands: `train.py:12`."""
    return f"{call.source}:{call.line}"


def default_of(value: Value) -> Default:
    """Return a default for people and files."""
    if value is NO_VALUE:
        return NONE_GIVEN
    if isinstance(value, External) and value.name == "argparse.SUPPRESS":
        return NONE_GIVEN
    json = json_of(value)
    return UNREAD if json is UNKNOWN else json  # type: ignore[return-value]


def json_of(value: Value) -> Value:
    """Return a value as JSON has it; `UNKNOWN` where it is not known."""
    if isinstance(value, EnumMember):
        return json_of(value.value)
    if isinstance(value, list | tuple | range):
        items = [json_of(item) for item in value[:MAX_CHOICES]]
        return UNKNOWN if UNKNOWN in items else items
    if isinstance(value, dict):
        made = {str(key): json_of(item) for key, item in value.items()}
        return UNKNOWN if UNKNOWN in made.values() else made
    return value if is_plain(value) else UNKNOWN


def choices_of(value: Value, call: Call) -> tuple[Json, ...] | None:
    """Return the choices that a value lists; None where they are not known or too many."""
    items = call.evaluator.items_of(value)
    if items is None or len(items) > MAX_CHOICES:
        return None
    known = [json_of(item) for item in items]
    return None if UNKNOWN in known else tuple(known)  # type: ignore[arg-type]


def kind_of(value: Value) -> Kind:
    """Return what a callable of the program makes of a text; `any` for one of its own."""
    if isinstance(value, External):
        return KINDS.get(value.name, "any")
    return "str" if isinstance(value, ClassValue) and value.is_enum else "any"


def text_of(value: Value) -> str:
    """Return a help text on one line; empty where it is not known."""
    return " ".join(value.split()) if isinstance(value, str) else ""


def replaced(options: Sequence[ProgramOption], new: ProgramOption) -> list[ProgramOption]:
    """Return options with a new one, which takes the place of one of the same name."""
    return [*(each for each in options if each.name != new.name), new]
