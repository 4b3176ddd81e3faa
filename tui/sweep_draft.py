"""SweepDraft: the sweep that the builder edits. Pure; keeps every key it does not know, in its place.

Parameters are rows. A nested parameter is the row `group/name`. Names that came with a configuration stay what they
were, slashes and all, until somebody types another name.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from trainer.records import Json
from trainer.sweep.validation import Violation, violations, warnings

GROUP_SEPARATOR = "/"

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
    """Whether it takes no part: it stays in the draft, and is left out of the configuration."""
    typed: str = ""
    """The text that cannot be read, as it was typed; empty if there is no problem with it."""

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

    @property
    def config_path(self) -> str:
        """The path by which violations name it: `parameters.optimizer.parameters.lr`."""
        return "parameters." + ".parameters.".join(self.path)

    @property
    def is_blank(self) -> bool:
        """Whether nothing has been entered yet."""
        return not self.name.strip() and not self.entry and not self.problem


@dataclass
class SweepDraft:
    """A sweep configuration as it is being edited."""

    _top: dict[str, Json]
    """Everything but the parameters, whose key holds the place."""
    rows: list[ParameterDraft] = field(default_factory=list)

    @classmethod
    def from_config(cls, config: Mapping[str, Json]) -> SweepDraft:
        """Return a draft of a configuration, which is copied."""
        top = copy.deepcopy(dict(config))
        parameters = top.get("parameters")
        if not isinstance(parameters, dict):
            return cls(top)
        top["parameters"] = None
        return cls(top, [ParameterDraft.at(path, entry) for path, entry in _leaves(parameters, ())])

    def copy(self) -> SweepDraft:
        """Return a draft that later edits of this one do not change; entries are shared."""
        return SweepDraft(dict(self._top), [replace(row) for row in self.rows])

    def config(self) -> dict[str, Json]:
        """Return the configuration as it is now; rows that are off or have no name are left out."""
        config = dict(self._top)
        named = [row for row in self.rows if row.name.strip() and not row.is_off]
        if named or "parameters" not in config or config["parameters"] is None:
            parameters: dict[str, Json] = {}
            for row in named:
                _place(parameters, row.path, row.entry)
            config["parameters"] = parameters
        return config

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
        return [*self._row_problems(), *violations(self.config())]

    def oddities(self) -> list[Violation]:
        """Return what is allowed but seldom meant."""
        return warnings(self.config())

    def _row_problems(self) -> list[Violation]:
        found: list[Violation] = []
        taken: dict[tuple[str, ...], ParameterDraft] = {}
        for row in self.rows:
            if row.is_blank or row.is_off:
                continue
            if row.problem:
                found.append(Violation(row.config_path, row.problem, "", None))
            if not row.name.strip():
                found.append(Violation(row.config_path, "A parameter has no name.", "Give it one.", None))
            elif not all(row.path):
                found.append(Violation(row.config_path, "A group has no name.", "Write `group/name`.", None))
            elif _overlaps(row.path, taken):
                found.append(Violation(row.config_path, f"{row.name} is there twice.", "Rename or delete one.", None))
            taken.setdefault(row.path, row)
        return found


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


def _overlaps(path: tuple[str, ...], taken: Mapping[tuple[str, ...], ParameterDraft]) -> bool:
    """Return whether a path is taken, or one is the group of the other."""
    return any(path[: len(other)] == other or other[: len(path)] == path for other in taken if all(other))


def _leaves(parameters: Mapping[str, Json], path: tuple[str, ...]) -> list[tuple[tuple[str, ...], Json]]:
    """Return the parameters of a mapping with their paths; a group with other keys than `parameters` is one leaf."""
    leaves: list[tuple[tuple[str, ...], Json]] = []
    for name, entry in parameters.items():
        inner = entry.get("parameters") if isinstance(entry, dict) and set(entry) == {"parameters"} else None
        if isinstance(inner, dict) and inner:
            leaves += _leaves(inner, (*path, name))
        else:
            leaves.append(((*path, name), entry))
    return leaves


def _place(parameters: dict[str, Json], path: tuple[str, ...], entry: Json) -> None:
    """Put an entry at its path; a place taken by another row is left to it."""
    for name in path[:-1]:
        group = parameters.setdefault(name, {"parameters": {}})
        inner = group.get("parameters") if isinstance(group, dict) else None
        if not isinstance(inner, dict):
            return
        parameters = inner
    parameters.setdefault(path[-1], entry)
