"""Which parameters only repeat a configuration, by their names. Pure; standard library only."""

from __future__ import annotations

import re

_SEEDS = re.compile(
    r"^(.*[._-])?(random_?)?(seed|random_?state|fold|repeat|replicate|trial_?seed)([._-]?(id|index|number))?$", re.I
)


def is_seed(name: str) -> bool:
    """Return whether a parameter only repeats a configuration: `seed`, `random_state`, `data.fold`."""
    return _SEEDS.match(name) is not None
