"""argparse, and what has its interface: parsers, groups, subparsers and the options that are added to them.

Source: CPython 3.11 to 3.14, `argparse.py`.
"""

from __future__ import annotations

import dataclasses

from trainer.programs.dataclass_reader import record_options
from trainer.programs.options import NONE_GIVEN, UNREAD, Default, Form, Kind, ProgramOption
from trainer.programs.trace import Trace, choices_of, default_of, kind_of, place_of, text_of
from trainer.programs.values import (
    UNKNOWN,
    Bound,
    Call,
    ClassValue,
    External,
    Function,
    Handler,
    Instance,
    Tracked,
    Value,
)
from trainer.records import Json

PARSERS = (
    "argparse.ArgumentParser",
    "configargparse.ArgumentParser",
    "configargparse.ArgParser",
    "jsonargparse.ArgumentParser",
    "simple_parsing.ArgumentParser",
    "transformers.HfArgumentParser",
    "transformers.hf_argparser.HfArgumentParser",
    "trl.TrlParser",
)
_HELPFUL = {"print_help", "format_help", "print_usage", "format_usage", "error", "exit", "get_default", "register"}
_STRICT = {"parse_args", "parse_intermixed_args", "parse_args_into_dataclasses"}
_NARGS = {
    "argparse.OPTIONAL": "?",
    "argparse.ZERO_OR_MORE": "*",
    "argparse.ONE_OR_MORE": "+",
    "argparse.REMAINDER": "...",
}
_LENIENT = {"parse_known_args", "parse_known_intermixed_args"}


class Namespace(Tracked):
    """What a parser returned."""

    def __init__(self, parser: Parser) -> None:
        self.parser = parser

    def attribute(self, name: str, evaluator: object) -> Value:
        """Return what `set_defaults` chose, such as the function of a subcommand; values are unknown."""
        for parser in (self.parser, *self.parser.subparsers.values()):
            chosen = parser.defaults.get(name)
            if isinstance(chosen, Function | Bound):
                return chosen
        return UNKNOWN


class Remaining(Tracked):
    """The words that `parse_known_args` left."""

    def __init__(self, parser: Parser) -> None:
        self.parser = parser


class Subparsers(Tracked):
    """What `add_subparsers` returned."""

    def __init__(self, parser: Parser) -> None:
        self.parser = parser

    def call_method(self, name: str, call: Call) -> Value:
        """Add a subcommand."""
        command = call.get("name", 0)
        if name != "add_parser" or not isinstance(command, str):
            self.parser.open(f"A subcommand of {place_of(call)} has a name that is computed.")
            return UNKNOWN
        made = Parser(self.parser.trace, call)
        self.parser.subparsers[command] = made
        for alias in call.evaluator.items_of(call.get("aliases")) or []:
            if isinstance(alias, str):
                self.parser.subparsers[alias] = made
        return made


