"""The dots of a line against those that numpy says it crosses."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tui.cell_canvas import CellCanvas

RED, BLUE = (255, 0, 0), (0, 0, 255)
_BITS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))


def dots_of(canvas: CellCanvas) -> NDArray[np.bool_]:
    """Return which dots are set, from the bottom left."""
    dots = np.zeros((canvas.columns * 2, canvas.rows * 4), dtype=bool)
    for row, start, text, _ in canvas.drawn():
        for column, glyph in enumerate(text, start):
            for x, y in np.ndindex(2, 4):
                is_set = bool((ord(glyph) - 0x2800) & _BITS[x][y])
                dots[column * 2 + x, (canvas.rows - 1 - row) * 4 + y] = is_set
    return dots


@pytest.mark.parametrize("count", [2, 7, 60, 5_000])
def test_a_line_has_a_dot_at_every_point_and_none_where_it_is_not(count: int) -> None:
    random = np.random.default_rng(count)
    xs, ys = np.sort(random.uniform(0, 40, count)), random.uniform(0, 12, count)
    canvas = CellCanvas(40, 12)
    canvas.line(xs, ys, RED)
    dots = dots_of(canvas)
    px, py = np.floor(xs * 2).astype(int), np.floor(ys * 4).astype(int)
    assert dots[px, py].all()
    # Between two columns of points the line is straight; within one it goes from the least to the greatest value.
    for column in range(px[0], px[-1] + 1):
        here = py[px == column]
        edges = np.interp([column - 0.5, column + 0.5], px, py) if not len(here) else here
        before, after = np.searchsorted(px, column, "left"), np.searchsorted(px, column, "right")
        around = [py[i] for i in (before - 1, after) if 0 <= i < count]
        low, high = min([*edges, *(around if len(here) else [])]), max([*edges, *(around if len(here) else [])])
        drawn = np.flatnonzero(dots[column])
        assert len(drawn) and drawn.min() >= low - 1 and drawn.max() <= high + 1
        assert (np.diff(drawn) == 1).all(), "a column has no gaps"


def test_a_steep_line_is_connected() -> None:
    canvas = CellCanvas(10, 10)
    canvas.line(np.array([0.5, 1.0, 1.5]), np.array([0.5, 9.5, 0.5]), RED)
    dots = dots_of(canvas)
    assert dots[1, 2] and dots[2, 38] and dots[3, 2]
    # Up in two columns, and down in two: no height is left out on either way.
    assert np.any(dots[:3, 2:39], axis=0).all() and np.any(dots[2:, 2:39], axis=0).all()


def test_the_last_line_is_on_top_and_texts_end_at_the_edge() -> None:
    canvas = CellCanvas(6, 2)
    canvas.line(np.array([0.5, 5.5]), np.array([0.5, 0.5]), RED)
    canvas.line(np.array([2.5, 3.5]), np.array([0.5, 0.5]), BLUE)
    canvas.text(4, 1, "seven", BLUE)
    canvas.text(0, 7, "nowhere", BLUE)
    canvas.marks(np.array([0.5, 9.0]), np.array([1.5, 1.5]), "•", RED)
    parts = list(canvas.drawn())
    assert [(row, column, len(text), color) for row, column, text, color in parts] == [
        (0, 0, 1, RED),
        (1, 0, 2, RED),
        (1, 2, 4, BLUE),
    ]
    assert parts[0][2] == "•" and parts[2][2].endswith("se")
