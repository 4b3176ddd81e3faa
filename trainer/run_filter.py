"""The run filter: words and comparisons, joined by `and` (or nothing), `or`, `not` and parentheses. Pure.

    rose                        a bare word looks in name, id, state and tags
    lr>=1e-3 model~forest       both hold; `~` looks for a part of a text
    optimizer=adam|sgd          any of some values; also `optimizer in (adam, sgd)`
    name=rose* name~/r.se$/     `*` stands for anything, `/…/` is a regular expression
    not (state=failed or tag:nightly) -crashed

A key is looked up in the configuration, in the summary, then among the run's own facts (`filter_terms.FACTS`); `cfg.`
and `summary.` say which is meant. Values with spaces are quoted. The colon is LEET's (wandb 0.31) for facts and `cfg.`.
The configurations of a preview are filtered by the same words: there a bare one looks in the values.

Every text is a filter, also while it is typed: what is not complete yet hides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from trainer.filter_terms import (
    CONFIG_PREFIXES,
    AllOf,
    AnyOf,
    Condition,
    Not,
    PointSubject,
    RunSubject,
    Term,
    Wanted,
    fact_name,
    terms_of,
    wanted_number,
)
from trainer.filter_terms import flat_dict as flat_dict
from trainer.filter_terms import flat_items as flat_items
from trainer.records import Json, RunRecord

_QUOTED = r"\"[^\"]*\"?|'[^']*'?"
_KEY = re.compile(rf"(?P<key>{_QUOTED}|[^\s=<>!~()\"']+)")
_OPERATOR = re.compile(r"\s*(?P<op>>=|<=|!=|==|!~|=~|=|>|<|~)\s*")
_COLON = re.compile(r"(?P<key>[^\s=<>!~()\"':]+):\s*")
_IN = re.compile(r"\s+(?P<negated>not\s+)?in\s*\(", re.IGNORECASE)
_COMPARISON = re.compile(rf"(?:{_QUOTED}|[^\s=<>!~()\"'|]+)\s*(?:[=<>~]|!=|!~)")
_JOINERS = {"and": "and", "or": "or", "not": "not", "&&": "and", "&": "and", "||": "or", "|": "or"}
_BAR = re.compile(r"\s*\|(?!\|)\s*")
_QUOTE = re.compile(_QUOTED)
_REGEX = re.compile(r"/[^\s]+?/(?=[\s|,)]|$)")
_WORD = re.compile(r"[^\s()]+")


@dataclass(frozen=True, slots=True)
class RunFilter:
    """A parsed filter; an empty one matches every run."""

    text: str
    condition: Condition | None = None
    """None where the text asks for nothing (yet)."""
    flaws: tuple[str, ...] = ()
    """What in the text could not be taken as it stands, each a sentence."""

    @property
    def terms(self) -> tuple[Term, ...]:
        """Its comparisons and words."""
        return tuple(terms_of(self.condition))

    def matches(self, run: RunRecord, flat_config: Mapping[str, Json] | None = None) -> bool:
        """Return whether it holds for a run; `flat_config` saves flattening the configuration again."""
        if self.condition is None:
            return True
        flat = dict(flat_items(run.config)) if flat_config is None else flat_config
        return self.condition.holds(RunSubject(run, flat))

    def matches_point(self, flat_config: Mapping[str, Json]) -> bool:
        """Return whether it holds for a configuration that has no run yet."""
        return self.condition is None or self.condition.holds(PointSubject(flat_config))


def parse_run_filter(text: str) -> RunFilter:
    """Return the filter that a text describes; every text describes one."""
    parser = _Parser(text.strip())
    return RunFilter(text.strip(), parser.parse(), tuple(dict.fromkeys(parser.flaws)))


class _Parser:
    """Reads a text from left to right; never fails, but notes `flaws`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.flaws: list[str] = []

    def parse(self) -> Condition | None:
        parts: list[Condition] = []
        while True:
            part = self._any_of()
            if part is not None:
                parts.append(part)
            self._skip_spaces()
            if self.at >= len(self.text):
                return _joined(AllOf, parts)
            self.at += 1
            self.flaws.append("There is a ) without its (.")

    def _any_of(self) -> Condition | None:
        parts = [self._all_of()]
        while self._take_joiner("or"):
            parts.append(self._all_of())
        return _joined(AnyOf, [part for part in parts if part is not None])

    def _all_of(self) -> Condition | None:
        parts: list[Condition] = []
        while True:
            self._skip_spaces()
            if self.at >= len(self.text) or self.text[self.at] == ")" or self._joiner() == "or":
                return _joined(AllOf, parts)
            if self._take_joiner("and"):
                continue
            part = self._factor()
            if part is not None:
                parts.append(part)

    def _factor(self) -> Condition | None:
        negated = False
        while True:
            self._skip_spaces()
            rest = self.text[self.at : self.at + 2]
            if self._take_joiner("not"):
                negated = not negated
            elif rest[:1] in ("-", "!"):
                self.at += 1
                negated = not negated
            else:
                break
        if self.at >= len(self.text) or self.text[self.at] == ")" or self._joiner():
            return None
        condition = self._group() if self.text[self.at] == "(" else self._term()
        return Not(condition) if negated and condition is not None else condition

    def _group(self) -> Condition | None:
        self.at += 1
        condition = self._any_of()
        self._skip_spaces()
        if self.at < len(self.text):
            self.at += 1  # only a closing parenthesis ends the parts of a group early
        else:
            self.flaws.append("A ( has no ) yet.")
        return condition

    def _term(self) -> Condition | None:
        text, start = self.text, self.at
        colon = _COLON.match(text, start)
        if colon is not None and (fact_name(colon["key"]) or colon["key"].startswith(CONFIG_PREFIXES)):
            self.at = colon.end()
            return self._comparison(colon["key"], "~")
        key = _KEY.match(text, start)
        if key is not None:
            name = _unquoted(key["key"])
            listed = _IN.match(text, key.end())
            if listed is not None and name:
                self.at = listed.end()
                return self._listed(name, "!=" if listed["negated"] else "=")
            op = _OPERATOR.match(text, key.end())
            if op is not None and name:
                self.at = op.end()
                return self._comparison(name, {"==": "=", "=~": "~"}.get(op["op"], op["op"]))
        words = self._values("", "~")
        self.at += self.at == start  # a bar that stands before nothing
        return Term("", "~", words) if words else None

    def _comparison(self, key: str, op: str) -> Condition | None:
        values = self._values(key, op)
        # A comparison without a value is one that is still being typed: it hides nothing yet.
        return Term(key, op, values) if values else None

    def _listed(self, key: str, op: str) -> Condition | None:
        """Read the values of `in (…)`, behind the parenthesis."""
        found: list[Wanted] = []
        while self.at < len(self.text) and self.text[self.at] != ")":
            if self.text[self.at] in ", \t|":
                self.at += 1
                continue
            wanted = self._wanted(key, op, self._read_value(ends=",|"))
            found += [wanted] if wanted is not None else []
        if self.at >= len(self.text):
            self.flaws.append("A ( has no ) yet.")
        self.at += 1
        return Term(key, op, tuple(found)) if found else None

    def _values(self, key: str, op: str) -> tuple[Wanted, ...]:
        """Read one value, or several with bars between them."""
        found: list[Wanted] = []
        while True:
            wanted = self._wanted(key, op, self._read_value(ends="|"))
            found += [wanted] if wanted is not None else []
            if not self._take_bar():
                return tuple(found)

    def _take_bar(self) -> bool:
        bar = _BAR.match(self.text, self.at)
        if bar is None:
            return False
        if bar[0] != "|" and _COMPARISON.match(self.text, bar.end()):
            return False  # `a=1 | b=2`: a bar between comparisons is an `or`
        self.at = bar.end()
        return True

    def _read_value(self, ends: str) -> str:
        """Read a value as it is written, quotes and all: up to a space, an end, or a ) that it did not open."""
        text, start, opened = self.text, self.at, 0
        quoted = _QUOTE.match(text, start)
        if quoted is not None:
            self.at = quoted.end()
            return quoted[0]
        if text[start : start + 1] == "/" and (closed := _REGEX.match(text, start)):
            self.at = closed.end()
            return closed[0]
        while self.at < len(text):
            char = text[self.at]
            if char.isspace() or (char in ends) or (char == ")" and not opened):
                break
            opened += (char == "(") - (char == ")")
            self.at += 1
        return text[start : self.at]

    def _wanted(self, key: str, op: str, written: str) -> Wanted | None:
        value = _unquoted(written)
        if not value:
            return None
        if value != written:
            return Wanted(value.lower(), wanted_number(key, value))
        if op in ("=", "!=", "~", "!~"):
            return Wanted(value if key == "has" else value.lower(), wanted_number(key, value), self._pattern(op, value))
        number = wanted_number(key, value)
        if number is None:
            self.flaws.append(f"{key} {op} {value}: {value} is not a number.")
        return Wanted(value.lower(), number)

    def _pattern(self, op: str, value: str) -> re.Pattern[str] | None:
        if len(value) > 2 and value[0] == value[-1] == "/":
            try:
                return re.compile(value[1:-1], re.IGNORECASE)
            except re.error as error:
                self.flaws.append(f"{value} is not a regular expression: {error.msg}.")
        elif "*" in value.strip("*") or (value.strip("*") and value.strip("*") != value):
            glob = ".*".join(map(re.escape, value.lower().split("*")))
            return re.compile(f"^{glob}$" if op in ("=", "!=") else glob, re.DOTALL)
        return None

    def _skip_spaces(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def _joiner(self) -> str:
        """Return what the word here joins or negates with; empty for any other word."""
        word = _WORD.match(self.text, self.at)
        return _JOINERS.get(word[0].lower(), "") if word else ""

    def _take_joiner(self, wanted: str) -> bool:
        self._skip_spaces()
        if self._joiner() != wanted:
            return False
        word = _WORD.match(self.text, self.at)
        assert word is not None
        self.at = word.end()
        return True


def _joined(kind: type[AllOf] | type[AnyOf], parts: list[Condition]) -> Condition | None:
    if len(parts) < 2:
        return parts[0] if parts else None
    return kind(tuple(parts))


def _unquoted(text: str) -> str:
    return text[1:].removesuffix(text[0]) if text[:1] in ("'", '"') else text
