"""What is said when the app has been left: which sweeps go on without it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from trainer.records import SweepReference
from tui.formatting import count_text


def farewell_lines(working: Iterable[tuple[SweepReference, int]]) -> list[str]:
    """Return one line for each sweep that local agents still work for.

    Args:
        working: Sweeps and numbers of agents; a sweep may come several times.
    """
    agents: Counter[SweepReference] = Counter()
    for reference, number in working:
        agents[reference] += number
    return [
        f"{count_text(number, 'agent')} on this machine go{'es' if number == 1 else ''} on with {reference}; "
        f"`sweep-tui open {reference}` shows it, `sweep-tui cancel {reference}` ends it."
        for reference, number in agents.items()
    ]
