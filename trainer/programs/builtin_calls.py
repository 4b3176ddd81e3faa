"""Calls of Python's own functions and methods on known values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trainer.programs.values import UNKNOWN, Call, EnumMember, External, Function, Instance, Tracked, Value, is_plain

if TYPE_CHECKING:
    from trainer.programs.expressions import Expressions

_TEXT_METHODS = {
    "lower", "upper", "strip", "lstrip", "rstrip", "replace", "split", "startswith", "endswith", "removeprefix",
    "removesuffix", "title", "capitalize", "rsplit", "splitlines",
}  # fmt: skip
_MAX_LENGTH = 20_000


def plain_method(evaluator: Expressions, owner: Value, name: str, call: Call) -> Value:
    """Return what a method of a text, list or mapping gives; what changes the object does so."""
    try:
        if isinstance(owner, str):
            return _text_method(evaluator, owner, name, call)
        if isinstance(owner, dict):
            return _dict_method(evaluator, owner, name, call)
        if isinstance(owner, list):
            return _list_method(evaluator, owner, name, call)
    except (TypeError, ValueError, KeyError, IndexError):
        # The program would fail here, or follows another way than we do.
        return UNKNOWN
    return UNKNOWN


def _text_method(evaluator: Expressions, owner: str, name: str, call: Call) -> Value:
    if name == "join":
        items = evaluator.items_of(call.get("iterable", 0))
        return owner.join(str(item) for item in items) if items is not None and is_plain(items) else UNKNOWN
    if name in ("parent", "resolve", "absolute", "expanduser", "as_posix"):
        return UNKNOWN
    if name == "format" and all(is_plain(each) for each in (*call.args, *call.keywords.values())):
        # A width in the text, `{:999999999}`, would fill the memory.
        return UNKNOWN if ":" in owner else owner.format(*call.args, **call.keywords)
    if name in _TEXT_METHODS and is_plain(call.args) and is_plain(call.keywords) and len(owner) < _MAX_LENGTH:
        result: Value = getattr(owner, name)(*call.args, **call.keywords)
        return result
    return UNKNOWN


def _dict_method(evaluator: Expressions, owner: dict[Value, Value], name: str, call: Call) -> Value:
    if name == "keys":
        return list(owner)
    if name == "values":
        return list(owner.values())
    if name == "items":
        return list(owner.items())
    if name in ("get", "pop", "setdefault"):
        default = call.get("default", 1, UNKNOWN if name == "pop" else None)
        if not isinstance(call.args[0], str | int | float | None):
            return UNKNOWN
        return owner.pop(call.args[0], default) if name == "pop" else owner.get(call.args[0], default)
    if name == "copy":
        return dict(owner)
    if name == "update":
        other = call.get("other", 0, {})
        owner.update({**other, **call.keywords} if isinstance(other, dict) else call.keywords)
        return None
    return UNKNOWN


def _list_method(evaluator: Expressions, owner: list[Value], name: str, call: Call) -> Value:
    if name == "append" and len(owner) < _MAX_LENGTH:
        owner.append(call.args[0])
        return None
    if name == "extend" and len(owner) < _MAX_LENGTH:
        owner.extend(evaluator.items_of(call.args[0]) or [UNKNOWN])
        return None
    if name == "copy":
        return list(owner)
    return UNKNOWN


def _items(evaluator: Expressions, call: Call) -> list[Value] | None:
    return evaluator.items_of(call.args[0]) if call.args else []


def _list(evaluator: Expressions, call: Call) -> Value:
    items = _items(evaluator, call)
    return UNKNOWN if items is None else items


def _tuple(evaluator: Expressions, call: Call) -> Value:
    items = _items(evaluator, call)
    return UNKNOWN if items is None else tuple(items)


def _sorted(evaluator: Expressions, call: Call) -> Value:
    items = _items(evaluator, call)
    if items is None or not is_plain(items) or "key" in call.keywords:
        return UNKNOWN
    try:
        return sorted(items, reverse=call.keywords.get("reverse") is True)  # type: ignore[type-var]
    except TypeError:
        # Texts and numbers mixed: the program would fail here.
        return UNKNOWN


def _dict(evaluator: Expressions, call: Call) -> Value:
    from trainer.programs.expressions import as_dict

    first: Value = call.args[0] if call.args else {}
    base = first if isinstance(first, dict) else as_dict(evaluator.items_of(first) or UNKNOWN)
    return {**base, **call.keywords} if isinstance(base, dict) and call.is_whole else UNKNOWN


def _range(evaluator: Expressions, call: Call) -> Value:
    numbers = [each for each in call.args if isinstance(each, int)]
    if len(numbers) != len(call.args) or not 1 <= len(numbers) <= 3 or numbers[2:] == [0]:
        return UNKNOWN
    return range(*numbers)


def _reversed(evaluator: Expressions, call: Call) -> Value:
    items = _items(evaluator, call)
    return UNKNOWN if items is None else items[::-1]


def _enumerate(evaluator: Expressions, call: Call) -> Value:
    items = _items(evaluator, call)
    return UNKNOWN if items is None else list(enumerate(items))


def _zip(evaluator: Expressions, call: Call) -> Value:
    lists = [evaluator.items_of(each) for each in call.args]
    known = [each for each in lists if each is not None]
    return list(zip(*known, strict=False)) if len(known) == len(lists) else UNKNOWN


def _convert(kind: Callable[[str], object]) -> Callable[[Expressions, Call], Value]:
    def convert(evaluator: Expressions, call: Call) -> Value:
        value = call.args[0] if call.args else UNKNOWN
        if not isinstance(value, str | int | float) or (isinstance(value, str) and len(value) > 100):
            return UNKNOWN
        try:
            return kind(value)  # type: ignore[arg-type]
        except (ValueError, OverflowError):
            # The program would fail here.
            return UNKNOWN

    return convert


def _len(evaluator: Expressions, call: Call) -> Value:
    items = _items(evaluator, call)
    return UNKNOWN if items is None else len(items)


def _type(evaluator: Expressions, call: Call) -> Value:
    value = call.args[0] if call.args else UNKNOWN
    if isinstance(value, bool | int | float | str | list | tuple | dict):
        return External(f"builtins.{type(value).__name__}")
    return value.cls if isinstance(value, Instance | EnumMember) else UNKNOWN


def _getattr(evaluator: Expressions, call: Call) -> Value:
    if len(call.args) < 2 or not isinstance(call.args[1], str):
        return UNKNOWN
    found = evaluator.attribute(call.args[0], call.args[1])
    return call.args[2] if found is UNKNOWN and len(call.args) > 2 and isinstance(call.args[0], Instance) else found


def _extreme(pick: Callable[[list[float]], float]) -> Callable[[Expressions, Call], Value]:
    def extreme(evaluator: Expressions, call: Call) -> Value:
        items = evaluator.items_of(call.args[0]) if len(call.args) == 1 else list(call.args)
        numbers = [item for item in items or [] if isinstance(item, int | float)]
        return pick(numbers) if numbers and len(numbers) == len(items or []) else UNKNOWN

    return extreme


def _isinstance(evaluator: Expressions, call: Call) -> Value:
    value, kinds = call.args[0] if call.args else UNKNOWN, call.args[1:]
    if not kinds or not (value is None or isinstance(value, bool | int | float | str | list | tuple | dict)):
        return UNKNOWN
    wanted = kinds[0] if isinstance(kinds[0], tuple) else (kinds[0],)
    names = [each.name.removeprefix("builtins.") for each in wanted if isinstance(each, External)]
    if len(names) != len(wanted):
        return UNKNOWN
    return any(base.__name__ in names for base in type(value).__mro__)


def _path(evaluator: Expressions, call: Call) -> Value:
    parts = [each for each in call.args if isinstance(each, str)]
    return "/".join(parts) if parts and len(parts) == len(call.args) else UNKNOWN


def _first(evaluator: Expressions, call: Call) -> Value:
    first = call.args[0] if call.args else UNKNOWN
    return first if isinstance(first, Function | Tracked) or is_plain(first) else UNKNOWN


def _vars(evaluator: Expressions, call: Call) -> Value:
    value = call.args[0] if call.args else UNKNOWN
    if isinstance(value, Instance):
        return dict(value.attributes)
    return value if isinstance(value, Tracked) else UNKNOWN


def _setattr(evaluator: Expressions, call: Call) -> Value:
    if len(call.args) == 3 and isinstance(call.args[0], Instance) and isinstance(call.args[1], str):
        call.args[0].attributes[call.args[1]] = call.args[2]
    return None


BUILTIN_CALLS: dict[str, Callable[[Expressions, Call], Value]] = {
    "builtins.list": _list,
    "builtins.set": _list,
    "builtins.frozenset": _list,
    "builtins.tuple": _tuple,
    "builtins.sorted": _sorted,
    "builtins.dict": _dict,
    "collections.OrderedDict": _dict,
    "builtins.range": _range,
    "builtins.reversed": _reversed,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _zip,
    "builtins.int": _convert(int),
    "builtins.float": _convert(float),
    "builtins.str": _convert(str),
    "builtins.bool": _convert(bool),
    "builtins.len": _len,
    "builtins.type": _type,
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.min": _extreme(min),
    "builtins.max": _extreme(max),
    "builtins.isinstance": _isinstance,
    "builtins.vars": _vars,
    "copy.deepcopy": _first,
    "copy.copy": _first,
    "functools.partial": _first,
    "pathlib.Path": _path,
    "os.path.join": _path,
}
"""What is known of functions outside of the project, by dotted name."""
