"""HistoryChart: curves with a legend, drawn off the event loop. Owns the drawing's life cycle, not the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text
from textual import on, work
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from tui.chart_canvas import MIN_HEIGHT, MIN_WIDTH, ChartRequest, Curve, draw_chart
from tui.chart_colors import rich_color, triple_of, with_terminal_colors
from tui.chart_scale import XAxis
from tui.chart_series import ChartSeries
from tui.curve_charts import ChartContent
from tui.formatting import metric_text, shortened

DRAW_CHART = "draw_chart"
LEGEND_WIDTH = 26
SIDE_LEGEND_FROM = 62
"""Chart width from which the legend stands beside the plot instead of below it."""


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
        picture: Text

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._content = ChartContent((), XAxis.COUNT)
        self._picture = Text()
        self._plot_width = 0
        self._is_drawing = False
        self._is_stale = False

    def show(self, series: Sequence[ChartSeries]) -> None:
        """Draw these curves over their steps, the most important first; returns at once."""
        self.show_content(ChartContent(tuple(series), XAxis.COUNT))

    def show_content(self, content: ChartContent) -> None:
        """Draw curves as they were prepared; returns at once."""
        if content != self._content:
            self._content = content
            self._redraw()

    @property
    def _series(self) -> tuple[ChartSeries, ...]:
        return self._content.series

    def part_at(self, column: int) -> float | None:
        """Return where a column of the widget lies on the x axis, from 0 (left) to 1; None outside of the plot."""
        plot = max(
            (line.find("│") if "│" in line else line.find("┤") for line in self.picture.split("\n")[:2]), default=-1
        )
        label = max((len(one.label) for one in self._series), default=0)
        width = self._plot_width - plot - 2 - (2 + label)
        return min(max((column - plot - 1) / width, 0.0), 1.0) if plot >= 0 and width > 0 else None

    @property
    def picture(self) -> str:
        """What is drawn, without colours."""
        return self._picture.plain

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
        legend_beside = self.shows_legend and self.size.width >= SIDE_LEGEND_FROM and len(self._series) > 3
        legend = self._legend(beside=legend_beside) if self.shows_legend else []
        width = self.size.width - (LEGEND_WIDTH + 1 if legend_beside else 0)
        self._plot_width = width
        height = self.size.height - (0 if legend_beside else len(legend))
        curves = tuple(
            Curve(one.label, triple_of(rich_color(one.color)), one.points, one.is_dots, one.mark)
            for one in self._series
        )
        axis = triple_of(self.get_component_rich_style("history-chart--axis").color)
        content = self._content
        request = ChartRequest(
            curves,
            width,
            height,
            axis,
            self.log_y or content.log_y,
            content.log_x,
            content.x_axis,
            content.x_range,
            content.cursor,
            content.marks,
        )
        self._draw(request, legend, legend_beside)

    @work(thread=True, exclusive=True, exit_on_error=False, group=DRAW_CHART)
    def _draw(self, request: ChartRequest, legend: list[Text], legend_beside: bool) -> None:
        plot = with_terminal_colors(draw_chart(request))
        self.post_message(self._Drawn(_joined(plot, legend, request.width, legend_beside) if plot else plot))

    @on(_Drawn)
    def _show_picture(self, message: _Drawn) -> None:
        message.stop()
        self._is_drawing = False
        self._picture = message.picture
        self.refresh()
        if self._is_stale:
            self._redraw()

    @on(Worker.StateChanged)
    def _note_failure(self, event: Worker.StateChanged) -> None:
        if event.worker.group == DRAW_CHART and event.state is WorkerState.ERROR:
            self._is_drawing = False
            self._picture = Text(f"The chart could not be drawn: {event.worker.error}")
            self.log.error(event.worker.error)
            self.refresh()

    def render(self) -> Text:
        """Return the last picture, or why there is none."""
        if self._picture:
            return self._picture
        too_small = self.size.width < MIN_WIDTH or self.size.height < MIN_HEIGHT
        words = "too small for a chart" if too_small and self._series else self.empty_text
        style = self.get_component_rich_style("history-chart--empty")
        above = "\n" * max(self.size.height // 2 - 1, 0)
        return Text(above + shortened(words, self.size.width).center(self.size.width).rstrip(), style, no_wrap=True)

    # Legend

    def _legend(self, *, beside: bool) -> list[Text]:
        """Return the legend's lines: one entry a line beside the plot, else as many as fit in two lines below it."""
        entries = [self._entry(one, LEGEND_WIDTH if beside else 0) for one in self._series if one.points]
        if beside:
            return entries[: self.size.height]
        rows: list[Text] = []
        for entry in entries:
            if rows and rows[-1].cell_len + entry.cell_len + 2 <= self.size.width:
                rows[-1].append("  ").append_text(entry)
            elif len(rows) < (2 if self.size.height >= 12 else 1):
                rows.append(entry)
        return rows

    def _entry(self, one: ChartSeries, width: int) -> Text:
        """Return one entry; `width` 0 for as short as it can be."""
        value = one.value if one.value is not None else one.points[-1][1]
        # Histories hold floats only: what counts something is known by its values being whole, and not just 0 and 1.
        counts = all(y.is_integer() for _, y in one.points) and any(abs(y) > 1 for _, y in one.points)
        number = f"{value:.0f}" if counts and float(value).is_integer() else metric_text(value)
        text = Text(no_wrap=True, end="")
        text.append(f"{one.label:>2} " if width else f"{one.label} ", Style(color=rich_color(one.color), bold=True))
        room = width - 2 - max(len(one.label), 2) - len(number) if width else 14
        name = shortened(one.name, room)
        text.append(name.ljust(room) if width else name, Style(color=rich_color(one.color)))
        text.append(f" {number}", self.get_component_rich_style("history-chart--legend", partial=True))
        return text


def _joined(plot: Text, legend: list[Text], width: int, beside: bool) -> Text:
    """Return plot and legend as one text."""
    lines = list(plot.split("\n"))
    if not beside:
        return Text("\n", no_wrap=True).join([*lines, *legend])
    for line, entry in zip(lines, legend, strict=False):
        line.pad_right(max(width - line.cell_len, 0) + 1)
        line.append_text(entry)
    return Text("\n", no_wrap=True).join(lines)
