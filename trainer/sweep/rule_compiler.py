"""From parameters and the rules that tie them to a sweep that stock W&B accepts.

Parameters that rules tie together become one joint parameter (`joint`), whose values are the combinations that are
left; where a rule names one parameter only, its own list gets shorter. Rules that cannot be kept change nothing, and
say why.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from trainer.records import Json
from trainer.sweep.joint import JOINT_PREFIX
from trainer.sweep.rule_groups import Axis, Combinations, RulesError, axis_of, check_zip, combine, joined, tied
from trainer.sweep.rules import (
    FormulaRule,
    OnlyIfRule,
    Path,
    Rule,
    RuleError,
    RuleLine,
    SeedsRule,
    ZipRule,
    parse_rule,
    parse_seeds,
    paths_of,
)

Leaf = tuple[Path, Json]
"""A parameter: names from the outermost group to it, and its entry."""
_LONGEST_NAME = 80


@dataclass(frozen=True)
class RuleEffect:
    """What a rule does."""

    line: RuleLine
    kind: str = ""
    """zip, only if, formula or seeds; empty for a rule that cannot be read."""
    problem: str = ""
    """Why it is not kept, in one sentence; empty if it is."""
    hint: str = ""
    before: int | None = None
    """Combinations of the parameters it names; None where that is not known."""
    left: int | None = None
    """Those that are left by it alone."""
    into: Path | None = None
    """The parameter of the sweep that keeps it; None if none does."""
    is_drawn: bool = False
    """Whether the sweep draws its configurations, so that seeds are drawn too and repeat nothing by themselves."""

    @property
    def words(self) -> str:
        """What it does, in a few words: `24 combinations, 9 left`."""
        if not self.line.is_on:
            return "off"
        if self.problem:
            return self.problem
        if self.kind == "seeds" and self.left is not None:
            return f"one of {self.left:,} seeds each" if self.is_drawn else f"{self.left:,} times each"
        if self.before is None or self.left is None:
            return "kept"
        return f"{self.before:,} combination{'' if self.before == 1 else 's'}, {self.left:,} left"


@dataclass(frozen=True)
class Group:
    """Parameters that became one."""

    path: Path
    """Where the sweep has it."""
    sources: tuple[Leaf, ...]
    """What it was made of, seeds not included: those follow from their rule."""
    lines: tuple[RuleLine, ...]
    """The rules that made it."""
    before: int
    left: int


@dataclass(frozen=True)
class Compiled:
    """A sweep's parameters with its rules kept."""

    leaves: tuple[Leaf, ...]
    """The parameters as W&B shall have them."""
    effects: tuple[RuleEffect, ...] = ()
    """One per rule, in their order."""
    groups: tuple[Group, ...] = ()

    @property
    def loose_lines(self) -> list[RuleLine]:
        """The rules that no parameter keeps: they are off, or cannot be kept."""
        return [effect.line for effect in self.effects if effect.into is None]

    @property
    def ruling(self) -> list[RuleEffect]:
        """The rules that are kept and leave combinations out; seeds leave out none."""
        return [effect for effect in self.effects if effect.into is not None and effect.kind != "seeds"]

    @property
    def before(self) -> int:
        """Combinations of all parameters that rules tie, without these."""
        return math.prod(group.before for group in self.groups)

    @property
    def left(self) -> int:
        """Those of them that are left."""
        return math.prod(group.left for group in self.groups)

    def group_of(self, path: Path) -> Group | None:
        """Return the group that a parameter has become part of, or None."""
        return next((group for group in self.groups if any(source[0] == path for source in group.sources)), None)

    def place_of(self, path: Path) -> Path | None:
        """Return where the sweep has a parameter: in place, or its group where it is the first of that, else None."""
        group = self.group_of(path)
        if group is None:
            return path
        return group.path if group.sources[0][0] == path else None


