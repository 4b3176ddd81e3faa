"""AnalysisScreen: what the runs of a sweep say, in tabs. Numbers and drawings come from workers; keys are handled here.

What the tabs show is shaped by `analysis_shaping`; the numbers are `trainer.insight`'s, read through the session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events, getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import ContentSwitcher, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import get_current_worker

from trainer.errors import TrainerError
from trainer.records import Metric, Ranking, SweepRecord
from tui.analysis_lines import head_line, importance_head, kept_words, rule_head
from tui.analysis_shaping import Axes, Shape, shape_of
from tui.chart_colors import ChartColors, chart_colors
from tui.looks import is_plain
from tui.messages import BuilderOpenRequested
from tui.screens.analysis_metrics import AnalysisMetrics
from tui.session import Session
from tui.widgets.app_header import AppHeader
from tui.widgets.filter_prompt import FilterPrompt
from tui.widgets.fitting_footer import FittingFooter
from tui.widgets.history_chart import HistoryChart
from tui.widgets.parallel_plot import ParallelPlot
from tui.widgets.section_tabs import SectionTabs

if TYPE_CHECKING:
    from trainer.insight.report import Insight

COMPUTING, SHAPING = "insight", "insight_shaping"
TABS = {
    "importance": "Importance",
    "ties": "Ties",
    "parallel": "Parallel",
    "scatter": "Scatter",
    "boxes": "Boxes",
    "stops": "Early stop",
    "next": "Next",
    "pareto": "Pareto",
}
_FOCUS = {
    "importance": "#parameters", "ties": "#ties", "parallel": "#parallel-plot", "scatter": "#slice",
    "boxes": "#boxes-scroll", "stops": "#rules", "next": "#next", "pareto": "#front-runs",
}  # fmt: skip
_SCATTER_ACTIONS = ("axis_x", "axis_y", "axis_z")


class AnalysisScreen(AnalysisMetrics):
    """Importance, ties, parallel coordinates, scatter and heat map, boxes, early stopping, next space, Pareto front."""

    CSS_PATH = "analysis.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="analysis.back", tooltip="Back to the sweep"),
        *(
            Binding(str(number), f"tab('{tab}')", title, id=f"analysis.{tab}", show=False, tooltip=f"Show {title}")
            for number, (tab, title) in enumerate(TABS.items(), start=1)
        ),
        Binding(
            "right_square_bracket", "step(1)", "Next tab", key_display="]", id="analysis.next_tab",
            tooltip="The next tab",
        ),
        Binding(
            "left_square_bracket", "step(-1)", "Tab before", key_display="[", id="analysis.tab_before", show=False,
            tooltip="The tab before",
        ),
        Binding("x", "axis_x(1)", "X", id="analysis.x", tooltip="Another parameter to the right"),
        Binding("X", "axis_x(-1)", "X back", id="analysis.x_back", show=False, tooltip="The parameter before"),
        Binding("y", "axis_y(1)", "Y", id="analysis.y", tooltip="Up: the metric, or a parameter for a heat map"),
        Binding("Y", "axis_y(-1)", "Y back", id="analysis.y_back", show=False, tooltip="What was up before"),
        Binding("z", "axis_z(1)", "Colour", id="analysis.z", tooltip="A third parameter as colours"),
        Binding("Z", "axis_z(-1)", "Colour back", id="analysis.z_back", show=False, tooltip="The colours before"),
        Binding("b", "toggle_ranking", "Best/last", id="analysis.ranking", tooltip="Judge by best or last value"),
        Binding("r", "analyse_sweep", "Read again", id="analysis.refresh", show=False, tooltip="Read the runs again"),
        Binding("enter", "take", "Builder", id="analysis.take", tooltip="Open the proposed space in the builder"),
    ]  # fmt: skip

    tabs = getters.query_one(SectionTabs)
    body = getters.query_one("#analysis-body", ContentSwitcher)
    plot = getters.query_one(ParallelPlot)
    slice = getters.query_one("#slice", HistoryChart)
    parameters = getters.query_one("#parameters", OptionList)
    rules = getters.query_one("#rules", OptionList)

    @dataclass
    class Computed(Message):
        """The numbers are there, or why they are not."""

        insight: Insight | None
        problem: str = ""

    @dataclass
    class Shaped(Message):
        """What a tab shows is ready."""

        shape: Shape

    def __init__(self, session: Session, sweep: SweepRecord) -> None:
        """Create the screen; the runs are read once it is shown."""
        super().__init__()
        self.session = session
        self.sweep = sweep
        self.by: Ranking = "best"
        self.front = "importance"
        self.insight: Insight | None = None
        self.problem = ""
        self.axes = Axes()
        self._is_shaping = False
        self._is_stale = False

    def compose(self) -> ComposeResult:
        """Compose the screen."""
        yield AppHeader(f"{self.sweep.name} › Analysis", self.session.label, self.sweep.reference.project)
        yield Static("", id="analysis-words")
        yield SectionTabs(TABS)
        yield FilterPrompt()
        with ContentSwitcher(initial="waiting", id="analysis-body"):
            yield Static("", id="waiting", markup=False)
            with Vertical(id="importance"):
                yield Static("", id="importance-head", classes="line")
                yield OptionList(id="parameters")
                yield Static("", id="importance-notes", classes="notes", markup=False)
            with VerticalScroll(id="ties"):
                yield Static("", id="ties-text", markup=False)
            with Vertical(id="parallel"):
                yield Static("", id="parallel-words")
                yield ParallelPlot(id="parallel-plot")
            with Vertical(id="scatter"):
                yield Static("", id="scatter-words", classes="line")
                yield HistoryChart(id="slice")
                with VerticalScroll(id="heat-scroll"):
                    yield Static("", id="heat")
                yield Static("", id="scatter-legend", classes="line")
            with VerticalScroll(id="boxes-scroll"):
                yield Static("", id="boxes")
            with Vertical(id="stops"):
                yield Static("", id="stops-head", classes="line")
                yield OptionList(id="rules")
                yield Static("", id="stops-notes", classes="notes", markup=False)
            with VerticalScroll(id="next"):
                yield Static("", id="next-text", markup=False)
            with Vertical(id="pareto"):
                yield Static("", id="pareto-words", classes="line")
                yield HistoryChart(id="front-chart")
                yield OptionList(id="front-runs")
        yield FittingFooter()

    def on_mount(self) -> None:
        """Read the runs."""
        self.slice.shows_legend = self.front_chart.shows_legend = False
        self.action_analyse_sweep()

    def on_unmount(self) -> None:
        """End what is computed."""
        self.session.end_insight()

    def sweep_to_derive(self) -> SweepRecord | None:
        """Return the sweep that is analysed, for fork and narrow."""
        return self.sweep

    # Computing

    def action_analyse_sweep(self) -> None:
        """Read the runs, and compute."""
        self.problem = ""
        if self.metric is None:
            self.problem = "This sweep names no metric, so none of its runs is better than another.\n"
            self.problem += "m judges them by any."
        self._show()
        if self.metric is not None:
            self.compute(self.by, self.metric)

    @work(thread=True, exclusive=True, exit_on_error=False, group=COMPUTING, description="compute")
    def compute(self, by: Ranking, metric: Metric) -> None:
        """Read the runs and compute; seconds for a thousand runs."""
        worker = get_current_worker()
        try:
            found = self.Computed(self.session.insight(self.sweep, by, metric, self.seeds))
        except TrainerError as error:
            found = self.Computed(None, str(error))
        except Exception as error:
            # The numbers of odd runs must not end the app; the log says which.
            self.post_message(self.Computed(None, f"The runs could not be analysed: {error}"))
            raise
        if not worker.is_cancelled:
            self.post_message(found)

    @on(Computed)
    def _computed(self, message: Computed) -> None:
        self.insight, self.problem = message.insight or self.insight, message.problem
        if message.insight is not None:
            self.axes = self.axes.within(message.insight)
        self._show()

    def looks_changed(self) -> None:
        """Show everything anew: see `FollowsLooks`."""
        self._show()

    # Showing

    def _show(self) -> None:
        """Show the tab in front, or why there is nothing to show."""
        self.tabs.show(self.front)
        self.refresh_bindings()
        words = self.query_one("#analysis-words", Static)
        if self.insight is None:
            self.body.current = "waiting"
            waiting = "Reading the runs and computing…\nA thousand runs take some seconds."
            again = "\nr reads again." if self.problem and self.metric is not None else ""
            self.query_one("#waiting", Static).update(f"✗ {self.problem}{again}" if self.problem else waiting)
            words.update("")
            return
        is_busy = any(worker.group == COMPUTING and worker.is_running for worker in self.workers)
        if self.problem:
            words.update(Content.from_markup("[$error]✗ $why[/]", why=self.problem.splitlines()[0]))
        elif is_busy and (self.insight.by, self.insight.metric) != (self.by, self.metric):
            words.update(Content.styled("Computing…", "$foreground-muted"))
        else:
            words.update(head_line(self.insight))
        was_waiting = self.body.current == "waiting"
        self.body.current = "boxes-scroll" if self.front == "boxes" else self.front
        if was_waiting and self.focused is None:
            self._focus_front()
        self.call_after_refresh(self._shape_front)

    def _focus_front(self) -> None:
        target = "#heat-scroll" if self.front == "scatter" and self.axes.down else _FOCUS[self.front]
        self.query_one(target).focus()

    def _shape_front(self) -> None:
        """Have the tab in front prepared; while that goes on, another wish waits."""
        if self.insight is None:
            return
        if self._is_shaping:
            self._is_stale = True
            return
        self._is_shaping, self._is_stale = True, False
        width = max(self.body.size.width - 4, 20)
        colors = chart_colors(self.app.current_theme)
        self._shape(self.insight, self.front, self.axes, width, colors, is_plain(self.app))

    @work(thread=True, exit_on_error=False, group=SHAPING, description="shape")
    def _shape(self, insight: Insight, tab: str, axes: Axes, width: int, colors: ChartColors, is_plain: bool) -> None:
        try:
            self.post_message(self.Shaped(shape_of(insight, tab, axes, width, colors, is_plain)))
        except Exception:
            self.post_message(self.Shaped(Shape(tab, text=Content("This could not be drawn."))))
            raise

    @on(Shaped)
    def _shaped(self, message: Shaped) -> None:
        self._is_shaping = False
        shape, insight = message.shape, self.insight
        assert insight is not None
        width = max(self.body.size.width - 4, 20)
        if shape.tab == "importance":
            self.query_one("#importance-head", Static).update(importance_head(width) if shape.lines else "")
            self._fill(self.parameters, shape)
            self.query_one("#importance-notes", Static).update(shape.notes)
        elif shape.tab == "stops":
            self.query_one("#stops-head", Static).update(rule_head(width) if shape.lines else "")
            self._fill(self.rules, shape)
            self.query_one("#stops-notes", Static).update(shape.notes)
        elif shape.tab == "parallel":
            self.plot.show(shape.parallel, insight.table.order)
            if not shape.parallel:
                self.query_one("#parallel-words", Static).update(shape.text)
        elif shape.tab == "scatter":
            self._show_scatter(shape)
        elif shape.tab == "pareto":
            self.show_pareto(shape)
            self._fill(self.query_one("#front-runs", OptionList), shape)
        else:
            self.query_one({"ties": "#ties-text", "boxes": "#boxes", "next": "#next-text"}[shape.tab], Static).update(
                shape.text
            )
        if self._is_stale:
            self._shape_front()

    def _fill(self, options: OptionList, shape: Shape) -> None:
        highlighted = options.highlighted
        options.clear_options()
        options.add_options([Option(line) for line in shape.lines])
        options.display = bool(shape.lines)
        if shape.lines:
            options.highlighted = min(highlighted or 0, len(shape.lines) - 1)

    def _show_scatter(self, shape: Shape) -> None:
        self.query_one("#scatter-words", Static).update(shape.text)
        self.query_one("#scatter-legend", Static).update(shape.legend)
        self.slice.display = shape.slice is not None
        self.query_one("#heat-scroll").display = shape.slice is None
        if shape.slice is not None:
            self.slice.empty_text = "no run has both"
            self.slice.show_content(shape.slice)
        else:
            self.query_one("#heat", Static).update(shape.heat)

    @on(ParallelPlot.Brushed)
    def _brushed(self, message: ParallelPlot.Brushed) -> None:
        if self.insight is not None and self.plot.axes:
            brushes = [a.brush_text(self.plot.brushes[a.name]) for a in self.plot.axes if a.name in self.plot.brushes]
            self.query_one("#parallel-words", Static).update(kept_words(self.insight, message.kept, brushes))

    def on_resize(self, event: events.Resize) -> None:
        """Fit the tab into the new size."""
        self.call_after_refresh(self._shape_front)

    # Keys and mouse

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what the tab in front can do."""
        if action in _SCATTER_ACTIONS:
            return self.front == "scatter" and self.insight is not None and bool(self.insight.table.features)
        if action == "take":
            return self.front == "next" and self.insight is not None and bool(self.insight.narrowing.changes)
        return True

    def action_back(self) -> None:
        """Close the line; else leave."""
        if self.close_prompt():
            self._focus_front()
        else:
            self.app.pop_screen()

    def action_tab(self, tab: str) -> None:
        """Show a tab."""
        self.front = tab
        self._show()
        if self.insight is not None:
            self._focus_front()

    def action_step(self, steps: int) -> None:
        """Show a tab further on; after the last comes the first."""
        tabs = list(TABS)
        self.action_tab(tabs[(tabs.index(self.front) + steps) % len(tabs)])

    @on(SectionTabs.Chosen)
    def _tab_chosen(self, message: SectionTabs.Chosen) -> None:
        self.front = message.section
        self._show()

    def action_toggle_ranking(self) -> None:
        """Judge by the other value of the metric."""
        self.by = "last" if self.by == "best" else "best"
        self.action_analyse_sweep()

    def _turn(self, axes: Axes) -> None:
        self.axes = axes
        self._show()
        if self.focused in (None, self.slice, self.query_one("#heat-scroll")):
            self._focus_front()

    def action_axis_x(self, steps: int) -> None:
        """Put another parameter to the right."""
        if self.insight is not None:
            self._turn(self.axes.turned(self.insight, "across", steps))

    def action_axis_y(self, steps: int) -> None:
        """Put the metric up, or another parameter."""
        if self.insight is not None:
            self._turn(self.axes.turned(self.insight, "down", steps))

    def action_axis_z(self, steps: int) -> None:
        """Show another parameter as colours, or none."""
        if self.insight is not None:
            self._turn(self.axes.turned(self.insight, "color", steps))

    @on(OptionList.OptionSelected, "#parameters")
    def _parameter_chosen(self, message: OptionList.OptionSelected) -> None:
        if self.insight is not None and message.option_index < len(self.insight.importance.rows):
            self.axes = Axes(self.insight.importance.rows[message.option_index].name)
            self.action_tab("scatter")

    @on(OptionList.OptionSelected, "#rules")
    def _rule_chosen(self, message: OptionList.OptionSelected) -> None:
        if self.insight is None or message.option_index >= len(self.insight.replays.replays):
            return
        replay = self.insight.replays.replays[message.option_index]
        if replay.entry is None:
            self.notify("W&B knows no median rule; choose a hyperband.", severity="warning", markup=False)
            return
        config = {**self.sweep.config, "early_terminate": dict(replay.entry)}
        self.post_message(BuilderOpenRequested(config=self.sweep.config, edit=(config, f"stop early: {replay.rule}")))

    def action_take(self) -> None:
        """Offer the proposed space, change by change; what is taken opens in the builder."""
        if self.insight is not None:
            self.post_message(self.Narrowed(self.sweep, self.insight.narrowing))
