"""The combinations that rules leave of the parameters they tie together. Lists them, so there is a limit."""

from __future__ import annotations

import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

from trainer.errors import SweepConfigError
from trainer.records import Json
from trainer.sweep.canonical import canonical_key
from trainer.sweep.findings import Findings
from trainer.sweep.joint import settled
from trainer.sweep.parameter_rules import check_parameters
from trainer.sweep.parameters import Categorical, parameter_from_config
from trainer.sweep.rules import FormulaRule, OnlyIfRule, Path, Rule, RuleError, SeedsRule, ZipRule, paths_of
from trainer.sweep.space import nest

MAX_COMBINATIONS = 10_000
"""Combinations of one group that are looked at: a tenth of a second."""
MAX_LEFT = 2_000
"""Combinations that may be left of them: more are nobody's to read, and take seconds to be written into a file."""
_CACHED = 64
_ABSENT = -1


class RulesError(Exception):
    """Rules that cannot be kept; says which.

    Attributes:
        reasons: Why, by the position of the rule.
    """

    def __init__(self, reasons: Mapping[int, RuleError]) -> None:
        """Remember which and why."""
        super().__init__(*reasons.values())
        self.reasons = dict(reasons)


@dataclass(frozen=True)
class Axis:
    """The values of one parameter."""

    written: tuple[Json, ...]
    """As they are written, repetitions too."""
    distinct: tuple[Json, ...]
    weights: tuple[float, ...]
    """How likely each of `distinct` is, where values are drawn."""
    probabilities: tuple[float, ...] | None = None
    """How likely each of `written` is; None where nothing is said of it."""


@dataclass(frozen=True)
class Combinations:
    """What is left of the combinations of some parameters."""

    before: int
    """How many distinct ones there are without rules."""
    values: tuple[dict[str, Json], ...]
    """Those that are left, nested; a parameter that has no value there is missing."""
    entry: dict[str, Json]
    """The parameter that has these values; one object as long as nothing changes, by which it is known again."""


def axis_of(path: Path, entry: Json, is_grid: bool) -> Axis:
    """Return the values of a parameter.

    Raises:
        RuleError: If it has no end of them, too many, or a problem of its own.
    """
    return _remembered(("axis", path, is_grid, repr(entry)), lambda: _axis_of(path, entry, is_grid))


def _axis_of(path: Path, entry: Json, is_grid: bool) -> Axis:
    name = "/".join(path)
    findings = Findings()
    check_parameters({path[-1]: entry}, "parameters", None, findings)
    try:
        parameter = parameter_from_config(path, entry)  # type: ignore[arg-type]
    except SweepConfigError as error:
        raise RuleError(f"{name} has a problem of its own.", hint="Mend it first.") from error
    if findings.found:
        raise RuleError(f"{name} has a problem of its own.", hint="Mend it first.")
    if is_grid and isinstance(parameter, Categorical) and parameter.probabilities is not None:
        raise RuleError(f"{name} has probabilities, and a grid takes none.", hint="Remove them, or use random.")
    choices = (parameter.grid or parameter.choices) if is_grid else parameter.choices
    if choices is None:
        raise RuleError(
            f"{name} has no end of values ({parameter.distribution}): W&B cannot tie it to others.",
            hint="List its values, or give it steps: `0..1 step 0.1`.",
        )
    if choices.count > MAX_COMBINATIONS:
        raise RuleError(f"{name} has {choices.count:,} values.", hint=f"At most {MAX_COMBINATIONS:,} can be listed.")
    distinct = tuple(choices.value(index) for index in range(choices.count))
    if isinstance(parameter, Categorical):
        return Axis(parameter.values, distinct, tuple(parameter.weights), parameter.probabilities)
    return Axis(distinct, distinct, (1 / len(distinct),) * len(distinct))


def combine(axes: Mapping[Path, Axis], rules: Sequence[Rule], is_grid: bool, key: Hashable) -> Combinations:
    """Return the combinations that rules leave of parameters.

    Args:
        axes: The parameters.
        rules: All that tie them together.
        is_grid: Whether all of them run, so that chances mean nothing.
        key: Equal for equal arguments; what was worked out lately is remembered.

    Raises:
        RulesError: If there are too many, none is left, or a rule cannot be worked out for one.
    """
    return _remembered(("combine", key), lambda: _Group(axes, rules, is_grid).combinations())


@dataclass(frozen=True)
class _Side:
    """Parameters whose values go together, as positions among all, and rows of the positions of their values."""

    members: tuple[int, ...]
    rows: tuple[tuple[int, ...], ...]
    weights: tuple[float, ...]