def leaves_of(parameters: Mapping[str, Json], path: Path = ()) -> list[Leaf]:
    """Return the parameters of a mapping with their paths; a group with other keys than `parameters` is one leaf."""
    leaves: list[Leaf] = []
    for name, entry in parameters.items():
        inner = entry.get("parameters") if isinstance(entry, dict) and set(entry) == {"parameters"} else None
        if isinstance(inner, dict) and inner:
            leaves += leaves_of(inner, (*path, name))
        else:
            leaves.append(((*path, name), entry))
    return leaves


def compile_rules(leaves: Sequence[Leaf], lines: Sequence[RuleLine], method: Json) -> Compiled:
    """Return a sweep's parameters with the rules kept.

    Args:
        leaves: The parameters as they were written.
        lines: The rules.
        method: The sweep's method: a grid steps through a range where other methods draw from it.
    """
    if not lines:
        return Compiled(tuple(leaves))
    return _Compiler(leaves, lines, method == "grid").compile()


def joint_name(paths: Iterable[Path], taken: Iterable[str]) -> str:
    """Return the name of the joint parameter of members; none of `taken`."""
    parts = [re.sub(r"[^A-Za-z0-9_.-]", "_", "_".join(path)) for path in paths]
    name = JOINT_PREFIX + "__".join(parts)
    if len(name) > _LONGEST_NAME:
        kept = name[: _LONGEST_NAME - 12].rpartition("__")[0]
        left_out = len(parts) - kept.count("__")
        name = f"{kept}__and_{left_out}_more" if kept.count("__") else f"{JOINT_PREFIX}{len(parts)}_parameters"
    unique, number = name, 2
    others = set(taken)
    while unique in others:
        unique, number = f"{name}_{number}", number + 1
    return unique


