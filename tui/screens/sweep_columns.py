"""SweepColumns: columns of the live view's leaderboard, kept per project. A mixin of `SweepScreen`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
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
from trainer.records import HistoryPoint, RunRecord, SweepReference
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
"""All histories of a metric are read for it."""


class SweepColumns(Screen[None]):
    """Chooses columns, and computes those that the server does not keep."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("C", "choose_columns", "Columns", id="sweep.columns", show=False, tooltip="Choose, move, pin columns"),
    ]

    session: Session
    reference: SweepReference
    feed: SweepFeed
    table: RunsTable

    _computed_at: float | None = None
    _whole: WholeHistories
    _computed_state = (0, 0)

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
        state = (len(feed.board.runs), feed.progress.done)
        at = self._computed_at
        if at is None or (state != self._computed_state and now - at > COMPUTE_EVERY_SECONDS):
            self._computed_at, self._computed_state = now, state
            self.read_computed(wanted, {run_id: place for place, run_id in enumerate(feed.board.ranked)})

    @work(thread=True, exclusive=True, exit_on_error=False, group=COMPUTING, description="read computed")
    def read_computed(self, wanted: Sequence[Computed], place: Mapping[str, int]) -> None:
        """Read samples of the history of each metric for all runs and compute, then whole histories of long ones."""
        from trainer.tracking.sweep_reads import CURVE_SAMPLES

        worker, sweep = get_current_worker(), self.feed.sweep
        assert sweep is not None

        def read(runs: Sequence[RunRecord]) -> dict[str, list[HistoryPoint]]:
            return self.session.read_histories(self.reference, runs, samples=ROWS)

        for metric in dict.fromkeys(each.metric for each in wanted):
            try:
                runs = sorted(self.session.read_curves(sweep, metric), key=lambda run: place.get(run.id, len(place)))
                columns = [each for each in wanted if each.metric == metric]
                for found in self._whole.refined(columns, runs, CURVE_SAMPLES, read):
                    if worker.is_cancelled:
                        return
                    self.post_message(self.ColumnsComputed(found))
            except TrainerError as error:
                self.app.call_from_thread(self.notify, str(error), severity="warning", markup=False)
                return

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
