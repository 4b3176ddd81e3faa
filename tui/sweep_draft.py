"""SweepDraft: the sweep that the builder edits. Pure; keeps every key it does not know, in its place.

Parameters are rows. A nested parameter is the row `group/name`. Names that came with a configuration stay what they
were, slashes and all, until somebody types another name. A row that is off is left out of the configuration; in the
YAML it is a note (`trainer.sweep.yaml_notes`) at its place. What moves rows is in `parameter_tree`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from trainer.records import Json
from trainer.sweep.leaf_notes import leaf_note, noted_leaf
from trainer.sweep.rule_compiler import Compiled, Leaf, compile_rules, leaves_of
from trainer.sweep.rule_notes import is_rule_note, notes_of_rules, oddities_of, read_rules, rule_problems
from trainer.sweep.rules import RuleLine, seeds_path
from trainer.sweep.seed_names import is_seed, with_declared, without_declared
from trainer.sweep.validation import Violation, violations, warnings

GROUP_SEPARATOR = "/"
OFF = "off "
"""What the note of a parameter that is off begins with: `off lr: {min: 0, max: 1}`."""

FRESH_CONFIG: dict[str, Json] = {
    "name": "wine-forest",
    "method": "grid",
    "metric": {"name": "accuracy", "goal": "maximize"},
    "command": ["${env}", "${interpreter}", "-m", "trainer", "train", "${args}"],
    "parameters": {
        "dataset": {"value": "wine"},
        "model": {"value": "random_forest"},
        "validation_fraction": {"value": 0.5},
        "n_estimators": {"values": [50, 100, 200]},
        "max_depth": {"values": [2, 4, 8]},
    },
}
"""A sweep that runs at once: random forests on the wine data that come with scikit-learn.

Half of the rows are held out, so that the combinations differ.
"""


@dataclass
class ParameterDraft:
    """One parameter as it is being edited."""

    name: str
    """With its groups: `optimizer/lr`."""
    entry: Json
    """Replaced by every edit, never changed in place: the steps that can be undone share it."""
    problem: str = ""
    """Why the text last typed for it cannot be read; empty if it can. The entry is the last one that could."""
    given_path: tuple[str, ...] = ()
    """Where the configuration had it; holds as long as the name is the one that came with it."""
    is_off: bool = False
    """Whether it is left out of the configuration for now."""
    typed: str = ""
    """The text that cannot be read, as it was typed; empty if there is no problem with it."""
    notes: tuple[str, ...] = ()
    """The builder's notes right above it in the YAML, such as the rule it was made of; they go where it goes."""

    @classmethod
    def at(cls, path: tuple[str, ...], entry: Json) -> ParameterDraft:
        """Return the draft of a parameter that a configuration has at a path."""
        return cls(GROUP_SEPARATOR.join(path), entry, given_path=path)

    @property
    def path(self) -> tuple[str, ...]:
        """Names from the outermost group to the parameter."""
        if self.given_path and self.name == GROUP_SEPARATOR.join(self.given_path):
            return self.given_path
        return tuple(part.strip() for part in self.name.split(GROUP_SEPARATOR))

    @path.setter
    def path(self, path: tuple[str, ...]) -> None:
        self.name, self.given_path = GROUP_SEPARATOR.join(path), path

    @property
    def groups(self) -> list[tuple[str, ...]]:
        """The paths of the groups around it, from the outermost in."""
        path = self.path
        return [path[:length] for length in range(1, len(path))]

    @property
    def config_path(self) -> str:
        """The path by which violations name it: `parameters.optimizer.parameters.lr`."""
        return config_path_of(self.path)

    @property
    def is_blank(self) -> bool:
        """Whether nothing has been entered yet."""
        return not self.has_name and not self.entry and not self.problem

    @property
    def has_name(self) -> bool:
        """Whether it was given a name; one that came with a configuration may be empty."""
        return bool(self.name.strip()) or (bool(self.given_path) and self.path == self.given_path)

    @property
    def counts(self) -> bool:
        """Whether it is part of the configuration."""
        return not self.is_off and self.has_name


