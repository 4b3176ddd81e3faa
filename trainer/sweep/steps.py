"""Readable numbers: steps of 1, 2 or 5, and the few values that a range stands for. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Mapping

from trainer.records import Json
from trainer.sweep.findings import is_number
from trainer.sweep.parameters import infer_distribution

_FEW = 5


def rounded(value: float, digits: int) -> float:
    """Return a number rounded to some significant digits."""
    return float(f"{value:.{max(digits, 1) - 1}e}") if value and math.isfinite(value) else value


def readable_step(span: float, parts: int) -> float:
    """Return the step of 1, 2 or 5 times a power of ten that cuts a span into nearest to so many parts."""
    exact = span / parts
    power = 10.0 ** math.floor(math.log10(exact))
    factor = min((1, 2, 5, 10), key=lambda factor: abs(math.log(factor * power / exact)))
    return rounded(factor * power, 1)


def listed_range(entry: Mapping[str, Json]) -> list[Json] | None:
    """Return some five to ten readable values of a range, both ends among them; None for what has no ends."""
    distribution = infer_distribution(entry) or ""
    low, high = entry.get("min"), entry.get("max")
    if not (is_number(low) and is_number(high)) or not low < high or not math.isfinite(high - low):
        return None
    if "log" not in distribution:
        return _evenly(low, high)
    if not distribution.endswith("_values"):
        return None
    return _by_factors(low, high) if low > 0 else None


def _evenly(low: float, high: float) -> list[Json]:
    """Return both ends and the multiples of a readable step between them."""
    step = readable_step(high - low, _FEW)
    digits = max(0, 1 - math.floor(math.log10(step)))
    first, last = math.floor(low / step) + 1, math.ceil(high / step) - 1
    between = (round(number * step, digits) for number in range(first, last + 1))
    return _distinct([low, *(value for value in between if value - low > step / 10)], high)


def _by_factors(low: float, high: float) -> list[Json]:
    decades = math.log10(high / low)
    if decades >= 3 and math.isclose(decades, round(decades), abs_tol=1e-9) and decades <= 2 * _FEW:
        return _distinct([low, *(rounded(low * 10.0**power, 12) for power in range(1, round(decades)))], high)
    ratio = (high / low) ** (1 / (_FEW - 1))
    between = (rounded(low * ratio**index, 2) for index in range(1, _FEW - 1))
    return _distinct([low, *(value for value in between if value > low)], high)


def _distinct(values: list[float], high: float) -> list[Json]:
    """Return increasing values up to the last one that was asked for."""
    return list(dict.fromkeys([*(value for value in values if value < high and not math.isclose(value, high)), high]))
