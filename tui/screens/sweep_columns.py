"""SweepColumns: columns of the live view's leaderboard, kept per project. A mixin of `SweepScreen`."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.worker import get_current_worker

from trainer.errors import TrainerError
from trainer.paths import state_dir
from trainer.records import HistoryPoint, RunRecord, SweepRecord, SweepReference
from tui.chart_series import metric_names
from tui.column_view import ColumnView, read_view, view_file, write_view
from tui.computed_columns import Computed, computed_of
from tui.feeds import SweepFeed
from tui.session import Session
from tui.whole_histories import ROWS, Values, WholeHistories
from tui.widgets.runs_table import RunsTable

COLUMNS = "columns"
COMPUTING = "computing"
COMPUTE_EVERY_SECONDS = 15.0
"""All histories of a metric that may have grown are read for it."""
MANY_CURVES = 500
"""From so many on they are read page by page, and not in one request."""


class SweepColumns(Screen[None]):
    """Chooses columns, and computes those that the server does not keep."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("C", "choose_columns", "Columns", id="sweep.columns", show=False, tooltip="Choose, move, pin columns"),
    ]

    session: Session
    reference: SweepReference
    feed: SweepFeed
    table: RunsTable

    stop_following: threading.Event
    _computed_at: float | None = None
    _whole: WholeHistories
    _computed_state = (0, 0, 0.0)

    @dataclass
    class ViewRead(Message):
        """The choices that were kept."""

        view: ColumnView

    @dataclass
    class ColumnsComputed(Message):
        """Values of columns, by run."""

        found: Values

    def show_runs(self) -> None:
        """Bring the leaderboard up to date."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Begin with nothing that was read whole."""
        self._whole = WholeHistories()

    @work(thread=True, exclusive=True, exit_on_error=False, group=COLUMNS)
    def read_columns(self) -> None:
        """Read the choices that were kept for the project."""
        self.post_message(self.ViewRead(read_view(self._view_file())))

    @work(thread=True, exclusive=True, exit_on_error=False, group=COLUMNS, description="keep columns")
    def keep_columns(self, text: str) -> None:
        """Keep the choices for the project."""
        problem = write_view(self._view_file(), text)
        if problem:
            self.app.call_from_thread(self.notify, problem, severity="warning", markup=False)

    def _view_file(self) -> Path:
        return view_file(state_dir(), self.reference.entity, self.reference.project)

    @on(ViewRead)
    def _view_read(self, message: ViewRead) -> None:
        self.feed.board.view = message.view
        self.feed.board.view_changed()
        self.show_runs()

    def action_choose_columns(self) -> None:
        """Open the list of columns."""
        # Imported when first needed, like every screen that is not the first.
        from tui.screens.columns import ColumnsScreen

        self.app.push_screen(
            ColumnsScreen(
                self.feed.board, self.table.column_width, self._columns_changed, self._compute,
                metric_names(self.feed.board),
            )
        )  # fmt: skip

    @on(RunsTable.ColumnsDragged)
    def _dragged(self) -> None:
        self.keep_columns(self.feed.board.view.dump())

    def _columns_changed(self) -> None:
        self.show_runs()
        self.keep_columns(self.feed.board.view.dump())

    def _compute(self, wanted: Computed) -> None:
        view = self.feed.board.view
        if wanted.column.path not in view.computed:
            view.computed.append(wanted.column.path)
        self.feed.board.set_computed(wanted.column, {})
        self._columns_changed()
        self._relist()
        self._computed_at = None
        self.compute_if_due()

    def compute_if_due(self) -> None:
        """Read what the computed columns need: once, and again now and then while runs go on."""
        now, feed = time.monotonic(), self.feed
        wanted = [found for path in feed.board.view.computed if (found := computed_of(path)) is not None]
        if not wanted or feed.sweep is None or any(worker.group == COMPUTING for worker in self.workers):
            return
        # Live runs log, so their values change, too.
        state = (len(feed.board.runs), feed.progress.done, time.monotonic() if feed.alive_ids else 0.0)
        at = self._computed_at
        if at is None or (state != self._computed_state and now - at > COMPUTE_EVERY_SECONDS):
            self._computed_at, self._computed_state = now, state
            self.read_computed(wanted, [feed.board.runs[run_id] for run_id in feed.board.ranked], is_first=at is None)

    @work(thread=True, exclusive=True, exit_on_error=False, group=COMPUTING, description="read computed")
    def read_computed(self, wanted: Sequence[Computed], runs: Sequence[RunRecord], is_first: bool) -> None:
        """Read samples of the history of each metric and compute, then whole histories of long ones.

        Args:
            wanted: The columns.
            runs: The runs as they are known, the best first.
            is_first: Whether somebody waits for it; else what is new comes with the next polls.
        """
        from trainer.tracking.sweep_reads import CURVE_SAMPLES

        worker, sweep = get_current_worker(), self.feed.sweep
        stop = None if is_first else self.stop_following
        assert sweep is not None

        def read(some: Sequence[RunRecord]) -> dict[str, list[HistoryPoint]]:
            return self.session.read_histories(self.reference, some, samples=ROWS, stop=stop)

        for metric in dict.fromkeys(each.metric for each in wanted):
            try:
                self._read_samples(sweep, metric, runs, stop)
                sampled = self._whole.with_curves(metric, runs)
                columns = [each for each in wanted if each.metric == metric]
                for found in self._whole.refined(columns, sampled, CURVE_SAMPLES, read):
                    if worker.is_cancelled:
                        return
                    self.post_message(self.ColumnsComputed(found))
            except TrainerError as error:
                self.app.call_from_thread(self.notify, str(error), severity="warning", markup=False)
                return

    def _read_samples(
        self, sweep: SweepRecord, metric: str, runs: Sequence[RunRecord], stop: threading.Event | None
    ) -> None:
        """Read what is not known yet of the sampled histories: all of them page by page, or a few together."""
        from trainer.tracking.sweep_reads import CURVE_SAMPLES

        unread = self._whole.unread(metric, runs)
        if len(unread) > MANY_CURVES:
            curves = {run.id: run.curve for run in self.session.read_curves(sweep, metric)}
            self._whole.told(metric, runs, curves)
        elif unread:
            found = self.session.read_samples(self.reference, [run.id for run in unread], metric, CURVE_SAMPLES, stop)
            if stop is None or not stop.is_set():
                self._whole.told(metric, unread, found)

    @on(ColumnsComputed)
    def _columns_computed(self, message: ColumnsComputed) -> None:
        for column, values in message.found.values.items():
            if column.path in self.feed.board.view.computed:
                self.feed.board.set_computed(column, values, message.found.estimated & values.keys())
        self.show_runs()
        self._relist()

    def _relist(self) -> None:
        from tui.screens.columns import ColumnsScreen

        if isinstance(self.app.screen, ColumnsScreen):
            self.app.screen.list_columns()
