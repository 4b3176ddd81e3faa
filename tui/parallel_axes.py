"""Runs on parallel axes, as values: the axes, where each run crosses them, which runs brushes keep. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tui.formatting import number_text, value_text

if TYPE_CHECKING:
    from trainer.insight.features import Feature, RunTable

ABSENT = -1.0
"""Where runs lie that have no such parameter: below the axis."""
Brush = tuple[float, float]
"""The lower and the upper end of the kept part of an axis; `ABSENT` as the lower end keeps runs without a value."""


@dataclass(frozen=True)
class Axis:
    """One axis, from 0 at its bottom to 1 at its top."""

    name: str
    positions: tuple[float, ...]
    """Where each run crosses it; `ABSENT` for none."""
    low: float
    high: float
    """What the bottom and the top mean, on the scale of the parameter."""
    is_log: bool = False
    levels: tuple[str, ...] = ()
    """The categories from bottom to top; empty for numbers."""

    @cached_property
    def has_absent(self) -> bool:
        """Whether some run has no such parameter."""
        return ABSENT in self.positions

    def text_at(self, position: float) -> str:
        """Return the value at a position."""
        if position < 0:
            return "–"
        if self.levels:
            return self.levels[min(max(round(position * (len(self.levels) - 1)), 0), len(self.levels) - 1)]
        value = self.low + position * (self.high - self.low)
        return number_text(float(f"{10**value if self.is_log else value:.3g}"))

    def brush_text(self, brush: Brush) -> str:
        """Return what a brush keeps: `lr 0.001..0.01`, `optimizer adam, sgd`."""
        low, high = brush
        if self.levels:
            top = max(len(self.levels) - 1, 1)
            kept = [level for place, level in enumerate(self.levels) if low <= place / top <= high]
            return f"{self.name} {', '.join(kept) or 'none'}{' or none' if low < 0 and kept else ''}"
        if high < 0:
            return f"{self.name} –"
        return f"{self.name} {self.text_at(max(low, 0.0))}..{self.text_at(high)}{' or –' if low < 0 else ''}"


def axes_of(table: RunTable, names: Sequence[str]) -> list[Axis]:
    """Return an axis for each of some parameters, and the metric's, best on top, as the last."""
    features = [feature for name in names if (feature := table.feature(name)) is not None]
    values = table.values
    low, high = min(values), max(values)
    if table.metric.goal == "minimize":
        low, high = high, low
    metric = Axis(table.metric.name, tuple(_share(value, low, high) for value in values), low, high)
    return [*map(_axis, features), metric]


def _axis(feature: Feature) -> Axis:
    positions = feature.positions()
    known = [position for position in positions if position is not None]
    low, high = min(known), max(known)
    shares = tuple(ABSENT if position is None else _share(position, low, high) for position in positions)
    levels = tuple(value_text(str(level), 12) for level in feature.levels) if feature.kind == "category" else ()
    return Axis(feature.name, shares, low, high, feature.kind == "log", levels)


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high != low else 0.5


def kept_places(axes: Sequence[Axis], brushes: Mapping[str, Brush]) -> list[int]:
    """Return the places of the runs that every brush keeps."""
    brushed = [(axis.positions, brushes[axis.name]) for axis in axes if axis.name in brushes]
    count = len(axes[0].positions) if axes else 0
    slack = 1e-9
    return [
        place
        for place in range(count)
        if all(low - slack <= positions[place] <= high + slack for positions, (low, high) in brushed)
    ]


def row_of(position: float, last_row: int) -> float:
    """Return the row of a position on an axis, from 0 at the top; below the last one for none."""
    return float(last_row + 1) if position == ABSENT else (1 - position) * last_row
