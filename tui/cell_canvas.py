"""Lines of braille dots, marks and labels on a grid of terminal cells. Pure; knows no axes and no data.

Beside plotext, which draws frames and ticks, because of what it costs: 40 µs a point there, a hundredth of that here.
numpy is imported with this module, which therefore only worker threads import.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tui.chart_colors import Triple
from tui.curve_points import Floats

_BITS = np.array(((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80)), np.uint8)
"""The dots of a cell, from the top, by its two columns."""
_BRAILLE = 0x2800
Dots = NDArray[np.int64]


class CellCanvas:
    """What is drawn last is on top: a cell has the dots of all lines, and the colour of the last."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._dots = np.zeros((rows, columns), np.uint8)
        self._glyphs = np.zeros((rows, columns), np.int32)
        """Code points of marks and labels, which hide dots; 0 for none."""
        self._colors = np.zeros((rows, columns), np.int32)
        """Places in the palette, counted from 1; 0 where nothing is drawn."""
        self._palette: dict[Triple, int] = {}

    def line(self, xs: Floats, ys: Floats, color: Triple) -> None:
        """Draw a line through points, in the order of x.

        Args:
            xs: In cells from the left; 0.5 is the middle of the first one.
            ys: In cells from the bottom.
            color: Its colour.
        """
        if not len(xs) or not self.columns or not self.rows:
            return
        columns, lows, highs = _runs(np.floor(xs * 2).astype(np.int64), np.floor(ys * 4).astype(np.int64))
        seen = (columns >= 0) & (columns < 2 * self.columns)
        columns, lows, highs = columns[seen], np.maximum(lows[seen], 0), np.minimum(highs[seen], 4 * self.rows - 1)
        seen = lows <= highs
        # A run of dots is a step up at its start and a step down behind its end.
        steps = np.zeros((4 * self.rows + 1, 2 * self.columns), np.int32)
        np.add.at(steps, (lows[seen], columns[seen]), 1)
        np.add.at(steps, (highs[seen] + 1, columns[seen]), -1)
        is_set = np.cumsum(steps, axis=0)[-2::-1] > 0
        dots = np.zeros((self.rows, self.columns), np.uint8)
        for down, across in np.ndindex(_BITS.shape):
            dots |= is_set[down::4, across::2] * _BITS[down, across]
        touched = dots > 0
        self._dots |= dots
        self._colors[touched] = self._number_of(color)
        self._glyphs[touched] = 0

    def marks(self, xs: Floats, ys: Floats, glyph: str, color: Triple) -> None:
        """Put a glyph into the cells of points."""
        columns, rows = np.floor(xs).astype(np.int64), self.rows - 1 - np.floor(ys).astype(np.int64)
        seen = (columns >= 0) & (columns < self.columns) & (rows >= 0) & (rows < self.rows)
        self._glyphs[rows[seen], columns[seen]] = ord(glyph)
        self._colors[rows[seen], columns[seen]] = self._number_of(color)

    def text(self, column: int, row: int, text: str, color: Triple) -> None:
        """Write from a cell on, counted from the left and the top; what has no room is left out."""
        if not 0 <= row < self.rows:
            return
        for place, glyph in enumerate(text, column):
            if 0 <= place < self.columns:
                self._glyphs[row, place] = ord(glyph)
                self._colors[row, place] = self._number_of(color)

    def drawn(self) -> Iterator[tuple[int, int, str, Triple]]:
        """Yield what is drawn: row, column, text and colour, cells of one colour together."""
        palette = list(self._palette)
        codes = np.where(self._glyphs > 0, self._glyphs, _BRAILLE + self._dots.astype(np.int32))
        for row in range(self.rows):
            colors = self._colors[row]
            starts = np.concatenate(([0], np.flatnonzero(np.diff(colors)) + 1, [self.columns])).tolist()
            for start, end in zip(starts, starts[1:], strict=False):
                if start < end and colors[start]:
                    text = "".join(map(chr, codes[row, start:end].tolist()))
                    yield row, start, text, palette[int(colors[start]) - 1]

    def _number_of(self, color: Triple) -> int:
        return self._palette.setdefault(color, len(self._palette) + 1)


def _runs(xs: Dots, ys: Dots) -> tuple[Dots, Dots, Dots]:
    """Return the runs of dots, one above the other, that lines through dots make: column, lowest and highest dot.

    However many points are in a column, they make one run there; each line to the next column shares the way up or
    down between the columns that it crosses.
    """
    starts = np.concatenate(([0], np.flatnonzero(np.diff(xs)) + 1))
    ends = np.append(starts[1:], len(xs)) - 1
    lows, highs = np.minimum.reduceat(ys, starts), np.maximum.reduceat(ys, starts)
    if len(starts) == 1:
        return xs[starts], lows, highs
    # From the last point of a column to the first of the next.
    columns, leave, reach = xs[starts], ys[ends[:-1]], ys[starts[1:]]
    steps = columns[1:] - columns[:-1]
    rises = (reach - leave) / steps
    first, last = _between(leave, leave + rises / 2)
    lows[:-1], highs[:-1] = np.minimum(lows[:-1], first), np.maximum(highs[:-1], last)
    arrival = np.floor(reach - rises / 2 + 0.5).astype(np.int64)
    lows[1:], highs[1:] = np.minimum(lows[1:], arrival), np.maximum(highs[1:], arrival)
    # The columns between, where no point is.
    counts = np.maximum(steps - 1, 0)
    lines = np.repeat(np.arange(len(steps)), counts)
    step = np.arange(len(lines)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    middles, halves = leave[lines] + rises[lines] * step, rises[lines] / 2
    first, last = _between(middles - halves, middles + halves)
    return (
        np.concatenate((columns, columns[:-1][lines] + step)),
        np.concatenate((lows, first)),
        np.concatenate((highs, last)),
    )


def _between(starts: Dots | Floats, ends: Floats) -> tuple[Dots, Dots]:
    """Return the dots, lowest first, of runs from one height up or down to another, which the next run begins with."""
    first, following = np.floor(starts + 0.5).astype(np.int64), np.floor(ends + 0.5).astype(np.int64)
    is_up, is_down = following > first, following < first
    return np.where(is_down, following + 1, first), np.where(is_up, following - 1, first)
