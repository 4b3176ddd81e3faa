"""RunScreen: one run. Its curves as they grow, what it was given, what it reached, what it printed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events, getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import Footer, RichLog, Static
from textual.worker import Worker, get_current_worker

from trainer.errors import TrainerError
from trainer.records import ConsoleLine, HistoryPoint, RunRecord, SweepRecord
from trainer.states import RunState
from tui.chart_colors import chart_colors, rich_color
from tui.chart_series import ChartSeries, curve_of
from tui.columns import metric_order, swept_keys
from tui.formatting import duration_text, run_label
from tui.looks import is_plain
from tui.screens.confirm import ConfirmScreen
from tui.session import Session
from tui.widgets.app_header import AppHeader
from tui.widgets.history_chart import HistoryChart
from tui.widgets.pane_tabs import PaneTabs
from tui.widgets.run_facts import RunFacts

RUN_FEED = "run_feed"
STEERING = "steering"
POLL_SECONDS = 1.0
PANES = {"curves": "Curves", "facts": "Facts", "log": "Log"}
COMPACT_BELOW = (100, 30)
CHARTS = 4
FAILURES = (RunState.FAILED, RunState.CRASHED)
MAX_LOG_LINES = 10_000
MAX_HISTORY = 20_000
"""Rows kept; beyond, every second one goes, since a chart shows a few hundred."""


class RunScreen(Screen[None]):
    """Watches one run of a sweep."""

    CSS_PATH = "run.tcss"
    AUTO_FOCUS = "#facts"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="run.back", tooltip="Back to the sweep"),
        Binding("1", "pane('curves')", "Curves", id="run.curves", show=False, tooltip="Go to the curves"),
        Binding("2", "pane('facts')", "Facts", id="run.facts", show=False, tooltip="Go to configuration and summary"),
        Binding("3,4", "pane('log')", "Log", id="run.log", show=False, tooltip="Go to the console log"),
        Binding("n", "page(1)", "More curves", id="run.next_curves", tooltip="Show the next metrics"),
        Binding("N", "page(-1)", "Curves before", id="run.previous_curves", show=False, tooltip="The metrics before"),
        Binding("y", "toggle_log_axis", "Log axis", id="run.log_axis", tooltip="Logarithmic or linear value axes"),
        Binding(
            "F", "toggle_follow", "Follow log", id="run.follow", tooltip="Follow the log's end, or stay where it is"
        ),
        Binding("K", "stop_run", "Stop run", id="run.stop", tooltip="End this run at its next step"),
    ]

    log_view = getters.query_one("#log", RichLog)
    front: reactive[str] = reactive("curves")
    """The pane that a small terminal shows."""

    @dataclass
    class RunRead(Message):
        """News of the run."""

        run: RunRecord
        history: Sequence[HistoryPoint]
        """Rows that were not there before."""
        lines: Sequence[ConsoleLine]
        """Lines that were not there before."""

    @dataclass
    class ReadFailed(Message):
        """The server could not be asked."""

        error: TrainerError

    def __init__(self, session: Session, sweep: SweepRecord, run: RunRecord) -> None:
        """Create the view of a run that is known already; the rest is read once it is shown."""
        super().__init__()
        self.session = session
        self.sweep = sweep
        self.run = run
        self.history: list[HistoryPoint] = []
        self.problem = ""
        self._stop = threading.Event()
        self._page = 0
        self._last_words = ""
        """The last line that is not blank."""
        self._was_read = False

    def compose(self) -> ComposeResult:
        """Compose the screen."""
        yield AppHeader(f"{self.sweep.name} › {self.run.name}", self.session.label, self.sweep.reference.project)
        yield Static("", id="run-summary")
        yield PaneTabs(PANES, id="tabs")
        with Horizontal(id="run-body"):
            yield RunFacts(id="facts", classes="panel")
            with Vertical(id="right"):
                with Container(id="curves"):
                    for _ in range(CHARTS):
                        yield HistoryChart(classes="panel")
                yield RichLog(id="log", classes="panel", max_lines=MAX_LOG_LINES, wrap=False, markup=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Show what is known and read the rest."""
        self.query_one("#facts").border_title = "Facts"
        self.log_view.border_title = "Console"
        if self.run.state in FAILURES:
            self.action_pane("log")
        self._show_run()
        self._show_curves()
        self.watch_run()

    def looks_changed(self) -> None:
        """Show everything anew: see `FollowsLooks`."""
        self._show_run()
        self._show_curves()

    def on_unmount(self) -> None:
        """Let the worker end at once."""
        self._stop.set()

    @work(thread=True, exclusive=True, exit_on_error=False, group=RUN_FEED)
    def watch_run(self) -> None:
        """Read the run until it has ended and everything of it has arrived."""
        worker = get_current_worker()
        last_step, last_line = -1, -1
        while not self._stop.is_set() and not worker.is_cancelled:
            try:
                is_over = self._read(worker, last_step, last_line)
            except TrainerError as error:
                self.post_message(self.ReadFailed(error))
                is_over = None
            if is_over is not None:
                last_step, last_line, ended = is_over
                if ended:
                    return
            self._stop.wait(POLL_SECONDS)

    def _read(self, worker: Worker[None], last_step: int, last_line: int) -> tuple[int, int, bool] | None:
        """Read what is new once; return the last step and line read, and whether the run had ended before."""
        reference, run_id = self.sweep.reference, self.run.id
        # The state first: what is read after a terminal state is everything there will be.
        run = self.session.read_run(reference, run_id)
        history = self.session.read_history(reference, run_id, min_step=last_step + 1)
        lines = self.session.read_console(reference, run_id, after=last_line)
        if worker.is_cancelled:
            return None
        self.post_message(self.RunRead(run, history, lines))
        step = history[-1].step if history else last_step
        number = lines[-1].number if lines else last_line
        return step, number, run.state.is_terminal

    @on(RunRead)
    def _run_read(self, message: RunRead) -> None:
        self.run, self.problem, self._was_read = message.run, "", True
        self.history.extend(message.history)
        if len(self.history) > MAX_HISTORY:
            self.history = self.history[::2]
        style = Style(color=rich_color(self.app.theme_variables["text-error"]))
        for line in message.lines:
            text = Text.from_ansi(line.text, no_wrap=True)
            if line.is_error:
                text.stylize_before(style)
            self.log_view.write(text)
            self._last_words = " ".join(text.plain.split()) or self._last_words
        self._show_run()
        if message.history:
            self._show_curves()

    @on(ReadFailed)
    def _read_failed(self, message: ReadFailed) -> None:
        self.problem = message.error.message
        self._show_run()

    # Showing

    def _show_run(self) -> None:
        run, label = self.run, run_label(self.run.state)
        tone = {"good": "$success", "active": "$primary", "bad": "$error", "warn": "$warning"}.get(
            label.tone, "$foreground"
        )
        about = [duration_text(run.duration_seconds), run.host, *(f"#{tag}" for tag in run.tags)]
        if run.state in FAILURES and self._last_words:
            # Why it failed is what people open it for.
            about.insert(1, f"last words: {self._last_words}")
        elif run.state in FAILURES and self._was_read and not (run.host or self.rows):
            about.insert(1, "its program ended before it called wandb.init, so nothing of it arrived")
        self.query_one("#run-summary", Static).update(
            Content.from_markup(
                f"[b]$name[/]  [{tone}]$state[/]\n[$foreground 60%]$about[/]",
                name=run.name,
                state=str(label),
                about=" · ".join(part for part in about if part),
            )
            if not self.problem
            else Content.from_markup(
                f"[b]$name[/]  [{tone}]$state[/]\n[$error]✗ $problem[/] [$foreground 60%]trying again…[/]",
                name=run.name,
                state=str(label),
                problem=self.problem,
            )
        )
        self.query_one(RunFacts).show(run, swept_keys(self.sweep.config), self.sweep.run_url(run.id))
        follow = "following" if self.log_view.auto_scroll else "not following"
        self.log_view.border_subtitle = f"F {follow}" if not run.state.is_terminal else ""

    @property
    def rows(self) -> Sequence[HistoryPoint]:
        """What the curves show: the history, or, until it was read, what the leaderboard knew of it."""
        return self.history or self.run.curve

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics that were logged, the sweep's first, then by name."""
        names = {name for row in self.rows for name in row.values}
        own = self.sweep.metric.name if self.sweep.metric else ""
        return sorted(names, key=lambda name: (name != own, metric_order(name)))

    @property
    def charts_at_once(self) -> int:
        """Charts that the terminal has room for."""
        return 1 if self.has_class("-compact") else CHARTS

    def _show_curves(self) -> None:
        at_once, metrics = self.charts_at_once, self.metrics
        pages = max((len(metrics) - 1) // at_once + 1, 1)
        self._page %= pages
        shown = metrics[self._page * at_once : (self._page + 1) * at_once]
        grid = self.query_one("#curves")
        grid.set_class(len(shown) <= 1, "-one")
        grid.set_class(len(shown) == 2, "-two")
        colors = chart_colors(self.app.current_theme).series
        for index, chart in enumerate(self.query(HistoryChart)):
            chart.set_class(index >= max(len(shown), 1), "spare")
            if index >= len(shown):
                chart.show([])
                continue
            name = shown[index]
            color = colors[(self._page * at_once + index) % len(colors)]
            chart.border_title = Content(name)
            chart.border_subtitle = f"n {self._page + 1}/{pages}" if pages > 1 and index == len(shown) - 1 else ""
            chart.show([ChartSeries("", name, color, curve_of(self.rows, name))])
        self.refresh_bindings()
        if not shown:
            first = self.query(HistoryChart).first()
            first.border_title = "Curves"
            first.empty_text = "no metrics logged" if self.run.state.is_terminal else "waiting for the first metrics…"

    # Layout and keys

    def on_resize(self, event: events.Resize) -> None:
        """Choose the arrangement that the terminal has room for."""
        is_small = event.size.width < COMPACT_BELOW[0] or event.size.height < COMPACT_BELOW[1]
        self.set_class(is_small or is_plain(self.app), "-compact")
        self.watch_front(self.front)
        self._show_curves()

    def watch_front(self, front: str) -> None:
        """Bring a pane to the front."""
        for pane in PANES:
            self.set_class(front == pane, f"-front-{pane}")
        self.query_one(PaneTabs).show(front)

    def action_pane(self, pane: str) -> None:
        """Go to a pane."""
        self.front = pane
        target = self.query(HistoryChart).first() if pane == "curves" else self.query_one(f"#{pane}")
        target.focus()

    @on(PaneTabs.PaneChosen)
    def _pane_clicked(self, message: PaneTabs.PaneChosen) -> None:
        self.action_pane(message.pane)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer more curves only where there are more."""
        return action != "page" or len(self.metrics) > self.charts_at_once

    def action_page(self, by: int) -> None:
        """Show other metrics."""
        self._page += by
        self._show_curves()

    def action_toggle_log_axis(self) -> None:
        """Change the scale of every chart."""
        for chart in self.query(HistoryChart):
            chart.log_y = not chart.log_y

    def action_toggle_follow(self) -> None:
        """Follow the log's end, or let it stay where it is."""
        self.log_view.auto_scroll = not self.log_view.auto_scroll
        if self.log_view.auto_scroll:
            self.log_view.scroll_end(animate=False)
        self._show_run()

    def action_back(self) -> None:
        """Leave."""
        self.app.pop_screen()

    def action_stop_run(self) -> None:
        """Ask the run to end."""
        if self.run.state.is_terminal:
            self.notify(f"{self.run.name} has ended already.", severity="warning", markup=False)
            return
        if self.session.why_read_only:
            self.notify(self.session.why_read_only, severity="warning", markup=False)
            return

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.stop_run()

        question = ConfirmScreen(
            f"Stop {self.run.name}?", "It ends at its next step; what it logged stays.", confirm="Stop run", danger=True
        )
        self.app.push_screen(question, answered)

    @work(thread=True, exclusive=False, exit_on_error=False, group=STEERING)
    def stop_run(self) -> None:
        """Pass the wish on."""
        reference = self.sweep.reference
        try:
            self.session.client.stop_run(reference.entity, reference.project, self.run.id)
        except TrainerError as error:
            self.app.call_from_thread(self.notify, str(error), severity="error", timeout=10, markup=False)
        else:
            self.app.call_from_thread(self.notify, f"{self.run.name} was asked to stop.", markup=False)
