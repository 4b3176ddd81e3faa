"""RunSystem: what a run used of its machine: CPU, memory, GPU, disk, network, as charts. A mixin of `RunScreen`."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual import getters, on, work
from textual.message import Message
from textual.worker import get_current_worker

from trainer.errors import TrainerError
from trainer.records import HistoryPoint, RunRecord
from tui.chart_colors import chart_colors
from tui.curve_charts import ChartContent
from tui.screens.run_changing import RunChanging
from tui.system_charts import system_chart_list, system_content
from tui.widgets.chart_grid import ChartGrid

SYSTEM, SYSTEM_SHAPING = "run_system", "run_system_shaping"
POLL_SECONDS = 5.0
"""The SDK measures every 15 s unless told otherwise."""
NOTHING = (
    "no system metrics: the SDK logs them every 15 s, so a shorter run has few or none, and "
    "WANDB_X_DISABLE_STATS turns them off"
)


class RunSystem(RunChanging):
    """Reads the system metrics while their tab is shown."""

    system = getters.query_one("#system", ChartGrid)
    run: RunRecord
    front: str
    stop_reading: threading.Event

    @dataclass
    class SystemRead(Message):
        """The system metrics, all of them; or why there are none."""

        rows: Sequence[HistoryPoint]
        problem: str = ""

    @dataclass
    class SystemShaped(Message):
        """What the charts are to show is ready."""

        contents: Mapping[str, ChartContent]

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self._system_rows: Sequence[HistoryPoint] = ()
        self._system_asked = False

    def read_system_if_needed(self) -> None:
        """Begin to read, once; it goes on while the tab is shown."""
        if not self._system_asked:
            self._system_asked = True
            self.system.refresh_empty("reading the system metrics…")
            self.follow_system()

    @work(thread=True, exclusive=True, exit_on_error=False, group=SYSTEM)
    def follow_system(self) -> None:
        """Read the system metrics until the run has ended."""
        worker, is_first = get_current_worker(), True
        while not self.stop_reading.is_set() and not worker.is_cancelled:
            has_ended = self.run.state.is_terminal
            if self.front == "system":
                try:
                    rows = self._read_system(None if is_first else self.stop_reading)
                    if self.stop_reading.is_set():
                        return
                    is_first = False
                    self.post_message(self.SystemRead(rows))
                except TrainerError as error:
                    self.post_message(self.SystemRead((), error.message))
                    has_ended = False
                if has_ended:
                    return
            self.stop_reading.wait(POLL_SECONDS)

    def _read_system(self, stop: threading.Event | None) -> Sequence[HistoryPoint]:
        from trainer.tracking.run_contents import SYSTEM_ROWS
        from trainer.tracking.run_news import RunAsk

        ask = RunAsk(self.reference.entity, self.reference.project, self.run.id, system=SYSTEM_ROWS)
        (news,) = self.session.read_news([ask], stop)
        return news.system if news is not None else ()

    @on(SystemRead)
    def _system_read(self, message: SystemRead) -> None:
        if message.rows:
            self._system_rows = message.rows
            self.show_system()
        elif not self._system_rows:
            waiting = "" if self.run.state.is_terminal else "waiting for the first system metrics…"
            self.system.refresh_empty(
                f"the server is away: {message.problem}" if message.problem else waiting or NOTHING
            )

    def show_system(self) -> None:
        """Have the charts in sight prepared."""
        if self._system_rows:
            self._shape_system(self._system_rows, chart_colors(self.app.current_theme).series)

    @work(thread=True, exclusive=True, exit_on_error=False, group=SYSTEM_SHAPING, description="system shaping")
    def _shape_system(self, rows: Sequence[HistoryPoint], colors: Sequence[str]) -> None:
        contents = {chart.title: system_content(chart, rows, colors) for chart in system_chart_list(rows)}
        self.post_message(self.SystemShaped(contents))

    @on(SystemShaped)
    def _system_shaped(self, message: SystemShaped) -> None:
        grid = self.system
        grid.name_charts(list(message.contents))
        for chart, place in zip(grid.charts, grid.in_sight, strict=False):
            chart.show_content(message.contents[grid.titles[place]])
        self.offer_keys()
