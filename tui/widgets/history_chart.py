"""HistoryChart: curves with a legend, drawn off the event loop. Owns the drawing's life cycle, not the data."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from textwrap import wrap

from rich.text import Text
from textual import on
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from tui.chart_colors import triple_of
from tui.chart_drawing import draw_in_turn
from tui.chart_picture import Frame, Picture, draw_picture
from tui.chart_scale import MIN_HEIGHT, MIN_WIDTH, XAxis
from tui.chart_series import ChartSeries
from tui.curve_charts import ChartContent
from tui.looks import is_plain


class HistoryChart(Widget, can_focus=True):
    """A line chart of metric histories."""

    DEFAULT_CSS = """
    HistoryChart {
        height: 1fr;
        & > .history-chart--axis { color: $text-muted; }
        & > .history-chart--legend { color: $foreground; }
        & > .history-chart--empty { color: $text-muted; }
    }
    """
    COMPONENT_CLASSES = {"history-chart--axis", "history-chart--legend", "history-chart--empty"}

    shows_legend: reactive[bool] = reactive(True)
    """Whether names and values are listed beside or below the plot."""
    log_y: reactive[bool] = reactive(False)
    """Whether the value axis is logarithmic."""
    empty_text: reactive[str] = reactive("nothing to draw yet")
    """What to say while there are no points."""

    @dataclass
    class _Drawn(Message):
        picture: Picture
        painted: threading.Event

    @dataclass
    class _Failed(Message):
        error: Exception

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._make: Callable[[], ChartContent] = _nothing
        self._picture = Picture(Text(), _nothing(), 0)
        self._drawn_in: Frame | None = None
        self._is_drawing = False
        self._is_stale = False

    def show(self, series: Sequence[ChartSeries]) -> None:
        """Draw these curves over their steps, the most important first; returns at once."""
        self.show_content(ChartContent(tuple(series), XAxis.COUNT))

    def show_content(self, content: ChartContent) -> None:
        """Draw curves as they were prepared; returns at once."""
        self.show_made(lambda: content)

    def show_made(self, make: Callable[[], ChartContent]) -> None:
        """Draw curves that are still to be prepared; returns at once.

        Args:
            make: Prepares them, in another thread: it must not read what changes meanwhile.
        """
        self._make = make
        self._redraw()

    def part_at(self, column: int) -> float | None:
        """Return where a column of the widget lies on the x axis, from 0 (left) to 1; None outside of the plot."""
        plot = max(
            (line.find("│") if "│" in line else line.find("┤") for line in self.picture.split("\n")[:2]), default=-1
        )
        label = max((len(one.label) for one in self._picture.content.series), default=0)
        width = self._picture.plot_width - plot - 2 - (2 + label)
        return min(max((column - plot - 1) / width, 0.0), 1.0) if plot >= 0 and width > 0 else None

    @property
    def picture(self) -> str:
        """What is drawn, without colours."""
        return self._picture.text.plain

    def watch_log_y(self) -> None:
        """Draw with the other scale."""
        self._redraw()

    def watch_shows_legend(self) -> None:
        """Draw with or without it."""
        self._redraw()

    def on_resize(self) -> None:
        """Draw in the new size."""
        self._redraw()

    def notify_style_update(self) -> None:
        """Draw in the new theme's colours."""
        super().notify_style_update()
        if self.is_mounted:
            self._redraw()

    def _redraw(self) -> None:
        """Start a drawing, or let the one under way be followed by another: drawings never queue up."""
        if not self.is_mounted or not self.size:
            return
        if self._is_drawing:
            self._is_stale = True
            return
        self._is_drawing, self._is_stale = True, False
        frame = Frame(
            self.size.width,
            self.size.height,
            triple_of(self.get_component_rich_style("history-chart--axis").color),
            self.get_component_rich_style("history-chart--legend", partial=True),
            self.shows_legend,
            self.log_y,
            is_plain(self.app),
            self.rich_style,
        )
        is_same, self._drawn_in = frame == self._drawn_in, frame
        draw_in_turn(partial(self._draw, self._make, frame, self._picture if is_same else None))

    def _draw(self, make: Callable[[], ChartContent], frame: Frame, before: Picture | None) -> threading.Event | None:
        """Draw, in another thread; return what is set once it is painted, None where nothing is new."""
        if not self.is_attached:
            return None
        try:
            content = make()
            is_new = before is None or content != before.content
            picture = draw_picture(content, frame) if before is None or is_new else before
        except Exception as error:
            # The edge of a thread: odd numbers must not end the app, and the next drawing may succeed.
            self.post_message(self._Failed(error))
            raise
        painted = threading.Event()
        self.post_message(self._Drawn(picture, painted))
        return painted if is_new else None

    @on(_Drawn)
    def _show_picture(self, message: _Drawn) -> None:
        message.stop()
        self._is_drawing = False
        if message.picture is not self._picture:
            before, self._picture = self._picture.lines, message.picture
            self._refresh_changed_lines(before)
        self.call_after_refresh(message.painted.set)
        if self._is_stale:
            self._redraw()

    def _refresh_changed_lines(self, before: Sequence[Strip]) -> None:
        after = self._picture.lines
        if not before or len(before) != len(after):
            self.refresh()
            return
        changed = [y for y, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
        # Lines in a row are painted together.
        starts = [y for y in changed if y - 1 not in changed]
        ends = [y + 1 for y in changed if y + 1 not in changed]
        if changed:
            self.refresh(*(Region(0, top, self.size.width, end - top) for top, end in zip(starts, ends, strict=True)))

    @on(_Failed)
    def _note_failure(self, message: _Failed) -> None:
        message.stop()
        self._is_drawing = False
        self._picture = Picture(Text(f"The chart could not be drawn: {message.error}"), _nothing(), 0)
        self.log.error(message.error)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return a line of the last picture: it was made into strips where it was drawn."""
        lines = self._picture.lines
        if not lines:
            return super().render_line(y)
        # It is drawn anew in another size, but until then shown as it is.
        width = self._drawn_in.width if self._drawn_in else 0
        return lines[y] if y < len(lines) else Strip.blank(width, self.rich_style)

    def render(self) -> Text:
        """Return the last picture, or why there is none."""
        if self._picture.text:
            return self._picture.text
        too_small = self.size.width < MIN_WIDTH or self.size.height < MIN_HEIGHT
        words = "too small for a chart" if too_small and self._picture.content.series else self.empty_text
        style = self.get_component_rich_style("history-chart--empty")
        lines = wrap(words, max(self.size.width - 2, 1))[: max(self.size.height, 1)]
        above = "\n" * max((self.size.height - len(lines)) // 2, 0)
        centred = "\n".join(line.center(self.size.width).rstrip() for line in lines)
        return Text(above + centred, style, no_wrap=True)


def _nothing() -> ChartContent:
    return ChartContent((), XAxis.COUNT)
