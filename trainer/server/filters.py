"""W&B's Mongo-style filters and orders as SQL conditions on the tables of runs and sweeps. Pure: touches no database.

Every value travels as a bound parameter, never as SQL text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from trainer.records import Json
from trainer.server.context import RequestError

Value = str | int | float | None

_TEXT_COLUMNS = {
    "name": "name",
    "id": "name",
    "state": "state",
    "sweep": "sweep",
    "sweepName": "sweep",
    "sweep_name": "sweep",
    "display_name": "display_name",
    "displayName": "display_name",
    "group": "group_name",
    "groupName": "group_name",
    "job_type": "job_type",
    "jobType": "job_type",
    "notes": "notes",
    "description": "description",
    "host": "host",
    "program": "program",
    "commit": "commit_hash",
}
_TIME_COLUMNS = {
    "created_at": "created_at",
    "createdAt": "created_at",
    "heartbeat_at": "heartbeat_at",
    "heartbeatAt": "heartbeat_at",
    "updated_at": "heartbeat_at",
    "updatedAt": "heartbeat_at",
}
_JSON_COLUMNS = {
    "config": "config",
    "summary_metrics": "summary",
    "summaryMetrics": "summary",
    "summary": "summary",
    "systemMetrics": "system_metrics",
    "system_metrics": "system_metrics",
}
_COMPARISONS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_MAX_CONDITIONS = 2000
_MAX_DEPTH = 20
_RISKY_PATTERN = re.compile(r"\([^()]*[+*}][^()]*\)\s*[+*{]|\\\d")
"""A repeated group that repeats inside, or a back reference: Python's matcher may take for ever on those."""


@dataclass(slots=True)
class Condition:
    """A SQL condition and the values of its question marks, in order."""

    sql: str
    values: list[Value] = field(default_factory=list)
    branches: tuple[Condition, ...] = ()
    """The alternatives when the whole condition is an OR of them."""


@dataclass(frozen=True, slots=True)
class _Column:
    """One key of a filter as SQL."""

    expression: str
    values: tuple[Value, ...]
    is_list: bool = False
    convert: Callable[[Json], Value] | None = None


def compile_filter(filters: Json) -> Condition:
    """Return the condition of a filter; everything for an empty one.

    An `$or` beside plain conditions is spread over them, so that each branch can use an index of its own:
    "the live runs of this sweep, and these three" costs what it finds, not what the sweep holds.

    Raises:
        RequestError: If the filter is malformed, too large, or uses an unknown operator.
    """
    budget = [_MAX_CONDITIONS]
    parts = _conjuncts(filters, 0)
    alternatives = [part for part in parts if set(part) == {"$or"}]
    if len(alternatives) == 1 and len(parts) > 1:
        common = _all([_compile(part, 0, budget) for part in parts if part is not alternatives[0]])
        branches = _operands(alternatives[0]["$or"], "$or")
        spread = [_all([common, _compile(branch, 0, budget)]) for branch in branches]
        joined = _any(spread)
        return Condition(joined.sql, joined.values, tuple(spread))
    return _all([_compile(part, 0, budget) for part in parts])


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


def _compile(filters: Json, depth: int, budget: list[int]) -> Condition:
    if not isinstance(filters, dict):
        raise RequestError("Every part of a filter is an object.")
    if depth > _MAX_DEPTH:
        raise RequestError(f"The filter is nested deeper than {_MAX_DEPTH} levels.")
    conditions = []
    for key, operand in filters.items():
        budget[0] -= 1
        if budget[0] < 0:
            raise RequestError(f"The filter has more than {_MAX_CONDITIONS} conditions.")
        if key in ("$and", "$or", "$nor"):
            inner = [_compile(item, depth + 1, budget) for item in _operands(operand, key)]
            joined = _all(inner) if key == "$and" else _any(inner)
            conditions.append(_negated(joined) if key == "$nor" else joined)
        elif key == "$not":
            conditions.append(_negated(_compile(operand, depth + 1, budget)))
        elif key.startswith("$"):
            raise RequestError(f"The filter operator {key!r} is unknown here.")
        else:
            conditions.append(_field(column_of(key), operand, depth, budget))
    return _all(conditions)


def _all(conditions: Sequence[Condition]) -> Condition:
    return _joined([condition for condition in conditions if condition.sql != "1"], " AND ", "1")


def _any(conditions: Sequence[Condition]) -> Condition:
    return _joined(conditions, " OR ", "0")


def _joined(conditions: Sequence[Condition], word: str, empty: str) -> Condition:
    if not conditions:
        return Condition(empty)
    if len(conditions) == 1:
        return conditions[0]
    values = [value for condition in conditions for value in condition.values]
    return Condition("(" + word.join(condition.sql for condition in conditions) + ")", values)


def _negated(condition: Condition) -> Condition:
    # Mongo's $not also holds where the key is missing, which SQL calls NULL.
    return Condition(f"NOT ifnull({condition.sql}, 0)", condition.values)


