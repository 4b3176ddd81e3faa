"""The rules that tie a sweep's parameters to each other: the language. What becomes of them, `rule_compiler` decides.

| rule | means |
| --- | --- |
| `zip lr, batch_size` | their values go together, the first with the first and so on |
| `momentum only if optimizer == "sgd"` | otherwise the program is not given it, and its own default holds |
| `momentum only if optimizer == "sgd" else 0` | otherwise it is 0 |
| `batch_size * accumulation <= 512` | combinations of which this is not true are left out |
| `seeds 5`, `seeds 5 as random_state from 100` | a parameter `seed` that repeats every configuration |
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainer.errors import SweepFileError
from trainer.records import Json
from trainer.sweep.findings import nearest
from trainer.sweep.rule_expressions import Expression as Expression
from trainer.sweep.rule_expressions import Path as Path
from trainer.sweep.rule_expressions import RuleError as RuleError
from trainer.sweep.rule_expressions import parse_expression, spellings
from trainer.sweep.yaml_text import parse_yaml

MAX_SEEDS = 1_000
DEFAULT_SEED = "seed"
TEMPLATES: Mapping[str, str] = {
    "zip": "zip {0}, {1}",
    "only if": "{0} only if {1} == {value}",
    "formula": "{0} * {1} <= {number}",
    "seeds": "seeds 5",
}
"""How each kind of rule begins; the builder fills in parameters of the sweep."""

_ZIP = re.compile(r"zip\b(?P<members>.*)", re.IGNORECASE)
_ONLY_IF = re.compile(r"(?P<members>.+?)\s+only\s+if\b(?P<rest>.*)", re.IGNORECASE)
_ELSE = re.compile(r"(?P<condition>.*)\belse\b(?P<value>.*)", re.IGNORECASE)
_SEEDS = re.compile(
    r"seeds?\s+(?P<count>-?\d+)(?:\s+as\s+(?P<name>\S+?))?(?:\s*,?\s+from\s+(?P<start>-?\d+))?", re.IGNORECASE
)
_TEXT = re.compile(r""""[^"]*"|'[^']*'""")


@dataclass(frozen=True)
class RuleLine:
    """A rule as it is written, and whether it counts."""

    text: str
    is_on: bool = True


@dataclass(frozen=True)
class ZipRule:
    """Values of these parameters go together by their place in their lists."""

    members: tuple[Path, ...]


@dataclass(frozen=True)
class OnlyIfRule:
    """These parameters have a value only where something holds."""

    members: tuple[Path, ...]
    condition: Expression
    has_otherwise: bool = False
    otherwise: Json = None
    """What they are where it does not hold, if they are anything."""


@dataclass(frozen=True)
class FormulaRule:
    """Combinations of which it is not true are left out."""

    condition: Expression


@dataclass(frozen=True)
class SeedsRule:
    """A parameter that repeats every configuration."""

    path: Path
    count: int
    start: int = 0

    @property
    def entry(self) -> dict[str, Json]:
        """The parameter."""
        return {"values": list(range(self.start, self.start + self.count))}


Rule = ZipRule | OnlyIfRule | FormulaRule | SeedsRule


def paths_of(rule: Rule) -> tuple[Path, ...]:
    """Return the parameters that a rule ties together, each once."""
    if isinstance(rule, ZipRule):
        return rule.members
    if isinstance(rule, OnlyIfRule):
        return tuple(dict.fromkeys((*rule.condition.paths, *rule.members)))
    return rule.condition.paths if isinstance(rule, FormulaRule) else (rule.path,)


