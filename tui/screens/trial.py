"""TrialScreen: the program tried with one configuration, or a few extremes: its output live, then what came of it.

The trial ends with the screen: who leaves it, or the app, kills what it runs.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from trainer.errors import TrainerError
from trainer.records import Json
from trainer.run_filter import flat_items
from trainer.search.cost import seconds_text
from trainer.trial.report import TrialReport, TrialRun
from tui.log_tail import LogTail
from tui.plan_rows import value_text
from tui.session import Session
from tui.widgets.app_header import AppHeader
from tui.widgets.fitting_footer import FittingFooter
from tui.widgets.log_view import LogView

if TYPE_CHECKING:
    from trainer.trial.runner import Trial, TrialProgress

TRYING = "trying"
EXTREMES = 0
"""Stands for the extremes where a configuration's number could stand."""
_STOPPING = {"asked": "asked to end", "terminated": "terminated", "killed": "killed"}
_TAIL_READS = 50
"""Reads of a megabyte after a run has ended, at most: what it printed last is of interest."""


class TrialScreen(Screen[None]):
    """Runs a trial at once, and others on request."""

    CSS_PATH = "trial.tcss"
    AUTO_FOCUS = "#output"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="trial.back", tooltip="Go back to the form; ends the trial"),
        Binding("s", "stop", "Stop", id="trial.stop", tooltip="Ask the run to end; again to kill it"),
        Binding("r,f7", "again", "Again", key_display="r", id="trial.again", tooltip="Try the same once more"),
        Binding("e", "extremes", "Extremes", id="trial.extremes", tooltip="Try up to 8 that reach every bound"),
        Binding("F", "toggle_follow", "Follow", id="trial.follow", show=False, tooltip="Follow the end, or stay"),
    ]

    output = getters.query_one("#output", LogView)

    @dataclass
    class Progressed(Message):
        """The trial is a little further."""

        trial: Trial
        progress: TrialProgress
        lines: list[str]
        """What the program printed since."""
        open_line: str

        def can_replace(self, message: Message) -> bool:
            """Lines must not be lost."""
            return False

    @dataclass
    class RunEnded(Message):
        """One run of it has ended."""

        trial: Trial
        run: TrialRun
        lines: list[str]

    @dataclass
    class TrialEnded(Message):
        """All of it has ended."""

        trial: Trial
        report: TrialReport

    @dataclass
    class TrialFailed(Message):
        """It could not be begun."""

        error: TrainerError

    def __init__(self, session: Session, config: Mapping[str, Json], point: int = 1) -> None:
        """Create the screen.

        Args:
            session: Runs the trial.
            config: The sweep configuration, without problems.
            point: The number of the configuration to try, counted from 1; `EXTREMES` for those.
        """
        super().__init__()
        self.session = session
        self.config = config
        self.point = point
        self.trial: Trial | None = None
        """The trial under way."""
        self.report: TrialReport | None = None
        """What the last one found out."""
        self.runs: list[TrialRun] = []
        """Those of the trial under way that have ended."""
        self._progress: TrialProgress | None = None
        self._problem: TrainerError | None = None
        self._is_left = threading.Event()

    def compose(self) -> ComposeResult:
        """Compose the screen."""
        yield AppHeader("Try one", self.session.label, self.session.project)
        yield Static("", id="trial-state")
        yield LogView(id="output", classes="panel")
        with VerticalScroll(id="trial-report", classes="panel"):
            yield Static("", id="trial-words")
        yield FittingFooter()

    def on_mount(self) -> None:
        """Begin."""
        name = self.config.get("name")
        self.query_one(AppHeader).screen_title = f"Try one › {name}" if name else "Try one"
        self.output.border_title = "What it prints"
        self.query_one("#trial-report").border_title = "What came of it"
        self.set_interval(1.0, self._show_state)
        self._begin()

    def on_unmount(self) -> None:
        """End what runs."""
        self._is_left.set()
        if self.trial is not None:
            self.trial.stop(now=True)

    def _begin(self) -> None:
        self.report, self.runs, self._progress, self._problem = None, [], None, None
        self.query_one("#trial-report").remove_class("-shown")
        self._show_state()
        self.run_trial(self.point)

    @work(thread=True, exclusive=True, exit_on_error=False, group=TRYING, description="run trial")
    def run_trial(self, point: int) -> None:
        """Run the trial; nothing of it is left when this returns."""
        from trainer.trial.extremes import Extremes, extreme_points, nth_point

        follower = _Follower(self)
        try:
            extremes = Extremes((nth_point(self.config, point),)) if point else extreme_points(self.config)
            trial = self.session.trial(self.config, extremes, follower.progressed, follower.ended)
            self.trial = follower.trial = trial
            if self._is_left.is_set():
                return
            report = trial.run()
            known = report.run_time()
            if known is not None:
                self.session.remember_run_time(self.config, known)
        except TrainerError as error:
            self.trial = None
            self.post_message(self.TrialFailed(error))
        else:
            self.trial = None
            self.post_message(self.TrialEnded(trial, report))

    # What it says

    @on(Progressed)
    def _progressed(self, message: Progressed) -> None:
        before = self._progress
        new = before is None or before.number != message.progress.number
        self._progress = message.progress
        if new:
            self._rule(f"{self._which(message.progress.number, message.progress.planned)}")
        if message.lines or message.open_line:
            self.output.extend(message.lines, message.open_line)
        stopping = message.progress.stopping
        if stopping and (new or before is None or before.stopping != stopping):
            # What follows in the output, a traceback of KeyboardInterrupt say, is the answer to it.
            self._rule(_STOPPING[stopping])
        self._show_state()

    @on(RunEnded)
    def _run_ended(self, message: RunEnded) -> None:
        self.output.extend([*message.lines, message.run.headline(), ""], "")
        self.runs.append(message.run)

    @on(TrialEnded)
    def _trial_ended(self, message: TrialEnded) -> None:
        self.report = message.report
        self._show_report()
        self._show_state()
        self.refresh_bindings()

    @on(TrialFailed)
    def _trial_failed(self, message: TrialFailed) -> None:
        self._problem = message.error
        self._show_state()
        self._show_report()
        self.refresh_bindings()

    def _rule(self, text: str) -> None:
        self.output.extend([f"─── {text} ───"], "")

    def _which(self, number: int, planned: int) -> str:
        if planned > 1:
            return f"extreme {number} of {planned}"
        return f"configuration {self.point:,}" if self.point else "the only extreme"

    def _show_state(self) -> None:
        self.query_one("#trial-state", Static).update(Content.assemble(*self._state()))

    def _state(self) -> list[tuple[str, str]]:
        muted, progress = "$foreground-muted", self._progress
        if self._problem is not None:
            return [("✗ It could not be tried", "bold $error")]
        if self.report is not None:
            words, style = self._verdict(self.report)
            return [(words, f"bold {style}")]
        if progress is None:
            return [("◌ starting…", "bold $primary"), ("   on the embedded server; nothing of it is kept", muted)]
        which = self._which(progress.number, progress.planned)
        rows = (
            f"{progress.rows} row{'' if progress.rows == 1 else 's'} logged" if progress.rows else "nothing logged yet"
        )
        parts = [(f"● {which}", "bold $primary"), (f"   {seconds_text(progress.seconds)} · {rows}", "")]
        if progress.stopping:
            parts.append((f" · {_STOPPING[progress.stopping]}", "$warning"))
        return [*parts, (f"   {_config_text(progress.config)}", muted)]

    @staticmethod
    def _verdict(report: TrialReport) -> tuple[str, str]:
        if not report.is_good:
            return f"✗ {report.headline()}" if report.runs else f"! {report.headline()}", "$error"
        if any(run.metric_problem for run in report.runs):
            return "! The program runs; mind the metric.", "$warning"
        return f"✓ {report.headline()}", "$success"

    def _show_report(self) -> None:
        panel = self.query_one("#trial-report", VerticalScroll)
        panel.add_class("-shown")
        self.query_one("#trial-words", Static).update(Content.assemble(*self._words()))
        panel.scroll_home(animate=False)

    def _words(self) -> list[tuple[str, str]]:
        if self._problem is not None:
            hint = f"\n{self._problem.hint}" if self._problem.hint else ""
            return [(self._problem.message, "$error"), (hint, "$foreground-muted")]
        report = self.report
        if report is None:
            return []
        parts: list[tuple[str, str]] = []
        for run in report.runs:
            if parts:
                parts.append(("\n\n", ""))
            parts += _run_words(run, with_config=report.planned > 1)
        if report.left_out:
            parts.append((f"\n\nNot tried: {'; '.join(report.left_out)}.", "$warning"))
        known = report.run_time()
        if known is not None:
            parts.append((f"\n\nThe cost of the sweep is told from this now: {known.basis()}.", "$foreground-muted"))
        return parts

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer stopping while something runs, and another trial while nothing does."""
        is_over = self.report is not None or self._problem is not None
        if action == "stop":
            return not is_over
        return is_over if action in ("again", "extremes") else True

    def action_stop(self) -> None:
        """Ask the run under way to end; the second time, kill it."""
        if self.trial is not None:
            self.trial.stop()

    def action_again(self) -> None:
        """Try the same once more."""
        self._begin()
        self.refresh_bindings()

    def action_extremes(self) -> None:
        """Try the extremes."""
        self.point = EXTREMES
        self.action_again()

    def action_toggle_follow(self) -> None:
        """Follow the end of the output, or stay."""
        self.output.action_follow(not self.output.follows)

    def action_back(self) -> None:
        """Leave; what runs is ended."""
        self.dismiss(None)


class _Follower:
    """Reads what the program prints, in the thread of the trial, and hands it to the screen with its progress."""

    def __init__(self, screen: TrialScreen) -> None:
        self.trial: Trial | None = None
        self._screen = screen
        self._tail: LogTail | None = None
        self._number = 0

    def progressed(self, progress: TrialProgress) -> None:
        """Hear how far the trial is."""
        assert self.trial is not None
        if self._tail is None or progress.number != self._number:
            self._tail, self._number = LogTail(progress.log_path), progress.number
        news = self._tail.read()
        lines, open_line = (list(news.lines), news.open_line) if news is not None else ([], "")
        self._screen.post_message(TrialScreen.Progressed(self.trial, progress, lines, open_line))

    def ended(self, run: TrialRun) -> None:
        """Hear that a run has ended."""
        assert self.trial is not None
        lines: list[str] = []
        for _ in range(_TAIL_READS if self._tail is not None else 0):
            assert self._tail is not None
            news = self._tail.read()
            if news is None or news.is_missing:
                break
            lines += [*news.lines, *([news.open_line] if news.open_line and not news.has_more else [])]
            if not news.has_more:
                break
        self._screen.post_message(TrialScreen.RunEnded(self.trial, run, lines))


def _run_words(run: TrialRun, *, with_config: bool) -> list[tuple[str, str]]:
    headline = run.headline()
    style = {"✓": "$success", "!": "$warning", "✗": "$error"}[headline[0]]
    parts = [(f"{run.number}  {_config_text(run.config)}\n", "$foreground-muted")] if with_config else []
    parts.append((headline, f"bold {style}"))
    return [*parts, *((f"\n  {note}", "") for note in run.notes())]


def _config_text(config: Mapping[str, Json]) -> str:
    return " ".join(f"{key}={value_text(value)}" for key, value in flat_items(config))
