"""The conditions of a run filter and how they are decided: what a key means, what a comparison compares. Pure.

`run_filter` parses texts into these; nothing here knows how they are written.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from trainer.records import Json, RunRecord, summary_number
from trainer.sweep.joint import unpacked

CONFIG_PREFIXES = ("config.", "cfg.")
SUMMARY_PREFIX = "summary."
FACTS: Mapping[str, str] = {
    "state": "running, finished, failed, crashed, killed, pending…",
    "name": "of the run",
    "id": "of the run",
    "sweep": "that it belongs to, where runs of several are shown",
    "tag": "any of its tags",
    "note": "its notes",
    "host": "where it ran",
    "gpu": "the GPUs of its machine",
    "group": "its group",
    "job": "its job type",
    "commit": "of the checkout it ran from",
    "time": "how long it took: 90, 5m, 2h",
    "created": "when it began: 2026-11-28",
    "has": "a key that it has a value of: has:loss",
}
"""What a run says about itself, and what that is."""
_ALIASES = {"notes": "note", "tags": "tag", "duration": "time", "job_type": "job", "run": "name"}
_ATTRIBUTES = {
    "name": "name",
    "state": "state",
    "id": "id",
    "sweep": "sweep_id",
    "note": "notes",
    "host": "host",
    "gpu": "gpu",
    "group": "group",
    "job": "job_type",
    "commit": "commit",
    "time": "duration_seconds",
}
ORDERINGS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_SPAN = re.compile(r"^(\d+(?:\.\d+)?)\s*([smhd])$")
_SPAN_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Subject(Protocol):
    """What a condition is asked about."""

    def values(self, key: str) -> Sequence[Json]:
        """Return what a key means here; empty where it means nothing."""

    def texts(self) -> Sequence[str]:
        """Return the texts that a bare word looks into, in lower case."""


@dataclass(frozen=True, slots=True)
class RunSubject:
    """A run with its configuration under dotted keys."""

    run: RunRecord
    flat_config: Mapping[str, Json]

    def values(self, key: str) -> Sequence[Json]:
        """Return the values of a configuration key, of the summary, or of a fact, in this order."""
        run, flat = self.run, self.flat_config
        if key in flat:
            return (flat[key],)
        if key.startswith(CONFIG_PREFIXES):
            return config_values(key, flat)
        if key.startswith(SUMMARY_PREFIX):
            return _summary_values(run.summary, key.removeprefix(SUMMARY_PREFIX))
        if key in run.summary:
            return _summary_values(run.summary, key)
        facts = _facts(run, key)
        if facts is not None:
            return facts
        return config_values(key, flat) or _summary_values(run.summary, key)

    def texts(self) -> Sequence[str]:
        """Return name, id, state and tags."""
        run = self.run
        return [text.lower() for text in (run.name, run.id, run.state.value, *run.tags)]


@dataclass(frozen=True, slots=True)
class PointSubject:
    """A configuration that has no run yet."""

    flat_config: Mapping[str, Json]

    def values(self, key: str) -> Sequence[Json]:
        """Return the values of a configuration key."""
        return config_values(key, self.flat_config)

    def texts(self) -> Sequence[str]:
        """Return its values."""
        return [text_of(value) for value in self.flat_config.values()]


class Condition(Protocol):
    """Something that holds for a subject, or does not."""

    def holds(self, subject: Subject) -> bool:
        """Return whether it does."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One value that a comparison asks for, prepared once."""

    text: str
    number: float | None
    pattern: re.Pattern[str] | None = None
    """Of `/regex/` and of texts with `*`; None for plain ones."""


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison with any of some values, or a bare word."""

    key: str
    """Empty for a bare word."""
    op: str
    """One of = != ~ !~ < <= > >=."""
    wanted: tuple[Wanted, ...]

    def holds(self, subject: Subject) -> bool:
        """Return whether the comparison holds for any of the values; the negated ones: for none."""
        if not self.key:
            texts = subject.texts()
            return any(_contains(text, wanted) for wanted in self.wanted for text in texts)
        if self.key == "has":
            return any(subject.values(wanted.text) for wanted in self.wanted)
        values = subject.values(self.key)
        if self.op in ("!=", "!~"):
            compare = _equals if self.op == "!=" else _has_part
            return not any(compare(value, wanted) for value in values for wanted in self.wanted)
        if self.op in ("=", "~"):
            compare = _equals if self.op == "=" else _has_part
            return any(compare(value, wanted) for value in values for wanted in self.wanted)
        ordering = ORDERINGS[self.op]
        return any(_is_ordered(value, wanted, ordering) for value in values for wanted in self.wanted)


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    condition: Condition

    def holds(self, subject: Subject) -> bool:
        """Return whether the condition does not hold."""
        return not self.condition.holds(subject)


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of some conditions."""

    conditions: tuple[Condition, ...]

    def holds(self, subject: Subject) -> bool:
        """Return whether all hold."""
        return all(condition.holds(subject) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Any of some conditions."""

    conditions: tuple[Condition, ...]

    def holds(self, subject: Subject) -> bool:
        """Return whether one holds."""
        return any(condition.holds(subject) for condition in self.conditions)


def terms_of(condition: Condition | None) -> Iterator[Term]:
    """Yield the comparisons and words of a condition, in the order in which they are written."""
    if isinstance(condition, Term):
        yield condition
    elif isinstance(condition, Not):
        yield from terms_of(condition.condition)
    elif isinstance(condition, AllOf | AnyOf):
        for each in condition.conditions:
            yield from terms_of(each)


def flat_items(config: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """Yield the leaves of a nested configuration under dotted keys, in its own order; joint ones as their members."""
    return _leaves(unpacked(config), "")


_LEAVES = frozenset((str, int, float, bool, type(None), list))


def flat_dict(config: Mapping[str, Json]) -> dict[str, Json]:
    """Return `flat_items` as a dictionary; at a tenth of the cost where nothing is nested."""
    if all(type(value) in _LEAVES for value in config.values()):
        return dict(config)
    return dict(flat_items(config))


def _leaves(config: Mapping[str, Json], prefix: str) -> Iterator[tuple[str, Json]]:
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def config_values(key: str, flat_config: Mapping[str, Json]) -> Sequence[Json]:
    """Return what a key may mean in a configuration: its own value, else those of nested keys that end with it."""
    for prefix in CONFIG_PREFIXES:
        if key.startswith(prefix) and key not in flat_config:
            key = key.removeprefix(prefix)
            break
    if key in flat_config:
        return (flat_config[key],)
    # The last part of a nested key is what people remember: `lr` for `optimizer.lr`.
    ending = f".{key}"
    return [value for dotted, value in flat_config.items() if dotted.endswith(ending)]


def fact_name(key: str) -> str:
    """Return the fact that a key names; empty for none."""
    name = _ALIASES.get(key, key)
    return name if name in FACTS else ""


def _facts(run: RunRecord, key: str) -> Sequence[Json] | None:
    name = fact_name(key)
    if name == "tag":
        return run.tags
    if name == "created":
        return (run.created_at.astimezone().isoformat(" ", "seconds") if run.created_at else None,)
    attribute = _ATTRIBUTES.get(name)
    return None if attribute is None else (getattr(run, attribute),)


def _summary_values(summary: Mapping[str, Json], key: str) -> Sequence[Json]:
    if key in summary and not isinstance(summary[key], dict):
        return (summary[key],)
    number = summary_number(summary, key)
    return () if number is None else (number,)


def text_of(value: Json) -> str:
    """Return how a value is compared as a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).lower()


