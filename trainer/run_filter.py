"""The run filter: bare words and comparisons, all of which must hold. Pure.

`fin`, `state=failed`, `lr>=0.001`, `config.optimizer=adam`, `accuracy>0.9 depth<5`, `-crashed`, `not rose`.
A bare word looks in name, id, state and tags. A key is looked up in the configuration, then in the summary.
The configurations of a preview are filtered by the same words: there a bare one looks in the values.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from trainer.records import Json, RunRecord
from trainer.sweep.joint import unpacked

_COMPARISON = re.compile(r"^(?P<key>[^\s=<>!~]+)(?P<op>>=|<=|!=|==|=|>|<|~)(?P<value>.*)$")
_SPACED_OPERATOR = re.compile(r"\s*(>=|<=|!=|==|=|>|<|~)\s*")
_CONFIG_PREFIXES = ("config.", "cfg.")
_ORDERINGS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


@dataclass(frozen=True, slots=True)
class Term:
    """One condition of a filter."""

    key: str
    """Empty for a bare word."""
    op: str
    value: str
    negated: bool = False

    def matches(self, run: RunRecord, flat_config: Mapping[str, Json]) -> bool:
        """Return whether the condition holds for a run."""
        held = self._holds(run, flat_config)
        return held is not self.negated

    def matches_point(self, flat_config: Mapping[str, Json]) -> bool:
        """Return whether the condition holds for a configuration that has no run yet."""
        if not self.key:
            held = any(self.value in _text(value) for value in flat_config.values())
        else:
            values = _config_values(self.key, flat_config)
            if self.op == "!=":
                held = not any(_equal(value, self.value) for value in values)
            else:
                held = any(_compare(value, self.op, self.value) for value in values)
        return held is not self.negated

    def _holds(self, run: RunRecord, flat_config: Mapping[str, Json]) -> bool:
        if not self.key:
            texts = (run.name, run.id, run.state.value, *run.tags)
            return any(self.value in text.lower() for text in texts)
        values = _values(self.key, run, flat_config)
        if self.op == "!=":
            return not any(_equal(value, self.value) for value in values)
        return any(_compare(value, self.op, self.value) for value in values)


@dataclass(frozen=True, slots=True)
class RunFilter:
    """A parsed filter; an empty one matches every run."""

    text: str
    terms: tuple[Term, ...]

    def matches(self, run: RunRecord, flat_config: Mapping[str, Json] | None = None) -> bool:
        """Return whether every condition holds; `flat_config` saves flattening the configuration again."""
        flat = dict(flat_items(run.config)) if flat_config is None else flat_config
        return all(term.matches(run, flat) for term in self.terms)

    def matches_point(self, flat_config: Mapping[str, Json]) -> bool:
        """Return whether every condition holds for a configuration that has no run yet."""
        return all(term.matches_point(flat_config) for term in self.terms)


def flat_items(config: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """Yield the leaves of a nested configuration under dotted keys, in its own order; joint ones as their members."""
    return _leaves(unpacked(config), "")


def _leaves(config: Mapping[str, Json], prefix: str) -> Iterator[tuple[str, Json]]:
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def parse_run_filter(text: str) -> RunFilter:
    """Return the filter that a text describes; every text describes one, since words need no syntax."""
    terms: list[Term] = []
    negated = False
    for word in _SPACED_OPERATOR.sub(r"\1", text.strip()).split():
        if word.lower() in ("not", "and"):
            negated = negated is not (word.lower() == "not")
            continue
        bare = word[1:] if word[0] in "-!" and len(word) > 1 else word
        negated = negated is not (bare is not word)
        match = _COMPARISON.match(bare)
        if match is None:
            terms.append(Term("", "~", bare.lower(), negated))
        elif match["value"]:
            terms.append(Term(match["key"], match["op"].replace("==", "="), match["value"], negated))
        # A comparison without a value is one that is still being typed: it hides nothing yet.
        negated = False
    return RunFilter(text.strip(), tuple(terms))


def _values(key: str, run: RunRecord, flat_config: Mapping[str, Json]) -> list[Json]:
    """Return what a key may mean for a run: its own facts, a configuration value, a summary value."""
    own: dict[str, list[Json]] = {
        "state": [run.state.value],
        "name": [run.name],
        "id": [run.id],
        "host": [run.host],
        "tag": list(run.tags),
        "time": [run.duration_seconds],
    }
    if key.startswith(_CONFIG_PREFIXES):
        return _config_values(key, flat_config)
    if key.startswith("summary."):
        return [run.summary[key[8:]]] if key[8:] in run.summary else []
    if key in flat_config:
        return [flat_config[key]]
    if key in run.summary:
        return [run.summary[key]]
    if key in own:
        return own[key]
    return _config_values(key, flat_config)


def _config_values(key: str, flat_config: Mapping[str, Json]) -> list[Json]:
    """Return what a key may mean in a configuration."""
    for prefix in _CONFIG_PREFIXES:
        if key.startswith(prefix):
            key = key.removeprefix(prefix)
            return [flat_config[key]] if key in flat_config else []
    if key in flat_config:
        return [flat_config[key]]
    # The last part of a nested key is what people remember: `lr` for `optimizer.lr`.
    return [value for dotted, value in flat_config.items() if dotted.endswith(f".{key}")]


def _number(value: Json) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).lower()


def _equal(value: Json, wanted: str) -> bool:
    left, right = _number(value), _number(wanted)
    if left is not None and right is not None:
        return left == right
    text = wanted.lower()
    return _text(value) == text or (value is None and text in ("null", "none"))


def _compare(value: Json, op: str, wanted: str) -> bool:
    if op == "=":
        return _equal(value, wanted)
    if op == "~":
        return wanted.lower() in _text(value)
    left, right = _number(value), _number(wanted)
    return left is not None and right is not None and _ORDERINGS[op](left, right)