def config_path_of(path: Sequence[str]) -> str:
    """Return the path by which violations name a parameter or a group; empty names the parameters as a whole."""
    return ".parameters.".join(("", *path)).removeprefix(".") if path else "parameters"


@dataclass
class SweepDraft:
    """A sweep configuration as it is being edited."""

    _top: dict[str, Json]
    """Everything but the parameters, whose key holds the place."""
    rows: list[ParameterDraft] = field(default_factory=list)
    other_notes: dict[str, list[str]] = field(default_factory=dict)
    """The builder's notes in the YAML that belong to no row, by path."""
    rules: list[RuleLine] = field(default_factory=list)
    """What ties parameters to each other; the configuration holds what they leave."""
    _last_compiled: tuple[list[Leaf], tuple[RuleLine, ...], Json, Compiled] | None = field(
        default=None, compare=False, repr=False
    )

    @classmethod
    def from_config(cls, config: Mapping[str, Json], notes: Mapping[str, Sequence[str]] | None = None) -> SweepDraft:
        """Return a draft of a configuration, which is copied, and of the notes that stand in its YAML."""
        top = copy.deepcopy(dict(config))
        parameters = top.get("parameters")
        if not isinstance(parameters, dict):
            return cls(top, other_notes={path: list(lines) for path, lines in (notes or {}).items()})
        top["parameters"] = None
        read = read_rules(leaves_of(parameters), notes or {}, top.get("method"))
        rows = [ParameterDraft.at(path, entry) for path, entry in read.leaves]
        draft = cls(top, rows, rules=list(read.lines))
        said = top.get("description")
        if isinstance(said, str) and (rest := without_declared(said, draft._unnamed_seeds())) != said:
            # What the rules say of seeds they say again.
            top["description"] = rest
            if not rest:
                del top["description"]
        # What stood above a parameter that rules made stands above what it was made of.
        moved = {
            config_path_of(made): config_path_of((source or ())[: len(made)]) for made, source in read.made.items()
        }
        for path, lines in (notes or {}).items():
            is_read = path in moved or path == config_path_of(())
            draft._take_notes(moved.get(path, path), [line for line in lines if not (is_read and is_rule_note(line))])
        return draft

    def copy(self) -> SweepDraft:
        """Return a draft that later edits of this one do not change; entries are shared."""
        return SweepDraft(
            dict(self._top), [replace(row) for row in self.rows], dict(self.other_notes), list(self.rules)
        )

    def leaves(self) -> list[Leaf]:
        """Return the parameters that count, as they are written: what rules may name."""
        return [(row.path, row.entry) for row in self.rows if row.counts]

    def compiled(self) -> Compiled:
        """Return the parameters with the rules kept, and what each rule does."""
        leaves, lines, method = self.leaves(), tuple(self.rules), self._top.get("method")
        last = self._last_compiled
        # Asked several times at every key. Entries are replaced by edits, so that the same ones say the same.
        if last is not None and last[1:3] == (lines, method) and len(last[0]) == len(leaves):
            if all(one[0] == other[0] and one[1] is other[1] for one, other in zip(last[0], leaves, strict=True)):
                return last[3]
        compiled = compile_rules(leaves, lines, method)
        self._last_compiled = (leaves, lines, method, compiled)
        return compiled

    def config(self) -> dict[str, Json]:
        """Return the configuration as it is now; rows that are off or without a name are left out."""
        config = dict(self._top)
        leaves = self.compiled().leaves
        if leaves or "parameters" not in config or config["parameters"] is None:
            parameters: dict[str, Json] = {}
            for path, entry in leaves:
                _place(parameters, path, entry)
            config["parameters"] = parameters
        said = config.get("description", "")
        if isinstance(said, str) and (seeds := self._unnamed_seeds()):
            # Who opens the sweep is to know what only repeats, and no other key of a sweep takes a word of it.
            config["description"] = with_declared(said, seeds)
        return config

    def _unnamed_seeds(self) -> list[str]:
        """Return the parameters of rules for seeds that do not have a name of one."""
        names = (".".join(path) for line in self.rules if line.is_on and (path := seeds_path(line.text)) is not None)
        return [name for name in names if not is_seed(name)]

    def notes(self) -> dict[str, list[str]]:
        """Return the notes that the YAML of the configuration holds, by path."""
        compiled = self.compiled()
        used = [path for path, _ in compiled.leaves]
        notes = {path: list(lines) for path, lines in self.other_notes.items() if self._has(path, used)}
        waiting: list[ParameterDraft] = []
        for row in self.rows:
            if row.is_off and row.has_name:
                waiting.append(row)
            elif row.counts and (place := compiled.place_of(row.path)) is not None:
                for off in [each for each in waiting if _is_beside(each.path, place, used)]:
                    waiting.remove(off)
                    home = _home(off.path, used)
                    _note_off(notes, config_path_of(place[: len(home) + 1]), off, home)
                if row.notes and place == row.path:
                    notes.setdefault(row.config_path, []).extend(row.notes)
        for off in waiting:
            home = _home(off.path, used)
            _note_off(notes, f"{config_path_of(home)}{'.parameters' if home else ''}.", off, home)
        for path, lines in notes_of_rules(compiled).items():
            notes.setdefault(path, []).extend(lines)
        return notes

    def _has(self, path: str, used: Sequence[tuple[str, ...]]) -> bool:
        """Return whether there is a place in the YAML for the notes of a path."""
        if path.startswith("parameters."):
            return any(f"{config_path_of(each)}.".startswith(path) for each in used)
        return path == "." or path.removesuffix(".") == "parameters" or self.get(path.removesuffix(".")) is not None

    def carry_over(self, before: SweepDraft) -> None:
        """Take over what no configuration holds of another draft: rows without a name, problems, the order of rules."""
        typed = {row.path: row for row in before.rows if row.problem}
        for row in self.rows:
            other = typed.get(row.path)
            if other is not None and other.entry == row.entry:
                row.problem, row.typed = other.problem, other.typed
        for index, row in enumerate(before.rows):
            if not row.has_name:
                self.rows.insert(min(index, len(self.rows)), replace(row))
        order = {line: index for index, line in reversed(list(enumerate(before.rules)))}
        self.rules.sort(key=lambda line: order.get(line, len(order)))
        for index, line in enumerate(before.rules):
            if not line.text.strip():
                self.rules.insert(min(index, len(self.rules)), line)

    def _take_notes(self, path: str, lines: Sequence[str]) -> None:
        """Take over the notes at a path: parameters that are off become rows, the others stay with their row."""
        row = next((row for row in self.rows if row.config_path == path and not row.is_off), None)
        for line in lines:
            off = noted_leaf(line.removeprefix(OFF)) if line.startswith(OFF) else None
            if off is not None:
                self._insert_off(path, *off)
            elif row is not None:
                row.notes = (*row.notes, line)
            else:
                self.other_notes.setdefault(path, []).append(line)

    def _insert_off(self, path: str, names: tuple[str, ...], entry: Json) -> None:
        if path.endswith("."):
            within = [
                at
                for at, row in enumerate(self.rows)
                if f"{row.config_path}.".startswith(path) or path == "parameters."
            ]
            home = _groups_of(path)
            at = max(within) + 1 if within else len(self.rows)
        else:
            following = [
                index
                for index, row in enumerate(self.rows)
                if not row.is_off and f"{row.config_path}.".startswith(f"{path}.")
            ]
            if not following:
                at, home = len(self.rows), ()
            else:
                at = following[0]
                home = _groups_of(path.rpartition(".parameters.")[0] + ".parameters." if ".parameters." in path else "")
        self.rows.insert(at, replace(ParameterDraft.at((*home, *names), entry), is_off=True))

    def get(self, path: str) -> Json:
        """Return the value at a dotted path such as `metric.goal`; None where there is none."""
        value: Json = self._top
        for key in path.split("."):
            if not isinstance(value, dict):
                return None
            value = value.get(key)
        return value

    def set(self, path: str, value: Json) -> None:
        """Set the value at a dotted path; None removes it, and a mapping that becomes empty by that goes too."""
        self._top = _with(self._top, path.split("."), value)

    def problems(self) -> list[Violation]:
        """Return everything that keeps the draft from being launched, what is being typed first."""
        return [*self._row_problems(), *rule_problems(self.compiled()), *violations(self.config())]

    def oddities(self) -> list[Violation]:
        """Return what is allowed but seldom meant."""
        stale = {row.path: row.notes for row in self.rows if row.counts and any(map(is_rule_note, row.notes))}
        return [*oddities_of(stale), *warnings(self.config())]

    def _row_problems(self) -> list[Violation]:
        found: list[Violation] = []
        taken: set[tuple[str, ...]] = set()
        groups: set[tuple[str, ...]] = set()
        for row in self.rows:
            if row.is_blank or row.is_off:
                continue
            if row.problem:
                found.append(Violation(row.config_path, row.problem, "", None))
            if not row.has_name:
                found.append(Violation(row.config_path, "A parameter has no name.", "Give it one.", None))
            elif not all(row.path) and row.path != row.given_path:
                found.append(Violation(row.config_path, "A group has no name.", "Write `group/name`.", None))
            elif row.path in taken or row.path in groups or not taken.isdisjoint(row.groups):
                found.append(Violation(row.config_path, f"{row.name} is there twice.", "Rename or delete one.", None))
            if all(row.path):
                taken.add(row.path)
                groups.update(row.groups)
        return found