def number_of(value: Json) -> float | None:
    """Return how a value is compared as a number; None if it is none."""
    if isinstance(value, bool):
        return None
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None


def wanted_number(key: str, text: str) -> float | None:
    """Return the number that a typed value means: for a time also `5m`, for a beginning the date."""
    number = number_of(text)
    if number is not None:
        return None if math.isnan(number) else number
    fact = fact_name(key)
    if (fact == "time" or key == "age") and (span := _SPAN.match(text)):
        return float(span[1]) * _SPAN_SECONDS[span[2]]
    return _moment(text) if fact == "created" else None


def _moment(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError):
        return None


def _equals(value: Json, wanted: Wanted) -> bool:
    if wanted.number is not None:
        number = number_of(value)
        if number is not None:
            return number == wanted.number
    text = text_of(value)
    if wanted.pattern is not None:
        return wanted.pattern.search(text) is not None
    return text == wanted.text or (value is None and wanted.text == "null")


def _has_part(value: Json, wanted: Wanted) -> bool:
    return _contains(text_of(value), wanted)


def _contains(text: str, wanted: Wanted) -> bool:
    return wanted.text in text if wanted.pattern is None else wanted.pattern.search(text) is not None


def _is_ordered(value: Json, wanted: Wanted, ordering: Callable[[float, float], bool]) -> bool:
    number = number_of(value)
    if number is None and isinstance(value, str) and wanted.number is not None:
        number = _moment(value)
    return number is not None and wanted.number is not None and ordering(number, wanted.number)
