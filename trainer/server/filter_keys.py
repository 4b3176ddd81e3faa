"""What the keys of W&B's filters and orders name in the tables of runs and sweeps, as SQL. Pure: touches no database.

Every value travels as a bound parameter, never as SQL text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from trainer.server.context import RequestError

Value = str | int | float | None


@dataclass(slots=True)
class Condition:
    """A SQL condition and the values of its question marks, in order."""

    sql: str
    values: list[Value] = field(default_factory=list)
    branches: tuple[Condition, ...] = ()
    """The alternatives when the whole condition is an OR of them."""
    sweep: str | None = None
    """The sweep whose runs alone can meet the condition, if it names one."""


@dataclass(frozen=True, slots=True)
class Column:
    """A key that is a column (or is computed from columns)."""

    expression: str
    kind: str
    """`text`, `number` or `time`; a time is kept in microseconds."""


Source = tuple[str, str]
"""A JSON column of runs and a path into it."""


@dataclass(slots=True)
class KeptValues:
    """The tables of values that a query may use, and those that it would have used."""

    numbers: Mapping[Source, int] = field(default_factory=dict)
    asked: set[Source] = field(default_factory=set)

    def of(self, key: Key) -> Key:
        """Return a key that reads from the tables where it can."""
        if isinstance(key, Column):
            return key
        self.asked.update(place.source for place in key.places if place.source is not None)
        return JsonKey(
            tuple(
                place if place.source is None else replace(place, kept=self.numbers.get(place.source))
                for place in key.places
            )
        )


@dataclass(frozen=True, slots=True)
class Place:
    """One place inside a JSON column: the SQL of its value and of its type, each with its parameters."""

    value: str
    type: str
    values: tuple[Value, ...]
    source: Source | None = None
    """Where a table of values may hold it, too."""
    kept: int | None = None
    """The number under which one does."""


@dataclass(frozen=True, slots=True)
class JsonKey:
    """A key inside a JSON column. Dots are ambiguous (a name with dots, or nested objects), so it may be several."""

    places: tuple[Place, ...]
    """Ways to read the key, the name as a whole first."""


Key = Column | JsonKey

_TEXT = {
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
    "username": "'local'",
    "user": "'local'",
    "user.username": "'local'",
    "user.name": "'local'",
    "entity": "'local'",
}
_TIMES = {
    "created_at": "created_at",
    "createdAt": "created_at",
    "heartbeat_at": "heartbeat_at",
    "heartbeatAt": "heartbeat_at",
    "updated_at": "heartbeat_at",
    "updatedAt": "heartbeat_at",
}
_DURATION = "max(heartbeat_at - reported_at, 0) / 1000000.0"
_NUMBERS = {
    "duration": _DURATION,
    "computeSeconds": _DURATION,
    "compute_seconds": _DURATION,
    "exitcode": "exit_code",
    "historyLineCount": "history_lines",
    "history_line_count": "history_lines",
}
_JSON = {
    "config": "config",
    "summary_metrics": "summary",
    "summaryMetrics": "summary",
    "summary": "summary",
    "systemMetrics": "system_metrics",
    "system_metrics": "system_metrics",
    "keys_info": "history_keys",
    "historyKeys": "history_keys",
}
_PLAIN_NAME = re.compile(r'[^"\\\x00-\x1f]*')
"""A name that a JSON path of SQLite can hold: up to 3.42 it compares with the JSON text, escapes and all."""
_MAX_DOTS = 3
"""A key with more dots is read as one name or as all nested, not in every mixture."""
_MAX_KEY = 500


def key_of(name: str) -> Key:
    """Return what a key of a filter or order names.

    Raises:
        RequestError: If runs have no such key.
    """
    for columns, kind in ((_TEXT, "text"), (_TIMES, "time"), (_NUMBERS, "number")):
        if name in columns:
            return Column(columns[name], kind)
    if name == "tags":
        return JsonKey((Place("tags", "'array'", ()),))
    head, _, path = name.partition(".")
    column = _JSON.get(head)
    if column is None or not path or len(name) > _MAX_KEY:
        raise RequestError(
            f"Runs have no key {name[:100]!r} to filter or order by; there are state, tags, created_at, config.NAME,"
            " summary_metrics.NAME and others of W&B's."
        )
    return JsonKey(tuple(_place(column, names) for names in _readings(column, path.split("."))))


def is_key(name: str) -> bool:
    """Return whether runs have such a key."""
    try:
        key_of(name)
    except RequestError:
        return False
    return True


_SWEEP_TEXT = {
    "id": "name",
    "name": "name",
    "state": "state",
    "display_name": "ifnull(display_name, name)",
    "displayName": "ifnull(display_name, name)",
    "description": "description",
    "method": "json_extract(sweeps.config, '$.method')",
    "metric": "metric",
    "username": "'local'",
    "user": "'local'",
    "entity": "'local'",
}
_SWEEP_TIMES = {
    "created_at": "created_at",
    "createdAt": "created_at",
    "updated_at": "updated_at",
    "updatedAt": "updated_at",
    "heartbeat_at": "heartbeat_at",
    "heartbeatAt": "heartbeat_at",
}
_RUN_COUNT = "(SELECT count(*) FROM runs WHERE runs.project_id = sweeps.project_id AND runs.sweep = sweeps.name)"
_SWEEP_NUMBERS = {
    "run_count": _RUN_COUNT,
    "runCount": _RUN_COUNT,
    "run_count_expected": "expected_runs",
    "runCountExpected": "expected_runs",
}


def sweep_key_of(name: str) -> Key:
    """Return what a key of a filter on sweeps names: a column, or a place in the sweep's configuration.

    Raises:
        RequestError: If sweeps have no such key.
    """
    for columns, kind in ((_SWEEP_TEXT, "text"), (_SWEEP_TIMES, "time"), (_SWEEP_NUMBERS, "number")):
        if name in columns:
            return Column(columns[name], kind)
    head, _, path = name.partition(".")
    if head != "config" or not path or len(name) > _MAX_KEY:
        raise RequestError(
            f"Sweeps have no key {name[:100]!r} to filter by; there are name, display_name, state, method, created_at,"
            " run_count, config.NAME and others."
        )
    return JsonKey(tuple(_place("sweeps.config", names) for names in _readings("sweeps.config", path.split("."))))


def _readings(column: str, parts: list[str]) -> list[list[str]]:
    """Return the ways to read a dotted key: each joins some of its parts to names that hold dots."""
    if column == "config":
        # Both spellings that W&B takes: `config.lr` and `config.lr.value`.
        if len(parts) > 1 and parts[1] == "value":
            parts = [parts[0], *parts[2:]]
        elif len(parts) > 1 and parts[-1] == "value":
            parts = parts[:-1]
    dots = range(1, len(parts))
    cuts = [cut for count in range(len(parts)) for cut in combinations(dots, count)]
    if len(parts) - 1 > _MAX_DOTS:
        cuts = [(), tuple(dots)]
    return [
        [".".join(parts[start:end]) for start, end in zip((0, *cut), (*cut, len(parts)), strict=True)] for cut in cuts
    ]


def _place(column: str, names: Sequence[str]) -> Place:
    if column == "config":
        names = [names[0], "value", *names[1:]]
    if all(_PLAIN_NAME.fullmatch(name) for name in names):
        path = "$" + "".join(f'."{name}"' for name in names)
        source = (column, path) if column in ("config", "summary") else None
        return Place(f"json_extract({column}, ?)", f"json_type({column}, ?)", (path,), source)
    # Step by step over the members: their names are compared as text, whatever they hold.
    steps = [f"json_each({column}) AS j0"]
    for index in range(1, len(names)):
        before = f"j{index - 1}"
        steps.append(f"json_each(CASE {before}.type WHEN 'object' THEN {before}.value ELSE '{{}}' END) AS j{index}")
    last = f"j{len(names) - 1}"
    rows = f"FROM {', '.join(steps)} WHERE {' AND '.join(f'j{index}.key = ?' for index in range(len(names)))}"
    return Place(f"(SELECT {last}.value {rows})", f"(SELECT {last}.type {rows})", tuple(names))


NOT_SORTED = "('NaN', '-Infinity')"
"""What diverged metrics are kept as: texts, which SQL sorts above all numbers. `-summary_metrics.acc` is the SDK's way
to the best run of a sweep (0.31, Sweep.best_run), so that in orders they count as no value."""


def sort_value(key: Key) -> Condition:
    """Return the SQL of what rows are ordered by."""
    if isinstance(key, Column):
        return Condition(key.expression)
    values = [value for place in key.places for value in place.values]
    found = [place.value for place in key.places]
    whole = found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"
    return Condition(f"nullif(nullif({whole}, 'NaN'), '-Infinity')", values)
