"""AnalysisMetrics: by which metric the analysis judges, and against which second one. A mixin of `AnalysisScreen`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import getters, on
from textual.binding import Binding, BindingType
from textual.widgets import Input, OptionList, Static

from trainer.records import Metric, RunRecord, SweepRecord
from tui.analysis_pareto import logged_names
from tui.analysis_shaping import Axes, Shape
from tui.metric_words import metric_candidates, metric_of
from tui.screens.sweep_deriving import SweepDeriving
from tui.widgets.completing_input import matching
from tui.widgets.filter_prompt import FilterPrompt
from tui.widgets.history_chart import HistoryChart

if TYPE_CHECKING:
    from trainer.insight.report import Insight
    from trainer.sweep.seed_names import Seeds


class AnalysisMetrics(SweepDeriving):
    """Asks for metrics."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "choose_metric", "Metric", id="analysis.metric", tooltip="Judge the runs by another metric"),
        Binding(
            "o", "choose_against", "Against", id="analysis.against",
            tooltip="A second metric: which runs none beats in both (Pareto front)",
        ),
    ]  # fmt: skip

    sweep: SweepRecord
    insight: Insight | None
    axes: Axes
    judged_by: Metric | None = None
    """Another metric than the sweep's; None for that."""
    seeds: Seeds | None = None
    """Which keys only repeat a configuration; None for those that the sweep, or their names, say."""
    front_runs: Sequence[RunRecord] = ()
    """The runs of the Pareto front, as they are listed."""
    front_chart = getters.query_one("#front-chart", HistoryChart)
    prompt_box = getters.query_one(FilterPrompt)
    _entered_metric: Callable[[Metric | None], None] | None = None

    @property
    def metric(self) -> Metric | None:
        """What the runs are judged by."""
        return self.judged_by or self.sweep.metric

    def action_tab(self, tab: str) -> None:
        """Show a tab."""
        raise NotImplementedError

    def action_choose_metric(self) -> None:
        """Ask for the metric that counts."""
        own = self.sweep.metric
        words = (
            f"judge by: accuracy, or log_loss minimize · nothing for {own.name}" if own else "judge by: loss minimize"
        )
        self._ask_metric(words, self._judge_by)

    def _judge_by(self, metric: Metric | None) -> None:
        own = self.sweep.metric
        self.judged_by = own if metric is not None and own is not None and metric.name == own.name else metric
        if self.axes.against is not None and self.metric is not None and self.axes.against.name == self.metric.name:
            self.axes = replace(self.axes, against=None)
        self.action_analyse_sweep()

    def action_choose_against(self) -> None:
        """Ask for the second metric."""
        if self.insight is not None:
            self.action_tab("pareto")
            self._ask_metric("against: log_loss, or fit_seconds minimize · nothing for none", self._trade_off)

    def _trade_off(self, metric: Metric | None) -> None:
        self.axes = replace(self.axes, against=metric)
        self.action_tab("pareto")

    def _ask_metric(self, placeholder: str, entered: Callable[[Metric | None], None]) -> None:
        self._entered_metric = entered
        known = metric_candidates(self._names())
        self.add_class("-asking")
        self.prompt_box.open(placeholder, "", lambda text, asked: matching(known, text))
        # Once the line has the focus: the tab may have wanted it, too.
        self.call_after_refresh(self.prompt_box.box.ask)

    def _names(self) -> list[str]:
        return logged_names(self.insight.table) if self.insight is not None else []

    def close_prompt(self) -> bool:
        """Hide the line; return whether it was shown."""
        was_shown = self.has_class("-asking")
        self.remove_class("-asking")
        return was_shown

    @on(Input.Submitted, "#prompt")
    def _entered(self, message: Input.Submitted) -> None:
        message.stop()
        names = self._names()
        found = metric_of(message.value, names)
        if found is None and message.value.strip():
            if names:
                self.notify(f"No run has logged {message.value.strip()!r}.", severity="warning", markup=False)
                return
            found = metric_of(message.value, [message.value.strip().split()[0]])
        self.close_prompt()
        if self._entered_metric is not None:
            self._entered_metric(found)

    def show_pareto(self, shape: Shape) -> None:
        """Show the front of two metrics, but for the lines of its runs."""
        self.query_one("#pareto-words", Static).update(shape.text)
        self.front_chart.display = shape.slice is not None
        if shape.slice is not None:
            self.front_chart.empty_text = "no run has both"
            self.front_chart.show_content(shape.slice)
        self.front_runs = shape.runs

    @on(OptionList.OptionSelected, "#front-runs")
    def _front_run_chosen(self, message: OptionList.OptionSelected) -> None:
        # Imported when first needed, like every screen that is not the first.
        from tui.screens.run import RunScreen

        if message.option_index < len(self.front_runs):
            self.app.push_screen(RunScreen(self.session, self.sweep, self.front_runs[message.option_index]))
