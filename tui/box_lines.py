"""Box plots and heat maps as lines of text. Pure: numbers in, styled text out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from tui.formatting import metric_text, padded, shortened

if TYPE_CHECKING:
    from trainer.insight.marginals import Box, HeatMap

SHADES = ("█", "▓", "▒", "░", "·")
"""From the best fifth of the cells to the worst."""
_LABEL = 16


def box_lines(boxes: Sequence[Box], low: float, high: float, width: int) -> list[Content]:
    """Return a line for each box on a common scale: whiskers, box, median, outliers, then median and count in numbers.

    Args:
        boxes: The boxes.
        low: The value at the left end.
        high: The value at the right end.
        width: Columns there are.
    """
    label = min(max((len(box.label) for box in boxes), default=1), _LABEL)
    room = max(width - label - 22, 10)
    lines = []
    for box in boxes:
        cells = [" "] * room
        places = [_place(value, low, high, room) for value in (box.low, box.first, box.median, box.third, box.high)]
        for place in range(places[0], places[4] + 1):
            cells[place] = "─"
        for place in range(places[1], places[3] + 1):
            cells[place] = "█"
        if box.count > 1:
            cells[places[0]] = "├" if places[0] < places[1] else cells[places[0]]
            cells[places[4]] = "┤" if places[4] > places[3] else cells[places[4]]
        for value in box.outliers:
            place = _place(value, low, high, room)
            cells[place] = "∘" if cells[place] == " " else cells[place]
        middle = places[2]
        before, after = "".join(cells[:middle]), "".join(cells[middle + 1 :])
        mark = "┃" if places[1] < places[3] else "◆"
        lines.append(
            Content.assemble(
                (padded(shortened(box.label, label), label), "$foreground"),
                "  ",
                (before, "$secondary"),
                (mark, "bold $accent"),
                (after, "$secondary"),
                "  ",
                (metric_text(box.median).rjust(10), "$foreground"),
                (f"  n {box.count}".ljust(8), "$foreground-muted"),
            )
        )
    return lines


def box_words(boxes: Sequence[Box]) -> list[Content]:
    """Return the same boxes as a table of numbers, under its titles."""
    label = min(max((len(box.label) for box in boxes), default=1), _LABEL)
    titles = ("lowest", "quarter", "median", "3 quarters", "highest", "runs", "far off")
    lines = [
        Content.styled(
            " " * label + "".join(title.rjust(12 if place < 5 else 9) for place, title in enumerate(titles)),
            "$foreground-muted",
        )
    ]
    for box in boxes:
        values = (box.low, box.first, box.median, box.third, box.high)
        numbers = "".join(metric_text(value).rjust(12) for value in values)
        lines.append(
            Content(f"{padded(shortened(box.label, label), label)}{numbers}{box.count:>9}{len(box.outliers):>9}")
        )
    return lines


def _place(value: float, low: float, high: float, room: int) -> int:
    return round((value - low) / (high - low) * (room - 1)) if high > low else room // 2


def heat_lines(
    heat: HeatMap, is_lower_better: bool, across: str, down: str, width: int, *, is_shaded: bool = True
) -> list[Content]:
    """Return the cells as a table: a shade by rank, the mean and how many runs; the best cell is marked."""
    known = sorted((mean for row in heat.means for mean in row if mean is not None), reverse=not is_lower_better)
    if not known:
        return [Content("No run has both.")]
    label = min(max([len(row.label) for row in heat.rows] + [len(down)]), _LABEL)
    cell = min(max((width - label - 2) // max(len(heat.columns), 1), 8), 18)
    shown = max((width - label - 2) // cell, 1)
    head = "".join(padded(shortened(column.label, cell - 1), cell) for column in heat.columns[:shown])
    lines = [
        Content.assemble((" " * (label + 2) + across + " →", "$foreground-muted")),
        Content.assemble((f"{padded(shortened(down, label), label)}  ", "$foreground-muted"), (head, "bold")),
    ]
    for row, means, counts in zip(heat.rows, heat.means, heat.counts, strict=True):
        parts: list[tuple[str, str]] = [(f"{padded(shortened(row.label, label), label)}  ", "bold")]
        for mean, count in list(zip(means, counts, strict=True))[:shown]:
            parts += _heat_cell(mean, count, known, cell)
        lines.append(Content.assemble(*parts))
    legend = "  ".join(
        f"{shade} {word}" for shade, word in zip(SHADES, ("best fifth", "", "", "", "worst"), strict=True)
    )
    legend = f"{legend}   " if is_shaded else ""
    lines += [Content(""), Content.styled(f"{legend}★ best cell   mean ×runs", "$foreground-muted")]
    if shown < len(heat.columns):
        lines.append(Content.styled(f"No room for {len(heat.columns) - shown} more columns.", "$foreground-muted"))
    return lines


def _heat_cell(mean: float | None, count: int, known: Sequence[float], width: int) -> list[tuple[str, str]]:
    if mean is None:
        return [("".ljust(width), "")]
    rank = known.index(mean)
    shade = SHADES[min(rank * len(SHADES) // len(known), len(SHADES) - 1)]
    mark = "★" if rank == 0 else shade
    style = "bold $accent" if rank == 0 else "$success" if shade == SHADES[0] else "$foreground"
    if shade in SHADES[3:]:
        style = "$foreground-muted"
    text = f"{mark} {metric_text(mean)}"
    number = f" ×{count}"
    text = text + number if len(text) + len(number) < width else text
    return [(shortened(text, width - 1).ljust(width), style)]
