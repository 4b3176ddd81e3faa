"""What changes in a mapping of a YAML text: keys that are gone, new, or have another name. Changes nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

from trainer.records import Json
from trainer.sweep.joint import is_joint_name
from trainer.sweep.yaml_nodes import Entry, Path


@dataclass(frozen=True, slots=True)
class Change:
    """What is gone from a mapping, and what is new in it."""

    own: Sequence[Entry]
    renamed: Mapping[str, str]
    wanted: Mapping[str, Json]
    new: Sequence[str]
    path: Path

    @property
    def gone(self) -> list[Entry]:
        """The entries that the mapping has no more."""
        return [entry for entry in self.own if self.renamed.get(entry.key, entry.key) not in self.wanted]

    @property
    def siblings_are_flow(self) -> bool:
        """Whether the mappings within this one are all written in brackets."""
        inner = [entry.node for entry in self.own if isinstance(entry.node, yaml.MappingNode)]
        return bool(inner) and all(node.flow_style and node.value for node in inner)

    def new_after(self) -> dict[str | None, list[str]]:
        """Return the new keys by the key of the text that they follow; None for before all of them."""
        names = {self.renamed.get(entry.key, entry.key): entry.key for entry in self.own}
        before: str | None = None
        after: dict[str | None, list[str]] = {}
        for key in self.wanted:
            if key in names:
                before = names[key]
            elif key in self.new:
                after.setdefault(before, []).append(key)
        return after


def renames(own: Sequence[Entry], wanted: Mapping[str, Json], new: Sequence[str]) -> dict[str, str]:
    """Return which keys have another name now: what is gone and what is new between the same neighbours.

    Joint parameters are made of others, and are no new name of one.
    """
    added = {key for key in new if not is_joint_name(key)}
    kept = {entry.key for entry in own if entry.key in wanted}
    gone_at: dict[str | None, list[str]] = {}
    before: str | None = None
    for entry in own:
        if entry.key in kept:
            before = entry.key
        elif not is_joint_name(entry.key):
            gone_at.setdefault(before, []).append(entry.key)
    new_at: dict[str | None, list[str]] = {}
    before = None
    for key in wanted:
        if key in kept:
            before = key
        elif key in added:
            new_at.setdefault(before, []).append(key)
    return {
        old: name for before, names in gone_at.items() for old, name in zip(names, new_at.get(before, ()), strict=False)
    }
