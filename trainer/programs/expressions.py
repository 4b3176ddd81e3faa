"""Expressions of a program, evaluated as far as they are known without running it."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from trainer.programs.attributes import Attributes
from trainer.programs.builtin_calls import BUILTIN_CALLS, plain_method
from trainer.programs.operators import binary, comparison, unary
from trainer.programs.values import (
    UNKNOWN,
    Bound,
    Call,
    ClassValue,
    EnumMember,
    External,
    Frame,
    Function,
    Instance,
    Module,
    Super,
    Tracked,
    Value,
)

MAX_ITEMS = 400


class Expressions(Attributes):
    """What the evaluator knows of expressions."""

    def evaluate(self, node: ast.expr, frame: Frame) -> Value:  # noqa: C901 - one line for each kind
        """Return the value of an expression, or `UNKNOWN`."""
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return self.resolve(self._name(node.id, frame))
            case ast.Attribute():
                return self.attribute(self.evaluate(node.value, frame), node.attr)
            case ast.Call():
                return self._call(node, frame)
            case ast.List():
                return self._items(node.elts, frame)
            case ast.Tuple():
                items = self._items(node.elts, frame)
                return tuple(items) if isinstance(items, list) else items
            case ast.Set():
                items = self._items(node.elts, frame)
                # A list keeps the order in which people wrote them.
                return items
            case ast.Dict():
                return self._dict(node, frame)
            case ast.Subscript():
                return self._subscript(self.evaluate(node.value, frame), self._index(node.slice, frame))
            case ast.BinOp():
                return binary(node.op, self.evaluate(node.left, frame), self.evaluate(node.right, frame))
            case ast.UnaryOp():
                if isinstance(node.op, ast.Not):
                    known = self.truth(self.evaluate(node.operand, frame))
                    return UNKNOWN if known is None else not known
                return unary(node.op, self.evaluate(node.operand, frame))
            case ast.BoolOp():
                return self._bool(node, frame)
            case ast.Compare():
                return self._compare(node, frame)
            case ast.IfExp():
                known = self.truth(self.evaluate(node.test, frame))
                if known is None:
                    first, second = self.evaluate(node.body, frame), self.evaluate(node.orelse, frame)
                    return first if type(first) is type(second) and first == second else UNKNOWN
                return self.evaluate(node.body if known else node.orelse, frame)
            case ast.JoinedStr():
                return self._joined(node, frame)
            case ast.Lambda():
                return Function(node, frame.module, frame.scopes)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                return self._comprehension(node.generators, lambda inner: self.evaluate(node.elt, inner), frame)
            case ast.DictComp():
                pairs = self._comprehension(
                    node.generators,
                    lambda inner: (self.evaluate(node.key, inner), self.evaluate(node.value, inner)),
                    frame,
                )
                return as_dict(pairs)
            case ast.NamedExpr():
                value = self.evaluate(node.value, frame)
                self.assign(node.target, value, frame)
                return value
            case ast.Starred() | ast.Await():
                return self.evaluate(node.value, frame)
        return UNKNOWN

    def _name(self, name: str, frame: Frame) -> Value:
        if name not in frame.global_names:
            for scope in frame.scopes:
                if name in scope:
                    return scope[name]
        if name in frame.module.scope:
            return frame.module.scope[name]
        return External(f"builtins.{name}")

    def _items(self, nodes: Sequence[ast.expr], frame: Frame) -> list[Value] | Value:
        items: list[Value] = []
        for node in nodes[:20_000]:
            value = self.evaluate(node, frame)
            if isinstance(node, ast.Starred):
                inner = self.items_of(value)
                if inner is None:
                    return UNKNOWN
                items += inner
            else:
                items.append(value)
        return items

    def _dict(self, node: ast.Dict, frame: Frame) -> Value:
        made: dict[Value, Value] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            value = self.evaluate(item, frame)
            if key is None:
                if not isinstance(value, dict):
                    return UNKNOWN
                made |= value
            else:
                name = self.evaluate(key, frame)
                if name is UNKNOWN or isinstance(name, list | dict | set):
                    return UNKNOWN
                made[name] = value
        return made

    def _index(self, node: ast.expr, frame: Frame) -> Value:
        if isinstance(node, ast.Slice):
            parts = [None if part is None else self.evaluate(part, frame) for part in (node.lower, node.upper)]
            return slice(*parts) if all(part is None or isinstance(part, int) for part in parts) else UNKNOWN
        return self.evaluate(node, frame)

    def _subscript(self, value: Value, index: Value) -> Value:
        if isinstance(value, Tracked):
            return value.attribute(index, self) if isinstance(index, str) else UNKNOWN  # type: ignore[arg-type]
        if isinstance(value, External) and value.name == "sys.argv" and isinstance(index, slice):
            return value
        if isinstance(value, ClassValue) and value.is_enum and isinstance(index, str):
            return next((each for each in self.enum_members(value) if each.name == index), UNKNOWN)
        try:
            if isinstance(value, dict):
                return value.get(index, UNKNOWN)
            if isinstance(value, list | tuple | str) and isinstance(index, int | slice):
                return value[index]
        except (IndexError, TypeError, ValueError):
            # The program would fail here, or follows another way than we do.
            return UNKNOWN
        return UNKNOWN

    def _bool(self, node: ast.BoolOp, frame: Frame) -> Value:
        is_or = isinstance(node.op, ast.Or)
        last: Value = UNKNOWN
        is_known = True
        for each in node.values:
            last = self.evaluate(each, frame)
            truth = self.truth(last)
            if truth is None:
                is_known = False
            elif truth is is_or:
                return last if is_known else UNKNOWN
        return last if is_known else UNKNOWN

    def _compare(self, node: ast.Compare, frame: Frame) -> Value:
        left = self.evaluate(node.left, frame)
        for op, comparator in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate(comparator, frame)
            result = comparison(op, left, right)
            if result is not True:
                return result
            left = right
        return True

    def _joined(self, node: ast.JoinedStr, frame: Frame) -> Value:
        parts: list[str] = []
        for part in node.values:
            value = self.evaluate(part.value if isinstance(part, ast.FormattedValue) else part, frame)
            is_simple = not isinstance(part, ast.FormattedValue) or (part.format_spec is None and part.conversion == -1)
            if not isinstance(value, str | int | float) or not is_simple:
                return UNKNOWN
            parts.append(str(value))
        return "".join(parts)

    def _comprehension(self, generators: Sequence[ast.comprehension], element: object, frame: Frame) -> Value:
        assert callable(element)
        found: list[Value] = []
        inner = Frame(frame.module, ({}, *frame.scopes), frame.function, frame.instance)

        def run(position: int) -> bool:
            if position == len(generators):
                found.append(element(inner))
                return len(found) <= MAX_ITEMS
            generator = generators[position]
            items = self.items_of(self.evaluate(generator.iter, inner))
            if items is None:
                return False
            for item in items:
                self.step()
                self.assign(generator.target, item, inner)
                truths = [self.truth(self.evaluate(test, inner)) for test in generator.ifs]
                if None in truths:
                    return False
                if all(truths) and not run(position + 1):
                    return False
            return True

        return found if run(0) else UNKNOWN

    def items_of(self, value: Value) -> list[Value] | None:
        """Return what iterating a value yields; None where that is unknown."""
        if isinstance(value, list | tuple):
            return list(value)
        if isinstance(value, dict):
            return list(value)
        if isinstance(value, range):
            return list(value[: MAX_ITEMS + 1])
        if isinstance(value, str) and len(value) <= MAX_ITEMS:
            return list(value)
        if isinstance(value, ClassValue) and value.is_enum:
            return list(self.enum_members(value))
        return None

    def truth(self, value: Value) -> bool | None:
        """Return whether a value is true; None where that is unknown."""
        if value is UNKNOWN or isinstance(value, External):
            return {"builtins.True": True}.get(value.name) if isinstance(value, External) else None
        if value is None or isinstance(value, bool | int | float | str | list | tuple | dict | range):
            return bool(value)
        return True if isinstance(value, Function | ClassValue | Module | EnumMember) else None

    def _call(self, node: ast.Call, frame: Frame) -> Value:
        if isinstance(node.func, ast.Name) and node.func.id == "super" and frame.function is not None:
            owner = frame.function.owner
            return Super(frame.instance, owner) if owner is not None else UNKNOWN
        callee = self.evaluate(node.func, frame)
        args: list[Value] = []
        is_whole = True
        for argument in node.args:
            value = self.evaluate(argument, frame)
            if isinstance(argument, ast.Starred):
                inner = self.items_of(value)
                is_whole = is_whole and inner is not None
                args += inner or []
            else:
                args.append(value)
        keywords: dict[str, Value] = {}
        spread: list[Tracked] = []
        for keyword in node.keywords:
            value = self.evaluate(keyword.value, frame)
            if keyword.arg is not None:
                keywords[keyword.arg] = value
            elif isinstance(value, dict):
                keywords |= {str(name): item for name, item in value.items()}
            else:
                is_whole = False
                spread += [value] if isinstance(value, Tracked) else []
        call = Call(self, tuple(args), keywords, node, frame.module, self.is_certain, is_whole)  # type: ignore[arg-type]
        for each in spread:
            each.escaped("**", call)
        return self.call(callee, call)

    def call(self, callee: Value, call: Call) -> Value:  # noqa: C901 - one line for each kind
        """Return what a call gives, and let readers take note of it."""
        self.step()
        match callee:
            case External():
                handler = self.handlers.get(callee.name)
                if handler is not None:
                    return handler(call)
                builtin = BUILTIN_CALLS.get(callee.name)
                if builtin is not None:
                    return builtin(self, call)
                self._escape(callee.name, call)
                return UNKNOWN
            case Function():
                return self.call_function(callee, call.args, call.keywords)
            case Bound(owner=Tracked() as owner, target=str() as name):
                return owner.call_method(name, call)
            case Bound(owner=owner, target=Function() as function):
                return self.call_function(function, (owner, *call.args), call.keywords)
            case Bound(owner=owner, target=str() as name):
                return plain_method(self, owner, name, call)
            case ClassValue():
                return self.instantiate(callee, call)
            case Tracked():
                return callee.call(call)
            case Instance():
                called = callee.cls.find("__call__")
                if isinstance(called, Function):
                    return self.call_function(called, (callee, *call.args), call.keywords)
        self._escape(ast.unparse(call.node.func) if isinstance(call.node, ast.Call) else "", call)
        return UNKNOWN

    def _escape(self, name: str, call: Call) -> None:
        for value in (*call.args, *call.keywords.values()):
            inner = value.inner if isinstance(value, Instance) else value
            if isinstance(inner, Tracked):
                inner.escaped(name, call)


def as_dict(pairs: Value) -> Value:
    """Return the mapping of a list of pairs; `UNKNOWN` where it is none."""
    made: dict[Value, Value] = {}
    if not isinstance(pairs, list):
        return UNKNOWN
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str | int | float | None):
            return UNKNOWN
        made[pair[0]] = pair[1]
    return made
