"""SweepCharting: what the chart of the live view draws. A mixin of `SweepScreen`; reads histories in a worker."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import ClassVar

from textual import getters, on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.worker import get_current_worker

from trainer.errors import TrainerError
from trainer.records import HistoryPoint, RunRecord, SweepReference
from tui.chart_colors import chart_colors
from tui.chart_scale import XAxis
from tui.chart_selection import ChartSelection
from tui.chart_series import drawn_runs, has_curves, metric_names, progress_series, run_series
from tui.curve_charts import ChartContent
from tui.feeds import SweepFeed
from tui.formatting import count_text
from tui.growing_histories import GrowingHistories
from tui.session import Session
from tui.widgets.frame_words import say_in_frame
from tui.widgets.history_chart import HistoryChart

HISTORIES = "histories"
HISTORY_SAMPLES = 1_000
"""Rows of each history that are read at first."""
ENOUGH_RUNS = 3
"""Ended runs without curves after which the chart shows the best value over the runs by itself."""


@dataclass
class ChartWish:
    """What the user wants the chart to show."""

    metric_name: str = ""
    """Empty for the sweep's metric."""
    progress: bool | None = None
    """Whether to show the best value over the runs; None to decide by what there is."""
    histories: dict[str, Sequence[HistoryPoint]] = field(default_factory=dict)
    """Histories read for another metric than the sweep's, by run id."""


class SweepCharting(Screen[None]):
    """Curves of the best runs, or the best value over the runs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "v", "toggle_progress", "Curves", id="sweep.view", show=False, tooltip="Curves, or best value over runs"
        ),
        Binding("G", "open_curves", "Charts", id="sweep.curves", show=False, tooltip="A chart of every metric"),
        Binding("y", "toggle_log", "Log axis", id="sweep.log", show=False, tooltip="Logarithmic or linear value axis"),
        Binding(
            "r", "refresh_data", "Refresh", id="sweep.refresh", show=False, tooltip="Read the drawn histories again"
        ),
    ]

    stop_following: threading.Event
    session: Session
    reference: SweepReference
    feed: SweepFeed
    selection: ChartSelection
    wish: ChartWish
    chart = getters.query_one("#chart", HistoryChart)

    @dataclass
    class HistoriesRead(Message):
        """Histories of drawn runs arrived, by run id."""

        histories: Mapping[str, Sequence[HistoryPoint]]

    @property
    def shows_progress(self) -> bool:
        """Whether the chart shows the best value over the runs, and not curves."""
        metric = self.feed.board.metric
        if metric is None or (self.wish.metric_name and self.wish.metric_name != metric.name):
            return False
        if self.wish.progress is not None:
            return self.wish.progress
        runs = self.feed.board.runs
        has_waited = self.feed.progress.done >= ENOUGH_RUNS
        return has_waited and not has_curves(runs[run_id] for run_id in self.selection.drawn)

    def show_chart(self) -> None:
        """Give the chart what it is to draw now."""
        board, colors = self.feed.board, chart_colors(self.app.current_theme)
        name = self.wish.metric_name or (board.metric.name if board.metric else "")
        if not name:
            self.chart.empty_text = "This sweep names no metric; / chooses one to draw"
            self.chart.show([])
            return
        self.chart.empty_text = f"No run has logged {name}{'' if self.feed.is_over else ' yet'}"
        best_of = count_text(len(self.selection.drawn), "best run")
        if self.shows_progress and board.metric:
            runs, values = list(board.runs.values()), board.values()
            make = partial(progress_series, runs, values, board.metric, colors.quiet, colors.best)
            title, what = f"best {name} so far", "by run"
        else:
            make = partial(run_series, drawn_runs(board, self.selection, name, self.wish.histories, colors), name)
            title, what = name, f"by step · {best_of}"
        self.chart.show_made(lambda: ChartContent(tuple(make()), XAxis.COUNT))
        say_in_frame(self.chart, title=f"{title}{' (log)' if self.chart.log_y else ''}", subtitle=what)

    def draw_metric(self, words: str) -> None:
        """Draw the metric whose name is, or first contains, `words`; the sweep's own for no words."""
        wanted = words.strip().lower()
        matching = [name for name in metric_names(self.feed.board) if wanted in name.lower()]
        if not matching:
            self.notify(f"No metric has “{words}” in its name.", severity="warning", markup=False)
            return
        exact = [name for name in matching if name.lower() == wanted]
        self.wish.metric_name = (exact or matching)[0]
        self.read_histories_if_needed()
        self.show_chart()

    def action_toggle_log(self) -> None:
        """Change the scale of the chart."""
        self.chart.log_y = not self.chart.log_y
        self.show_chart()

    def action_toggle_progress(self) -> None:
        """Change between curves and the best value over the runs."""
        self.wish.progress = not self.shows_progress
        self.show_chart()

    def action_open_curves(self) -> None:
        """Show a chart of every metric of the drawn runs."""
        # Imported when first needed, like every screen that is not the first.
        from tui.screens.curves import CurvesScreen

        if self.feed.sweep is not None:
            self.app.push_screen(CurvesScreen(self.session, self.feed, self.selection, self.histories))

    def action_refresh_data(self) -> None:
        """Read histories again."""
        self.wish.histories.clear()
        self.histories.forget()
        self.read_histories_if_needed()

    def read_histories_if_needed(self) -> None:
        """Read what the follower does not bring: histories of another metric, again while runs are alive."""
        board = self.feed.board
        if not self.wish.metric_name or (board.metric and board.metric.name == self.wish.metric_name):
            return
        drawn = [board.runs[run_id] for run_id in self.selection.drawn]
        is_reading = any(worker.group == HISTORIES and worker.is_running for worker in self.workers)
        if self.is_current and not is_reading and self.histories.wants(drawn):
            self.read_histories(drawn)

    @cached_property
    def histories(self) -> GrowingHistories:
        """What was read of histories, for the chart here and for the charts of all metrics."""
        return GrowingHistories(self.session, HISTORY_SAMPLES)

    @work(thread=True, exclusive=True, exit_on_error=False, group=HISTORIES, description="read histories")
    def read_histories(self, runs: Sequence[RunRecord]) -> None:
        """Read histories of drawn runs for a metric other than the sweep's; what is new comes with the next poll."""
        worker = get_current_worker()
        try:
            for histories in self.histories.read(self.reference, runs, self.stop_following):
                if worker.is_cancelled:
                    return
                self.post_message(self.HistoriesRead(histories))
        except TrainerError:
            # The follower reports a server that is away; the next tick reads again.
            return

    @on(HistoriesRead)
    def _histories_read(self, message: HistoriesRead) -> None:
        self.wish.histories.update(message.histories)
        self.show_chart()
