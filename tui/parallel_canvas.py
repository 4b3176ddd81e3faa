"""Draws runs as lines across parallel axes, in braille dots. Owns no widget; called in worker threads only.

plotext draws curves of one y over x; axes with a scale each it does not know. numpy is imported on the first call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Grid = list[list[tuple[str, int]]]
"""By row and column: a character and the layer it belongs to; layer 0 is nothing."""

_BRAILLE = 0x2800
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""By row and column within a cell."""
_OVERSAMPLED = 4


@dataclass(frozen=True, slots=True)
class LinesRequest:
    """Everything that decides how lines lie."""

    rows: tuple[tuple[float, ...], ...]
    """By axis, then run: the row, from 0 at the top, which may lie between two."""
    columns: tuple[int, ...]
    """Where the axes stand."""
    layers: tuple[int, ...]
    """By run: higher ones are drawn above lower ones; 0 is not drawn."""
    width: int
    height: int


def draw_lines(request: LinesRequest) -> Grid:
    """Return the lines; where several layers meet in a cell the highest has it to itself."""
    import numpy as np

    width, height = request.width, request.height
    dots = np.zeros((height * 4, width * 2), dtype=np.uint8)
    rows = np.asarray(request.rows, dtype=np.float64)
    layers = np.asarray(request.layers, dtype=np.uint8)
    for start, end, left, right in zip(rows, rows[1:], request.columns, request.columns[1:], strict=False):
        steps = max((right - left) * 2 * _OVERSAMPLED, 2)
        along = np.linspace(0.0, 1.0, steps)
        xs = np.clip(np.rint((left + along * (right - left)) * 2).astype(int), 0, width * 2 - 1)
        for layer in np.unique(layers):
            if layer == 0:
                continue
            chosen = layers == layer
            ys = (start[chosen, None] + along[None, :] * (end - start)[chosen, None] + 0.5) * 4 - 0.5
            ys = np.clip(np.rint(ys).astype(int), 0, height * 4 - 1)
            # Layers come in rising order, so that a later one replaces an earlier.
            dots[ys, np.broadcast_to(xs, ys.shape)] = layer
    return _cells(dots, width, height)


def _cells(dots: object, width: int, height: int) -> Grid:
    import numpy as np

    cells = np.asarray(dots).reshape(height, 4, width, 2)
    top = cells.max(axis=(1, 3))
    bits = np.asarray(_BITS, dtype=np.uint16)[None, :, None, :]
    codes = ((cells == top[:, None, :, None]) * bits).sum(axis=(1, 3))
    return [
        [(chr(_BRAILLE + code) if layer else " ", layer) for code, layer in zip(row_codes, row_layers, strict=True)]
        for row_codes, row_layers in zip(codes.tolist(), top.tolist(), strict=True)
    ]


def axis_columns(count: int, width: int, margin: int) -> Sequence[int]:
    """Return where `count` axes stand, evenly, with room for labels at both ends."""
    if count < 2:
        return [width // 2] * count
    span = max(width - 1 - 2 * margin, count - 1)
    return [margin + round(place * span / (count - 1)) for place in range(count)]
