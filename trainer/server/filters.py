"""W&B's Mongo-style filters as SQL conditions on the tables of runs and sweeps. Pure: touches no database.

Meaning follows MongoDB: values of different types are never equal, greater or less (`{"config.x": {"$gt": 3}}` finds no
texts, and `true` is not 1), a list matches when one of its members does, null also finds what is missing, and a
negation finds everything that the plain condition does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from trainer.records import Json
from trainer.server.context import RequestError
from trainer.server.filter_keys import Column, Condition, JsonKey, Key, Place, Value, key_of
from trainer.server.patterns import checked_pattern

_COMPARISONS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_TEXT_MATCHES = {"$regex": "{} REGEXP ?", "$contains": "instr({}, ?) > 0", "$like": "{} LIKE ?"}
_PLAIN_TEXT = re.compile(r"[\w \-/:,@]*")
"""A pattern that means itself."""
_MAX_CONDITIONS = 2000
_MAX_DEPTH = 20
_MAX_BRACKETS = 500
"""SQLite reads JSON that is nested up to 1000 deep."""
_MAX_VALUES = 25_000
"""SQLite takes 32,766 parameters in a statement; pages add their own, up to two for each branch."""
_ISO_TIME = "strftime('%Y-%m-%dT%H:%M:%S', {} / 1000000, 'unixepoch')"
_BOOLEANS, _NUMBERS, _TEXTS = ("true", "false"), ("integer", "real"), ("text",)


def compile_filter(filters: Json, resolve: Callable[[str], Key] = key_of) -> Condition:
    """Return the condition of a filter; everything for an empty one.

    An `$or` beside plain conditions is spread over them, so that each branch can use an index of its own:
    "the live runs of this sweep, and these three" costs what it finds, not what the sweep holds.

    Args:
        filters: The filter as parsed JSON.
        resolve: What its keys name: those of runs, or `sweep_key_of`.

    Raises:
        RequestError: If the filter is malformed, too large, or uses an unknown operator.
    """
    budget = [_MAX_CONDITIONS]
    parts = _conjuncts(filters, 0)
    _spend(budget, len(parts))
    alternatives = [part for part in parts if set(part) == {"$or"}]
    if len(alternatives) == 1 and len(parts) > 1:
        common = _all([_compile(part, 0, budget, resolve) for part in parts if part is not alternatives[0]])
        branches = _operands(alternatives[0]["$or"], "$or")
        if len(branches) * (len(common.values) + 1) <= _MAX_CONDITIONS:
            spread = [_all([common, _compile(branch, 0, budget, resolve)]) for branch in branches]
            joined = _any(spread)
            return _bounded(Condition(joined.sql, joined.values, tuple(spread), _sweep_of(parts)))
    found = _all([_compile(part, 0, budget, resolve) for part in parts])
    return _bounded(Condition(found.sql, found.values, sweep=_sweep_of(parts)))


def _sweep_of(parts: Sequence[Mapping[str, Json]]) -> str | None:
    names = [part["sweep"] for part in parts if "sweep" in part]
    return next((name for name in names if isinstance(name, str)), None)


def _bounded(condition: Condition) -> Condition:
    if len(condition.values) > _MAX_VALUES:
        raise RequestError("The filter is too large: its conditions on dotted keys need too many comparisons.")
    return condition


def _conjuncts(filters: Json, depth: int) -> list[dict[str, Json]]:
    """Return the parts of a filter that must all hold, with nested `$and`s taken apart."""
    if filters is None or filters == {}:
        return []
    if not isinstance(filters, dict) or depth > _MAX_DEPTH:
        raise RequestError('A filter is an object such as {"state": "finished"}, nested at most 20 deep.')
    parts: list[dict[str, Json]] = []
    for key, operand in filters.items():
        if key == "$and":
            for item in _operands(operand, key):
                parts.extend(_conjuncts(item, depth + 1))
        else:
            parts.append({key: operand})
    return parts


def _operands(value: Json, operator: str) -> list[Json]:
    if not isinstance(value, list):
        raise RequestError(f"{operator} needs a list of filters.")
    return value


def _compile(filters: Json, depth: int, budget: list[int], resolve: Callable[[str], Key]) -> Condition:
    if not isinstance(filters, dict):
        raise RequestError("Every part of a filter is an object.")
    if depth > _MAX_DEPTH:
        raise RequestError(f"The filter is nested deeper than {_MAX_DEPTH} levels.")
    conditions = []
    for key, operand in filters.items():
        _spend(budget, 1)
        if key in ("$and", "$or", "$nor"):
            inner = [_compile(item, depth + 1, budget, resolve) for item in _operands(operand, key)]
            joined = _all(inner) if key == "$and" else _any(inner)
            conditions.append(_negated(joined) if key == "$nor" else joined)
        elif key == "$not":
            conditions.append(_negated(_compile(operand, depth + 1, budget, resolve)))
        elif key.startswith("$"):
            raise RequestError(f"The filter operator {key!r} is unknown here.")
        else:
            conditions.append(_field(resolve(key), operand, depth, budget))
    return _all(conditions)


def _spend(budget: list[int], cost: int) -> None:
    budget[0] -= cost
    if budget[0] < 0:
        raise RequestError(f"The filter is too large: it has more than {_MAX_CONDITIONS} conditions.")


def _all(conditions: Sequence[Condition]) -> Condition:
    return _joined([condition for condition in conditions if condition.sql != "1"], " AND ", "1")


def _any(conditions: Sequence[Condition]) -> Condition:
    return _joined([condition for condition in conditions if condition.sql != "0"], " OR ", "0")


def _joined(conditions: Sequence[Condition], word: str, empty: str) -> Condition:
    if not conditions:
        return Condition(empty)
    if len(conditions) == 1:
        return conditions[0]
    values = [value for condition in conditions for value in condition.values]
    return Condition(_balanced([condition.sql for condition in conditions], word), values)


def _balanced(terms: Sequence[str], word: str) -> str:
    # SQLite refuses expressions deeper than 1000, and reads `a OR b OR c` as nested.
    if len(terms) <= 50:
        return "(" + word.join(terms) + ")"
    middle = len(terms) // 2
    return "(" + _balanced(terms[:middle], word) + word + _balanced(terms[middle:], word) + ")"


def _negated(condition: Condition) -> Condition:
    # Mongo's $not also holds where the key is missing, which SQL calls NULL.
    return Condition(f"NOT ifnull({condition.sql}, 0)", condition.values)


def _field(key: Key, operand: Json, depth: int, budget: list[int]) -> Condition:
    if not isinstance(operand, Mapping) or not any(name.startswith("$") for name in operand):
        return _equals(key, operand)
    flags = operand.get("$options", "")
    conditions = []
    for operator, argument in operand.items():
        _spend(budget, 1 + (len(argument) if isinstance(argument, list) else 0))
        if depth > _MAX_DEPTH:
            raise RequestError(f"The filter is nested deeper than {_MAX_DEPTH} levels.")
        if operator == "$not":
            conditions.append(_negated(_field(key, argument, depth + 1, budget)))
        elif operator == "$regex":
            pattern = _pattern(argument, flags)
            # A plain text is looked for by SQLite itself, ten times as fast.
            conditions.append(_matching(key, "$contains" if _PLAIN_TEXT.fullmatch(pattern) else operator, pattern))
        elif operator != "$options":
            conditions.append(_operator(key, operator, argument))
        elif "$regex" not in operand:
            raise RequestError("$options belongs beside $regex.")
    return _all(conditions)


def _operator(key: Key, operator: str, argument: Json) -> Condition:
    if operator == "$eq":
        return _equals(key, argument)
    if operator == "$ne":
        return _negated(_equals(key, argument))
    if operator in ("$in", "$nin", "$all"):
        return _listed(key, operator, argument)
    if operator in _COMPARISONS:
        if argument is None:  # null is neither more nor less than anything, but equals itself
            return _missing(key) if operator in ("$gte", "$lte") else Condition("0")
        return _comparing(key, _COMPARISONS[operator], argument)
    if operator == "$exists":
        found = _present(key)
        return found if argument else _negated(found)
    if operator in _TEXT_MATCHES:
        if not isinstance(argument, str):
            raise RequestError(f"{operator} needs a text.")
        return _matching(key, operator, argument)
    raise RequestError(f"The filter operator {operator!r} is unknown here.")


def _listed(key: Key, operator: str, argument: Json) -> Condition:
    if not isinstance(argument, list):
        raise RequestError(f"{operator} needs a list of values.")
    if operator == "$all":
        return _all([_equals(key, item) for item in argument]) if argument else Condition("0")
    condition = _member(key, argument)
    return condition if operator == "$in" else _negated(condition)


def _equals(key: Key, operand: Json) -> Condition:
    if operand is None:
        return _missing(key)
    if isinstance(operand, list | dict):
        return _whole(key, operand)
    return _comparing(key, "=", operand)


def _member(key: Key, options: Sequence[Json]) -> Condition:
    """Return the condition for any of some values, those of one type together."""
    conditions = [_equals(key, option) for option in options if option is None or isinstance(option, list | dict)]
    plain = [option for option in options if isinstance(option, str | int | float)]
    for group in (
        [option for option in plain if isinstance(option, bool)],
        [option for option in plain if not isinstance(option, bool | str)],
        [option for option in plain if isinstance(option, str)],
    ):
        if group:
            conditions.append(_on_values(key, f"{{}} IN ({', '.join('?' * len(group))})", group))
    return _any(conditions)


def _comparing(key: Key, sign: str, value: Json) -> Condition:
    if isinstance(value, list | dict) or value is None:
        raise RequestError("$gt, $gte, $lt and $lte compare with a text, a number, true or false.")
    return _on_values(key, f"{{}} {sign} ?", [value])


def _on_values(key: Key, template: str, operands: Sequence[str | int | float]) -> Condition:
    """Return a condition on values of the operands' own type (they all have one)."""
    first = operands[0]
    if isinstance(key, JsonKey):
        types = _BOOLEANS if isinstance(first, bool) else _TEXTS if isinstance(first, str) else _NUMBERS
        return _typed(key, types, template, [_bindable(operand) for operand in operands])
    if key.kind == "time" and not isinstance(first, bool):
        return Condition(template.format(key.expression), [_micros(operand) for operand in operands])
    if isinstance(first, bool) or isinstance(first, str) != (key.kind == "text"):
        return Condition("0")
    return Condition(template.format(key.expression), [_bindable(operand) for operand in operands])