class _Group:
    """Works out the combinations of one group of parameters.

    A parameter's value is a number: its position among its values, `_ABSENT`, or `-2 - i` for the value after `else`
    in rule `i`. So what a rule says of values it has met before need not be worked out again.
    """

    def __init__(self, axes: Mapping[Path, Axis], rules: Sequence[Rule], is_grid: bool) -> None:
        self._is_grid = is_grid
        self._paths = list(axes)
        self._axes = list(axes.values())
        self._at = {path: index for index, path in enumerate(self._paths)}
        self._rules = rules
        zipped = {path for rule in rules if isinstance(rule, ZipRule) for path in rule.members}
        self._values = [
            axis.written if path in zipped else axis.distinct for path, axis in zip(axes, self._axes, strict=True)
        ]
        self._sides = self._make_sides()
        self._known: dict[tuple[int, ...], bool] = {}

    def combinations(self) -> Combinations:
        count = math.prod(len(side.rows) for side in self._sides)
        if count > MAX_COMBINATIONS:
            raise self._refusal(
                RuleError(
                    f"{count:,} combinations of {self._names} are too many to look at ({MAX_COMBINATIONS:,}).",
                    hint="List fewer values, or tie fewer parameters together.",
                )
            )
        conditional = self._in_order()
        formulas = [(index, rule) for index, rule in enumerate(self._rules) if isinstance(rule, FormulaRule)]
        shares: dict[tuple[int, ...], float] = {}
        for rows in itertools.product(*(zip(side.rows, side.weights, strict=True) for side in self._sides)):
            codes = [0] * len(self._paths)
            share = 1.0
            for side, (row, weight) in zip(self._sides, rows, strict=True):
                share *= weight
                for member, code in zip(side.members, row, strict=True):
                    codes[member] = code
            for index, conditional_rule in conditional:
                if not self._holds(index, conditional_rule.condition.paths, codes, when_absent=False):
                    code = -2 - index if conditional_rule.has_otherwise else _ABSENT
                    for path in conditional_rule.members:
                        codes[self._at[path]] = code
            if all(self._holds(index, rule.condition.paths, codes, when_absent=True) for index, rule in formulas):
                shares[tuple(codes)] = shares.get(tuple(codes), 0.0) + share
        return self._result(shares)

    def _result(self, shares: Mapping[tuple[int, ...], float]) -> Combinations:
        # Else the codes tell combinations apart, which takes a fraction of the time.
        may_repeat = any(isinstance(rule, ZipRule) or getattr(rule, "has_otherwise", False) for rule in self._rules)
        values: dict[Hashable, dict[str, Json]] = {}
        weights: dict[Hashable, float] = {}
        for codes, share in shares.items():
            present = [
                (path, self._value(member, codes[member]))
                for member, path in enumerate(self._paths)
                if codes[member] != _ABSENT
            ]
            value = nest(present)
            if len(self._paths) > 1:
                value = settled(value)
            key = canonical_key(value) if may_repeat else codes
            values.setdefault(key, value)
            weights[key] = weights.get(key, 0.0) + share
        if not values:
            raise self._refusal(RuleError("No combination is left.", hint="Loosen one of the rules."))
        if len(values) > MAX_LEFT:
            raise self._refusal(
                RuleError(
                    f"{len(values):,} combinations of {self._names} are left: at most {MAX_LEFT:,} can be listed.",
                    hint="List fewer values, or tie fewer parameters together.",
                )
            )
        total = math.fsum(weights.values())
        relative = [weight / total for weight in weights.values()]
        is_even = all(math.isclose(weight, 1 / len(relative), rel_tol=1e-9) for weight in relative)
        before = math.prod(len(axis.distinct) for axis in self._axes)
        single = self._paths[0] if len(self._paths) == 1 else ()
        entry: dict[str, Json] = {"values": [_within_path(value, single) for value in values.values()]}
        if not (is_even or self._is_grid):
            entry["probabilities"] = list(relative)
        return Combinations(before, tuple(values.values()), entry)

    @property
    def _names(self) -> str:
        return ", ".join("/".join(path) for path in self._paths[:4]) + (", …" if len(self._paths) > 4 else "")

    def _refusal(self, error: RuleError) -> RulesError:
        return RulesError(dict.fromkeys(range(len(self._rules)), error))

    def _holds(self, index: int, paths: Sequence[Path], codes: Sequence[int], *, when_absent: bool) -> bool:
        """Return what the condition of a rule says; of a parameter that is absent it says nothing."""
        named = [codes[self._at[path]] for path in paths]
        if _ABSENT in named:
            return when_absent
        key = (index, *named)
        known = self._known.get(key)
        if known is None:
            rule = self._rules[index]
            assert isinstance(rule, OnlyIfRule | FormulaRule)
            given = [self._value(self._at[path], code) for path, code in zip(paths, named, strict=True)]
            try:
                known = self._known[key] = rule.condition.holds(given)
            except RuleError as error:
                where = ", ".join(f"{'/'.join(path)}={value}" for path, value in zip(paths, given, strict=True))
                message = f"{error.message.rstrip('.')}, where {where}."
                raise RulesError({index: RuleError(message, hint=error.hint)}) from error
        return known

    def _value(self, member: int, code: int) -> Any:
        if code >= 0:
            return self._values[member][code]
        rule = self._rules[-2 - code]
        assert isinstance(rule, OnlyIfRule)
        return rule.otherwise

    def _make_sides(self) -> list[_Side]:
        together = [list(map(self._at.__getitem__, side)) for side in _joined(self._paths, self._rules)]
        sides: list[_Side] = []
        for members in together:
            if len(members) == 1:
                axis = self._axes[members[0]]
                values = self._values[members[0]]
                weights = axis.weights if values is axis.distinct else (1 / len(values),) * len(values)
                sides.append(_Side(tuple(members), tuple((code,) for code in range(len(values))), weights))
            else:
                self._check_likelihood(members)
                length = len(self._values[members[0]])
                said = [self._axes[member].probabilities for member in members]
                shares = next((each for each in said if each is not None), None) or (1 / length,) * length
                possible = [code for code in range(length) if shares[code] > 0]
                rows = tuple((code,) * len(members) for code in possible)
                sides.append(_Side(tuple(members), rows, tuple(shares[code] for code in possible)))
        return sides

    def _check_likelihood(self, members: Sequence[int]) -> None:
        """Check that those which say how likely their values are agree; `check_zip` sees one rule at a time.

        Raises:
            RulesError: If two zips tie parameters together that do not.
        """
        likely = [member for member in members if self._axes[member].probabilities is not None]
        if len({self._axes[member].probabilities for member in likely}) <= 1:
            return
        names = " and ".join("/".join(self._paths[member]) for member in likely)
        error = RuleError(
            f"{names} are zipped together, by way of others, and have other probabilities each.",
            hint="Give them to one of these only.",
        )
        tied = {self._paths[member] for member in members}
        zips = (index for index, rule in enumerate(self._rules) if isinstance(rule, ZipRule))
        raise RulesError({index: error for index in zips if tied & set(paths_of(self._rules[index]))})

    def _in_order(self) -> list[tuple[int, OnlyIfRule]]:
        """Return the `only if` rules, those first whose outcome others ask for.

        Raises:
            RulesError: If some depend on each other.
        """
        left = [(index, rule) for index, rule in enumerate(self._rules) if isinstance(rule, OnlyIfRule)]
        ordered: list[tuple[int, OnlyIfRule]] = []
        while left:
            undecided = {path for _, rule in left for path in rule.members}
            ready = [entry for entry in left if not undecided & set(entry[1].condition.paths)]
            if not ready:
                error = RuleError("These `only if` rules depend on each other in a circle.", hint="Remove one of them.")
                raise RulesError({index: error for index, _ in left})
            ordered += ready
            left = [entry for entry in left if entry not in ready]
        return ordered


