"""How likely it is that a pattern among the best runs is chance. Exact formulas, no library."""

from __future__ import annotations

import math
from collections.abc import Sequence

CHANCE = 0.1
"""What is seen as often by chance alone is no reason to leave a part of a space out."""


def chance_of_none(seen: int, best: int, total: int) -> float:
    """Return how likely none of `seen` runs is among the `best` of `total`, if all are as likely to be.

    Source: hypergeometric distribution at 0.
    """
    if seen > total - best:
        return 0.0
    return math.comb(total - seen, best) / math.comb(total, best)


def chance_of_range(share: float, count: int) -> float:
    """Return how likely `count` draws from a whole lie within a part of it that holds `share` of it, wherever that is.

    Source: distribution of the range of a uniform sample, `n w^(n-1) - (n-1) w^n`.
    """
    if count < 2:
        return 1.0
    share = min(max(share, 0.0), 1.0)
    return count * share ** (count - 1) - (count - 1) * share**count


def quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, interpolated between the two nearest."""
    position = share * (len(values) - 1)
    below = math.floor(position)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (position - below)