def _pattern(argument: Json, flags: Json) -> str:
    try:
        return checked_pattern(argument, flags)
    except ValueError as error:
        raise RequestError(str(error)) from error


def _matching(key: Key, operator: str, argument: str) -> Condition:
    template = _TEXT_MATCHES[operator]
    if isinstance(key, JsonKey):
        return _typed(key, _TEXTS, template, [argument])
    if key.kind == "number":
        return Condition("0")
    shown = _ISO_TIME.format(key.expression) if key.kind == "time" else key.expression
    return Condition(template.format(shown), [argument])


def _typed(key: JsonKey, types: Sequence[str], template: str, operands: Sequence[Value]) -> Condition:
    """Return a condition on a value of some types, or on a member of a list that has one of them."""

    def at(place: Place) -> Condition:
        if place.kept is not None and "null" not in types:
            # The table of values is narrow: reading all of it costs a tenth of reading the runs. The plus has the
            # runs looked up in it, rather than it in the runs.
            held = at(Place("v.value", "v.kind", ()))
            found = f"+id IN (SELECT v.run_id FROM run_values AS v WHERE v.key = ? AND {held.sql})"
            return Condition(found, [place.kept, *held.values])
        quoted = ", ".join(f"'{name}'" for name in types)
        member = template.format("m.value")
        in_list = f"EXISTS (SELECT 1 FROM json_each({place.value}) AS m WHERE m.type IN ({quoted}) AND {member})"
        if place.type == "'array'":
            return Condition(in_list, [*place.values, *operands])
        plain = template.format(place.value)
        return Condition(
            f"CASE {place.type} {' '.join(f'WHEN {name!r} THEN {plain}' for name in types)}"
            f" WHEN 'array' THEN {in_list} ELSE 0 END",
            [*place.values, *[*place.values, *operands] * (len(types) + 1)],
        )

    return _any([at(place) for place in key.places])


