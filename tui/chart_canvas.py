"""Draws curves as text: reduces the data, then gives it to plotext. Owns no widget; called in worker threads only.

plotext is the project's chart library and is kept behind this module. It is imported with it, as numpy is, and so this
module is imported by workers only, never before the first paint (it costs 200 ms).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import plotext
from rich.color import Color as RichColor
from rich.style import Style
from rich.text import Span, Text

from tui.cell_canvas import CellCanvas
from tui.chart_scale import MIN_HEIGHT, MIN_WIDTH, XAxis, even_scale, x_text, x_ticks
from tui.curve_points import CurvePoints, Pairs, as_points, reduced
from tui.formatting import number_text

Color = tuple[int, int, int]

_DRAWING = threading.Lock()
"""plotext's theme tables are global, and its kernel's thread safety is not documented: one chart at a time."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart."""

    label: str
    """Short name at the line's end, which tells lines apart without colour."""
    color: Color
    points: Pairs
    """x and y in the order of x; what is not finite is left out."""
    is_dots: bool = False
    """Whether to draw the points only, without a line between them."""
    mark: str = "•"
    """What a point looks like, so that curves of points differ without colour."""


Prepared = tuple[Curve, CurvePoints]
"""A curve, and what is drawn of it on the scale of the axes."""


@dataclass(frozen=True, slots=True)
class ChartRequest:
    """Everything that decides how a chart looks."""

    curves: tuple[Curve, ...]
    width: int
    height: int
    axis_color: Color
    log_y: bool = False
    log_x: bool = False
    x_axis: XAxis = XAxis.COUNT
    """What x is, and so what its ticks look like."""
    x_range: tuple[float, float] | None = None
    """The range of x to show; None for that of the points."""
    cursor: float | None = None
    """Where the line goes at which values are read; None for none."""
    marks: tuple[float, ...] = ()
    """Where faint vertical lines go."""


def draw_chart(request: ChartRequest) -> Text:
    """Draw a chart; empty text when it would be too small to read or there is nothing to draw."""
    if request.width < MIN_WIDTH or request.height < MIN_HEIGHT:
        return Text()
    prepared = [(curve, _prepared(curve, request)) for curve in request.curves]
    curves = [(curve, points) for curve, points in prepared if points]
    if not curves:
        return Text()
    with _DRAWING:
        figure = _figure(request)
        rows = request.height - 2
        x_low, x_high, y_low, y_high = _limits(curves, request)
        scale = even_scale(y_low, y_high, rows, whole=request.log_y)
        y_low, y_high = scale.low, scale.high
        _set_ruler(figure.ruler("x", "lower"), x_low, x_high, _x_ticks(x_low, x_high, request))
        _set_ruler(figure.ruler("y", "left"), y_low, y_high, _numbered(scale.ticks, log=request.log_y))
        for x in (*request.marks, *(() if request.cursor is None else (request.cursor,))):
            _draw_vertical(figure, x, request, y_low, y_high)
        frame = Text.from_ansi(figure.build().string().rstrip("\n"))
    # Only the colours of the lines: the background is the widget's.
    spans = [
        Span(span.start, span.end, Style(color=span.style.color))
        for span in frame.spans
        if isinstance(span.style, Style)
    ]
    return _with_curves(frame.plain, spans, curves, (x_low, x_high, y_low, y_high), rows)


def _with_curves(
    frame: str, spans: list[Span], curves: Sequence[Prepared], limits: tuple[float, float, float, float], rows: int
) -> Text:
    """Return a frame with the curves in it, and their labels at their ends."""
    lines = frame.split("\n")
    left = 1 + max((lines[row].find(sign) for row in range(rows) for sign in "│┤"), default=-1)
    canvas = CellCanvas(max(len(lines[0]) - left, 0), rows)
    x_low, x_high, y_low, y_high = limits
    # As plotext does it: the first and the last value are in the middle of the first and the last cell.
    across, up = (canvas.columns - 1) / (x_high - x_low), (rows - 1) / (y_high - y_low)
    placed = [((points.xs - x_low) * across + 0.5, (points.ys - y_low) * up + 0.5) for _, points in curves]
    # The first curve is the most important one: it is drawn last, on top.
    for (curve, points), (xs, ys) in reversed(list(zip(curves, placed, strict=True))):
        if curve.is_dots or len(points) == 1:
            canvas.marks(xs, ys, curve.mark, curve.color)
        else:
            canvas.line(xs, ys, curve.color)
    ends = [(float(xs[-1]), float(ys[-1])) for xs, ys in placed]
    for (curve, _), (x, _), row in zip(curves, ends, _label_rows(ends, rows), strict=True):
        canvas.text(math.floor(x) + 2, row, curve.label, curve.color)
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    for row, column, text, color in canvas.drawn():
        place = left + column
        lines[row] = f"{lines[row][:place]}{text}{lines[row][place + len(text) :]}"
        start = starts[row] + place
        spans.append(Span(start, start + len(text), Style(color=RichColor.from_rgb(*color))))
    return Text("\n".join(lines), spans=spans, no_wrap=True, end="")


