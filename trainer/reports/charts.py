"""The charts of a report as values, and as inline SVG or as a line of text. No script, no font, no network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 760, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 190, 14, 40
# Okabe and Ito's palette, which people who are colour-blind tell apart; dashes tell lines apart without any colour.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#b8860b")
_DASHES = ("", "6 3", "2 3", "8 3 2 3")
_SPARKS = "▁▂▃▄▅▆▇█"

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart."""

    name: str
    points: tuple[Point, ...]
    """Finite, by x."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines, and dots behind them, over one pair of axes."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    dots: tuple[Point, ...] = ()

    @property
    def points(self) -> list[Point]:
        """All points."""
        return [*self.dots, *(point for line in self.lines for point in line.points)]


def svg(chart: Chart) -> str:
    """Return the chart as an SVG element; empty where there is nothing to draw."""
    points = chart.points
    if not points:
        return ""
    x_ticks, y_ticks = ticks([x for x, _ in points]), ticks([y for _, y in points])
    across, up = _scale(x_ticks, _LEFT, WIDTH - _RIGHT), _scale(y_ticks, HEIGHT - _BOTTOM, _TOP)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(chart.title)}</title>",
    ]
    for tick in y_ticks:
        parts.append(f'<path class="grid" d="M{_LEFT} {up(tick):.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{up(tick) + 4:.1f}" text-anchor="end">{tick:.6g}</text>')
    for tick in x_ticks:
        parts.append(f'<text x="{across(tick):.1f}" y="{HEIGHT - _BOTTOM + 18}" text-anchor="middle">{tick:.6g}</text>')
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle:.0f}" y="{HEIGHT - 4}" text-anchor="middle">{escape(chart.x_label)}</text>')
    parts += [f'<circle class="dot" cx="{across(x):.1f}" cy="{up(y):.1f}" r="2.5"/>' for x, y in chart.dots]
    for number, line in enumerate(chart.lines):
        parts += _svg_line(number, line, [(across(x), up(y)) for x, y in line.points])
    return "\n".join([*parts, "</svg>"])


def _svg_line(number: int, line: Line, places: Sequence[Point]) -> list[str]:
    color = _COLORS[number % len(_COLORS)]
    dash = _DASHES[number // len(_COLORS) % len(_DASHES)] if number >= len(_COLORS) else _DASHES[number % len(_DASHES)]
    style = f'stroke="{color}"' + (f' stroke-dasharray="{dash}"' if dash else "")
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    y = _TOP + 12 + 18 * number
    drawn = f'<polyline class="line" {style} points="{path}"/>'
    if len(places) == 1:
        drawn = f'<circle cx="{places[0][0]:.1f}" cy="{places[0][1]:.1f}" r="3.5" fill="{color}"/>'
    left = WIDTH - _RIGHT + 14
    name = line.name if len(line.name) <= 22 else line.name[:21] + "…"
    return [
        f"<g>{drawn}<title>{escape(line.name)}</title></g>",
        f'<path class="line" {style} d="M{left} {y - 4}h24"/>',
        f'<text x="{left + 30}" y="{y}">{escape(name)}</text>',
    ]


def spark_lines(chart: Chart, width: int = 40) -> list[str]:
    """Return each line of the chart as a line of text, all on one scale, with where it begins and ends."""
    values = [y for line in chart.lines for _, y in line.points]
    if not values:
        return []
    low, high = min(values), max(values)
    longest = min(max(len(line.name) for line in chart.lines), 30)
    found = []
    for line in chart.lines:
        if not line.points:
            continue
        texts = "".join(_spark(value, low, high) for value in _sampled(line.points, width))
        name = line.name if len(line.name) <= 30 else line.name[:29] + "…"
        found.append(f"{name:<{longest}}  {texts:<{width}}  {line.points[0][1]:.5g} → {line.points[-1][1]:.5g}")
    return found


def ticks(values: Sequence[float], count: int = 5) -> list[float]:
    """Return round numbers that enclose the values, at least two of them."""
    low, high = min(values), max(values)
    if low == high:
        low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
    rough = (high - low) / (count - 1)
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 and math.isfinite(rough) else 1.0
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if last - first > 4 * count:  # numbers too large to be told apart by such steps
        return [low, high]
    return [number * step for number in range(first, max(last, first + 1) + 1)]


def _scale(marks: Sequence[float], start: float, end: float) -> _Scale:
    return _Scale(marks[0], marks[-1], start, end)


@dataclass(frozen=True, slots=True)
class _Scale:
    """From a number to a place."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / ((self.high - self.low) or 1.0) * (self.end - self.start)


def _spark(value: float, low: float, high: float) -> str:
    share = (value - low) / (high - low) if high > low else 0.5
    return _SPARKS[min(int(share * len(_SPARKS)), len(_SPARKS) - 1)]


def _sampled(points: Sequence[Point], width: int) -> list[float]:
    if len(points) <= width:
        return [y for _, y in points]
    return [points[round(place * (len(points) - 1) / (width - 1))][1] for place in range(width)]
