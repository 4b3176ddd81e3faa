"""absl flags, and scripts whose globals a configurator replaces from the command line (nanoGPT's habit)."""

from __future__ import annotations

from dataclasses import replace

from trainer.programs.options import Default, Form, Kind, ProgramOption
from trainer.programs.trace import Records, Trace, choices_of, default_of, json_of, place_of, text_of
from trainer.programs.values import UNKNOWN, Call, ClassValue, Handler, Value

_KINDS: dict[str, Kind] = {
    "string": "str",
    "integer": "int",
    "float": "float",
    "bool": "bool",
    "boolean": "bool",
    "enum": "str",
    "enum_class": "any",
    "list": "str",
    "spaceseplist": "str",
    "multi_string": "str",
    "multi_integer": "int",
    "multi_float": "float",
    "multi_enum": "str",
}


def _define(trace: Trace, kind: str) -> Handler:
    def handle(call: Call) -> Value:
        name = call.get("name", 0)
        if not isinstance(name, str):
            trace.note(f"A flag at {place_of(call)} has a name that is computed.")
            return UNKNOWN
        choices = None
        help_position = 2
        if kind in ("enum", "multi_enum"):
            choices, help_position = choices_of(call.get("enum_values", 2), call), 3
        elif kind == "enum_class":
            listed = call.get("enum_class", 2)
            names = (
                [m.name.lower() for m in call.evaluator.enum_members(listed)] if isinstance(listed, ClassValue) else []
            )
            choices, help_position = (tuple(names) or None), 3
        low, high = call.get("lower_bound", 3), call.get("upper_bound", 4)
        is_number = kind in ("integer", "float")
        is_bool = kind in ("bool", "boolean")
        trace.flags = [each for each in trace.flags if each.name != name]
        trace.flags.append(
            ProgramOption(
                name, kind=_KINDS[kind], default=default_of(call.get("default", 1)),
                form=Form.MAYBE_VALUE if is_bool else Form.VALUE,
                flags=(f"--{name}",), choices=choices, off_flag=f"--no{name}" if is_bool else "",
                low=low if is_number and isinstance(low, int | float) else None,
                high=high if is_number and isinstance(high, int | float) else None,
                is_required=call.get("required") is True, is_conditional=not call.is_certain,
                takes_many=kind.startswith("multi") or kind.endswith("list"),
                help=text_of(call.get("help", help_position)), source=call.source, line=call.line,
            )
        )  # fmt: skip
        return UNKNOWN

    return handle


def handlers(trace: Trace) -> dict[str, Handler]:
    """Return what calls of absl, and of `exec`, mean."""

    def run(call: Call) -> Value:
        trace.has_absl = True
        if call.args:
            with call.evaluator.doubt():
                call.evaluator.call_value(call.args[0])
        return UNKNOWN

    def require(call: Call) -> Value:
        names = call.get("flag_name", 0)
        wanted = names if isinstance(names, list) else [names]
        trace.flags = [replace(each, is_required=True) if each.name in wanted else each for each in trace.flags]
        return UNKNOWN

    def config_file(call: Call) -> Value:
        trace.note(f"The configuration of {place_of(call)} (ml_collections) is Python code and was not read.")
        return UNKNOWN

    def execute(call: Call) -> Value:
        _configured(trace, call)
        return UNKNOWN

    made: dict[str, Handler] = {f"absl.flags.DEFINE_{kind}": _define(trace, kind) for kind in _KINDS}
    made |= {
        "absl.app.run": run,
        "absl.flags.mark_flag_as_required": require,
        "absl.flags.mark_flags_as_required": require,
        "ml_collections.config_flags.DEFINE_config_file": config_file,
        "ml_collections.config_flags.config_flags.DEFINE_config_file": config_file,
        "builtins.exec": execute,
        "builtins.open": lambda call: UNKNOWN,
    }
    return made


def _configured(trace: Trace, call: Call) -> None:
    """Take the module's globals for options where it executes a file that replaces them from `sys.argv`."""
    import ast

    names = [node.value for node in ast.walk(call.node) if isinstance(node, ast.Constant)]
    name = next((each for each in names if isinstance(each, str) and each.endswith(".py")), "")
    for folder in (call.module.source.path.parent, call.evaluator.project.cwd):
        source = call.evaluator.project.read(folder / name) if name and (folder / name).is_file() else None
        if source is not None and "globals()" in source.text and "argv" in source.text:
            break
    else:
        return
    options = [
        ProgramOption(
            each, kind=_kind(json_of(value)), default=_default(value), flags=(f"--{each}",), source=call.source
        )
        for each, value in call.module.scope.items()
        if not each.startswith("_") and isinstance(value, bool | int | float | str)
    ]
    trace.records.append(Records("configurator", options, False, call.line))


def _default(value: Value) -> Default:
    return default_of(value)


def _kind(value: Value) -> Kind:
    if isinstance(value, bool):
        return "bool"
    return "int" if isinstance(value, int) else "float" if isinstance(value, float) else "str"