def parse_seeds(text: str) -> SeedsRule | None:
    """Return the seeds rule that a text spells, or None for another rule; seeds make a parameter of their own.

    Raises:
        RuleError: If it is one and cannot be used.
    """
    words = text.split()
    if (
        not words
        or words[0].lower() not in ("seeds", "seed")
        or (len(words) > 1 and not words[1].lstrip("-").isdigit())
    ):
        return None
    match = _SEEDS.fullmatch(" ".join(words))
    if match is None:
        raise RuleError("Seeds cannot be read.", hint="Write `seeds 5`, or `seeds 5 as random_state from 100`.")
    if len(match["count"]) > 6 or not 1 <= int(match["count"]) <= MAX_SEEDS:
        raise RuleError(f"There are 1 to {MAX_SEEDS:,} seeds, not {match['count'][:20]}.", hint="Write `seeds 5`.")
    if match["start"] is not None and len(match["start"]) > 18:
        raise RuleError("The first seed is too large.", hint="Write `seeds 5 from 100`.")
    path = tuple((match["name"] or DEFAULT_SEED).split("/"))
    if not all(path):
        raise RuleError("The parameter of the seeds has no name.", hint="Write `seeds 5 as random_state`.")
    return SeedsRule(path, int(match["count"]), int(match["start"] or 0))


def seeds_path(text: str) -> Path | None:
    """Return the parameter that a seeds rule makes; None for another rule, or one that cannot be used."""
    try:
        rule = parse_seeds(text)
    except RuleError:
        return None
    return rule.path if rule is not None else None


def parse_rule(text: str, paths: Sequence[Path]) -> Rule:
    """Return the rule that a text spells.

    Args:
        text: One line.
        paths: The parameters there are.

    Raises:
        RuleError: If it cannot be read, or names a parameter that is not there.
    """
    text = " ".join(text.split())
    if not text:
        raise RuleError("The rule is empty.", hint="Write one, or remove it.")
    seeds = parse_seeds(text)
    if seeds is not None:
        return seeds
    names = spellings(paths)
    zipped = _ZIP.fullmatch(text)
    if zipped is not None and zipped["members"].lstrip()[:1] not in tuple("=<>!*+-/%"):
        members = _members(zipped["members"], names)
        if len(members) < 2:
            raise RuleError("zip needs two parameters or more.", hint="Write `zip lr, batch_size`.")
        return ZipRule(members)
    conditional = _ONLY_IF.fullmatch(text)
    if conditional is not None:
        return _only_if(conditional["members"], conditional["rest"], names)
    condition = parse_expression(text, names)
    if not condition.paths:
        raise RuleError(f"`{text}` names no parameter.", hint="Write it like `batch_size * accumulation <= 512`.")
    return FormulaRule(condition)


def _only_if(members_text: str, rest: str, names: Mapping[str, Path]) -> OnlyIfRule:
    members = _members(members_text, names)
    # `else` within a quoted text is none.
    hidden = _TEXT.sub(lambda match: "_" * len(match[0]), rest)
    split = _ELSE.fullmatch(hidden)
    has_otherwise = split is not None
    otherwise: Json = None
    if split is not None:
        otherwise = _value(rest[split.start("value") :])
        rest = rest[: split.end("condition")]
    condition = parse_expression(rest, names)
    mutual = [path for path in members if path in condition.paths]
    if mutual:
        raise RuleError(f"{'/'.join(mutual[0])} would depend on itself.", hint="Name another parameter.")
    if not condition.paths:
        raise RuleError(f"`{condition.text}` names no parameter.", hint='Write `momentum only if optimizer == "sgd"`.')
    return OnlyIfRule(members, condition, has_otherwise, otherwise)


def _members(text: str, names: Mapping[str, Path]) -> tuple[Path, ...]:
    words = [word.strip("`") for word in re.split(r"\s*,\s*|\s+and\s+|\s+with\s+|\s+", text.strip()) if word]
    members: list[Path] = []
    for word in words:
        path = names.get(word)
        if path is None:
            close = nearest(word, names)
            raise RuleError(
                f"There is no parameter `{word}`.",
                hint=f"Did you mean `{close}`?" if close else "Name parameters of this sweep.",
            )
        if path in members:
            raise RuleError(f"{word} is named twice.", hint="Name it once.")
        members.append(path)
    if not members:
        raise RuleError("The rule names no parameter.", hint="Write `zip lr, batch_size`.")
    return tuple(members)


def _value(text: str) -> Json:
    text = text.strip()
    if not text:
        raise RuleError("There is no value after `else`.", hint="Write one, or remove `else`.")
    if text == "None":
        return None
    try:
        return parse_yaml(text, "the value").value
    except SweepFileError as error:
        raise RuleError(f"The value {text} cannot be read.", hint="Quote it.") from error
