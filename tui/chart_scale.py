"""Where the ticks of a chart go: round numbers, and on the value axis one every so many rows. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from tui.formatting import duration_text, number_text

MIN_WIDTH, MIN_HEIGHT = 16, 4
"""Columns and rows below which a chart cannot be read."""
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_TIME_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * _DAY for days in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)),
)
"""Seconds between two ticks of a time axis."""
_NO_SHIFT = timedelta()
_NICE = (1.0, 2.0, 2.5, 5.0)
_FEWEST_TICKS = 2


class XAxis(Enum):
    """What x is, and so how its ticks read."""

    COUNT = "count"
    """Whole numbers."""
    NUMBER = "number"
    SECONDS = "seconds"
    """Seconds since something began."""
    CLOCK = "clock"
    """Seconds since 1970: shown as local time."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The range that an axis shows, and its ticks."""

    low: float
    high: float
    ticks: Sequence[float]


def nice_ticks(low: float, high: float, most: int, whole: bool = False) -> list[float]:
    """Return round numbers within a range: as many as possible but at most `most`, and perhaps none.

    Args:
        low: Start of the range.
        high: End of the range, greater than `low`.
        most: Ticks there is room for; at least 1.
        whole: Whether only whole numbers will do.
    """
    magnitude = 10.0 ** math.floor(math.log10((high - low) / max(most, 1)))
    for factor in (0.5, 1, 2, 2.5, 5, 10, 20, 25, 50, 100):
        step = factor * magnitude
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        is_whole = not whole or (step >= 1 and step == int(step))
        if is_whole and last - first + 1 <= max(most, 1):
            return [round(index * step, 12) for index in range(first, last + 1)]
    return []


def x_ticks(low: float, high: float, most: int, axis: XAxis) -> list[float]:
    """Return where the ticks of an x axis go: at most `most`, and perhaps none."""
    if axis in (XAxis.SECONDS, XAxis.CLOCK) and high - low >= 2:
        # Midnight, and not 1970 in Greenwich, is where days and hours begin.
        shift = (datetime.fromtimestamp(low).astimezone().utcoffset() if axis is XAxis.CLOCK else None) or _NO_SHIFT
        offset = shift.total_seconds()
        for step in _TIME_STEPS:
            first, last = math.ceil((low + offset) / step), math.floor((high + offset) / step)
            if last - first + 1 <= max(most, 1):
                return [index * step - offset for index in range(first, last + 1)]
        return []
    return nice_ticks(low, high, most, axis is XAxis.COUNT)


def x_text(value: float, axis: XAxis, span: float) -> str:
    """Return how a place on an x axis reads.

    Args:
        value: The place.
        axis: What x is.
        span: How much of the axis is shown: seconds are of no use over days.
    """
    if axis is XAxis.CLOCK:
        form = "%H:%M:%S" if span < 10 * _MINUTE else "%H:%M" if span < _DAY else "%d %b %H:%M"
        return datetime.fromtimestamp(value).strftime(form)
    if axis is XAxis.SECONDS:
        return f"{number_text(value)}s" if value % 1 else _plain_duration(value)
    return number_text(value)


def _plain_duration(seconds: float) -> str:
    """Return a round duration without the parts that are zero: `30s`, `5m`, `2h`."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    text = duration_text(seconds)
    return text.removesuffix("00s").removesuffix("00m").removesuffix("00h")


def even_scale(low: float, high: float, rows: int, whole: bool = False) -> Scale:
    """Return a range around `low` to `high` whose round ticks are the same number of rows apart.

    A row of the terminal is the smallest distance there is: ticks of any other range would be drawn unevenly.

    Args:
        low: Least value to show.
        high: Greatest value to show, greater than `low`.
        rows: Rows of the axis.
        whole: Whether ticks should be whole numbers where the range has several.
    """
    found: list[tuple[float, Scale]] = []
    magnitude = math.floor(math.log10(high - low)) if high > low else 0
    steps = [factor * 10.0**power for power in range(magnitude - 1, magnitude + 2) for factor in _NICE]
    if whole and high - low >= _FEWEST_TICKS:
        steps = [step for step in steps if step >= 1 and step.is_integer()] or steps
    for step in steps:
        for apart in range(2, max(rows // 2, 2) + 1):
            scale = _aligned(low, high, rows, step, apart)
            if scale is not None and len(scale.ticks) >= _FEWEST_TICKS:
                found.append((_cost(low, high, rows, scale, apart), scale))
    return min(found, key=lambda one: one[0])[1] if found else Scale(low, high, [low, high])


def _aligned(low: float, high: float, rows: int, step: float, apart: int) -> Scale | None:
    """Return the scale with a tick every `apart` rows that covers the range; None if it does not."""
    row = step / apart
    first = math.floor(low / row + 1e-9)
    last = first + rows - 1
    if last * row < high - 1e-9 * (high - low):
        return None
    ticks = [
        round(index * row, 12) if row > 1e-9 else index * row for index in range(first, last + 1) if not index % apart
    ]
    return Scale(first * row, last * row, ticks)


def _cost(low: float, high: float, rows: int, scale: Scale, apart: int) -> float:
    """Return how bad a scale is: the share of the axis that shows nothing, and ticks too close or too far apart."""
    wasted = 1 - (high - low) / (scale.high - scale.low)
    wished = max(min(rows // 3, 6), _FEWEST_TICKS)
    return wasted + 0.04 * abs(len(scale.ticks) - wished) + (0.03 if apart == _FEWEST_TICKS else 0)
