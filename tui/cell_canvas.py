"""Lines of braille dots, marks and labels on a grid of terminal cells. Pure; knows no axes and no data.

Beside plotext, which draws frames and ticks, because of what it costs: 40 µs a point there, a tenth of that here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from tui.chart_colors import Triple

_LEFT = (0x40, 0x04, 0x02, 0x01)
_RIGHT = (0x80, 0x20, 0x10, 0x08)
"""The dots of a cell's two columns, from the bottom."""


def _spans(dots: Sequence[int]) -> list[list[int]]:
    """Return the dots from each place to each other, both included."""
    return [[sum(dots[low : high + 1]) for high in range(4)] for low in range(4)]


_RUNS = (_spans(_LEFT), _spans(_RIGHT))
_BRAILLE = 0x2800


class CellCanvas:
    """What is drawn last is on top: a cell has the dots of all lines, and the colour of the last."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._dots = [[0] * columns for _ in range(rows)]
        self._marks: list[dict[int, str]] = [{} for _ in range(rows)]
        self._colors: list[list[Triple | None]] = [[None] * columns for _ in range(rows)]

    def line(self, points: Iterable[tuple[float, float]], color: Triple) -> None:
        """Draw a line through points, in the order of x.

        Args:
            points: In cells from the left and from the bottom; 0.5 is the middle of the first one.
            color: Its colour.
        """
        dots = ((math.floor(x * 2), math.floor(y * 4)) for x, y in points)
        before = next(dots, None)
        if before is None:
            return
        x, low = before
        y = high = low
        # Runs of dots, one above the other, are what costs: each column gets one, however many points are in it.
        for next_x, next_y in dots:
            if next_x == x:
                low, high = (next_y, high) if next_y < low else (low, next_y if next_y > high else high)
            else:
                steps, rise = next_x - x, (next_y - y) / (next_x - x)
                first, last = _between(y, y + rise / 2)
                self._run(x, min(low, first), max(high, last), color)
                for step in range(1, steps):
                    middle = y + rise * step
                    self._run(x + step, *_between(middle - rise / 2, middle + rise / 2), color)
                low, high = sorted((next_y, math.floor(next_y - rise / 2 + 0.5)))
            x, y = next_x, next_y
        self._run(x, low, high, color)

    def _run(self, x: int, low: int, high: int, color: Triple) -> None:
        column = x >> 1
        if not 0 <= column < self.columns:
            return
        low, high = max(low, 0), min(high, 4 * self.rows - 1)
        runs = _RUNS[x & 1]
        for cell in range(low >> 2, (high >> 2) + 1):
            row = self.rows - 1 - cell
            base = cell << 2
            self._dots[row][column] |= runs[max(low - base, 0)][min(high - base, 3)]
            self._colors[row][column] = color
            self._marks[row].pop(column, None)

    def mark(self, x: float, y: float, glyph: str, color: Triple) -> None:
        """Put a glyph into the cell of a point."""
        self.text(math.floor(x), self.rows - 1 - math.floor(y), glyph, color)

    def text(self, column: int, row: int, text: str, color: Triple) -> None:
        """Write from a cell on, counted from the left and the top; what has no room is left out."""
        if not 0 <= row < self.rows:
            return
        for place, glyph in enumerate(text, column):
            if 0 <= place < self.columns:
                self._marks[row][place] = glyph
                self._colors[row][place] = color

    def drawn(self) -> Iterator[tuple[int, int, str, Triple]]:
        """Yield what is drawn: row, column, text and colour, cells of one colour together."""
        for row in range(self.rows):
            dots, marks, colors = self._dots[row], self._marks[row], self._colors[row]
            start, text = 0, ""
            for column, color in enumerate(colors):
                if text and (color is None or color != colors[start]):
                    yield row, start, text, colors[start]  # type: ignore[misc]  # a text has a colour
                    text = ""
                if color is not None:
                    start = start if text else column
                    text += marks.get(column) or chr(_BRAILLE + dots[column])
            if text:
                yield row, start, text, colors[start]  # type: ignore[misc]


def _between(start: float, end: float) -> tuple[int, int]:
    """Return the dots, lowest first, of a run from one height up or down to another, which the next run begins with."""
    first, following = math.floor(start + 0.5), math.floor(end + 0.5)
    if following > first:
        return first, following - 1
    return (following + 1, first) if following < first else (first, first)
