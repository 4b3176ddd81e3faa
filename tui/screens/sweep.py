"""SweepScreen, the live view of one sweep: how far, how good, which runs, at which settings.

Wiring only: `feeds` folds what the server says, the widgets show it, `sweep_steering` changes the sweep.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Input, Static

from trainer.hyperlinks import links_work
from trainer.records import SweepReference
from trainer.states import SweepState
from tui.agent_lines import AgentsView
from tui.chart_colors import chart_colors
from tui.chart_selection import ChartSelection, with_marked
from tui.columns import swept_keys
from tui.feeds import FeedChange, SweepFeed
from tui.formatting import value_text
from tui.looks import clock_rests
from tui.screens.sweep_agents import SweepAgents
from tui.screens.sweep_alerts import SweepAlerts
from tui.screens.sweep_charting import ChartWish, SweepCharting
from tui.screens.sweep_following import SweepFollowing
from tui.screens.sweep_memory import SweepMemory
from tui.screens.sweep_news import SweepNews
from tui.screens.sweep_notice import SweepNotice
from tui.screens.sweep_panes import PANES, SweepPanes
from tui.screens.sweep_runs import SweepRuns
from tui.session import Session
from tui.sweep_pace import Pace
from tui.widgets.agents_panel import AgentsPanel
from tui.widgets.app_header import AppHeader
from tui.widgets.best_config import BestConfig
from tui.widgets.filter_prompt import FilterPrompt
from tui.widgets.fitting_footer import FittingFooter
from tui.widgets.history_chart import HistoryChart
from tui.widgets.news_line import NewsLine
from tui.widgets.pane_tabs import PaneTabs
from tui.widgets.runs_table import RunsTable
from tui.widgets.sweep_summary import SPARK_CELLS, SummaryView, SweepSummary


class SweepScreen(
    SweepFollowing,
    SweepPanes,
    SweepCharting,
    SweepAgents,
    SweepRuns,
    SweepMemory,
    SweepNotice,
    SweepNews,
    SweepAlerts,
):
    """Watches one sweep and steers it."""

    CSS_PATH = "sweep.tcss"
    AUTO_FOCUS = "#runs"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape",
            "back",
            "Back",
            id="sweep.back",
            show=False,
            tooltip="Close the filter, the large pane, or this view",
        ),
        Binding(
            "b", "toggle_ranking", "Best/last", id="sweep.ranking", show=False, tooltip="Rank by best or last value"
        ),
    ]

    table = getters.query_one("#runs", RunsTable)
    prompt = getters.query_one("#prompt", Input)
    panel = getters.query_one("#agents", AgentsPanel)

    def __init__(self, session: Session, reference: SweepReference) -> None:
        """Create the view; the sweep is read once it is shown."""
        super().__init__()
        self.session = session
        self.reference = reference
        self.feed = SweepFeed()
        self.feed.frozen_at = session.frozen_at
        self.selection = ChartSelection()
        self.wish = ChartWish()
        self.marked_ids: list[str] = []
        self._offered_for: SweepState | None = None
        """The state of the sweep that the keys on offer are for."""

    @property
    def screen_title(self) -> str:
        """What the header says is shown."""
        return f"Sweep {self.reference.id}"

    def compose(self) -> ComposeResult:
        """Compose the screen."""
        yield AppHeader(self.screen_title, self.session.label, self.reference.project)
        yield SweepSummary(id="summary")
        yield Static("", id="notice")
        yield NewsLine(id="news")
        yield PaneTabs(PANES, id="tabs")
        yield FilterPrompt(id="prompt-box")
        with Container(id="body"):
            yield RunsTable(id="runs", classes="panel")
            yield HistoryChart(id="chart", classes="panel")
            yield BestConfig(id="best", classes="panel")
        yield AgentsPanel(id="agents", classes="panel")
        yield FittingFooter()

    def on_mount(self) -> None:
        """Start following."""
        self.table.border_title = "Runs"
        if links_work(self.environ):
            self.table.page_of = self._page_of
        self.table.words_of = self.row_words
        self.chart.border_title = "Chart"
        self.query_one("#best").border_title = "Best configuration"
        self.query_one("#best").border_subtitle = "c copy · E export"
        self.table.empty_text = self._why_empty()
        self.set_interval(1.0, self._tick)
        self.read_columns()
        self.follow_sweep()

    def _page_of(self, line: str) -> str:
        sweep = self.feed.sweep
        return sweep.run_url(line) if sweep is not None and line in self.feed.board.runs else ""

    def looks_changed(self) -> None:
        """Show everything anew: see `FollowsLooks`."""
        self.show_runs()

    # Showing

    def show_change(self, change: FeedChange) -> None:
        """Bring the panels up to date that a change concerns."""
        if self.feed.sweep and self.feed.sweep.state is not self._offered_for:
            # Not at each new best: the keys of the footer are made anew for it, which costs more than all else here.
            self._offered_for = self.feed.sweep.state
            self.refresh_bindings()
        if change.connection and (self.feed.lost or self.feed.slowed):
            lost, slowed = self.feed.lost, self.feed.slowed
            wait = lost.retry_in_seconds if lost else slowed.wait_seconds if slowed else 0.0
            self.retry_at = time.monotonic() + wait
        self.tell_oddities(change)
        if change.run_ids or change.sweep or change.gone:
            self.show_runs()
        if change.agents or change.run_ids or change.sweep:
            self._show_agents()
        self._show_summary()
        self.show_notice()
        self.keep_looking()
        self.call_user()

    def _tick(self) -> None:
        """Let the clock go on: elapsed time, time left, ages, the countdown to the next attempt."""
        if not clock_rests(self.app) and self.is_current and (self.feed.live_agents or not self.feed.is_over):
            self._show_summary()
            self._show_agents()
        if self.feed.lost or self.feed.slowed:
            self.show_notice()
        self.read_histories_if_needed()
        self.compute_if_due()
        self.keep_looking()
        self.keep_view_if_due()
        self.find_ties_if_due()

    def show_runs(self) -> None:
        """Bring the leaderboard, and what is drawn of it, up to date."""
        board = self.feed.board
        self.selection.update(board.ranked, lambda run_id: board.metric is None or board.value(run_id) is not None)
        self.table.empty_text = self._why_empty()
        marks = self.selection.marks(chart_colors(self.app.current_theme))
        self.table.show(board, self.with_news(with_marked(marks, self.marked_ids)))
        self.show_words()
        self.fit_table(max(len(board.runs), self.feed.progress.expected or 0))
        self.show_chart()
        self.show_best()
        self.open_if_due()

    def _why_empty(self) -> str:
        board, sweep = self.feed.board, self.feed.sweep
        if board.filter and board.runs:
            return f"No run matches “{board.filter.text}”\nesc shows all runs again"
        if self._failure is not None:
            return f"{self._failure.message}\n{self._failure.hint}"
        if sweep is None:
            return "Reading the sweep…"
        if sweep.state.is_terminal:
            return "This sweep ended without a run"
        if sweep.state is SweepState.PAUSED:
            return "Paused before the first run\nP resumes it"
        if self.feed.live_agents:
            return (
                "Waiting for the first run…\nEach agent asks the server for a configuration,\n"
                "runs the program with it, and asks again.\nWhat runs log appears here as they log it."
            )
        return "No runs yet\n+ starts an agent on this machine;\nagents elsewhere may work for this sweep, too."

    def _show_agents(self) -> None:
        feed = self.feed
        over = feed.sweep is None or feed.sweep.state.is_terminal
        self.set_class(not feed.agents, "-agentless")
        self.set_class(any(agent.failures for agent in feed.agents), "-reasons")
        keys = ["+ one more"] if feed.agents and not over else []
        keys += ["- one fewer", "D drain", "_ stop"] if feed.live_agents else []
        keys += ["R retry failed"] if feed.progress.failed else []
        view = AgentsView(feed.agents, feed.board.runs, datetime.now(UTC), "" if over else "+ starts one.")
        self.panel.show(view, " · ".join(keys))

    def _show_summary(self) -> None:
        feed, sweep = self.feed, self.feed.sweep
        if sweep is None:
            return
        best, now = feed.best, datetime.now(UTC)
        latest = feed.best_so_far.latest
        self.query_one(SweepSummary).show(
            SummaryView(
                sweep=sweep,
                progress=feed.progress,
                pace=Pace() if feed.lost else feed.pace(),
                elapsed_seconds=_whole(feed.elapsed_seconds(now), feed.is_over),
                is_over=feed.is_over,
                best_value=feed.best_value,
                best_config=self._config_text(best.id) if best else "",
                best_name=best.name if best else "",
                levels=tuple(feed.best_so_far.levels(SPARK_CELLS)),
                runs_since_best=latest.runs_since if latest else 0,
                best_age_seconds=_whole(feed.seconds_since(latest.at, now), False) if latest else None,
            )
        )

    def _config_text(self, run_id: str) -> str:
        flat = self.feed.board.flat_config(run_id)
        keys = swept_keys(self.feed.sweep.config) if self.feed.sweep else []
        return "  ".join(f"{key} {value_text(flat[key], 24)}" for key in keys if key in flat)

    def watch_compact(self, compact: bool) -> None:
        """Arrange the panes, and say in as many words as there is room for how it ended."""
        super().watch_compact(compact)
        if self.is_mounted:
            self.show_notice()

    # View

    def action_reset_view(self) -> None:
        """Forget filters, sorting, groups, marks, hidden runs and the large pane."""
        self.selection.reset()
        self.wish, self.chart.log_y = ChartWish(), False
        self.reset_choices()
        self.show_all_panes()
        self.table.focus()

    def action_back(self) -> None:
        """Undo the nearest thing: the prompt, the filter, the large pane; else leave."""
        if self.has_class("-prompting"):
            self.close_prompt()
        elif self.forget_opening():
            self.notify("No run will be opened.")
        elif self.feed.board.grouping:
            self.group_by(())
        elif self.feed.board.filter:
            self.feed.board.set_filter(None)
            self.show_runs()
        elif self.front and not self.compact:
            self.front = ""
            self.table.focus()
        elif self.compact and self.front != "runs":
            self.front = "runs"
        else:
            self.app.pop_screen()

    # Table

    @on(RunsTable.SortRequested)
    def _sort(self, message: RunsTable.SortRequested) -> None:
        self.feed.board.set_sorts(message.levels)
        self.show_runs()
        self.table.reveal_column(message.levels[-1].column)

    @on(RunsTable.MarkRequested)
    def _mark(self, message: RunsTable.MarkRequested) -> None:
        self.selection.toggle(message.run_id)
        self.show_runs()

    @on(RunsTable.RunOpened)
    def _run_opened(self, message: RunsTable.RunOpened) -> None:
        self.open_run(message.run_id)

    def open_run(self, run_id: str) -> None:
        """Open a run."""
        # Imported when first needed, like every screen that is not the first.
        from tui.screens.run import RunScreen

        if self.feed.sweep is not None:
            run = self.feed.board.runs[run_id]
            self.app.push_screen(
                RunScreen(self.session, self.feed.sweep, run, on_changed=self.runs_changed, on_deleted=self.run_deleted)
            )

    def action_toggle_ranking(self) -> None:
        """Rank by the other value of the metric."""
        self.feed.set_ranking("last" if self.feed.board.by == "best" else "best")
        self.show_runs()
        self._show_summary()


def _whole(seconds: float | None, is_over: bool) -> float | None:
    """Return whole seconds while the clock runs, so that the summary is repainted once a second at most."""
    return seconds if seconds is None or is_over else float(int(seconds))
