"""RunCurves: the run itself and its history, read as it grows; what the charts show is prepared in a worker.

A mixin of `RunScreen`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from textual import getters, on, work
from textual.message import Message
from textual.worker import Worker, get_current_worker

from trainer.errors import NotFoundError, TrainerError
from trainer.events import RunsChanged, SweepChanged
from trainer.records import HistoryPoint, RunRecord, SweepRecord
from trainer.states import RunState
from trainer.sweep.iterations import bands_of
from tui.chart_colors import chart_colors
from tui.chart_selection import ChartSelection
from tui.columns import metric_order
from tui.curve_charts import ChartContent, CurveSource, chart_contents, metrics_of
from tui.curve_histories import CurveReader
from tui.curve_view import CurveView
from tui.feeds import SweepFeed
from tui.parcel import Parcel
from tui.refreshing import rest_of
from tui.screens.run_changing import RunChanging
from tui.widgets.chart_grid import ChartGrid

RUN_FEED, SHAPING, STOP_REASON = "run_feed", "run_shaping", "run_stop_reason"
POLL_SECONDS = 1.0
MAX_HISTORY = 20_000
"""Rows kept; beyond, every second one goes, since a chart shows a few hundred."""


class RunCurves(RunChanging):
    """Reads the run and its history, and draws every metric."""

    curves = getters.query_one("#curves", ChartGrid)
    sweep: SweepRecord
    run: RunRecord
    problem: str
    stop_reading: threading.Event

    @dataclass
    class RunRead(Message):
        """News of the run."""

        run: RunRecord
        history: Sequence[HistoryPoint]
        """Rows that were not there before."""

    @dataclass
    class ReadFailed(Message):
        """The server could not be asked."""

        error: TrainerError

    @dataclass
    class StopFound(Message):
        """Why the sweep's `early_terminate` stops the run."""

        reason: str

    @dataclass
    class CurvesShaped(Message):
        """What the charts are to show is ready."""

        names: Sequence[str]
        """Every metric."""
        contents: Mapping[str, ChartContent]
        """What the charts of those in sight show."""

    def __init__(self) -> None:
        """Begin with what the leaderboard knew."""
        super().__init__()
        self.history: list[HistoryPoint] = []
        self.was_read = False
        """Whether the server has told of the run since the screen was opened."""
        self._is_shaping = False
        self._is_stale = False
        self._reader = CurveReader()
        """Used by the worker that shapes."""
        self._feed: SweepFeed | None = None
        self.computed_stop = ""
        """Why the sweep's `early_terminate` stops the run, where its server does not tell."""
        self._stop_asked = False

    def show_run(self) -> None:
        """Show the state of the run."""
        raise NotImplementedError

    @work(thread=True, exclusive=True, exit_on_error=False, group=RUN_FEED)
    def watch_run(self) -> None:
        """Read the run until it has ended and everything of it has arrived."""
        worker = get_current_worker()
        last_step, had_ended, is_first = -1, self.run.state.is_terminal, True
        while not self.stop_reading.is_set() and not worker.is_cancelled:
            began = time.monotonic()
            try:
                found = self._read(worker, last_step, None if is_first else self.stop_reading)
            except TrainerError as error:
                self.post_message(self.ReadFailed(error))
                found, began = None, time.monotonic()
            if found is not None:
                is_first = False
                last_step, has_ended = found
                # What is read after a terminal state is everything there will be.
                if had_ended and has_ended:
                    return
                had_ended = has_ended
            self.stop_reading.wait(rest_of(POLL_SECONDS, began))

    def _read(self, worker: Worker[None], last_step: int, stop: threading.Event | None) -> tuple[int, bool] | None:
        """Read what is new: at once, or with the next poll; return the last step read, and whether the run has ended.

        Raises:
            TrainerError: If it cannot be read.
        """
        from trainer.tracking.run_news import RunAsk

        reference, run_id = self.reference, self.run.id
        ask = RunAsk(reference.entity, reference.project, run_id, record=True, from_step=last_step + 1)
        (news,) = self.session.read_news([ask], stop)
        if worker.is_cancelled or self.stop_reading.is_set():
            return None
        if news is None or news.run is None:
            raise NotFoundError("The server has no such run any more: somebody deleted it.")
        self.post_message(self.RunRead(news.run, news.history))
        return news.history[-1].step if news.history else last_step, news.run.state.is_terminal

    @on(RunRead)
    def _run_read(self, message: RunRead) -> None:
        self.run, self.problem, self.was_read = message.run, "", True
        self.history.extend(message.history)
        if len(self.history) > MAX_HISTORY:
            self.history = self.history[::2]
        self.show_run()
        self.show_curves()
        if self._feed is not None:
            self._feed.apply([RunsChanged((self.run,))])
        self.offer_keys()
        told = message.run.stop_reason
        if message.run.state is RunState.KILLED and not told and not self._stop_asked and self.sweep.metric:
            self._stop_asked = True
            if self.sweep.config.get("early_terminate"):
                self.find_stop_reason()

    @work(thread=True, exclusive=True, exit_on_error=False, group=STOP_REASON)
    def find_stop_reason(self) -> None:
        """Compare the run with all others of its sweep, as the rule does."""
        from trainer.search.hyperband import RunCurve, why_stopped

        assert self.sweep.metric is not None
        name = self.sweep.metric.name
        try:
            runs = self.session.read_all_curves(self.sweep)
            curves = [
                RunCurve(run.id, [row.values[name] for row in run.curve if name in row.values], is_running=False)
                for run in runs
            ]
            found = why_stopped(self.sweep.config, curves, self.run.id)
        except TrainerError:
            # What is only explained is not worth an error: the state stands there all the same.
            return
        if found is not None:
            self.post_message(self.StopFound(found.reason))

    @on(StopFound)
    def _stop_found(self, message: StopFound) -> None:
        self.computed_stop = message.reason
        self.show_run()

    @on(ReadFailed)
    def _read_failed(self, message: ReadFailed) -> None:
        self.problem = message.error.message
        self.show_run()

    @property
    def rows(self) -> Sequence[HistoryPoint]:
        """What the curves show: the history, or, until it was read, what the leaderboard knew of it."""
        return self.history or self.run.curve

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics that were logged, the sweep's first, then by name."""
        return self._ordered(metrics_of(self.rows))

    def _ordered(self, names: set[str]) -> list[str]:
        own = self.sweep.metric.name if self.sweep.metric else ""
        return sorted(names, key=lambda name: (name != own, metric_order(name)))

    def show_curves(self) -> None:
        """Have the charts in sight prepared: a long history is too much for the event loop."""
        if self._is_shaping:
            self._is_stale = True
            return
        grid, rows = self.curves, self.rows
        if not rows:
            ended = self.run.state.is_terminal and self.was_read
            grid.refresh_empty("no metrics logged" if ended else "waiting for the first metrics…")
            return
        self._is_shaping, self._is_stale = True, False
        colors = chart_colors(self.app.current_theme).series
        source = CurveSource("", "", colors[0], self.run.created_at, tuple(rows))
        entry, metric = self.sweep.config.get("early_terminate"), self.sweep.metric
        bands = {metric.name: bands_of(entry)} if metric and isinstance(entry, Mapping) else {}
        self._shape(Parcel(source), grid.in_sight, grid.at_once, bands, colors)

    @work(thread=True, exit_on_error=False, group=SHAPING, description="shaping")
    def _shape(
        self,
        parcel: Parcel[CurveSource],
        in_sight: range,
        at_once: int,
        bands: Mapping[str, Sequence[int]],
        colors: Sequence[str],
    ) -> None:
        try:
            source = parcel.open()
            names = self._ordered(metrics_of(source.history))
            shown = names[in_sight.start : in_sight.start + at_once]
            contents = chart_contents([source], shown, CurveView(), None, bands, self._reader)
            for place, name in enumerate(shown, in_sight.start):
                series = tuple(
                    replace(one, name=name, color=colors[place % len(colors)]) for one in contents[name].series
                )
                contents[name] = replace(contents[name], series=series)
            self.post_message(self.CurvesShaped(names, contents))
        except Exception:
            # Else nothing would ever be drawn again.
            self.post_message(self.CurvesShaped((), {}))
            raise

    @on(CurvesShaped)
    def _curves_shaped(self, message: CurvesShaped) -> None:
        self._is_shaping = False
        grid = self.curves
        grid.name_charts(message.names)
        for chart, place in zip(grid.charts, grid.in_sight, strict=False):
            content = message.contents.get(grid.titles[place])
            if content is None:
                # It came into sight meanwhile.
                self._is_stale = True
            else:
                chart.empty_text = "logged, but no number that can be drawn"
                chart.show_content(content)
        self.offer_keys()
        if self._is_stale:
            self.show_curves()

    def action_all_curves(self) -> None:
        """Show every metric in a grid of its own."""
        # Imported when first needed, like every screen that is not the first.
        from tui.screens.curves import CurvesScreen

        feed = self._feed = SweepFeed()
        feed.apply([SweepChanged(self.sweep), RunsChanged((self.run,))])
        selection = ChartSelection()
        selection.update([self.run.id], lambda run_id: True)
        self.app.push_screen(CurvesScreen(self.session, feed, selection))