@dataclass
class _Compiler:
    """One compilation. Rules are known by their positions."""

    leaves: Sequence[Leaf]
    lines: Sequence[RuleLine]
    is_grid: bool
    rules: dict[int, Rule] = field(default_factory=dict)
    errors: dict[int, RuleError] = field(default_factory=dict)
    axes: dict[Path, Axis] = field(default_factory=dict)
    sources: dict[Path, Json] = field(default_factory=dict)

    def compile(self) -> Compiled:
        for path, entry in self.leaves:
            self.sources.setdefault(path, entry)
        self._read()
        seeds = {rule.path for rule in self.rules.values() if isinstance(rule, SeedsRule)}
        while True:
            groups, broken = self._try_groups()
            if not broken:
                break
            self.errors |= broken
            for index in broken:
                del self.rules[index]
        return self._assemble(groups, seeds)

    def _read(self) -> None:
        """Read the rules that are on; seeds first, since others may name what they make."""
        for index, line in enumerate(self.lines):
            if line.is_on and line.text.strip():
                try:
                    seeds = parse_seeds(line.text)
                    if seeds is not None:
                        self._check_seeds(seeds)
                        self.sources[seeds.path] = seeds.entry
                        self.rules[index] = seeds
                except RuleError as error:
                    self.errors[index] = error
        paths = tuple(self.sources)
        for index, line in enumerate(self.lines):
            if not line.is_on or not line.text.strip() or index in self.rules or index in self.errors:
                continue
            try:
                rule = parse_rule(line.text, paths)
                for path in paths_of(rule):
                    self.axes[path] = axis_of(path, self.sources[path], self.is_grid)
                if isinstance(rule, ZipRule):
                    check_zip(rule, self.axes)
                self.rules[index] = rule
            except RuleError as error:
                self.errors[index] = error
        self.rules = dict(sorted(self.rules.items()))

    def _check_seeds(self, seeds: SeedsRule) -> None:
        for path in self.sources:
            shorter = min(len(path), len(seeds.path))
            if path[:shorter] == seeds.path[:shorter]:
                name = "/".join(seeds.path)
                raise RuleError(
                    f"{'/'.join(path)} is a parameter already.", hint=f"Delete it, or write `seeds 5 as {name}_2`."
                )

    def _try_groups(self) -> tuple[list[tuple[list[Path], list[int], Combinations]], dict[int, RuleError]]:
        """Return each set of tied parameters with its rules and combinations; or why rules cannot be kept."""
        tying = {index: rule for index, rule in self.rules.items() if not isinstance(rule, SeedsRule)}
        named = [path for path in self.sources if any(path in paths_of(rule) for rule in tying.values())]
        found: list[tuple[list[Path], list[int], Combinations]] = []
        broken: dict[int, RuleError] = {}
        for paths in joined(named, tied(list(tying.values()))):
            indexes = [index for index, rule in tying.items() if paths_of(rule)[0] in paths]
            try:
                found.append((paths, indexes, self._combine(paths, [tying[index] for index in indexes])))
            except RulesError as error:
                broken |= {indexes[position]: reason for position, reason in error.reasons.items()}
        return found, broken

    def _combine(self, paths: Sequence[Path], rules: Sequence[Rule]) -> Combinations:
        axes = {path: self.axes[path] for path in paths}
        key = (self.is_grid, tuple(paths), repr([self.sources[path] for path in paths]), repr(rules))
        return combine(axes, rules, self.is_grid, key)

    def _assemble(self, found: Sequence[tuple[list[Path], list[int], Combinations]], seeds: Iterable[Path]) -> Compiled:
        derived = set(seeds)
        seed_rules = {rule.path: index for index, rule in self.rules.items() if isinstance(rule, SeedsRule)}
        placed: dict[Path, Leaf] = {}
        groups: list[Group] = []
        into: dict[int, Path] = {}
        gone = {path for paths, _, _ in found for path in paths}
        taken = {path[0] for path in self.sources if path not in gone}
        for paths, indexes, combinations in found:
            kept = sorted([*indexes, *(seed_rules[path] for path in paths if path in seed_rules)])
            path = paths[0] if len(paths) == 1 else (joint_name(paths, taken),)
            taken.add(path[0])
            placed[paths[0]] = (path, combinations.entry)
            into |= dict.fromkeys(kept, path)
            sources = tuple((source, self.sources[source]) for source in paths if source not in derived)
            lines = tuple(self.lines[index] for index in kept)
            groups.append(Group(path, sources, lines, combinations.before, len(combinations.values)))
        for path, index in seed_rules.items():
            if path not in gone:
                into[index] = path
                rule = self.rules[index]
                assert isinstance(rule, SeedsRule)
                groups.append(Group(path, (), (self.lines[index],), rule.count, rule.count))
        leaves: list[Leaf] = []
        seen: set[Path] = set()
        # A path that is there twice stays so: the draft says what is wrong with it.
        for path, entry in [*self.leaves, *((path, self.sources[path]) for path in seed_rules)]:
            if path not in gone:
                leaves.append((path, entry))
            elif path in placed and path not in seen:
                leaves.append(placed[path])
            seen.add(path)
        return Compiled(tuple(leaves), tuple(self._effects(into)), tuple(groups))

    def _effects(self, into: dict[int, Path]) -> list[RuleEffect]:
        effects: list[RuleEffect] = []
        for index, line in enumerate(self.lines):
            effect = RuleEffect(line, into=into.get(index))
            if index in self.errors:
                error = self.errors[index]
                effect = replace(effect, problem=error.message, hint=error.hint)
            elif index in self.rules:
                effect = self._with_counts(effect, self.rules[index])
            effects.append(effect)
        return effects

    def _with_counts(self, effect: RuleEffect, rule: Rule) -> RuleEffect:
        effect = replace(effect, kind=_KINDS[type(rule)])
        if isinstance(rule, SeedsRule):
            return replace(effect, before=1, left=rule.count, is_drawn=not self.is_grid)
        named = paths_of(rule)
        paths = [path for path in self.sources if path in named]
        try:
            alone = self._combine(paths, [rule])
        except RulesError:
            # Without the others there are too many to look at.
            return effect
        return replace(effect, before=alone.before, left=len(alone.values))


_KINDS: dict[type[Rule], str] = {
    ZipRule: "zip",
    OnlyIfRule: "only if",
    FormulaRule: "formula",
    SeedsRule: "seeds",
}
