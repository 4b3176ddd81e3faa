"""SweepAgents: what the live view can do with the agents on this machine and with the points that failed.

A mixin of `SweepScreen`, beside `SweepSteering`: the keys, the questions and the workers. Shows nothing itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType

from trainer.errors import TrainerError
from tui.formatting import count_text
from tui.screens.asking import STEERING
from tui.screens.sweep_steering import SweepSteering
from tui.widgets.agents_panel import AgentsPanel

if TYPE_CHECKING:
    from trainer.tracking.retry import RetryReport


class SweepAgents(SweepSteering):
    """Drain, logs, failed points."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "D",
            "drain_agents",
            "Drain agents",
            id="sweep.drain_agents",
            show=False,
            tooltip="Let all agents on this machine leave after their current runs",
        ),
        Binding(
            "R",
            "retry_failed",
            "Retry failed",
            id="sweep.retry_failed",
            show=False,
            tooltip="Run the points again whose runs failed, each once",
        ),
    ]

    def on_screen_resume(self) -> None:
        """Give the agents their height: their lines may have changed in number below another screen."""
        self.call_after_refresh(self.panel.refresh, layout=True)

    def action_drain_agents(self) -> None:
        """Let all local agents leave after their runs."""
        count = sum(not agent.draining for agent in self.feed.live_agents)
        if not count:
            self.notify("No agent on this machine takes further runs of this sweep.", severity="warning")
            return
        self._ask(
            f"Drain {'the agent' if count == 1 else f'all {count} agents'} on this machine?",
            "Current runs go on to their end, no further ones start here. + takes an agent back.",
            "Drain",
            lambda: self.in_background(
                lambda: self.session.drain_agents(self.reference), "The agents leave after their current runs."
            ),
            danger=False,
        )

    # Failed points

    def action_retry_failed(self) -> None:
        """Find out what would be run again, and ask."""
        self.notify("Looking for points that failed…", timeout=2)
        self.plan_retry()

    @work(thread=True, exclusive=False, exit_on_error=False, group=STEERING)
    def plan_retry(self) -> None:
        """Read the account of the points; ask when it is there."""
        try:
            report = self.session.plan_retry(self.reference)
        except TrainerError as error:
            self.app.call_from_thread(self.notify, str(error), severity="error", timeout=10, markup=False)
        else:
            self.app.call_from_thread(self._ask_retry, report)

    def _ask_retry(self, report: RetryReport) -> None:
        if not self.is_current:
            return
        said = "\n".join(report.lines())
        if not report.wanted:
            self.notify(said, timeout=8, markup=False)
            return
        self._ask(
            f"Run {count_text(len(report.wanted), 'failed point')} again?",
            f"{said}\nAn agent starts here if none works for them.",
            "Run again",
            self.retry_failed,
            danger=False,
        )

    @work(thread=True, exclusive=False, exit_on_error=False, group=STEERING)
    def retry_failed(self) -> None:
        """Have the points run again and say what came of it."""
        try:
            report = self.session.retry_failed(self.reference)
        except TrainerError as error:
            self.app.call_from_thread(self.notify, str(error), severity="error", timeout=10, markup=False)
        else:
            self.app.call_from_thread(self.notify, "\n".join(report.lines()), timeout=10, markup=False)

    # Logs

    @on(AgentsPanel.LogRequested)
    def _open_log(self, message: AgentsPanel.LogRequested) -> None:
        # Imported when first needed, like every screen that is not the first.
        from tui.screens.run_log import RunLogScreen

        self.app.push_screen(RunLogScreen(message.path, message.run_name, self.session.label, self.reference.project))
