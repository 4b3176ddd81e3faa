"""The metric by one or two parameters: bins, box plots, means of cells. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.insight.features import Feature, Level, RunTable

MOST_LEVELS = 8
"""A parameter with more values is cut into bins."""
BINS = 5
_WHISKER = 1.5


@dataclass(frozen=True, slots=True)
class Bin:
    """Runs with one value of a parameter, or with values close to each other."""

    label: str
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """How the metric spreads within a bin, as Tukey draws it."""

    label: str
    count: int
    low: float
    """The lowest value within 1.5 box lengths of the box."""
    first: float
    median: float
    third: float
    high: float
    outliers: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The mean of the metric over two parameters."""

    columns: tuple[Bin, ...]
    rows: tuple[Bin, ...]
    means: tuple[tuple[float | None, ...], ...]
    """By row, then column; None where there is no run."""
    counts: tuple[tuple[int, ...], ...]


def bins_of(feature: Feature, most: int = MOST_LEVELS, bins: int = BINS) -> list[Bin]:
    """Return the runs by the values of a parameter: each value, or bins of about as many runs each where it has many.

    Runs without the parameter are a bin of their own, the last one.
    """
    levels = feature.levels
    found: list[Bin] = []
    if len(levels) <= most:
        places: dict[Level, list[int]] = {level: [] for level in levels}
        for place, value in enumerate(feature.values):
            if value is not None:
                places[value].append(place)
        found = [Bin(level_text(level), tuple(places[level])) for level in levels]
    elif feature.kind == "category":
        counts = {level: feature.values.count(level) for level in levels}
        common = sorted(levels, key=lambda level: (-counts[level], str(level)))[: most - 1]
        found = [Bin(str(level), _places(feature, {level})) for level in common]
        rest = set(levels) - set(common)
        found.append(Bin(f"{len(rest)} others", _places(feature, rest)))
    else:
        found = _numeric_bins(feature, bins)
    absent = tuple(place for place, value in enumerate(feature.values) if value is None)
    return [*found, Bin("–", absent)] if absent else found


def _places(feature: Feature, levels: set[Level]) -> tuple[int, ...]:
    return tuple(place for place, value in enumerate(feature.values) if value in levels)


def _numeric_bins(feature: Feature, bins: int) -> list[Bin]:
    pairs = [(value, place) for place, value in enumerate(feature.values) if isinstance(value, float)]
    pairs.sort()
    found: list[Bin] = []
    start = 0
    for number in range(bins):
        end = round((number + 1) * len(pairs) / bins)
        # Equal values stay together.
        while 0 < end < len(pairs) and pairs[end][0] == pairs[end - 1][0]:
            end += 1
        if end > start:
            low, high = pairs[start][0], pairs[end - 1][0]
            label = level_text(low) if low == high else f"{low:.2g}..{high:.2g}"
            found.append(Bin(label, tuple(sorted(place for _, place in pairs[start:end]))))
        start = max(start, end)
    return found


def level_text(level: Level) -> str:
    """Return a value of a parameter in three digits."""
    return level if isinstance(level, str) else f"{level:.3g}"


def boxes(table: RunTable, feature: Feature) -> list[Box]:
    """Return a box for each bin of a parameter; none for an empty bin."""
    return [
        box_of(each.label, [table.values[place] for place in each.places]) for each in bins_of(feature) if each.places
    ]


def box_of(label: str, values: Sequence[float]) -> Box:
    """Return the box of some values, one at least: quartiles by linear interpolation, whiskers to 1.5 box lengths."""
    ordered = sorted(values)
    if len(ordered) == 1:
        only = ordered[0]
        return Box(label, 1, only, only, only, only, only, ())
    first, median, third = statistics.quantiles(ordered, n=4, method="inclusive")
    reach = _WHISKER * (third - first)
    inside = [value for value in ordered if first - reach <= value <= third + reach]
    outliers = tuple(value for value in ordered if not first - reach <= value <= third + reach)
    return Box(label, len(ordered), inside[0], first, median, third, inside[-1], outliers)


def heat_map(table: RunTable, across: Feature, down: Feature, most: int = MOST_LEVELS, bins: int = BINS) -> HeatMap:
    """Return the mean of the metric in each cell of two parameters."""
    columns, rows = bins_of(across, most, bins), bins_of(down, most, bins)
    means: list[tuple[float | None, ...]] = []
    counts: list[tuple[int, ...]] = []
    for row in rows:
        here = set(row.places)
        cells = [[table.values[place] for place in column.places if place in here] for column in columns]
        means.append(tuple(math.fsum(cell) / len(cell) if cell else None for cell in cells))
        counts.append(tuple(len(cell) for cell in cells))
    return HeatMap(tuple(columns), tuple(rows), tuple(means), tuple(counts))
