"""The picture of a chart: the plot with its legend beside or below it, as one text. Pure; made in worker threads."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from tui.chart_colors import Triple, rich_color, triple_of, with_terminal_colors
from tui.chart_series import ChartSeries
from tui.chart_words import chart_words
from tui.curve_charts import ChartContent
from tui.formatting import metric_text, padded, shortened

LEGEND_WIDTH = 26
SIDE_LEGEND_FROM = 62
"""Chart width from which the legend stands beside the plot instead of below it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a picture is made for."""

    width: int
    height: int
    axis_color: Triple
    legend_style: Style
    has_legend: bool = True
    log_y: bool = False
    is_told: bool = False
    """Whether words take the place of the picture."""
    base: Style = Style.null()
    """Beneath everything."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart as it is shown."""

    text: Text
    """Empty where there is nothing to draw, or no room."""
    content: ChartContent
    plot_width: int
    """Cells of the plot, without the legend."""
    lines: tuple[Strip, ...] = ()
    """The text as it is painted: made where nobody waits for it."""


def draw_picture(content: ChartContent, frame: Frame) -> Picture:
    """Draw a content, or tell it."""
    if frame.is_told:
        words = Text(chart_words(content, frame.width, frame.height), no_wrap=True)
        return Picture(words, content, 0, _strips(words, frame))
    # Imported here so that only the worker that draws pays for it.
    from tui.chart_canvas import ChartRequest, Curve, draw_chart

    beside = frame.has_legend and frame.width >= SIDE_LEGEND_FROM and len(content.series) > 3
    legend = _legend(content, frame, beside=beside) if frame.has_legend else []
    width = frame.width - (LEGEND_WIDTH + 1 if beside else 0)
    height = frame.height - (0 if beside else len(legend))
    curves = tuple(
        Curve(one.label, triple_of(rich_color(one.color)), one.points, one.is_dots, one.mark) for one in content.series
    )
    log_y = frame.log_y or content.log_y
    request = ChartRequest(
        curves, width, height, frame.axis_color, log_y, content.log_x, content.x_axis, content.x_range, content.cursor,
        content.marks,
    )  # fmt: skip
    plot = with_terminal_colors(draw_chart(request))
    text = _joined(plot, legend, width, beside) if plot else plot
    return Picture(text, content, width, _strips(text, frame))


def _legend(content: ChartContent, frame: Frame, *, beside: bool) -> list[Text]:
    """Return the legend's lines: one entry a line beside the plot, else as many as fit in two lines below it."""
    width = LEGEND_WIDTH if beside else 0
    entries = [legend_entry(one, width, frame.legend_style) for one in content.series if one.points]
    if beside:
        return entries[: frame.height]
    rows: list[Text] = []
    for entry in entries:
        if rows and rows[-1].cell_len + entry.cell_len + 2 <= frame.width:
            rows[-1].append("  ").append_text(entry)
        elif len(rows) < (2 if frame.height >= 12 else 1):
            rows.append(entry)
    return rows


def legend_entry(one: ChartSeries, width: int, number_style: Style) -> Text:
    """Return what a legend says of a curve; `width` 0 for as short as it can be."""
    from tui.curve_points import counts_something

    value = one.value if one.value is not None else one.points[-1][1]
    is_count = float(value).is_integer() and counts_something(one.points)
    number = f"{value:.0f}" if is_count else metric_text(value)
    text = Text(no_wrap=True, end="")
    text.append(f"{one.label:>2} " if width else f"{one.label} ", Style(color=rich_color(one.color), bold=True))
    room = width - 2 - max(len(one.label), 2) - len(number) if width else 14
    name = shortened(one.name, room)
    text.append(padded(name, room) if width else name, Style(color=rich_color(one.color)))
    text.append(f" {number}", number_style)
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


def _strips(text: Text, frame: Frame) -> tuple[Strip, ...]:
    """Return the lines of a text as they are painted, each as wide as the chart."""
    if not text:
        return ()
    console = Console(width=max(frame.width, 1), color_system="truecolor", no_color=False)
    lines = (Strip(line.render(console)) for line in text.split("\n"))
    return tuple(line.adjust_cell_length(frame.width).apply_style(frame.base) for line in lines)
