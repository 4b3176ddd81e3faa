"""CompareSweepsScreen: marked sweeps side by side, with how the best of each came about; reads in a worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from rich.text import Text
from textual import events, getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import DataTable, Static
from textual.worker import get_current_worker

from trainer.errors import TrainerError
from trainer.records import SweepRecord
from tui.chart_colors import chart_colors, rich_color
from tui.chart_series import ChartSeries
from tui.formatting import cells_of, count_text, shortened
from tui.messages import AcrossOpenRequested, SweepOpenRequested
from tui.session import Session
from tui.widgets.app_header import AppHeader
from tui.widgets.fitting_footer import FittingFooter
from tui.widgets.history_chart import HistoryChart

if TYPE_CHECKING:
    from trainer.sweep_comparison import Comparison, SweepWithRuns

COMPARING = "comparing"
MAX_VALUE_WIDTH = 34
CHART_FROM = 30
"""Rows of the terminal from which the chart stands below the table."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class CompareSweepsScreen(Screen[None]):
    """A row for each fact, a column for each sweep, a curve for each below."""

    CSS_PATH = "compare_sweeps.tcss"
    AUTO_FOCUS = "DataTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back", id="compare_sweeps.back", show=False, tooltip="Back to the list"),
        Binding("enter", "open", "Open", id="compare_sweeps.open", priority=True, tooltip="Open the column's sweep"),
        Binding("L", "across", "One leaderboard", id="compare_sweeps.across", tooltip="All their runs in one table"),
        Binding("v", "toggle_chart", "Chart", id="compare_sweeps.chart", tooltip="Show or hide the curves"),
        Binding("d", "toggle_same", "Differences", id="compare_sweeps.same", tooltip="Only what differs, or all"),
        Binding("r", "read", "Refresh", id="compare_sweeps.refresh", show=False, tooltip="Read their runs again"),
    ]

    @dataclass
    class RunsRead(Message):
        """The runs of all sweeps are there."""

        found: tuple[SweepWithRuns, ...]
        comparison: Comparison

    @dataclass
    class ReadFailed(Message):
        """They could not be read."""

        error: TrainerError

    table = getters.query_one(DataTable)
    chart = getters.query_one(HistoryChart)

    def __init__(self, session: Session, sweeps: Sequence[SweepRecord]) -> None:
        """Compare some sweeps of the session's server; their runs are read once it is shown."""
        super().__init__()
        self.session = session
        self.sweeps = tuple(sweeps)
        self.found: tuple[SweepWithRuns, ...] = ()
        self.comparison: Comparison | None = None
        self.only_differences = False
        self._shows_chart: bool | None = None

    def compose(self) -> ComposeResult:
        """Compose the screen."""
        yield AppHeader(f"Compare {count_text(len(self.sweeps), 'sweep')}", self.session.label)
        yield Static("Reading their runs…", id="notes")
        with Vertical(id="body"):
            yield DataTable(cursor_type="column", fixed_columns=1)
            yield HistoryChart(id="chart", classes="panel")
        yield FittingFooter()

    def on_mount(self) -> None:
        """Read."""
        self.chart.empty_text = "No run has a value yet"
        self.action_read()

    def on_resize(self, event: events.Resize) -> None:
        """Show the chart where there is room for it, unless the user said otherwise."""
        self._place_chart(event.size.height)

    def _place_chart(self, height: int) -> None:
        is_wanted = height >= CHART_FROM if self._shows_chart is None else self._shows_chart
        self.set_class(is_wanted, "-charting")
        self.set_class(is_wanted and height < CHART_FROM, "-chart-only")

    def action_read(self) -> None:
        """Read the runs of all sweeps."""
        self.read_runs()

    @work(thread=True, exclusive=True, exit_on_error=False, group=COMPARING)
    def read_runs(self) -> None:
        """Read the sweeps and their runs, and compare them."""
        # Imported here: the tables of text cost more than a frame.
        from trainer.sweep_comparison import SweepWithRuns, compare_sweeps

        worker, client = get_current_worker(), self.session.client
        found = []
        try:
            for sweep in self.sweeps:
                newest = client.read_sweep(sweep.reference)
                found.append(SweepWithRuns(newest, client.read_runs(newest, newest.metric)))
                if worker.is_cancelled:
                    return
        except TrainerError as error:
            self.post_message(self.ReadFailed(error))
            return
        self.post_message(self.RunsRead(tuple(found), compare_sweeps(found)))

    @on(ReadFailed)
    def _failed(self, message: ReadFailed) -> None:
        text = Content.from_markup("[$error]✗ $text[/]  r tries again", text=str(message.error))
        self.query_one("#notes", Static).update(text)

    @on(RunsRead)
    def _runs_read(self, message: RunsRead) -> None:
        self.found, self.comparison = message.found, message.comparison
        self.sweeps = tuple(each.sweep for each in message.found)
        self._show()

    def _show(self) -> None:
        comparison = self.comparison
        if comparison is None:
            return
        notes = [Content.styled(f"! {note}", "$warning") for note in comparison.notes]
        if comparison.same:
            notes.append(Content.styled(f"= in all: {' · '.join(comparison.same)}", "$text-muted"))
        self.query_one("#notes", Static).update(Content("\n").join(notes or [Content("")]))
        self._fill_table(comparison)
        self._draw()

    def _fill_table(self, comparison: Comparison) -> None:
        table, column = self.table, self.table.cursor_column
        table.clear(columns=True)
        sections = [
            (section.title, [row for row in section.rows if row.differs or not self.only_differences])
            for section in comparison.sections
        ]
        rows = [row for _, found in sections for row in found]
        titles = [row.title for row in rows] + [title for title, _ in sections]
        # Told, since the table takes what is styled to be one cell wide.
        table.add_column("", width=max((cells_of(title) for title in titles), default=1) + 2)
        colors = chart_colors(self.app.current_theme)
        for place, name in enumerate(comparison.names):
            longest = max((cells_of(row.values[place]) for row in rows), default=0) + 2
            width = min(max(longest, cells_of(name) + 2), MAX_VALUE_WIDTH)
            color = colors.series[place % len(colors.series)]
            head = Text.assemble(
                (f"{_letter(place)} ", Style(color=rich_color(color), bold=True)), shortened(name, width - 2)
            )
            table.add_column(head, width=width)
        for number, (title, found) in enumerate(sections):
            if not found:
                continue
            blanks = [Content("")] * len(comparison.names)
            if number:
                table.add_row(Content(""), *blanks)
            table.add_row(Content.styled(title, "bold $primary"), *blanks)
            for row in found:
                cells = [
                    Content.styled(f"★ {value}", "bold $accent")
                    if place == row.best
                    else Content.styled(shortened(value, MAX_VALUE_WIDTH), "" if row.differs else "$text-muted")
                    for place, value in enumerate(row.values)
                ]
                table.add_row(Content.styled(f"  {row.title}", "$text-muted"), *cells)
        table.move_cursor(column=max(column, 1))

    def _draw(self) -> None:
        """Draw how the best of each came about, of those that optimise what the first of them does."""
        metric = next((each.sweep.metric for each in self.found if each.sweep.metric), None)
        if metric is None:
            self.chart.show([])
            return
        colors = chart_colors(self.app.current_theme)
        series = []
        for place, each in enumerate(self.found):
            if each.sweep.metric is None or each.sweep.metric.name != metric.name:
                continue
            color = colors.series[place % len(colors.series)]
            series.append(ChartSeries(_letter(place), each.sweep.name, color, _steps(each.best_so_far())))
        left_out = len(self.found) - len(series)
        self.chart.border_title = Content(f"best {metric.name} so far")
        self.chart.border_subtitle = Content("by run" + (f" · {left_out} with another metric" if left_out else ""))
        self.chart.show(series)

    @property
    def chosen(self) -> SweepRecord | None:
        """The sweep of the column under the cursor."""
        column = self.table.cursor_column - 1
        return self.sweeps[column] if 0 <= column < len(self.sweeps) else None

    def action_open(self) -> None:
        """Open the sweep of the column under the cursor."""
        if self.chosen is not None:
            self.post_message(SweepOpenRequested(self.chosen.reference))

    def action_across(self) -> None:
        """Show all runs in one leaderboard."""
        self.post_message(AcrossOpenRequested(self.sweeps))

    def action_toggle_chart(self) -> None:
        """Show the chart, or hide it."""
        self._shows_chart = not self.has_class("-charting")
        self._place_chart(self.size.height)
        self.table.focus() if self.table.display else self.chart.focus()

    def action_toggle_same(self) -> None:
        """Leave out what is the same in all, or show it."""
        self.only_differences = not self.only_differences
        self._show()


def _letter(place: int) -> str:
    return LETTERS[place % len(LETTERS)]


def _steps(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Return a line of steps: the best so far changes when a run does better, not between two runs."""
    line: list[tuple[float, float]] = []
    for number, value in points:
        if line and line[-1][1] != value:
            line.append((number, line[-1][1]))
        line.append((number, value))
    return tuple(line)