def _within_path(value: Json, path: Path) -> Json:
    for name in path:
        assert isinstance(value, dict)
        value = value[name]
    return value


def check_zip(rule: ZipRule, axes: Mapping[Path, Axis]) -> None:
    """Check that the lists of a zip are of one length, and of one mind about what is how likely.

    Raises:
        RuleError: If they are not.
    """
    lengths = {path: len(axes[path].written) for path in rule.members}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{'/'.join(path)} has {length:,}" for path, length in lengths.items())
        raise RuleError(f"zip needs as many values of each: {told}.", hint="Make the lists equally long.")
    likely = [path for path in rule.members if axes[path].probabilities is not None]
    if len({axes[path].probabilities for path in likely}) > 1:
        names = " and ".join("/".join(path) for path in likely)
        raise RuleError(f"{names} have other probabilities each.", hint="Give them to one of these only.")


def _joined(paths: Sequence[Path], rules: Sequence[Rule]) -> list[list[Path]]:
    """Return the parameters in sets that are zipped, each set and all sets in the order of `paths`."""
    return joined(paths, [rule.members for rule in rules if isinstance(rule, ZipRule)])


def joined(paths: Sequence[Path], ties: Sequence[Sequence[Path]]) -> list[list[Path]]:
    """Return paths in sets such that each tie is within one, each set and all sets in the order of `paths`."""
    leader = {path: path for path in paths}

    def find(path: Path) -> Path:
        while leader[path] != path:
            path = leader[path]
        return path

    for tie in ties:
        for path in tie[1:]:
            leader[find(path)] = find(tie[0])
    sets: dict[Path, list[Path]] = {}
    for path in leader:
        sets.setdefault(find(path), []).append(path)
    return list(sets.values())


def tied(rules: Sequence[Rule]) -> list[tuple[Path, ...]]:
    """Return the parameters that each rule ties together; seeds alone tie nothing."""
    return [paths_of(rule) for rule in rules if not isinstance(rule, SeedsRule)]


_Made = TypeVar("_Made")
_memory: OrderedDict[Hashable, Any] = OrderedDict()
_memory_lock = Lock()


def _remembered(key: Hashable, make: Callable[[], _Made]) -> _Made:
    """Return what was made for a key lately, errors too: the builder asks at every key that is typed."""
    with _memory_lock:
        made: Any = _memory.get(key)
        if made is not None:
            _memory.move_to_end(key)
    if made is None:
        try:
            made = make()
        except (RuleError, RulesError) as error:
            made = error
        with _memory_lock:
            _memory[key] = made
            while len(_memory) > _CACHED:
                _memory.popitem(last=False)
    if isinstance(made, Exception):
        raise made.with_traceback(None)
    return made  # type: ignore[no-any-return]