def column_of(key: str) -> _Column:
    """Return the SQL of a key: a column, or a path into the JSON of config or summary.

    Raises:
        RequestError: If there is no such key.
    """
    if key in _TEXT_COLUMNS:
        return _Column(_TEXT_COLUMNS[key], ())
    if key in _TIME_COLUMNS:
        return _Column(_TIME_COLUMNS[key], (), convert=_micros)
    if key == "tags":
        return _Column("tags", (), is_list=True)
    if key in ("username", "user", "entity"):
        return _Column("'local'", ())
    head, _, path = key.partition(".")
    column = _JSON_COLUMNS.get(head)
    if column is None or not path:
        raise RequestError(f"Runs have no key {key[:100]!r} to filter or order by.")
    if '"' in path or "\\" in path:
        raise RequestError(f"The key {key[:100]!r} holds a quotation mark or backslash.")
    whole, nested = _json_paths(column, path.split("."))
    if nested == whole:
        return _Column(f"json_extract({column}, ?)", (whole,))
    # A dotted key is either one name with dots in it or a way into nested objects; W&B logs both.
    return _Column(f"coalesce(json_extract({column}, ?), json_extract({column}, ?))", (whole, nested))


def _json_paths(column: str, names: list[str]) -> tuple[str, str]:
    """Return the JSON paths of a dotted key: as one name with dots in it, and as a way into nested objects."""
    if column != "config":
        return _path([".".join(names)]), _path(names)
    # Both spellings that W&B takes: `config.lr` and `config.lr.value`.
    if len(names) > 1 and names[1] == "value":
        del names[1]
    elif len(names) > 1 and names[-1] == "value":
        names.pop()
    return _path([".".join(names), "value"]), _path([names[0], "value", *names[1:]])


def _path(names: Sequence[str]) -> str:
    return "$" + "".join(f'."{name}"' for name in names)


def _micros(value: Json) -> Value:
    """Return a time of a filter (ISO 8601, or seconds since 1970) as the tables hold it."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise RequestError(f"{value[:50]!r} is not a time such as 2026-01-31T12:00:00Z.") from error
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) < 2**62 / 1_000_000:
            raise RequestError(f"{str(value)[:50]} is not a time in seconds since 1970.")
        return int(value * 1_000_000)
    return None


def _value(value: Json, column: _Column) -> Value:
    if column.convert is not None:
        return column.convert(value)
    if isinstance(value, bool):
        return int(value)
    if value is None or isinstance(value, str | float):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else float(value) if abs(value) < 2**1000 else str(value)
    raise RequestError("A filter compares with a text, a number, true, false or null.")


def _field(column: _Column, operand: Json, depth: int, budget: list[int]) -> Condition:
    if not isinstance(operand, Mapping):
        return _equals(column, operand)
    conditions = []
    for operator, argument in operand.items():
        budget[0] -= 1 + (len(argument) if isinstance(argument, list) else 0)
        if budget[0] < 0 or depth > _MAX_DEPTH:
            raise RequestError("The filter is too large.")
        if operator == "$not":
            conditions.append(_negated(_field(column, argument, depth + 1, budget)))
        else:
            conditions.append(_operator(column, operator, argument))
    return _all(conditions)


def _operator(column: _Column, operator: str, argument: Json) -> Condition:
    if operator == "$eq":
        return _equals(column, argument)
    if operator == "$ne":
        return _negated(_equals(column, argument))
    if operator in ("$in", "$nin"):
        if not isinstance(argument, list):
            raise RequestError(f"{operator} needs a list of values.")
        condition = _member(column, argument)
        return condition if operator == "$in" else _negated(condition)
    if operator in _COMPARISONS:
        value = _value(argument, column)
        return _on_values(column, f"{{}} {_COMPARISONS[operator]} ?", [value])
    if operator == "$exists":
        word = "IS NOT NULL" if argument else "IS NULL"
        return Condition(f"{column.expression} {word}", list(column.values))
    if operator in ("$regex", "$contains", "$like"):
        if not isinstance(argument, str):
            raise RequestError(f"{operator} needs a text.")
        return _text_match(column, operator, argument)
    raise RequestError(f"The filter operator {operator!r} is unknown here.")


def _text_match(column: _Column, operator: str, argument: str) -> Condition:
    if operator == "$like":
        return _on_values(column, "{} LIKE ?", [argument])
    if operator == "$contains":
        return _on_values(column, "instr({}, ?) > 0", [argument])
    if len(argument) > 200 or _RISKY_PATTERN.search(argument):
        raise RequestError(f"The pattern {argument[:50]!r} is too long or repeats what repeats.")
    try:
        re.compile(argument)
    except re.error as error:
        raise RequestError(f"The pattern {argument!r} is not a regular expression: {error}.") from error
    return _on_values(column, "{} REGEXP ?", [argument])


def _equals(column: _Column, operand: Json) -> Condition:
    if isinstance(operand, list) and column.is_list:
        return _all([_equals(column, item) for item in operand])
    value = _value(operand, column)
    if value is None:
        return Condition(f"{column.expression} IS NULL", list(column.values))
    return _on_values(column, "{} = ?", [value])


def _member(column: _Column, options: Sequence[Json]) -> Condition:
    values = [_value(option, column) for option in options]
    present = [value for value in values if value is not None]
    conditions = []
    if present:
        conditions.append(_on_values(column, f"{{}} IN ({', '.join('?' * len(present))})", present))
    if len(present) < len(values):
        conditions.append(Condition(f"{column.expression} IS NULL", list(column.values)))
    return _any(conditions)


def _on_values(column: _Column, template: str, values: Sequence[Value]) -> Condition:
    """Return a condition on the column's value, or, for a list, on some member of it."""
    if column.is_list:
        inner = template.format("json_each.value")
        return Condition(f"EXISTS (SELECT 1 FROM json_each({column.expression}) WHERE {inner})", list(values))
    return Condition(template.format(column.expression), [*column.values, *values])