def _home(path: tuple[str, ...], used: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the innermost group around a parameter that the configuration has."""
    for length in range(len(path) - 1, 0, -1):
        if any(len(each) > length and each[:length] == path[:length] for each in used):
            return path[:length]
    return ()


def _is_beside(off: tuple[str, ...], path: tuple[str, ...], used: Sequence[tuple[str, ...]]) -> bool:
    """Return whether a parameter is in the group that one that is off has its note in."""
    home = _home(off, used)
    return path[: len(home)] == home


def _note_off(notes: dict[str, list[str]], path: str, row: ParameterDraft, home: tuple[str, ...]) -> None:
    notes.setdefault(path, []).append(OFF + leaf_note((row.path[len(home) :], row.entry)))


def _groups_of(path: str) -> tuple[str, ...]:
    """Return the groups that the end of a mapping is in: `parameters.opt.parameters.` is in `opt`."""
    inner = path.removesuffix(".parameters.").removesuffix("parameters.").removeprefix("parameters.")
    return tuple(inner.split(".parameters.")) if inner else ()


def _with(mapping: Mapping[str, Json], keys: Sequence[str], value: Json) -> dict[str, Json]:
    """Return a copy of a mapping with another value at a path; what is not on the path is shared."""
    first, *rest = keys
    changed = dict(mapping)
    if not rest:
        changed[first] = value
        if value is None:
            changed.pop(first)
        return changed
    inner = mapping.get(first)
    if not isinstance(inner, dict):
        if value is None:
            return changed
        inner = {}
    changed[first] = _with(inner, rest, value)
    if value is None and not changed[first]:
        del changed[first]
    return changed


def _place(parameters: dict[str, Json], path: tuple[str, ...], entry: Json) -> None:
    """Put an entry at its path; a place taken by another row is left to it."""
    for name in path[:-1]:
        group = parameters.setdefault(name, {"parameters": {}})
        inner = group.get("parameters") if isinstance(group, dict) else None
        if not isinstance(inner, dict):
            return
        parameters = inner
    parameters.setdefault(path[-1], entry)
