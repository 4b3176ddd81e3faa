"""What a program takes, as plain values: one `ProgramOption` per option, `ProgramOptions` for the whole program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from trainer.records import Json

Kind = Literal["int", "float", "bool", "str", "path", "json", "literal", "any"]
"""What the program makes of the text: `json` reads JSON, `literal` a Python literal, `any` something of its own."""


class Style(Enum):
    """How a program takes its parameters."""

    ARGPARSE = "argparse"
    CLICK = "click"
    TYPER = "typer"
    DATACLASSES = "dataclasses"
    HYDRA = "hydra"
    OMEGACONF = "OmegaConf.from_cli"
    ABSL = "absl flags"
    FIRE = "fire"
    CONFIGURATOR = "globals replaced by a configurator"
    TRAINER = "sweep-tui train"
    WANDB_CONFIG = "wandb.config"
    UNKNOWN = "unknown"

    @property
    def takes_flags(self) -> bool:
        """Whether options are written `--name=value`."""
        return self not in (Style.HYDRA, Style.OMEGACONF, Style.WANDB_CONFIG, Style.UNKNOWN)

    @property
    def takes_pairs(self) -> bool:
        """Whether options are written `name=value`."""
        return self in (Style.HYDRA, Style.OMEGACONF)


class Form(Enum):
    """What stands on the command line for one option."""

    VALUE = "a value"
    MAYBE_VALUE = "a value or none"
    FLAG = "a flag without value"
    PAIR = "a pair of flags, --name and --no-name"
    COUNT = "a flag that is counted"
    POSITIONAL = "a word without name"

    @property
    def takes_no_value(self) -> bool:
        """Whether `--name=value` is refused."""
        return self in (Form.FLAG, Form.PAIR, Form.COUNT)


class _Missing(Enum):
    UNREAD = "there is a default, but the source does not say which"
    NONE_GIVEN = "there is no default"


UNREAD = _Missing.UNREAD
NONE_GIVEN = _Missing.NONE_GIVEN
Default = Json | _Missing


@dataclass(frozen=True, slots=True)
class ProgramOption:
    """One parameter of a program."""

    name: str
    """As a sweep has to call it; what W&B puts behind `--`. Dotted where it is nested."""
    kind: Kind = "str"
    default: Default = NONE_GIVEN
    form: Form = Form.VALUE
    flags: tuple[str, ...] = ()
    """As they are written: `--lr`, `-l`; empty where there are none."""
    choices: tuple[Json, ...] | None = None
    """The only values taken; None where any of its kind is."""
    low: float | None = None
    high: float | None = None
    is_low_open: bool = False
    is_high_open: bool = False
    is_required: bool = False
    is_conditional: bool = False
    """Whether it is there only under circumstances that the source does not settle."""
    takes_many: bool = False
    """Whether it takes several values, or is given several times."""
    exact_count: int = 1
    """How many values it takes where it takes a fixed number of them."""
    any_text_is_true: bool = False
    """Whether the text `False` counts as true, as `bool("False")` does."""
    is_nullable: bool = False
    """Whether the program is known to read the text `None` as no value."""
    help: str = ""
    source: str = ""
    """File, as short as it can be named."""
    line: int = 0
    off_flag: str = ""
    """The flag that says no, `--no-shout`; empty where there is none."""
    only_with: tuple[str, tuple[str, ...]] | None = None
    """Another option and its values under which this one is taken: `("model", ("svm",))`; None for always."""
    note: str = ""
    """What is special about it, in a few words."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name by which a sweep can set it."""
        longs = [flag[2:] for flag in self.flags if flag.startswith("--")]
        return tuple(dict.fromkeys((self.name, *longs))) if longs or not self.flags else ()

    @property
    def is_settable(self) -> bool:
        """Whether a sweep can set it by name: it passes one value."""
        return self.form is not Form.POSITIONAL and bool(self.names) and self.exact_count <= 1

    @property
    def default_text(self) -> str:
        """The default for people."""
        if self.default is NONE_GIVEN:
            return "required" if self.is_required else ""
        return "?" if self.default is UNREAD else str(self.default)

    @property
    def type_text(self) -> str:
        """What it takes, in a word or two."""
        if self.form in (Form.FLAG, Form.PAIR):
            return "flag"
        if self.form is Form.COUNT:
            return "count"
        kind = "choice" if self.choices is not None else self.kind
        return f"{kind}…" if self.takes_many else kind

    def as_json(self) -> dict[str, Json]:
        """Return what `params --format json` prints."""
        return {
            "name": self.name,
            "type": self.kind,
            "form": self.form.name.lower(),
            "default": None if isinstance(self.default, Enum) else self.default,
            "has_default": self.default is not NONE_GIVEN,
            "choices": None if self.choices is None else list(self.choices),
            "min": self.low,
            "max": self.high,
            "required": self.is_required,
            "many": self.takes_many,
            "flags": list(self.flags),
            "help": self.help,
            "file": self.source,
            "line": self.line,
        }


@dataclass(frozen=True, slots=True)
class ProgramOptions:
    """Everything a program takes."""

    program: str
    """The program as the user named it: `train.py`, `-m package.module`."""
    style: Style = Style.UNKNOWN
    options: tuple[ProgramOption, ...] = ()
    """Those of the program itself."""
    commands: Mapping[str, tuple[ProgramOption, ...]] = field(default_factory=dict)
    """Options of subcommands, by what is written for them: `train`, `data fetch`."""
    allows_unknown: bool = False
    """Whether it takes names it does not know (`parse_known_args`, `ignore_unknown_options`)."""
    is_complete: bool = False
    """Whether every option was read: only then is an unknown name known to be refused."""
    allows_abbreviations: bool = False
    reads_wandb_config: bool = False
    """Whether it also takes values from `wandb.config`, so that it needs no arguments."""
    logged: tuple[str, ...] = ()
    """Names that it was seen to log to W&B."""
    notes: tuple[str, ...] = ()
    """What could not be read, a sentence each."""
    files: tuple[tuple[str, int], ...] = ()
    """Every file that was read, with its modification time in nanoseconds."""

    def of_command(self, words: Iterable[str]) -> tuple[ProgramOption, ...]:
        """Return the options that are taken after the fixed `words` of a sweep's command."""
        return self.options if not (command := self.command_in(words)) else self.commands[command]

    def command_in(self, words: Iterable[str]) -> str:
        """Return the longest subcommand that `words` name; empty if they name none."""
        path = [word for word in words if not word.startswith("-")]
        best = ""
        for start in range(len(path)):
            for end in range(start + 1, len(path) + 1):
                name = " ".join(path[start:end])
                if name in self.commands and len(name) > len(best):
                    best = name
        return best

    @property
    def all_options(self) -> tuple[ProgramOption, ...]:
        """The options of the program and of its subcommands."""
        return (*self.options, *(option for options in self.commands.values() for option in options))

    def as_json(self) -> dict[str, Json]:
        """Return what `params --format json` prints."""
        return {
            "program": self.program,
            "style": self.style.value,
            "options": [option.as_json() for option in self.options],
            "commands": {name: [option.as_json() for option in options] for name, options in self.commands.items()},
            "logged": list(self.logged),
            "allows_unknown": self.allows_unknown,
            "complete": self.is_complete,
            "notes": list(self.notes),
        }