def _whole(key: Key, operand: Json) -> Condition:
    """Return the condition for exactly this list or object (or a list with it as a member)."""
    if isinstance(key, Column):
        return Condition("0")
    kind = "array" if isinstance(operand, list) else "object"
    try:
        text = json.dumps(operand, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except RecursionError as error:
        raise RequestError("A filter's list or object is nested too deeply.") from error
    except ValueError:  # NaN and the infinities are kept as texts: no list holds them
        return Condition("0")
    if text.count("[") + text.count("{") > _MAX_BRACKETS:
        raise RequestError(f"A filter's list or object holds more than {_MAX_BRACKETS} others.")
    conditions = []
    for place in key.places:
        same = f"CASE {place.type} WHEN '{kind}' THEN json({place.value}) = json(?) ELSE 0 END"
        inner = f"SELECT 1 FROM json_each({place.value}) AS m WHERE m.type = '{kind}' AND json(m.value) = json(?)"
        member = f"CASE {place.type} WHEN 'array' THEN EXISTS ({inner}) ELSE 0 END"
        conditions.append(Condition(f"({same} OR {member})", [*place.values, *place.values, text] * 2))
    return _any(conditions)


def _missing(key: Key) -> Condition:
    """Return the condition for what is null, missing, or a list that holds a null."""
    if isinstance(key, Column):
        return Condition(f"{key.expression} IS NULL")
    nulls = _typed(key, ("null",), "{} IS NULL", [])
    # Only where no reading of the key finds anything else.
    return _any([nulls, _negated(_present(key))])


def _present(key: Key) -> Condition:
    """Return the condition for what is there, if only as a null."""
    if isinstance(key, Column):
        return Condition(f"{key.expression} IS NOT NULL")
    return _any([Condition(f"{place.type} IS NOT NULL", list(place.values)) for place in key.places])


def _bindable(value: str | int | float) -> Value:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return float(value) if abs(value) < 2**1000 else float("inf") if value > 0 else float("-inf")
    return value


def _micros(value: str | int | float) -> Value:
    """Return a time of a filter (ISO 8601, or seconds since 1970) as the tables hold it."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise RequestError(f"{value[:50]!r} is not a time such as 2026-01-31T12:00:00Z.") from error
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
    if not abs(value) < 2**62 / 1_000_000:
        raise RequestError(f"{str(value)[:50]} is not a time in seconds since 1970.")
    return int(value * 1_000_000)
