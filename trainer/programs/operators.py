"""Python's operators on known values, bounded so that no expression costs time or memory."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from trainer.programs.values import UNKNOWN, EnumMember, External, Tracked, Value

_MAX_LENGTH = 20_000
_MAX_NUMBER = 10**18

_BINARY: dict[type[ast.operator], Callable[[Any, Any], object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitOr: operator.or_,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_PLAIN = (bool, int, float, str, list, tuple, dict)


def binary(op: ast.operator, left: Value, right: Value) -> Value:
    """Return `left op right`, or `UNKNOWN`."""
    if not isinstance(left, _PLAIN) or not isinstance(right, _PLAIN) or not _is_small(op, left, right):
        return UNKNOWN
    if isinstance(op, ast.Div) and isinstance(left, str) and isinstance(right, str):
        # Paths are kept as their text.
        return f"{left.rstrip('/')}/{right}"
    function = _BINARY.get(type(op))
    try:
        result = UNKNOWN if function is None else function(left, right)
    except (TypeError, ValueError, ArithmeticError, KeyError):
        # The program would fail here; it is not ours to say.
        return UNKNOWN
    return result if isinstance(result, _PLAIN) else UNKNOWN


def _is_small(op: ast.operator, left: Value, right: Value) -> bool:
    if any(isinstance(each, int) and abs(each) > _MAX_NUMBER for each in (left, right)):
        return False
    if any(isinstance(each, str | list | tuple) and len(each) > _MAX_LENGTH for each in (left, right)):
        return False
    if isinstance(op, ast.Pow):
        return isinstance(right, int | float) and abs(right) <= 64
    if isinstance(op, ast.Mod) and isinstance(left, str):
        # `"%999999999d" % 1` would fill the memory.
        return "*" not in left and not any(character.isdigit() for character in left)
    if isinstance(op, ast.Mult):
        length = max((len(each) for each in (left, right) if isinstance(each, str | list | tuple)), default=0)
        number = max((each for each in (left, right) if isinstance(each, int)), default=1)
        return length * number <= _MAX_LENGTH
    return True


def unary(op: ast.unaryop, value: Value) -> Value:
    """Return `op value`, or `UNKNOWN`; `not` is the evaluator's."""
    if isinstance(value, int | float):
        if isinstance(op, ast.USub):
            return -value
        if isinstance(op, ast.UAdd):
            return +value
    return UNKNOWN


def comparison(op: ast.cmpop, left: Value, right: Value) -> Value:
    """Return `left op right`, or `UNKNOWN`."""
    if left is UNKNOWN or right is UNKNOWN or isinstance(left, External) or isinstance(right, External):
        return UNKNOWN
    if isinstance(op, ast.Is | ast.IsNot):
        if left is None or right is None or isinstance(left, EnumMember | bool):
            is_same = left is right and not isinstance(left, Tracked)
            return is_same if isinstance(op, ast.Is) else not is_same
        return UNKNOWN
    if isinstance(op, ast.Eq | ast.NotEq) and (isinstance(left, EnumMember) or isinstance(right, EnumMember)):
        return (left is right) is isinstance(op, ast.Eq)
    function = _COMPARE.get(type(op))
    is_known = all(value is None or isinstance(value, _PLAIN) for value in (left, right))
    if function is None or not is_known:
        return UNKNOWN
    if isinstance(right, list | tuple | dict) and any(item is UNKNOWN for item in right):
        return True if isinstance(op, ast.In) and left in right else UNKNOWN
    try:
        return bool(function(left, right))
    except TypeError:
        # The program would fail here.
        return UNKNOWN
