"""Options that come of a class's annotated fields or a function's parameters: one option each, nested ones dotted.

The dialects: `hf` (transformers' HfArgumentParser), `simple` (simple_parsing), `tyro`, `draccus` (and pyrallis),
`fire`, `tap` (typed-argument-parser), `hydra` (structured configurations).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from trainer.programs.annotations import TypeFacts, type_facts
from trainer.programs.definitions import FieldSpec
from trainer.programs.options import Default, Form, Kind, ProgramOption
from trainer.programs.trace import Records, Trace, default_of, text_of
from trainer.programs.values import (
    NO_VALUE,
    UNKNOWN,
    Bound,
    Call,
    ClassValue,
    Function,
    Handler,
    Instance,
    Module,
    Tracked,
    Value,
)

_MAX_DEPTH = 6


@dataclass(frozen=True, slots=True)
class _Slot:
    """A field or parameter, whichever it came of."""

    name: str
    facts: TypeFacts
    default: Value
    help: str
    line: int
    metadata: dict[str, Value]


def record_options(record: Value, call: Call, dialect: str) -> tuple[list[ProgramOption], bool]:
    """Return the options that a class, an object of it or a function stands for, and whether these are all.

    Args:
        record: What is parsed into.
        call: The call that says so.
        dialect: See the module.
    """
    options: list[ProgramOption] = []
    is_complete = _collect(record, (), call, dialect, options)
    if dialect == "simple":
        options = _flattened(options)
    return options, is_complete


def _collect(record: Value, path: tuple[str, ...], call: Call, dialect: str, options: list[ProgramOption]) -> bool:
    slots = list(_slots(record, call, dialect))
    is_complete = isinstance(record, Function) or not _has_unread_bases(record)
    for slot in slots:
        nested = slot.facts.nested
        if nested is not None and len(path) < _MAX_DEPTH:
            value = slot.default if isinstance(slot.default, Instance) else nested
            is_complete = _collect(value, (*path, slot.name), call, dialect, options) and is_complete
            continue
        source = record.module if isinstance(record, Function | ClassValue) else None
        options.append(_option(slot, path, dialect, call, source))
    return is_complete


def _has_unread_bases(record: Value) -> bool:
    cls = record.cls if isinstance(record, Instance) else record
    if not isinstance(cls, ClassValue):
        return True
    harmless = {"object", "Generic", "ABC", "Protocol", "NamedTuple", "BaseModel", "Serializable", "Tap", "Enum"}
    return any(base.rpartition(".")[2] not in harmless for base in cls.external_bases()) or UNKNOWN in cls.bases


def _slots(record: Value, call: Call, dialect: str) -> Iterable[_Slot]:
    evaluator = call.evaluator
    if isinstance(record, Bound) and isinstance(record.target, Function):
        record = record.target
    if isinstance(record, Function):
        yield from _parameters(record, call)
        return
    cls = record.cls if isinstance(record, Instance) else record
    if not isinstance(cls, ClassValue):
        return
    init = cls.find("__init__")
    if not cls.all_fields() and isinstance(init, Function):
        yield from _parameters(init, call)
        return
    for each in reversed(cls.mro()):
        for name, item in each.fields.items():
            if cls.all_fields()[name] is not item:
                continue
            spec = item.default if isinstance(item.default, FieldSpec) else None
            if spec is not None and spec.arguments.get("init") is False:
                continue
            default = evaluator.record_value(item.default)
            if isinstance(record, Instance) and name in record.attributes:
                default = record.attributes[name]
            metadata = {**spec.arguments, **spec.metadata} if spec is not None else {}
            said = text_of(metadata.get("help") or metadata.get("description")) or item.help
            yield _Slot(name, type_facts(item.annotation, each.module, evaluator), default, said, item.line, metadata)


def _parameters(function: Function, call: Call) -> Iterable[_Slot]:
    node = function.node
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    for argument in arguments:
        if argument.arg in ("self", "cls"):
            continue
        default = function.defaults.get(argument.arg, NO_VALUE)
        facts = type_facts(argument.annotation, function.module, call.evaluator)
        yield _Slot(argument.arg, facts, default, "", argument.lineno, {})


def _option(slot: _Slot, path: tuple[str, ...], dialect: str, call: Call, module: Module | None) -> ProgramOption:
    facts = slot.facts
    kind: Kind = facts.kind
    default: Default = default_of(slot.default)
    if kind == "any" and isinstance(default, bool | int | float | str) and dialect not in ("fire", "hydra"):
        kind = _kind_of_default(default)
    choices = facts.choices
    listed = slot.metadata.get("choices")
    if isinstance(listed, list | tuple) and choices is None:
        choices = tuple(item for item in listed if isinstance(item, str | int | float))
    if facts.enum is not None and dialect in ("tyro", "hydra", "simple", "draccus"):
        # These take the names of members, not their values.
        members = call.evaluator.enum_members(facts.enum)
        choices = tuple(member.name for member in members)
        default = next((m.name for m in members if m is slot.default), default)
    dotted = ".".join((*path, slot.name))
    flags: tuple[str, ...] = (f"--{dotted}",)
    dashed = dotted.replace("_", "-")
    if dialect in ("tyro", "hf", "fire") and dashed != dotted:
        flags = (f"--{dashed}", f"--{dotted}") if dialect == "tyro" else (f"--{dotted}", f"--{dashed}")
    form = _form(kind, facts, slot, dialect)
    return ProgramOption(
        name=dotted,
        kind="any" if dialect in ("draccus", "fire") and kind not in ("bool",) and choices is None else kind,
        default=default,
        form=form,
        flags=flags if dialect != "hydra" else (),
        choices=choices,
        low=facts.low,
        is_low_open=facts.is_low_open,
        is_required=slot.default is NO_VALUE and not (facts.is_optional and dialect == "hf"),
        is_conditional=not call.is_certain,
        takes_many=facts.takes_many,
        is_nullable=facts.is_optional and dialect in ("tyro", "fire"),
        help=slot.help,
        source=call.evaluator.project.shown((module or call.module).source.path),
        line=slot.line,
        off_flag=f"--no-{dashed}" if form is Form.PAIR else "",
    )


def _kind_of_default(default: bool | int | float | str) -> Kind:
    if isinstance(default, bool):
        return "bool"
    return "int" if isinstance(default, int) else "float" if isinstance(default, float) else "str"


def _form(kind: Kind, facts: TypeFacts, slot: _Slot, dialect: str) -> Form:
    if kind != "bool" or facts.takes_many:
        return Form.VALUE
    if dialect == "tyro":
        return Form.VALUE if slot.default is NO_VALUE or facts.is_optional else Form.PAIR
    if dialect == "tap":
        return Form.FLAG
    return Form.MAYBE_VALUE if dialect in ("hf", "simple", "fire") else Form.VALUE


def _flattened(options: list[ProgramOption]) -> list[ProgramOption]:
    """Return simple_parsing's names: without their groups where that leaves them apart."""
    lasts = [option.name.rpartition(".")[2] for option in options]
    return [
        replace(option, name=last, flags=(f"--{last}",)) if lasts.count(last) == 1 else option
        for option, last in zip(options, lasts, strict=True)
    ]