def _prepared(curve: Curve, request: ChartRequest) -> CurvePoints:
    """Return what is drawn of a curve, on the scale of the axes."""
    points = as_points(curve.points).finite() if curve.is_dots else reduced(curve.points, 2 * request.width)
    if request.log_x:
        points = points.where(points.xs > 0)
        points = CurvePoints(np.log10(points.xs), points.ys)
    if request.log_y:
        points = points.where(points.ys > 0)
        points = CurvePoints(points.xs, np.log10(points.ys))
    return points


def _figure(request: ChartRequest):  # type: ignore[no-untyped-def]
    """Return a figure of our own: plotext 6's public API has only the one global figure."""
    from plotext._kernel.terminal import terminal

    figure = terminal().limit(False, False)._master
    figure.theme("simple")
    figure.plot_size(request.width, request.height)
    figure.axes(False, axis="x", side="upper")
    figure.axes(False, axis="y", side="right")
    pixel = plotext.pixel(request.axis_color)
    for axis, side in (("x", "lower"), ("y", "left")):
        figure.axes(True, axis=axis, side=side, pixel=pixel)
        figure.ruler(axis, side).pixel(pixel)
    return figure


def _limits(curves: Sequence[Prepared], request: ChartRequest) -> tuple[float, float, float, float]:
    width = request.width
    xs, ys = (np.concatenate([getattr(points, axis) for _, points in curves]) for axis in ("xs", "ys"))
    x_low, x_high, y_low, y_high = (float(end) for end in (xs.min(), xs.max(), ys.min(), ys.max()))
    if request.x_range is not None:
        x_low, x_high = (math.log10(x) if request.log_x else x for x in request.x_range)
    if x_high <= x_low:
        x_low, x_high = x_low - 0.5, x_high + 0.5
    if y_high <= y_low:
        margin = abs(y_low) * 0.05 or 0.5
        y_low, y_high = y_low - margin, y_high + margin
    # Room at the right for the labels at the lines' ends.
    room = 2 + max(len(curve.label) for curve, _ in curves)
    return x_low, x_high + (x_high - x_low) * room / max(width - room, 1), y_low, y_high


Ticks = Sequence[tuple[float, str]]


def _x_ticks(low: float, high: float, request: ChartRequest) -> Ticks:
    most = max(request.width // 12, 2)
    if request.log_x:
        return _numbered(x_ticks(low, high, most, XAxis.COUNT if high - low >= 2 else XAxis.NUMBER), log=True)
    ticks = x_ticks(low, high, most, request.x_axis)
    if request.x_axis in (XAxis.SECONDS, XAxis.CLOCK):
        return [(tick, x_text(tick, request.x_axis, high - low)) for tick in ticks]
    return _numbered(ticks, log=False)


def _numbered(ticks: Sequence[float], *, log: bool) -> Ticks:
    """Return ticks with their labels, all of them with the same number of decimals."""
    labels = [_power_text(tick) if log else number_text(tick) for tick in ticks]
    decimals = max((len(label.partition(".")[2]) for label in labels), default=0)
    if not log and not any("e" in label for label in labels):
        labels = [f"{tick:.{decimals}f}" for tick in ticks]
    return list(zip(ticks, labels, strict=True))


def _set_ruler(ruler, low: float, high: float, ticks: Ticks) -> None:  # type: ignore[no-untyped-def]
    ruler.lim(low, high)
    ruler.ticks([tick for tick, _ in ticks], [label for _, label in ticks])


def _power_text(exponent: float) -> str:
    """Return ten to a power as text, also where it overflows."""
    return number_text(10**exponent) if abs(exponent) < 300 else f"1e{exponent:.0f}"


def _draw_vertical(figure, x: float, request: ChartRequest, y_low: float, y_high: float) -> None:  # type: ignore[no-untyped-def]
    if request.log_x:
        if x <= 0:
            return
        x = math.log10(x)
    marker = "│" if x == request.cursor else "┊"
    line = figure.signal([x, x], [y_low, y_high], marker=plotext.marker(marker, plotext.pixel(request.axis_color)))
    line.lines()
    figure.draw(line)


def _label_rows(ends: Sequence[tuple[float, float]], rows: int) -> list[int]:
    """Return in which row each curve's label goes: beside its end, or in the nearest free row where ends crowd."""
    taken: set[tuple[int, int]] = set()
    chosen_rows = []
    for x, y in ends:
        row = rows - 1 - math.floor(y)
        # Ends at different x do not crowd each other; a tenth of a cell is close enough for the same one.
        place = round(x * 10)
        free = (near for far in range(rows) for near in (row - far, row + far) if 0 <= near < rows)
        chosen = next((near for near in free if (place, near) not in taken), row)
        taken.add((place, chosen))
        chosen_rows.append(chosen)
    return chosen_rows
