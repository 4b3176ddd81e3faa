"""Which parameters only repeat a configuration: by what a sweep says of itself, else by their names. Pure.

A sweep says so in its description, the only place where W&B takes free text: a line `Seeds: my_rng, data.split`. The
builder writes it for seeds with names that tell nobody.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from trainer.records import Json

_SEEDS = re.compile(
    r"^(.*[._-])?(random_?)?(seed|random_?state|rng|fold|repeat|repetition|replica|replicate|trial_?seed)"
    r"([._-]?(id|idx|index|no|number))?$"
    r"|^(.*[._-])?split[._-]?(id|idx|index|no|number)$",
    re.I,
)
_DECLARED = re.compile(r"^[ \t]*seeds?:[ \t]*(\S[^\n]*?)[ \t]*\.?[ \t]*$\n?", re.I | re.M)


def is_seed(name: str) -> bool:
    """Return whether a name is one of those that parameters have that only repeat: `seed`, `data.fold`, `split_id`."""
    return _SEEDS.match(name) is not None


def declared_seeds(config: Mapping[str, Json]) -> frozenset[str]:
    """Return the dotted keys that a sweep's description calls seeds; empty where it says nothing of them."""
    description = config.get("description")
    if not isinstance(description, str):
        return frozenset()
    return frozenset(name for found in _DECLARED.findall(description) for name in _names(found))


def with_declared(description: str, names: Iterable[str]) -> str:
    """Return a description that calls these parameters seeds, besides those it calls so already."""
    known = [name for found in _DECLARED.findall(description) for name in _names(found)]
    return _described(description, dict.fromkeys([*known, *names]))


def without_declared(description: str, names: Collection[str]) -> str:
    """Return a description that calls these parameters seeds no more."""
    known = [name for found in _DECLARED.findall(description) for name in _names(found)]
    if not set(known) & set(names):
        return description
    return _described(description, [name for name in known if name not in names])


def _described(description: str, names: Iterable[str]) -> str:
    rest, listed = _DECLARED.sub("", description).rstrip("\n"), ", ".join(names)
    line = f"Seeds: {listed}" if listed else ""
    return f"{rest}\n{line}" if rest and line else rest or line


def _names(listed: str) -> list[str]:
    return [name for name in re.split(r"[,\s]+", listed) if name]


@dataclass
class Seeds:
    """Which parameters of one sweep only repeat a configuration."""

    declared: frozenset[str] = frozenset()
    """What its description says."""
    chosen: frozenset[str] | None = None
    """What the user says; None where they leave it to the others."""

    def are(self, name: str) -> bool:
        """Return whether a parameter only repeats a configuration."""
        if self.chosen is not None:
            return name in self.chosen
        return name in self.declared or is_seed(name)
