"""CurvesScreen: a chart of every metric that the drawn runs logged. Reads in a worker; the charts draw themselves."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from trainer.errors import TrainerError
from trainer.records import HistoryPoint, RunRecord
from trainer.sweep.iterations import bands_of
from tui.chart_colors import chart_colors
from tui.chart_selection import ChartSelection
from tui.chart_series import curve_label
from tui.columns import metric_order
from tui.curve_charts import ChartContent, CurveSource, chart_contents, metrics_of, why_empty
from tui.curve_histories import CurveReader
from tui.curve_view import CurveView
from tui.feeds import SweepFeed
from tui.formatting import count_text, metric_text, shortened
from tui.growing_histories import GrowingHistories
from tui.looks import is_plain
from tui.parcel import Parcel
from tui.screens.curves_prompt import CurvesPrompt
from tui.session import Session
from tui.widgets.app_header import AppHeader
from tui.widgets.fitting_footer import FittingFooter
from tui.widgets.history_chart import HistoryChart
from tui.widgets.quiet_static import QuietStatic

Bands = Mapping[str, Sequence[int]]
HISTORIES, SHAPING = "curve_histories", "curve_shaping"
SAMPLES = 1_000
"""Rows read of each run."""
POLL_SECONDS = 2.0
CHART_WIDTH, CHART_HEIGHT = 50, 10
"""Columns and rows that a chart should have at least."""
MAX_CHARTS = 16


NO_NUMBER = "logged, but no number that can be drawn"


class CurvesScreen(CurvesPrompt):
    """A grid of charts of the runs that the live view draws."""

    CSS_PATH = "curves.tcss"
    AUTO_FOCUS = "HistoryChart"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="curves.back", tooltip="The grid again, or back to the sweep"),
        Binding("enter", "enlarge", "Large", id="curves.large", tooltip="Give this chart the screen, or all of them"),
        Binding("slash", "ask_filter", "Find", key_display="/", id="curves.find", tooltip="Only some of the metrics"),
        Binding("n,pagedown", "page(1)", "More", id="curves.next", tooltip="The next metrics"),
        Binding("N,pageup", "page(-1)", "Before", id="curves.before", show=False, tooltip="The metrics before"),
    ]  # fmt: skip

    @dataclass
    class Read(Message):
        """Histories arrived, by run id; or why they did not."""

        histories: Mapping[str, Sequence[HistoryPoint]]
        metrics: Mapping[str, set[str]]
        """What each of these runs logged."""
        problem: str = ""

    @dataclass
    class Shaped(Message):
        """What the charts are to show is ready."""

        contents: Mapping[str, ChartContent]

    def __init__(
        self, session: Session, feed: SweepFeed, selection: ChartSelection, histories: GrowingHistories | None = None
    ) -> None:
        """Create the screen over what a live view knows and has read; the rest is read once it is shown.

        Args:
            session: Where histories are read.
            feed: The sweep as the live view keeps it; it goes on changing.
            selection: Which runs are drawn, in which colours.
            histories: None for none.
        """
        super().__init__()
        self.session = session
        self.feed = feed
        self.selection = selection
        self.problem = ""
        self._histories: dict[str, Sequence[HistoryPoint]] = {}
        self._growing = histories or GrowingHistories(session, SAMPLES)
        self._logged: dict[str, set[str]] = {}
        self._metrics: list[str] = []
        self._reader = CurveReader()
        """Used by the worker that shapes."""
        self._page = 0
        self._grid = (1, 1)
        self._is_shaping = self._is_stale = False
        self._stop = threading.Event()

    def compose(self) -> ComposeResult:
        """Compose the screen."""
        sweep = self.feed.sweep
        name, project = (sweep.name, sweep.reference.project) if sweep else ("", "")
        yield AppHeader(f"{name} › Curves", self.session.label, project)
        yield QuietStatic("", id="legend")
        yield QuietStatic("", id="curves-view")
        yield Input(id="prompt", compact=True)
        with Container(id="grid"):
            for _ in range(MAX_CHARTS):
                yield HistoryChart(classes="panel")
        yield FittingFooter()

    def on_mount(self) -> None:
        """Read."""
        for chart in self.charts:
            chart.shows_legend = False
        self.show_charts()
        self.set_interval(POLL_SECONDS, self.read_if_needed)
        self.read_if_needed()

    def on_unmount(self) -> None:
        """Let the worker end."""
        self._stop.set()

    @property
    def charts(self) -> list[HistoryChart]:
        """The charts, shown or spare, in their order."""
        return list(self.query(HistoryChart))

    @property
    def metrics(self) -> list[str]:
        """The metrics there are charts of, the sweep's own first."""
        return [name for name in self._metrics if all(word in name.lower() for word in self.words.lower().split())]

    @property
    def shown(self) -> list[str]:
        """The metrics whose charts are in sight."""
        if self.large:
            return [self.large]
        count = self._grid[0] * self._grid[1]
        return self.metrics[self._page * count : (self._page + 1) * count]

    @property
    def names(self) -> list[str]:
        """Everything that was logged; see `CurvesPrompt`."""
        return self._metrics

    # Reading

    def read_if_needed(self) -> None:
        """Read the histories of drawn runs that are alive, or were not read since they ended."""
        runs = self.feed.board.runs
        drawn = [runs[i] for i in self.selection.drawn if i in runs]
        is_new = self._growing.wants(drawn) or self._growing.known(drawn, self._histories)
        if is_new and not any(worker.group == HISTORIES for worker in self.workers):
            self.read_histories(drawn)

    @work(thread=True, exclusive=True, exit_on_error=False, group=HISTORIES, description="read histories")
    def read_histories(self, runs: Sequence[RunRecord]) -> None:
        """Read histories, in one request at first; what is new of them comes with the next poll."""
        assert self.feed.sweep is not None
        try:
            known = [self._growing.known(runs, self._histories)]
            for histories in chain(known, self._growing.read(self.feed.sweep.reference, runs, self._stop)):
                if self._stop.is_set():
                    return
                self.post_message(
                    self.Read(histories, {run_id: metrics_of(rows) for run_id, rows in histories.items()})
                )
        except TrainerError as error:
            self.post_message(self.Read({}, {}, error.message))

    @on(Read)
    def _read(self, message: Read) -> None:
        self.problem = message.problem
        self._histories.update(message.histories)
        own = self.feed.board.metric.name if self.feed.board.metric else ""
        self._logged.update(message.metrics)
        runs = self.feed.board.runs
        drawn = [run_id for run_id in self.selection.drawn if run_id in runs]
        names = {name for i in drawn for name in self._logged.get(i) or metrics_of(runs[i].curve)}
        self._metrics = sorted(names, key=lambda name: (name != own, metric_order(name)))
        self.show_charts()

    # Showing

    def sources(self) -> list[CurveSource]:
        """Return the drawn runs with what was read of them, best first."""
        board, colors = self.feed.board, chart_colors(self.app.current_theme)
        return [
            CurveSource(
                curve_label(board.rank(run_id), self.selection.glyph(run_id, colors), colors),
                run.name,
                self.selection.color(run_id, colors),
                run.created_at,
                self._histories.get(run_id) or run.curve,
            )
            for run_id in self.selection.drawn
            if (run := board.runs.get(run_id)) is not None
        ]

    def show_charts(self) -> None:
        """Arrange the charts and have what they show prepared."""
        self._arrange()
        self._show_words()
        if self._is_shaping:
            self._is_stale = True
            return
        self._is_shaping, self._is_stale = True, False
        self._shape(Parcel((self.sources(), self.shown, self.view, self.cursor, self._bands())))

    def _bands(self) -> Bands:
        sweep = self.feed.sweep
        entry = sweep.config.get("early_terminate") if sweep else None
        if sweep is None or sweep.metric is None or not isinstance(entry, Mapping):
            return {}
        return {sweep.metric.name: bands_of(entry)}

    @work(thread=True, exit_on_error=False, group=SHAPING, description="shape")
    def _shape(self, wish: Parcel[tuple[Sequence[CurveSource], Sequence[str], CurveView, float | None, Bands]]) -> None:
        """Prepare what charts show: with 1,000 rows of 10 runs that is too much for the event loop."""
        try:
            self.post_message(self.Shaped(chart_contents(*wish.open(), self._reader)))
        except Exception:
            self.post_message(self.Shaped({}))
            raise

    @on(Shaped)
    def _shaped(self, message: Shaped) -> None:
        self._is_shaping = False
        for chart, name in zip(self.charts, self.shown, strict=False):
            if name in message.contents:
                chart.empty_text = why_empty(message.contents[name], self.view)
                chart.show_content(message.contents[name])
                self._title(chart, name, message.contents[name])
        if self._is_stale:
            self.show_charts()

    def _title(self, chart: HistoryChart, name: str, content: ChartContent) -> None:
        chart.border_title = Content(name)
        best = content.series[0] if content.series else None
        bands = "┊ bands  " if content.marks else ""
        # The one at the top of the leaderboard; all of them are in the legend of a large chart.
        value = f"{best.label} {metric_text(best.value)}" if best and best.value is not None else ""
        chart.border_subtitle = Content(f"{bands}{value}")

    def _arrange(self) -> None:
        """Show as many charts as there are metrics and room for."""
        grid = self.query_one("#grid")
        width, height = grid.size if grid.size else self.app.size
        across = 1 if is_plain(self.app) else min(max(width // CHART_WIDTH, 1), 4)
        down = min(max(height // CHART_HEIGHT, 1), MAX_CHARTS // across)
        self._grid = (across, down)
        pages = max((len(self.metrics) - 1) // (across * down) + 1, 1)
        self._page %= pages
        shown = self.shown
        across = 1 if self.large else min(across, max(len(shown), 1))
        grid.styles.grid_size_columns = across
        grid.styles.grid_size_rows = max((len(shown) - 1) // across + 1, 1)
        charts = self.charts
        for index, chart in enumerate(charts):
            chart.set_class(index >= max(len(shown), 1), "spare")
            chart.shows_legend = bool(self.large)
            chart.empty_text = NO_NUMBER
        if not shown:
            charts[0].border_title = charts[0].border_subtitle = ""
            charts[0].empty_text = self._empty_words()
            charts[0].show([])

    def _empty_words(self) -> str:
        if self.words and self._metrics:
            return f"no metric has “{self.words}” in its name; / changes that"
        if self.problem:
            return f"the server is away: {self.problem}"
        if not self.selection.drawn:
            return "no run has a value yet"
        return "reading the histories…" if not self._histories else "these runs logged nothing"

    def _show_words(self) -> None:
        view = self.view
        pages = max((len(self.metrics) - 1) // (self._grid[0] * self._grid[1]) + 1, 1)
        words = [f"over {view.axis}"]
        words += [f"smoothed {view.smoothing:g}"] if view.smoothing else []
        words += ["extremes left out"] if view.cuts_outliers else []
        words += ["log y"] if view.log_y else []
        words += ["log x"] if view.log_x else []
        words += [f"{(view.window[1] - view.window[0]):.3g} of the axis"] if view.is_zoomed else []
        words += ["values at the line"] if self.cursor is not None else []
        words += [f"only “{self.words}”"] if self.words else []
        words += [f"page {self._page + 1} of {pages}"] if pages > 1 and not self.large else []
        line = f"{count_text(len(self.metrics), 'metric')} · {' · '.join(words)}"
        if self.problem:
            text = Content.from_markup("[$error]✗ Server away:[/] $why", why=self.problem)
        else:
            text = Content.from_markup("[$foreground 60%]$line[/]", line=line)
        self.query_one("#curves-view", QuietStatic).show(text, layout=False)
        legend = self.query_one("#legend", QuietStatic)
        legend.display = not self.large
        sources = self.sources()
        # Names as long as two lines have room for.
        room = max(min(2 * (self.size.width - 4) // max(len(sources) + 1, 1) - 6, 24), 4)
        parts = [Content.styled(f"{one.label} {shortened(one.name, room)}", one.color) for one in sources]
        legend.show(_flowing(parts, self.size.width - 4))

    # Layout and keys

    def focus_first(self) -> None:
        """Give the first chart the keys."""
        self.charts[0].focus()

    def on_resize(self, event: events.Resize) -> None:
        """Show as many charts as there is room for."""
        self.call_after_refresh(self.show_charts)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer more metrics only where there are more."""
        return action != "page" or (not self.large and len(self.metrics) > self._grid[0] * self._grid[1])

    def forget_page(self) -> None:
        """Go to the first of all metrics with the next drawing."""
        self.words, self._page = "", 0

    def action_page(self, by: int) -> None:
        """Show other metrics."""
        self._page += by
        self.show_charts()

    def action_enlarge(self) -> None:
        """Give a chart the screen, or show all again."""
        if self.large:
            self.large = ""
        else:
            focused = self.focused
            index = self.charts.index(focused) if isinstance(focused, HistoryChart) else 0
            self.large = self.shown[index] if index < len(self.shown) else ""
        self.charts[0].focus()
        self.show_charts()

    def action_back(self) -> None:
        """Undo the nearest thing: the prompt, the large chart; else leave."""
        if self.has_class("-prompting"):
            self.close_prompt()
        elif self.large:
            self.action_enlarge()
        else:
            self.app.pop_screen()

    @on(events.Click, "HistoryChart")
    def _clicked(self, event: events.Click) -> None:
        chart = event.widget
        offset = event.get_content_offset(chart) if isinstance(chart, HistoryChart) else None
        if not isinstance(chart, HistoryChart) or offset is None:
            return
        if event.chain == 2:
            chart.focus()
            self.action_enlarge()
        elif (place := chart.part_at(offset.x)) is not None:
            self.cursor = place
            self.show_charts()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in."""
        self.action_zoom(-1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out."""
        self.action_zoom(1)


def _flowing(parts: Sequence[Content], width: int) -> Content:
    """Return parts in lines that break between them only: Textual 8.2 wraps at a non-breaking space, too."""
    lines = [Content("")]
    for part in parts:
        gap = "   " if lines[-1] else ""
        if gap and lines[-1].cell_length + len(gap) + part.cell_length > width:
            lines.append(part)
        else:
            lines[-1] = Content.assemble(lines[-1], gap, part)
    return Content("\n").join(lines)
