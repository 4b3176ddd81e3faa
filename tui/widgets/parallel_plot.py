"""ParallelPlot: runs as lines across axes of their parameters, brushed with keys or the mouse. Draws in a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events, on
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.chart_drawing import draw_in_turn
from tui.chart_words import parallel_words
from tui.formatting import shortened
from tui.looks import is_plain
from tui.parallel_axes import ABSENT, Axis, Brush, kept_places, row_of
from tui.parallel_canvas import Grid, LinesRequest, axis_columns, draw_lines

AXIS_WIDTH = 14
"""Columns that an axis should have at least."""
MIN_WIDTH, MIN_HEIGHT = 40, 8
_NORMAL, _GOOD, _BEST = 1, 2, 3
_GOOD_SHARE = 0.1


class ParallelPlot(Widget, can_focus=True):
    """Parallel coordinates; the last axis is the metric, best on top."""

    DEFAULT_CSS = """
    ParallelPlot {
        height: 1fr;
        & > .parallel--line { color: $text-muted; }
        & > .parallel--good { color: $secondary; }
        & > .parallel--best { color: $accent; text-style: bold; }
        & > .parallel--axis { color: $foreground 60%; }
        & > .parallel--brush { color: $primary; text-style: bold; }
        & > .parallel--name { color: $foreground; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "parallel--line", "parallel--good", "parallel--best", "parallel--axis", "parallel--brush", "parallel--name",
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "axis(-1)", "Axis before", id="parallel.left", show=False, tooltip="The axis before"),
        Binding("right", "axis(1)", "Next axis", id="parallel.right", show=False, tooltip="The next axis"),
        Binding("up,k", "cursor(-1)", "Up", id="parallel.up", show=False, tooltip="Move up on the axis"),
        Binding("down,j", "cursor(1)", "Down", id="parallel.down", show=False, tooltip="Move down on the axis"),
        Binding(
            "space", "brush", "Brush", id="parallel.brush",
            tooltip="Keep only the runs from here to where it is pressed again"
        ),
        Binding("x,delete", "clear", "Clear", id="parallel.clear", show=False, tooltip="Keep all runs of this axis"),
        Binding("0", "clear_all", "Clear all", id="parallel.clear_all", show=False, tooltip="Keep all runs again"),
    ]  # fmt: skip

    @dataclass
    class Brushed(Message):
        """Other runs are kept."""

        plot: ParallelPlot
        kept: list[int]

        @property
        def control(self) -> ParallelPlot:
            """The plot."""
            return self.plot

    @dataclass
    class _Drawn(Message):
        grid: Grid

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.axes: list[Axis] = []
        self.brushes: dict[str, Brush] = {}
        self.at = 0
        """The axis of the cursor."""
        self.row = 0
        """The row of the cursor, within the plot."""
        self.begun: int | None = None
        """The row where a brush was begun; None while none is being drawn."""
        self._order: Sequence[int] = ()
        self._grid: Grid = []
        self._strips: list[Strip] = []
        self._is_drawing = False
        self._is_stale = False
        self._drags = False

    def show(self, axes: Sequence[Axis], order: Sequence[int]) -> None:
        """Show runs; `order` are their places, best first."""
        self.axes, self._order = list(axes), order
        self.brushes = {name: brush for name, brush in self.brushes.items() if name in {axis.name for axis in axes}}
        self.at = min(self.at, max(len(axes) - 1, 0))
        self._changed()

    @property
    def kept(self) -> list[int]:
        """The places of the runs that every brush keeps."""
        return kept_places(self.axes, self.brushes)

    # Geometry

    @property
    def shown(self) -> list[Axis]:
        """The axes there is room for: a window of parameters that holds the cursor, and the metric."""
        room = max(self.size.width // AXIS_WIDTH, 2)
        if len(self.axes) <= room:
            return self.axes
        start = min(max(self.at - room + 2, 0), len(self.axes) - room)
        return [*self.axes[start : start + room - 1], self.axes[-1]]

    @property
    def _columns(self) -> Sequence[int]:
        return axis_columns(len(self.shown), self.size.width, 5)

    @property
    def _plot_rows(self) -> int:
        """Rows from an axis's top to its bottom; names and ends take three more, runs without a value one."""
        return max(self.size.height - 3 - any(axis.has_absent for axis in self.shown), 2)

    def _row_of(self, position: float) -> float:
        return row_of(position, self._plot_rows - 1)

    def _position_of(self, row: int) -> float:
        last = self._plot_rows - 1
        return ABSENT if row > last else 1 - row / last

    @property
    def _last_row(self) -> int:
        return self._plot_rows - 1 + any(axis.has_absent for axis in self.shown)

    @property
    def cursor_words(self) -> str:
        """The axis of the cursor, and the value there; see `HasCursorWords`."""
        if not self.axes:
            return ""
        begun = ", brush begun" if self.begun is not None else ""
        return f"{self.axes[self.at].name} {self.axes[self.at].text_at(self._position_of(self.row))}{begun}"

    # Drawing

    def on_resize(self) -> None:
        """Draw in the new size."""
        self.row = min(self.row, self._last_row)
        self._redraw()

    def _changed(self) -> None:
        self._redraw()
        self.refresh()
        self.post_message(self.Brushed(self, self.kept))

    def _redraw(self) -> None:
        """Start a drawing, or let the one under way be followed by another: drawings never queue up."""
        if is_plain(self.app):
            self.refresh()
            return
        if not self.is_mounted or self.size.width < MIN_WIDTH or self.size.height < MIN_HEIGHT or not self.axes:
            return
        if self._is_drawing:
            self._is_stale = True
            return
        self._is_drawing, self._is_stale = True, False
        kept = set(self.kept)
        layers = [0] * len(self._order)
        ranked = [place for place in self._order if place in kept]
        for rank, place in enumerate(ranked):
            layers[place] = _BEST if rank == 0 else _GOOD if rank < len(ranked) * _GOOD_SHARE else _NORMAL
        positions, last, columns = [axis.positions for axis in self.shown], self._plot_rows - 1, tuple(self._columns)
        draw_in_turn(partial(self._draw, positions, last, columns, tuple(layers), *self.size))

    def _draw(
        self,
        positions: Sequence[Sequence[float]],
        last_row: int,
        columns: tuple[int, ...],
        layers: tuple[int, ...],
        width: int,
        height: int,
    ) -> None:
        """Draw, in another thread."""
        if not self.is_attached:
            return
        try:
            rows = tuple(tuple(2 + row_of(position, last_row) for position in axis) for axis in positions)
            self.post_message(self._Drawn(draw_lines(LinesRequest(rows, columns, layers, width, height))))
        except Exception:
            self.post_message(self._Drawn([]))
            raise

    @on(_Drawn)
    def _show_lines(self, message: _Drawn) -> None:
        message.stop()
        self._is_drawing, self._grid = False, message.grid
        self.refresh()
        if self._is_stale:
            self._redraw()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return lines; all of them are put together before the first is painted."""
        self._strips = [] if self._is_told else self._put_together()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Return a line of what was put together."""
        return self._strips[y] if y < len(self._strips) else super().render_line(y)

    @property
    def _is_told(self) -> bool:
        """Whether there are words instead of lines."""
        return is_plain(self.app) or self.size.width < MIN_WIDTH or self.size.height < MIN_HEIGHT

    def render(self) -> Text:
        """Return the runs in words, or why nothing is drawn."""
        width, height = self.size
        if is_plain(self.app) and self.axes:
            return Text(parallel_words(self.axes, self._order, self.kept, width, height), no_wrap=True)
        muted = self.get_component_rich_style("parallel--line", partial=True)
        return Text("too small for parallel coordinates", muted)

    def _put_together(self) -> list[Strip]:
        """Return the lines of the last drawing with the axes, brushes and the cursor on top."""
        width, height = self.size
        base = self.rich_style
        styles = {
            name: base + self.get_component_rich_style(f"parallel--{name}", partial=True)
            for name in ("line", "good", "best", "axis", "brush", "name")
        }
        layers = [styles["line"], styles["line"], styles["good"], styles["best"]]
        fits = len(self._grid) == height and all(len(row) == width for row in self._grid[:1])
        chars = [[char for char, _ in row] for row in self._grid] if fits else [[" "] * width for _ in range(height)]
        looks = (
            [[layers[layer] for _, layer in row] for row in self._grid]
            if fits
            else [[layers[0]] * width for _ in range(height)]
        )
        for axis, column in zip(self.shown, self._columns, strict=True):
            self._put_axis(chars, looks, axis, column, styles)
        strips = []
        for row_chars, row_looks in zip(chars, looks, strict=True):
            segments, start = [], 0
            for end in range(1, width + 1):
                if end == width or row_looks[end] is not row_looks[start]:
                    segments.append(Segment("".join(row_chars[start:end]), row_looks[start]))
                    start = end
            # Names are shortened by characters: wide ones make a line longer.
            strips.append(Strip(segments).adjust_cell_length(width, base))
        return strips

    def _put_axis(
        self,
        chars: list[list[str]],
        looks: list[list[Style]],
        axis: Axis,
        column: int,
        styles: Mapping[str, Style],
    ) -> None:
        line, accent, name = styles["axis"], styles["brush"], styles["name"]
        is_current = self.axes[self.at] is axis
        brush, plot_rows = self._brush_rows(axis), self._plot_rows
        for row in range(self._last_row + 1):
            kept = brush is not None and brush[0] <= row <= brush[1]
            if row < plot_rows or kept:
                chars[2 + row][column] = "┃" if kept else "│"
                looks[2 + row][column] = accent if kept else line
        room = max(self.size.width // max(len(self.shown), 1) - 2, 4)
        self._put(chars, looks, 0, column, shortened(axis.name, room - 1), accent if is_current else name)
        self._put(chars, looks, 1, column, shortened(axis.text_at(1.0), room), line)
        self._put(chars, looks, self.size.height - 1, column, shortened(axis.text_at(0.0), room), line)
        if axis.has_absent:
            self._put(chars, looks, 2 + self._plot_rows, column, "–", line)
        for place, level in enumerate(axis.levels[1:-1], start=1):
            if len(axis.levels) <= plot_rows // 2:
                row = 2 + round(self._row_of(place / (len(axis.levels) - 1)))
                self._put(chars, looks, row, column, shortened(level, room), line)
        if is_current and self.has_focus:
            chars[2 + self.row][column], looks[2 + self.row][column] = "◆", accent
            value = axis.text_at(self._position_of(self.row))
            start = column + 2 if column + 3 + len(value) < self.size.width else column - 1 - len(value)
            for place, char in enumerate(value, start=max(start, 0)):
                chars[2 + self.row][place], looks[2 + self.row][place] = char, accent

    def _put(
        self, chars: list[list[str]], looks: list[list[Style]], row: int, column: int, text: str, style: Style
    ) -> None:
        start = min(max(column - len(text) // 2, 0), self.size.width - len(text))
        for place, char in enumerate(text, start=max(start, 0)):
            chars[row][place], looks[row][place] = char, style

    def _brush_rows(self, axis: Axis) -> tuple[float, float] | None:
        if self.begun is not None and self.axes[self.at] is axis:
            return min(self.begun, self.row), max(self.begun, self.row)
        brush = self.brushes.get(axis.name)
        if brush is None:
            return None
        low, high = brush
        return round(self._row_of(high) if high >= 0 else self._plot_rows), round(self._row_of(low))

    # Keys and mouse

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.begun = None
        self.refresh()

    def action_axis(self, steps: int) -> None:
        """Go to another axis; the window of axes follows."""
        if self.axes:
            self.begun = None
            self.at = min(max(self.at + steps, 0), len(self.axes) - 1)
            self._redraw()
            self.refresh()

    def action_cursor(self, steps: int) -> None:
        """Move along the axis."""
        self.row = min(max(self.row + steps, 0), self._last_row)
        self.refresh()

    def action_brush(self) -> None:
        """Begin a brush here, or end it here."""
        if not self.axes:
            return
        if self.begun is None:
            self.begun = self.row
            self.refresh()
            return
        self._set_brush(self.begun, self.row)

    def _set_brush(self, start: int, end: int) -> None:
        upper, lower = sorted((start, end))
        half = 0.5 / max(self._plot_rows - 1, 1)
        high, low = self._position_of(upper), self._position_of(lower)
        # A row stands for the values that are nearest to it.
        self.brushes[self.axes[self.at].name] = (
            ABSENT if low == ABSENT else max(low - half, 0.0), ABSENT if high == ABSENT else min(high + half, 1.0),
        )  # fmt: skip
        self.begun = None
        self._changed()

    def action_clear(self) -> None:
        """Take the brush of this axis away."""
        self.begun = None
        if self.axes and self.brushes.pop(self.axes[self.at].name, None) is not None:
            self._changed()
        self.refresh()

    def action_clear_all(self) -> None:
        """Take all brushes away."""
        self.begun = None
        self.brushes.clear()
        self._changed()

    def _grab(self, event: events.MouseEvent) -> int | None:
        """Return the row under the mouse, or None where there is no plot."""
        offset = event.get_content_offset_capture(self)
        return min(max(offset.y - 2, 0), self._last_row) if self.axes else None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Go to the nearest axis; dragging from there brushes it."""
        row = self._grab(event)
        if row is None:
            return
        x = event.get_content_offset_capture(self).x
        columns = self._columns
        nearest = min(range(len(columns)), key=lambda place: abs(columns[place] - x))
        self.at = self.axes.index(self.shown[nearest])
        self.row, self._drags = row, True
        self.capture_mouse()
        self.begun = row
        self.refresh()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Extend the brush."""
        if self._drags and (row := self._grab(event)) is not None and row != self.row:
            self.row = row
            self.refresh()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Keep the brush; a click alone only moves the cursor."""
        if not self._drags:
            return
        self._drags = False
        self.release_mouse()
        if self.begun is not None and self.begun != self.row:
            self._set_brush(self.begun, self.row)
        self.begun = None
        self.refresh()
