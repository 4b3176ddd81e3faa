"""Type annotations of a program, read for what a value may be: kind, choices, bounds, optional or not, nested."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace

from trainer.programs.options import Kind
from trainer.programs.trace import json_of
from trainer.programs.values import UNKNOWN, ClassValue, External, Frame, Module, Value
from trainer.programs.values import Call as Call
from trainer.records import Json

_KINDS: dict[str, Kind] = {
    "builtins.int": "int",
    "builtins.float": "float",
    "builtins.str": "str",
    "builtins.bool": "bool",
    "pathlib.Path": "path",
    "os.PathLike": "path",
    "typing.Any": "any",
}
_LISTS = {"list", "List", "tuple", "Tuple", "Sequence", "Iterable", "set", "Set"}
_NUMBERS = {"PositiveInt": ("int", 0.0, True), "NonNegativeInt": ("int", 0.0, False)}
_NUMBERS |= {"PositiveFloat": ("float", 0.0, True), "NonNegativeFloat": ("float", 0.0, False)}


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """What an annotation says."""

    kind: Kind = "any"
    choices: tuple[Json, ...] | None = None
    enum: ClassValue | None = None
    is_optional: bool = False
    takes_many: bool = False
    low: float | None = None
    is_low_open: bool = False
    nested: ClassValue | None = None
    """The class whose fields it holds."""
    marks: tuple[Value, ...] = field(default=())
    """What stands behind the type in `Annotated`."""


def type_facts(  # noqa: C901 - one line for each form
    node: ast.expr | None, module: Module, evaluator: object, depth: int = 0
) -> TypeFacts:
    """Return what an annotation of a module says; `any` where it is not understood."""
    from trainer.programs.evaluator import Evaluator

    assert isinstance(evaluator, Evaluator)
    if node is None or depth > 8:
        return TypeFacts()
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return type_facts(ast.parse(node.value, mode="eval").body, module, evaluator, depth + 1)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            # Not a type at all.
            return TypeFacts()
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union([node.left, node.right], module, evaluator, depth)
    if isinstance(node, ast.Constant) and node.value is None:
        return TypeFacts("any", is_optional=True)
    if isinstance(node, ast.Subscript):
        return _subscript(node, module, evaluator, depth)
    value = evaluator.evaluate(node, Frame(module, ()))
    if isinstance(value, ClassValue):
        if value.is_enum:
            members = evaluator.enum_members(value)
            values = tuple(json_of(member.value) for member in members)
            return TypeFacts("str", None if UNKNOWN in values else values, enum=value)  # type: ignore[arg-type]
        return TypeFacts(nested=value) if value.fields or value.is_record else TypeFacts()
    if isinstance(value, External):
        name = value.name.rpartition(".")[2]
        if name in _NUMBERS:
            kind, low, is_open = _NUMBERS[name]
            return TypeFacts(kind, low=low, is_low_open=is_open)  # type: ignore[arg-type]
        if name in _LISTS:
            return TypeFacts("any", takes_many=True)
        return TypeFacts(_KINDS.get(value.name, "any"))
    return TypeFacts()


def _subscript(node: ast.Subscript, module: Module, evaluator: object, depth: int) -> TypeFacts:
    from trainer.programs.evaluator import Evaluator

    assert isinstance(evaluator, Evaluator)
    name = ast.unparse(node.value).rpartition(".")[2]
    parts = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    frame = Frame(module, ())
    if name == "Literal":
        values = [json_of(evaluator.evaluate(part, frame)) for part in parts]
        known = [value for value in values if value is not None]
        kinds = {type(value) for value in known}
        kind: Kind = "int" if kinds == {int} else "float" if kinds == {float} else "str"
        return TypeFacts(kind, None if UNKNOWN in known else tuple(known), is_optional=None in values)  # type: ignore[arg-type]
    if name == "Annotated":
        facts = type_facts(parts[0], module, evaluator, depth + 1)
        marks = tuple(evaluator.evaluate(part, frame) for part in parts[1:])
        return replace(facts, marks=marks)
    if name == "Optional":
        return replace(type_facts(parts[0], module, evaluator, depth + 1), is_optional=True)
    if name == "Union":
        return _union(parts, module, evaluator, depth)
    if name in _LISTS:
        inner = type_facts(parts[0], module, evaluator, depth + 1)
        return replace(inner, takes_many=True, nested=None)
    if name in ("Final", "Required", "Arg", "Suppress", "ReadOnly"):
        return type_facts(parts[0], module, evaluator, depth + 1)
    return TypeFacts()


def _union(parts: list[ast.expr], module: Module, evaluator: object, depth: int) -> TypeFacts:
    kinds = [type_facts(part, module, evaluator, depth + 1) for part in parts]
    is_none = [isinstance(part, ast.Constant) and part.value is None for part in parts]
    real = [facts for facts, none in zip(kinds, is_none, strict=True) if not none]
    is_optional = any(is_none) or any(facts.is_optional for facts in kinds)
    if len(real) == 1:
        return replace(real[0], is_optional=is_optional)
    if {facts.kind for facts in real} == {"int", "float"}:
        return TypeFacts("float", is_optional=is_optional)
    return TypeFacts("any", is_optional=is_optional)