class Parser(Tracked):
    """One parser and its options."""

    def __init__(self, trace: Trace, call: Call) -> None:
        self.trace = trace
        self.options: list[ProgramOption] = []
        self.dests: dict[str, str] = {}
        """Names of options by what `set_defaults` calls them."""
        self.defaults: dict[str, Value] = {}
        self.subparsers: dict[str, Parser] = {}
        self.is_open = False
        """Whether it has options that were not read."""
        self.prefixes = "-"
        self.allows_abbreviations = True
        self._configure(call)

    def _configure(self, call: Call) -> None:
        prefixes = call.get("prefix_chars", None, "-")
        self.prefixes = prefixes if isinstance(prefixes, str) else "-"
        self.allows_abbreviations = call.get("allow_abbrev", None, True) is not False
        parents = call.get("parents", None, ())
        items = call.evaluator.items_of(parents)
        for parent in items if items is not None else [UNKNOWN]:
            parser = parent.inner if isinstance(parent, Instance) else parent
            if isinstance(parser, Parser):
                for option in parser.options:
                    self._add(option)
                self.dests |= parser.dests
                self.defaults = {**parser.defaults, **self.defaults}
                self.is_open = self.is_open or parser.is_open
            else:
                self.open(f"The parents of the parser at {place_of(call)} were not found.")
        types = call.get("dataclass_types", 0)
        found = call.evaluator.items_of(types) if isinstance(types, list | tuple) else [types]
        for each in found or []:
            if isinstance(each, ClassValue):
                self._add_record(each, call, "hf")
            elif isinstance(each, External):
                self.open(f"The options of {each.name} are those of an installed package and were not read.")

    def open(self, sentence: str) -> None:
        """Take note of options that were not read."""
        self.is_open = True
        self.trace.note(sentence)

    def escaped(self, name: str, call: Call) -> None:
        """Take note that a package, or something unknown, may have added options."""
        if name not in ("builtins.print", "builtins.isinstance"):
            self.open(f"{name} ({place_of(call)}) may add options; they were not read.")

    def call_method(self, name: str, call: Call) -> Value:
        """Follow what is done with the parser."""
        if name == "__init__":
            self._configure(call)
        elif name in ("add_argument", "add", "add_arg"):
            self._add_argument(call)
        elif name in ("add_argument_group", "add_mutually_exclusive_group"):
            return self
        elif name == "add_subparsers":
            return Subparsers(self)
        elif name == "add_arguments" and isinstance(call.get("dataclass", 0), ClassValue):
            record = call.get("dataclass", 0)
            assert isinstance(record, ClassValue), "it was looked at"
            self._add_record(record, call, "simple")
        elif name == "set_defaults":
            self._set_defaults(call)
        elif name in _STRICT or name in _LENIENT:
            return self._parse(name, call)
        elif name not in _HELPFUL:
            self.open(f"`{name}` at {place_of(call)} was not understood; it may add options.")
        return UNKNOWN

    def attribute(self, name: str, evaluator: object) -> Value:
        """Return a method; what the parser knows otherwise stays unknown."""
        return UNKNOWN if name.startswith("_") and name != "__init__" else Bound(self, name)

    def _parse(self, name: str, call: Call) -> Value:
        words = call.get("args", 0)
        if isinstance(words, list):
            # Words of its own, as in a notebook: it does not read the command line.
            return (Namespace(self), UNKNOWN) if name in _LENIENT else Namespace(self)
        if words is UNKNOWN:
            self.open(f"What {place_of(call)} parses is computed, perhaps from the command line.")
        if isinstance(words, Remaining):
            # The usual pair: one parser for `--config`, and one for what it left.
            self.trace.parsed = [(parser, True) for parser, _ in self.trace.parsed if parser is words.parser]
        is_strict = name in _STRICT and call.get("return_remaining_strings") is not True
        self.trace.parsed.append((self, is_strict))
        if name == "parse_args_into_dataclasses":
            return UNKNOWN
        return Namespace(self) if name in _STRICT else (Namespace(self), Remaining(self))

    def _set_defaults(self, call: Call) -> None:
        self.defaults |= call.keywords
        if not call.is_whole:
            self.trace.note(f"Defaults set at {place_of(call)} were not read.")
            self.options = [dataclasses.replace(option, default=UNREAD) for option in self.options]

    def _add_record(self, record: ClassValue, call: Call, dialect: str) -> None:
        options, is_complete = record_options(record, call, dialect)
        for option in options:
            self._add(option)
        if not is_complete:
            self.open(f"Some fields of {record.name} were not understood.")

    def _add(self, option: ProgramOption) -> None:
        taken = set(option.flags)
        self.options = [each for each in self.options if not taken & set(each.flags)]
        self.options.append(option)

    def _add_argument(self, call: Call) -> None:
        if not call.args and "dest" not in call.keywords:
            self.open(f"An option at {place_of(call)} has a name that is computed.")
            return
        names = [each for each in call.args if isinstance(each, str)]
        if len(names) < len(call.args) or (not call.is_whole and not names):
            self.open(f"An option at {place_of(call)} has a name that is computed.")
            return
        action = call.get("action")
        if action in ("help", "version"):
            return
        flags = tuple(name for name in names if name and name[0] in self.prefixes)
        longs = [flag for flag in flags if flag.startswith("--")]
        dest = call.get("dest")
        if not isinstance(dest, str):
            dest = (longs or list(flags) or names)[0].lstrip(self.prefixes).replace("-", "_")
        same = [flag for flag in longs if flag[2:] == dest]
        name = (same or longs or [dest])[0].removeprefix("--")
        form = self._form(call, bool(flags))
        kind, choices = self._kind(call, form)
        nargs = _nargs(call)
        many = nargs in ("*", "+", "...") or (isinstance(nargs, int) and nargs > 0) or action in ("append", "extend")
        option = ProgramOption(
            name=name,
            kind=kind,
            form=form,
            flags=flags,
            default=self._default(call, form, kind),
            choices=choices,
            is_required=call.get("required") is True if flags else nargs not in ("?", "*", "...", UNKNOWN),
            is_conditional=not call.is_certain or not call.is_whole or call.get("required") is UNKNOWN,
            takes_many=many,
            exact_count=nargs if isinstance(nargs, int) and action not in ("append", "extend") else 1,
            any_text_is_true=_is_bool(call.get("type")) and form is Form.VALUE,
            help=text_of(call.get("help")),
            source=call.source,
            line=call.line,
            off_flag=f"--no-{longs[0][2:]}" if form is Form.PAIR and longs else "",
        )
        low, high = _bounds(call.get("choices"))
        self._add(dataclasses.replace(option, low=low, high=high) if choices is None else option)
        self.dests[dest] = name

    def _form(self, call: Call, is_flag: bool) -> Form:
        action, nargs = call.get("action", None, "store"), _nargs(call)
        if not is_flag:
            return Form.POSITIONAL
        if action in ("store_true", "store_false", "store_const", "append_const"):
            return Form.FLAG
        if action == "count":
            return Form.COUNT
        if isinstance(action, External) and action.name.endswith("BooleanOptionalAction"):
            return Form.PAIR
        is_own_action = action not in ("store", "append", "extend") or nargs is UNKNOWN or not call.is_whole
        return Form.MAYBE_VALUE if is_own_action or nargs == "?" else Form.VALUE

    def _kind(self, call: Call, form: Form) -> tuple[Kind, tuple[Json, ...] | None]:
        if form in (Form.FLAG, Form.PAIR):
            return "bool", None
        if form is Form.COUNT:
            return "int", None
        made = call.get("type")
        choices = choices_of(call.get("choices"), call) if "choices" in call.keywords else None
        if made is None:
            is_own = not isinstance(call.get("action", None, "store"), str) or not call.is_whole
            return ("any" if is_own else "str"), choices
        if isinstance(made, ClassValue) and made.is_enum:
            return "str", choices_of(made, call)
        if isinstance(made, Function) and "bool" in made.name.lower():
            return "bool", choices
        return kind_of(made), choices

    def _default(self, call: Call, form: Form, kind: Kind) -> Default:
        if "default" not in call.keywords:
            if not call.is_whole:
                return UNREAD
            if call.get("required") is True or form is Form.POSITIONAL:
                return NONE_GIVEN
            action = call.get("action")
            return {"store_true": False, "store_false": True}.get(action) if isinstance(action, str) else None
        return converted(default_of(call.keywords["default"]), kind)

    def finished_options(self) -> list[ProgramOption]:
        """Return the options with the defaults that were set for them at last."""
        chosen = {self.dests[dest]: value for dest, value in self.defaults.items() if dest in self.dests}
        return [
            dataclasses.replace(
                option, default=converted(default_of(chosen[option.name]), option.kind), is_required=False
            )
            if option.name in chosen
            else option
            for option in self.options
        ]


def converted(default: Default, kind: Kind) -> Default:
    """Return a default as argparse has it: a text goes through `type`."""
    try:
        if isinstance(default, str) and kind == "int":
            return int(default)
        if isinstance(default, str) and kind == "float":
            return float(default)
    except ValueError:
        # The program itself would fail at its default.
        return default
    return default


def _nargs(call: Call) -> Value:
    """Return how many words an option takes, by sign also where it is named: `argparse.REMAINDER`."""
    given = call.get("nargs")
    return _NARGS.get(given.name, UNKNOWN) if isinstance(given, External) else given


def _is_bool(value: Value) -> bool:
    return isinstance(value, External) and value.name == "builtins.bool"


def _bounds(choices: Value) -> tuple[float | None, float | None]:
    """Return the ends of a range that is too long to list."""
    if isinstance(choices, range) and choices and choices.step == 1:
        return choices[0], choices[-1]
    return None, None


def handlers(trace: Trace) -> dict[str, Handler]:
    """Return what calls of argparse mean."""

    def make(call: Call) -> Value:
        parser = Parser(trace, call)
        trace.parsers.append(parser)
        return parser

    return dict.fromkeys(PARSERS, make) | {"argparse.FileType": lambda call: External("pathlib.Path")}
