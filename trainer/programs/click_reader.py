"""click: commands, groups, and the options that decorators give them.

Source: click 8.1 to 8.3, `core.py`, `decorators.py`, `types.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from trainer.programs.definitions import UNREAD_DECORATOR
from trainer.programs.options import NONE_GIVEN, UNREAD, Default, Form, Kind, ProgramOption
from trainer.programs.trace import KINDS, Trace, choices_of, default_of, place_of, text_of
from trainer.programs.values import NO_VALUE, UNKNOWN, Bound, Call, External, Function, Handler, Tracked, Value
from trainer.records import Json

PACKAGES = ("click", "rich_click", "asyncclick")
_PARAMETERS = "__click_params__"
_TYPES: dict[str, Kind] = {"INT": "int", "FLOAT": "float", "STRING": "str", "BOOL": "bool", "UUID": "any"}
_SUFFIXES = ("_command", "_cmd", "_group", "_grp")


class Command(Tracked):
    """A command or a group of commands, of click or typer."""

    def __init__(self, trace: Trace, name: str, *, is_typer: bool = False) -> None:
        self.trace, self.name, self.is_typer = trace, name, is_typer
        self.options: list[ProgramOption] = []
        self.commands: dict[str, Command] = {}
        self.is_group = False
        self.is_open = False
        self.allows_unknown = False
        self.callback: Function | None = None
        trace.commands.append(self)

    def call(self, call: Call) -> Value:
        """Take note that the command is run, and look into what it does."""
        words = call.get("args", 0)
        if not isinstance(words, list) and self not in self.trace.invoked:
            self.trace.invoked.append(self)
            for command in (self, *self.commands.values()):
                if command.callback is not None:
                    with call.evaluator.doubt():
                        call.evaluator.call_function(command.callback, (), {})
        return UNKNOWN

    def attribute(self, name: str, evaluator: object) -> Value:
        """Return a method; `callback` is the function itself."""
        return self.callback if name == "callback" and self.callback is not None else Bound(self, name)

    def call_method(self, name: str, call: Call) -> Value:
        """Follow what is done with the command."""
        if name in ("command", "group"):
            return CommandDecorator(self.trace, call, is_group=name == "group", parent=self)
        if name == "add_command":
            added = call.get("cmd", 0)
            if isinstance(added, Command):
                given = call.get("name", 1)
                self.commands[given if isinstance(given, str) else added.name] = added
            else:
                self.is_open = True
        elif name in ("main", "__call__"):
            return self.call(call)
        return UNKNOWN

    def all_commands(self, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Command]]:
        """Return every subcommand with the words that name it."""
        for name, command in self.commands.items():
            yield " ".join((*path, name)), command
            yield from command.all_commands((*path, name))


class CommandDecorator(Tracked):
    """`@click.command(...)`, `@group.command(...)`."""

    def __init__(self, trace: Trace, call: Call, *, is_group: bool, parent: Command | None = None) -> None:
        self.trace, self.arguments, self.is_group, self.parent = trace, call, is_group, parent

    def call(self, call: Call) -> Value:
        """Make a command of a function."""
        function = call.args[0] if call.args else UNKNOWN
        if isinstance(function, Command):
            return function
        if not isinstance(function, Function):
            return UNKNOWN
        given = self.arguments.get("name", 0)
        base = function.name.lower()
        name = given if isinstance(given, str) else base.replace("_", "-")
        command = Command(self.trace, name)
        command.is_group, command.callback = self.is_group, function
        options = function.attributes.get(_PARAMETERS, [])
        command.options = list(options) if isinstance(options, list) else []
        settings = self.arguments.get("context_settings", None, {})
        if isinstance(settings, dict):
            command.allows_unknown = settings.get("ignore_unknown_options", False) is not False
        else:
            command.allows_unknown = True
        command.is_open = "cls" in self.arguments.keywords or not self.arguments.is_whole
        unread = function.attributes.get(UNREAD_DECORATOR)
        if unread is not None:
            command.is_open = True
            self.trace.note(f"@{unread} ({place_of(call)}) may add options; they were not read.")
        if self.parent is not None:
            self.parent.commands[name] = command
            suffix = next((each for each in _SUFFIXES if base.endswith(each)), "")
            if suffix and not isinstance(given, str):
                # click 8.2 leaves such endings away, earlier versions keep them.
                self.parent.commands[base.removesuffix(suffix).replace("_", "-")] = command
        return command


class OptionDecorator(Tracked):
    """`@click.option(...)` or `@click.argument(...)`."""

    def __init__(self, trace: Trace, call: Call, *, is_argument: bool) -> None:
        self.trace = trace
        self.option = _argument(call) if is_argument else _option(call)
        self.place = place_of(call)

    def call(self, call: Call) -> Value:
        """Give the option to a function."""
        target = call.args[0] if call.args else UNKNOWN
        if isinstance(target, Command):
            if self.option is None:
                target.is_open = True
            else:
                target.options.insert(0, self.option)
        elif isinstance(target, Function):
            known = target.attributes.get(_PARAMETERS)
            options = list(known) if isinstance(known, list) else []
            if self.option is None:
                self.trace.note(f"The option at {self.place} has a name that is computed.")
            else:
                options.insert(0, self.option)
            target.attributes[_PARAMETERS] = options
        return target


class ParamType(Tracked):
    """`click.Choice`, `click.IntRange` and their kin."""

    def __init__(self, name: str, call: Call) -> None:
        self.name, self.made = name, call

    def applied(self, option: ProgramOption) -> ProgramOption:
        """Return an option of this type."""
        call = self.made
        if self.name == "Choice":
            # Where case makes no difference, nothing is said about values.
            kind: Kind = "any" if call.get("case_sensitive", 1, True) is not True else "str"
            return replace(option, kind=kind, choices=choices_of(call.get("choices", 0), call))
        if self.name in ("IntRange", "FloatRange"):
            low, high = _number(call.get("min", 0)), _number(call.get("max", 1))
            if call.get("clamp") is True:
                low = high = None
            return replace(
                option,
                kind="int" if self.name == "IntRange" else "float",
                low=low,
                high=high,
                is_low_open=call.get("min_open", 2) is True,
                is_high_open=call.get("max_open", 3) is True,
            )
        return replace(option, kind="path" if self.name in ("Path", "File") else "any")


def _number(value: Value) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _argument(call: Call) -> ProgramOption | None:
    name = call.get("param_decls", 0)
    if not isinstance(name, str):
        return None
    return ProgramOption(
        name, form=Form.POSITIONAL, default=default_of(call.get("default", None, NO_VALUE)),
        is_required=call.get("required", None, "default" not in call.keywords) is True,
        help=text_of(call.get("help")), source=call.source, line=call.line,
    )  # fmt: skip


def _option(call: Call) -> ProgramOption | None:
    texts = [each for each in call.args if isinstance(each, str)]
    if not texts or len(texts) < len(call.args):
        return None
    flags, off_flags = split_flags(texts)
    longs = [flag for flag in flags if flag.startswith("--")]
    plain = [text for text in texts if text.isidentifier()]
    name = longs[0][2:] if longs else (flags or plain or texts)[0].lstrip("-")
    default = default_of(call.get("default", None, NO_VALUE))
    if default is NONE_GIVEN and not call.is_whole:
        default = UNREAD
    form = _form(call, bool(off_flags))
    nargs = call.get("nargs", None, 1)
    option = ProgramOption(
        name, default=default, form=form, flags=(*flags,), help=text_of(call.get("help")), source=call.source,
        line=call.line, off_flag=off_flags[0] if off_flags else "", is_conditional=not call.is_whole,
        is_required=call.get("required") is True and not {"envvar", "prompt", "default"} & set(call.keywords),
        takes_many=call.get("multiple") is True or nargs not in (1, UNKNOWN),
        exact_count=nargs if isinstance(nargs, int) and nargs > 1 else 1,
    )  # fmt: skip
    return _typed(option, call, default)


def split_flags(texts: list[str]) -> tuple[list[str], list[str]]:
    """Return the flags that say yes and those that say no: `--shout/--no-shout`, `-s/-S`, ` /-S`."""
    yes: list[str] = []
    no: list[str] = []
    for text in texts:
        first, slash, second = text.partition("/")
        if slash and (first.strip().startswith("-") or not first.strip()):
            yes += [first.strip()] if first.strip() else []
            no.append(second.strip())
        elif text.startswith("-"):
            yes.append(text)
    return yes, no


def _form(call: Call, has_off: bool) -> Form:
    if call.get("count") is True:
        return Form.COUNT
    if has_off:
        return Form.PAIR
    is_flag = call.get("is_flag")
    if is_flag is True or (is_flag is None and call.get("flag_value") is not None and call.is_whole):
        return Form.FLAG
    if is_flag is False and "flag_value" in call.keywords:
        return Form.MAYBE_VALUE
    return Form.MAYBE_VALUE if is_flag is UNKNOWN or "cls" in call.keywords else Form.VALUE


def _typed(option: ProgramOption, call: Call, default: Default) -> ProgramOption:
    if option.form in (Form.FLAG, Form.PAIR):
        return replace(option, kind="bool", default=False if default is NONE_GIVEN else default)
    if option.form is Form.COUNT:
        return replace(option, kind="int", default=0 if default is NONE_GIVEN else default)
    given = call.get("type")
    if isinstance(given, ParamType):
        return given.applied(option)
    if isinstance(given, External):
        package, _, last = given.name.rpartition(".")
        kind = _TYPES.get(last, "any") if package in PACKAGES else KINDS.get(given.name, "any")
        return replace(option, kind=kind)
    if isinstance(given, list | tuple):
        if given and all(isinstance(each, str) for each in given):
            return replace(option, kind="str", choices=choices_of(given, call))
        return replace(option, kind="any", takes_many=True, exact_count=len(given))
    if given is not None or not call.is_whole or default is UNREAD:
        return replace(option, kind="any")
    return replace(option, kind=_guessed(default, option.takes_many))


def _guessed(default: Default, is_many: bool) -> Kind:
    sample: Json | object = default
    if is_many and isinstance(default, list):
        sample = default[0] if default else None
    if isinstance(sample, bool):
        return "bool"
    if isinstance(sample, int | float):
        return "int" if isinstance(sample, int) else "float"
    return "str"


class _Wraps(Tracked):
    """`functools.wraps(f)`: the wrapper has the options of what it wraps."""

    def __init__(self, wrapped: Value) -> None:
        self.wrapped = wrapped

    def call(self, call: Call) -> Value:
        function = call.args[0] if call.args else UNKNOWN
        if isinstance(function, Function) and isinstance(self.wrapped, Function):
            function.attributes = {**self.wrapped.attributes, **function.attributes, "__name__": self.wrapped.name}
        return function


def handlers(trace: Trace) -> dict[str, Handler]:
    """Return what calls of click mean."""

    def command(is_group: bool) -> Handler:
        def handle(call: Call) -> Value:
            if call.args and isinstance(call.args[0], Function):
                return CommandDecorator(trace, replace(call, args=()), is_group=is_group).call(call)
            return CommandDecorator(trace, call, is_group=is_group)

        return handle

    def typed(name: str) -> Handler:
        return lambda call: ParamType(name, call)

    made: dict[str, Handler] = {"functools.wraps": lambda call: _Wraps(call.args[0] if call.args else UNKNOWN)}
    for package in PACKAGES:
        for prefix in (package, f"{package}.decorators"):
            made[f"{prefix}.command"] = command(False)
            made[f"{prefix}.group"] = command(True)
            made[f"{prefix}.option"] = lambda call: OptionDecorator(trace, call, is_argument=False)
            made[f"{prefix}.argument"] = lambda call: OptionDecorator(trace, call, is_argument=True)
        for name in ("Choice", "IntRange", "FloatRange", "Path", "File", "DateTime", "Tuple"):
            made[f"{package}.{name}"] = made[f"{package}.types.{name}"] = typed(name)
    return made
