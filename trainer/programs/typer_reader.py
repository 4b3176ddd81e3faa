"""typer: options that come of the annotated parameters of functions.

Source: typer 0.12 to 0.20, `main.py` and `params.py`.
"""

from __future__ import annotations

from dataclasses import replace

from trainer.programs.annotations import TypeFacts, type_facts
from trainer.programs.click_reader import Command, split_flags
from trainer.programs.options import NONE_GIVEN, Form, ProgramOption
from trainer.programs.trace import Trace, default_of, text_of
from trainer.programs.values import NO_VALUE, UNKNOWN, Call, Function, Handler, Tracked, Value


class Spec(Tracked):
    """`typer.Option(...)` or `typer.Argument(...)`."""

    def __init__(self, call: Call, *, is_argument: bool) -> None:
        self.made, self.is_argument = call, is_argument

    def parts(self, is_annotation: bool) -> tuple[Value, list[str]]:
        """Return the default and the flags that are written in it.

        Args:
            is_annotation: Whether it stands in `Annotated`, where the default is not its first argument.
        """
        args = self.made.args
        default: Value = self.made.keywords.get("default", NO_VALUE)
        if not is_annotation and args:
            default, args = args[0], args[1:]
        return (NO_VALUE if default is ... else default), [each for each in args if isinstance(each, str)]


def _command_of(trace: Trace, function: Function, name: str, call: Call) -> Command:
    command = Command(trace, name, is_typer=True)
    command.callback = function
    command.options = list(_options(function, call))
    command.is_open = function.node.args.kwarg is not None
    return command


def _options(function: Function, call: Call) -> list[ProgramOption]:
    found = []
    arguments = [*function.node.args.posonlyargs, *function.node.args.args, *function.node.args.kwonlyargs]
    for argument in arguments:
        default = function.defaults.get(argument.arg, NO_VALUE)
        facts = type_facts(argument.annotation, function.module, call.evaluator)
        spec = default if isinstance(default, Spec) else None
        mark = next((each for each in facts.marks if isinstance(each, Spec)), None)
        flags: list[str] = []
        if spec is not None:
            default, flags = spec.parts(is_annotation=False)
        elif mark is not None:
            spec = mark
            _, flags = mark.parts(is_annotation=True)
        annotated = call.evaluator.project.shown(function.module.source.path)
        option = _option(argument.arg, default, facts, spec, flags)
        if "Context" in (argument.annotation and _text(argument.annotation) or ""):
            continue
        found.append(replace(option, source=annotated, line=argument.lineno))
    return found


def _text(node: object) -> str:
    import ast

    return ast.unparse(node) if isinstance(node, ast.AST) else ""


def _option(name: str, default: Value, facts: TypeFacts, spec: Spec | None, texts: list[str]) -> ProgramOption:
    flags, off_flags = split_flags(texts)
    dashed = name.replace("_", "-")
    longs = [flag for flag in flags if flag.startswith("--")]
    is_argument = spec.is_argument if spec is not None else default is NO_VALUE
    form = Form.VALUE
    if is_argument:
        form = Form.POSITIONAL
    elif spec is not None and spec.made.get("count") is True:
        form = Form.COUNT
    elif facts.kind == "bool" and not facts.takes_many:
        form = Form.PAIR if off_flags or not flags else Form.FLAG
        if not flags:
            flags, off_flags = [f"--{dashed}"], [f"--no-{dashed}"]
    if not flags and form is not Form.POSITIONAL:
        flags = [f"--{dashed}"]
    low, high = facts.low, None
    if spec is not None:
        low = _number(spec.made.get("min"), low)
        high = _number(spec.made.get("max"), None)
        if spec.made.get("clamp") is True:
            low = high = None
    is_own = spec is not None and ({"parser", "click_type"} & set(spec.made.keywords))
    return ProgramOption(
        name=longs[0][2:] if longs else dashed if not flags or flags == [f"--{dashed}"] else flags[0].lstrip("-"),
        kind="any" if is_own else "str" if facts.kind == "any" and default is not UNKNOWN else facts.kind,
        default=default_of(default),
        form=form,
        flags=tuple(flags),
        choices=facts.choices,
        low=low,
        high=high,
        is_required=default_of(default) is NONE_GIVEN
        and not (spec is not None and {"envvar", "prompt", "default_factory"} & set(spec.made.keywords)),
        takes_many=facts.takes_many,
        help=text_of(spec.made.get("help")) if spec is not None else "",
        off_flag=off_flags[0] if off_flags else "",
    )


def _number(value: Value, default: float | None) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else default


class App(Command):
    """`typer.Typer()`."""

    def __init__(self, trace: Trace, call: Call) -> None:
        super().__init__(trace, "", is_typer=True)
        self.is_group = True
        self.has_callback = False

    def call_method(self, name: str, call: Call) -> Value:
        """Follow what is done with the app."""
        if name == "command":
            given = call.get("name", 0)
            settings = call.get("context_settings", None, {})
            return _Register(self, given if isinstance(given, str) else "", settings)
        if name == "callback":
            return _Callback(self)
        if name == "add_typer":
            added, given = call.get("typer_instance", 0), call.get("name")
            if isinstance(added, App) and isinstance(given, str):
                self.commands[given] = added
            else:
                self.is_open = True
        return UNKNOWN

    def settled(self) -> Command:
        """Return the command that the app is: with a single command and no callback, that command itself."""
        is_single = len(self.commands) == 1 and not self.has_callback
        only = next(iter(self.commands.values()), self)
        return only if is_single and not isinstance(only, App) else self


class _Register(Tracked):
    def __init__(self, app: App, name: str, settings: Value) -> None:
        self.app, self.name, self.settings = app, name, settings

    def call(self, call: Call) -> Value:
        function = call.args[0] if call.args else UNKNOWN
        if isinstance(function, Function):
            name = self.name or function.name.lower().replace("_", "-")
            command = self.app.commands[name] = _command_of(self.app.trace, function, name, call)
            if isinstance(self.settings, dict):
                command.allows_unknown = self.settings.get("ignore_unknown_options", False) is not False
        return function


class _Callback(Tracked):
    def __init__(self, app: App) -> None:
        self.app = app

    def call(self, call: Call) -> Value:
        function = call.args[0] if call.args else UNKNOWN
        if isinstance(function, Function):
            self.app.options = list(_options(function, call))
            self.app.has_callback = True
        return function


def handlers(trace: Trace) -> dict[str, Handler]:
    """Return what calls of typer mean."""

    def run(call: Call) -> Value:
        function = call.get("function", 0)
        if isinstance(function, Function):
            command = _command_of(trace, function, "", call)
            command.call(replace(call, args=(), keywords={}))
        return UNKNOWN

    return {
        "typer.Typer": lambda call: App(trace, call),
        "typer.run": run,
        "typer.Option": lambda call: Spec(call, is_argument=False),
        "typer.Argument": lambda call: Spec(call, is_argument=True),
        "typer.params.Option": lambda call: Spec(call, is_argument=False),
        "typer.params.Argument": lambda call: Spec(call, is_argument=True),
    }
