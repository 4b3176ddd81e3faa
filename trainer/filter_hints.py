"""What to tell about a run filter while it is typed: what is odd in one sentence, what could come next. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trainer.filter_terms import CONFIG_PREFIXES, FACTS, SUMMARY_PREFIX, Term, fact_name
from trainer.records import Json
from trainer.run_filter import RunFilter
from trainer.states import RunState
from trainer.sweep.findings import nearest

MAX_VALUES = 50
"""Values of a key that are offered; a key with more is a number or a text of its own for each run."""
_END = re.compile(
    r"(?P<key>\"[^\"]*\"|'[^']*'|[^\s=<>!~()\"':]+)\s*(?P<op>>=|<=|!=|==|!~|=~|=|>|<|~|:|\s+(?:not\s+)?in\s*\()\s*"
    r"(?P<before>(?:[^\s|,()\"']*\s*[|,]\s*)*)(?P<typed>\"[^\"]*|'[^']*|[^\s|,()\"']*)$",
    re.IGNORECASE,
)
_WORD = re.compile(r"(?P<sign>[-!(]*)(?P<word>[^\s()=<>~\"']*)$")
_NEEDS_QUOTES = re.compile(r"[\s()|,\"'*]")


@dataclass(frozen=True, slots=True)
class FilterKey:
    """A key that a filter may name."""

    name: str
    meaning: str
    values: Sequence[str] = ()
    """What it holds, where that can be listed."""


@dataclass(frozen=True, slots=True)
class Completion:
    """Something a filter may go on with."""

    text: str
    """The whole filter with it."""
    word: str
    """The part that is new."""
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class FilterKeys:
    """The keys that there are to filter by."""

    keys: Mapping[str, FilterKey] = field(default_factory=dict)
    facts: bool = True
    """Whether what is filtered are runs, which have facts besides their configuration."""

    def knows(self, key: str) -> bool:
        """Return whether a key means anything: as it is, as a fact, or as the end of a nested one."""
        if key in self.keys or (self.facts and fact_name(key)):
            return True
        for prefix in (*CONFIG_PREFIXES, SUMMARY_PREFIX):
            if key.startswith(prefix):
                key = key.removeprefix(prefix)
                break
        return key in self.keys or any(known.endswith(f".{key}") for known in self.keys)

    def nearest(self, key: str) -> str:
        """Return the known key that looks most like another; empty where none does."""
        names = [*self.keys, *(FACTS if self.facts else ())]
        lower: dict[str, str] = {name.lower(): name for name in names} | {
            name.rpartition(".")[2].lower(): name for name in names
        }
        close = nearest(key, lower)
        return lower[close] if close else ""

    def find(self, key: str) -> FilterKey | None:
        """Return what is known about a key."""
        if key in self.keys:
            return self.keys[key]
        if self.facts and fact_name(key) == "state":
            return FilterKey("state", FACTS["state"], [state.value for state in RunState])
        for prefix in (*CONFIG_PREFIXES, SUMMARY_PREFIX):
            key = key.removeprefix(prefix)
        found = [known for name, known in self.keys.items() if name == key or name.endswith(f".{key}")]
        return found[0] if found else None


def filter_note(run_filter: RunFilter, known: FilterKeys) -> str:
    """Return what is odd about a filter in one sentence, with the way out; empty where nothing is."""
    for term in run_filter.terms:
        if term.key and term.key != "has" and not known.knows(term.key):
            close = known.nearest(term.key)
            return f"Nothing is called {term.key}" + (f"; did you mean {close}?" if close else ".")
        if note := _value_note(term, known):
            return note
    return run_filter.flaws[0] if run_filter.flaws else ""


def _value_note(term: Term, known: FilterKeys) -> str:
    if term.key == "has":
        missing = [wanted.text for wanted in term.wanted if not known.knows(wanted.text)]
        return f"Nothing is called {missing[0]}." if missing else ""
    if known.facts and fact_name(term.key) == "state" and term.op in ("=", "!=") and "state" not in known.keys:
        states = [state.value for state in RunState]
        for wanted in term.wanted:
            if wanted.pattern is None and wanted.text not in states:
                close = nearest(wanted.text, states)
                return f"No state is called {wanted.text}" + (f"; did you mean {close}?" if close else ".")
    return ""


def completions(text: str, known: FilterKeys) -> list[Completion]:
    """Return what the end of a filter may become: values behind an operator, else keys and joining words."""
    end = _END.search(text)
    if end is not None:
        head, typed = text[: end.start("typed")], end["typed"].strip("\"'")
        key = known.find(end["key"].strip("\"'"))
        if key is None and end["op"] != ":":
            return []
        if end["key"] == "has":
            return [_made(head, name, each.meaning) for name, each in known.keys.items() if typed in name]
        values = key.values if key is not None else ()
        return [_made(head, _quoted(value), "") for value in _fitting(values, typed)]
    word = _WORD.search(text)
    if word is None or (word["word"] and text.count('"') % 2):
        return []
    head, typed = text[: word.start("word")], word["word"]
    return [*_key_completions(head, typed, known), *_joining(head, typed)]


def _key_completions(head: str, typed: str, known: FilterKeys) -> Iterator[Completion]:
    facts = [FilterKey(name, meaning) for name, meaning in FACTS.items()] if known.facts else []
    keys = {key.name: key for key in (*facts, *known.keys.values())}
    for name in _fitting([*known.keys, *(fact.name for fact in facts if fact.name not in known.keys)], typed):
        yield _made(head, "has:" if name == "has" else _quoted(name), keys[name].meaning)


def _joining(head: str, typed: str) -> Iterator[Completion]:
    words = {"not ": "the opposite"}
    if head.strip():
        words |= {"or ": "either side", "and ": "both sides, as a space"}
    for word, meaning in words.items():
        if typed and word.startswith(typed.lower()):
            yield _made(head, word, meaning)


def _made(head: str, word: str, meaning: str) -> Completion:
    return Completion(head + word, word, meaning)


def _fitting(values: Iterable[str], typed: str) -> list[str]:
    """Return the values that begin with what is typed, then those that hold it."""
    wanted, listed = typed.lower(), list(values)
    starting = [value for value in listed if value.lower().startswith(wanted)]
    return starting + [value for value in listed if wanted in value.lower() and value not in starting]


def _quoted(value: str) -> str:
    if not value or _NEEDS_QUOTES.search(value):
        return f"'{value}'" if '"' in value else f'"{value}"'
    return value


def listed_values(values: Iterable[Json]) -> list[str]:
    """Return the distinct values of a key as a filter writes them: numbers by size, then texts; none where too many."""
    distinct: dict[str, Json] = {}
    for value in values:
        if isinstance(value, dict | list):
            continue
        text = ("true" if value else "false") if isinstance(value, bool) else "null" if value is None else str(value)
        distinct.setdefault(text, value)
        if len(distinct) > MAX_VALUES:
            return []
    return sorted(distinct, key=lambda text: _order(distinct[text], text))


def _order(value: Json, text: str) -> tuple[bool, float, str]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (not is_number, float(value) if isinstance(value, int | float) and is_number else 0.0, text)
