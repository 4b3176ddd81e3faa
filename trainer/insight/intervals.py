"""The mean of some numbers and how far it can be trusted: Student's t, in pure Python.

Tables of the app ask for it at every change, where scipy would cost half a second and 80 MB.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

CONFIDENCE = 0.95
_LARGE = 1e150
_MANY = 200
"""Degrees of freedom from which the expansion about the normal distribution is exact to nine digits."""


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of some numbers."""

    count: int
    mean: float
    deviation: float | None
    """Standard deviation of the numbers (n - 1); None for a single one."""
    half_width: float | None
    """Half of the 95 % confidence interval of the mean, by Student's t; None for a single number."""


def mean_of(values: Sequence[float]) -> Mean:
    """Return the mean of one finite number or more, and its confidence interval."""
    count, largest = len(values), max(map(abs, values))
    # The loss of a run that diverged may be so large that its square is no number any more.
    scale = largest if largest > _LARGE or 0 < largest < 1 / _LARGE else 1.0
    scaled = values if scale == 1.0 else [value / scale for value in values]
    mean = math.fsum(scaled) / count
    if count < 2:
        return Mean(count, mean * scale, None, None)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in scaled) / (count - 1))
    half_width = student_quantile(count - 1) * deviation / math.sqrt(count)
    return Mean(count, mean * scale, deviation * scale, half_width * scale)


@lru_cache(maxsize=1024)
def student_quantile(freedom: int) -> float:
    """Return how many standard errors to either side hold 95 % of Student's t distribution.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4 (the distribution for whole
    degrees of freedom), 26.7.5 (its expansion about the normal one).
    """
    if freedom >= _MANY:
        z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
        terms = (
            z,
            (z**3 + z) / 4,
            (5 * z**5 + 16 * z**3 + 3 * z) / 96,
            (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        )
        return sum(term / float(freedom) ** power for power, term in enumerate(terms))
    low, high = 1.0, 13.0
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < CONFIDENCE else (low, middle)
    return (low + high) / 2


def _within(t: float, freedom: int) -> float:
    """Return how much of Student's t distribution lies within `t` standard errors."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    odd = freedom % 2
    term, total = (cosine, cosine) if odd else (1.0, 1.0)
    for factor in range(3 if odd else 2, freedom - 1, 2):
        term *= cosine * cosine * ((factor - 1) / factor)
        total += term
    if not odd:
        return sine * total
    return (angle + sine * total * (freedom > 1)) * 2 / math.pi