class _Wrapper(Tracked):
    """`@draccus.wrap()`: the function's first parameter is what is parsed into."""

    def __init__(self, trace: Trace, dialect: str) -> None:
        self.trace, self.dialect = trace, dialect

    def call(self, call: Call) -> Value:
        function = call.args[0] if call.args else UNKNOWN
        if isinstance(function, Function) and function.node.args.args:
            facts = type_facts(function.node.args.args[0].annotation, function.module, call.evaluator)
            if facts.nested is not None:
                options, is_complete = record_options(facts.nested, call, self.dialect)
                self.trace.records.append(Records(self.dialect, options, is_complete, call.line))
        return function


_CALLS = {
    "tyro.cli": "tyro",
    "draccus.parse": "draccus",
    "pyrallis.parse": "draccus",
    "simple_parsing.parse": "simple",
    "fire.Fire": "fire",
    "jsonargparse.CLI": "draccus",
    "jsonargparse.auto_cli": "draccus",
}
_WRAPPERS = {"draccus.wrap": "draccus", "pyrallis.wrap": "draccus"}
_FIELDS = (
    "dataclasses.field", "pydantic.Field", "attr.ib", "attrs.field", "attr.field", "simple_parsing.field",
    "simple_parsing.choice", "simple_parsing.mutable_field", "simple_parsing.list_field", "transformers.HfArg",
    "transformers.hf_argparser.HfArg", "trl.HfArg",
)  # fmt: skip


def _fire_commands(record: Value, call: Call) -> dict[str, list[ProgramOption]]:
    """Return the options of each function that Fire makes a command: of a class, of a mapping, else of the module."""
    cls = record.cls if isinstance(record, Instance) else record
    shared: list[ProgramOption] = []
    if isinstance(cls, ClassValue):
        # What is made already takes no parameters any more.
        shared = record_options(cls, call, "fire")[0] if cls is record else []
        members = {name: member for each in reversed(cls.mro()) for name, member in each.members.items()}
    elif isinstance(record, dict):
        members = {str(name): member for name, member in record.items()}
    elif record is None:
        members = {name: each for name, each in call.module.scope.items() if isinstance(each, Function)}
    else:
        return {}
    functions = {name: each for name, each in members.items() if isinstance(each, Function) and name[:1] != "_"}
    return {name: [*shared, *record_options(each, call, "fire")[0]] for name, each in functions.items()}


def handlers(trace: Trace) -> dict[str, Handler]:
    """Return what calls of the parsers of classes and functions mean."""

    def parse(dialect: str, record: Value, call: Call) -> Value:
        if isinstance(call.get("args"), list) or isinstance(call.get("command"), str | list):
            return UNKNOWN
        commands = _fire_commands(record, call) if dialect == "fire" else {}
        if commands and not isinstance(record, ClassValue):
            trace.records.append(Records(dialect, [], False, call.line, commands))
            return UNKNOWN
        if isinstance(record, dict | list) or record is None:
            trace.records.append(Records(dialect, [], False, call.line))
            return UNKNOWN
        options, is_complete = record_options(record, call, dialect)
        if isinstance(record, ClassValue) and dialect == "fire":
            # A class is a group of commands; which one runs, the words say.
            is_complete = False
        if (
            call.get("default", None, None) is not None
            and dialect == "tyro"
            and isinstance(call.get("default"), Instance)
        ):
            options, is_complete = record_options(call.get("default"), call, dialect)
        trace.records.append(Records(dialect, options, is_complete, call.line, commands))
        return Instance(record) if isinstance(record, ClassValue) else UNKNOWN

    def parser(dialect: str) -> Handler:
        names = ("config_class", "f", "component", "components")

        def handle(call: Call) -> Value:
            record = call.args[0] if call.args else next((call.keywords[n] for n in names if n in call.keywords), None)
            return parse(dialect, record, call)

        return handle

    made: dict[str, Handler] = {name: parser(dialect) for name, dialect in _CALLS.items()}
    made |= dict.fromkeys(_FIELDS, FieldSpec)
    for name, dialect in _WRAPPERS.items():
        made[name] = lambda call, dialect=dialect: _Wrapper(trace, dialect)  # type: ignore[misc]
    return made
