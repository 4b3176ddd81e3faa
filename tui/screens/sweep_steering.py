"""SweepSteering: what the live view can do to its sweep, each wish confirmed where it cannot be taken back.

A mixin of `SweepScreen`: the keys, the questions and the workers that ask the server. Shows nothing itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from trainer.atomic_file import write_text_atomically
from trainer.errors import TrainerError
from trainer.records import RunRecord, SweepRecord, SweepReference
from trainer.states import SweepState
from tui.feeds import SweepFeed
from tui.screens.confirm import ConfirmScreen
from tui.screens.export_best import ExportBestScreen, ExportChoice
from tui.screens.sweep_deriving import SweepDeriving
from tui.session import Session
from tui.widgets.agents_panel import AgentsPanel
from tui.widgets.runs_table import RunsTable

STEERING = "steering"
EXPORT_FORMATS: dict[ExportChoice, str] = {
    "copy-yaml": "yaml",
    "copy-args": "args",
    "copy-hydra": "hydra",
    "copy-json": "json",
    "write-yaml": "yaml",
}


class SweepSteering(SweepDeriving):
    """Pause, resume, stop, cancel; agents; one run; the best configuration."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "P,p", "toggle_pause", "Pause", key_display="P", id="sweep.pause", tooltip="Pause the sweep, or resume it"
        ),
        Binding(
            "S",
            "stop_sweep",
            "Stop",
            id="sweep.stop",
            show=False,
            tooltip="Start no further runs, for good; current runs go on",
        ),
        Binding(
            "C",
            "cancel_sweep",
            "Cancel",
            id="sweep.cancel",
            show=False,
            tooltip="Start no further runs and end the current ones",
        ),
        Binding("K", "stop_run", "Stop run", id="sweep.stop_run", show=False, tooltip="End the run under the cursor"),
        Binding(
            "plus",
            "add_agent",
            "Agent",
            key_display="+",
            id="sweep.add_agent",
            show=False,
            tooltip="Start one more agent on this machine",
        ),
        Binding(
            "minus",
            "drain_agent",
            "Fewer agents",
            key_display="-",
            id="sweep.drain_agent",
            show=False,
            tooltip="Let one agent on this machine leave after its current run",
        ),
        Binding(
            "underscore",
            "stop_agents",
            "Stop agents",
            key_display="_",
            id="sweep.stop_agents",
            show=False,
            tooltip="Stop the agents on this machine, and their runs",
        ),
        Binding(
            "E",
            "export_best",
            "Export",
            id="sweep.export",
            tooltip="Copy the best configuration, or write it to a file",
        ),
        Binding("c", "copy_best", "Copy", id="sweep.copy", show=False, tooltip="Copy the best configuration as YAML"),
    ]

    session: Session
    reference: SweepReference
    feed: SweepFeed
    table: RunsTable
    panel: AgentsPanel

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what the sweep's state allows."""
        if action in ("toggle_pause", "stop_sweep", "cancel_sweep", "add_agent"):
            return self.feed.sweep is not None and not self.feed.sweep.state.is_terminal
        return True

    def sweep_to_derive(self) -> SweepRecord | None:
        """Return the sweep that is watched."""
        return self.feed.sweep

    def _ask(self, question: str, detail: str, verb: str, do: Callable[[], object], *, danger: bool = True) -> None:
        if self.session.why_read_only:
            self.notify(self.session.why_read_only, severity="warning", markup=False)
            return

        def answered(agreed: bool | None) -> None:
            if agreed:
                do()

        self.app.push_screen(ConfirmScreen(question, detail, confirm=verb, danger=danger), answered)

    @work(thread=True, exclusive=False, exit_on_error=False, group=STEERING)
    def in_background(self, do: Callable[[], object], done: str) -> None:
        """Do something that blocks and say how it ended; not exclusive: no wish cancels another."""
        try:
            do()
        except TrainerError as error:
            self.app.call_from_thread(self.notify, str(error), severity="error", timeout=10, markup=False)
        else:
            self.app.call_from_thread(self.notify, done, markup=False)

    def _set_state(self, state: SweepState, done: str) -> None:
        self.in_background(lambda: self.session.set_sweep_state(self.reference, state), done)

    @property
    def _sweep_name(self) -> str:
        return self.feed.sweep.name if self.feed.sweep else self.reference.id

    def action_toggle_pause(self) -> None:
        """Pause the sweep, or resume it."""
        if self.feed.sweep and self.feed.sweep.state is SweepState.PAUSED:
            self._set_state(SweepState.RUNNING, f"{self._sweep_name} is running again.")
            return
        self._ask(
            f"Pause {self._sweep_name}?",
            "No further runs start until you resume it; current runs go on.",
            "Pause",
            lambda: self._set_state(SweepState.PAUSED, f"{self._sweep_name} is paused. P resumes it."),
            danger=False,
        )

    def action_stop_sweep(self) -> None:
        """Let the sweep end after its current runs."""
        self._ask(
            f"Stop {self._sweep_name}?",
            "No further runs start, for good; current runs end by themselves.",
            "Stop",
            lambda: self._set_state(SweepState.FINISHED, f"{self._sweep_name} starts no further runs."),
        )

    def action_cancel_sweep(self) -> None:
        """End the sweep and its current runs."""
        self._ask(
            f"Cancel {self._sweep_name}?",
            "No further runs start, for good, and current runs are ended.",
            "Cancel sweep",
            lambda: self._set_state(SweepState.CANCELED, f"{self._sweep_name} is canceled."),
        )

    def action_stop_run(self) -> None:
        """End the run under the cursor."""
        agent = self.panel.chosen_agent
        run = self.feed.board.runs.get(agent.run_id if agent else self.table.cursor_run_id)
        if run is None:
            return
        if run.state.is_terminal:
            self.notify(f"{run.name} has ended already.", severity="warning", markup=False)
            return
        reference = self.reference
        self._ask(
            f"Stop {run.name}?",
            "It ends at its next step; what it logged stays.",
            "Stop run",
            lambda: self.in_background(
                lambda: self.session.client.stop_run(reference.entity, reference.project, run.id),
                f"{run.name} was asked to stop.",
            ),
        )

    def action_add_agent(self) -> None:
        """Start one more local agent."""
        self.notify("Starting an agent…", timeout=2)
        self.in_background(lambda: self.session.add_agent(self.reference), "One more agent works for this sweep.")

    def action_drain_agent(self) -> None:
        """Let one local agent leave after its current run: the selected one where the agents have the focus."""
        agent = self.panel.chosen_agent
        if agent is not None and (agent.draining or agent.state.is_terminal):
            self.notify(f"Slot {agent.slot} takes no further runs already.", severity="warning")
            return
        who = f"Slot {agent.slot}" if agent is not None else "One agent"
        self.in_background(
            lambda: self.session.drain_agent(self.reference, agent),
            f"{who} leaves after its current run; + takes that back, _ stops all agents here at once.",
        )

    def action_stop_agents(self) -> None:
        """Stop the local agents."""
        count = len(self.feed.live_agents)
        if not count:
            self.notify("No agents on this machine work for this sweep.", severity="warning")
            return
        self._ask(
            f"Stop {'the agent' if count == 1 else f'all {count} agents'} on this machine?",
            "Their current runs are stopped, too. The sweep itself goes on: + starts a new agent.",
            "Stop agents",
            lambda: self.in_background(lambda: self.session.stop_agents(self.reference), "The agents are stopping."),
        )

    # The best configuration

    def _best(self) -> tuple[SweepRecord, RunRecord] | None:
        if self.feed.sweep and self.feed.best:
            return self.feed.sweep, self.feed.best
        self.notify("No run has a value of the metric yet, so none is best.", severity="warning")
        return None

    def action_copy_best(self) -> None:
        """Copy the best configuration as YAML."""
        if best := self._best():
            self.export(*best, "copy-yaml")

    def action_export_best(self) -> None:
        """Ask how to take the best configuration along."""
        best = self._best()
        if best is None:
            return
        sweep, run = best

        def chosen(choice: ExportChoice | None) -> None:
            if choice is not None:
                self.export(sweep, run, choice)

        path = self._export_path()
        self.app.push_screen(ExportBestScreen(run.name, path.name, is_there=os.path.lexists(path)), chosen)

    def _export_path(self) -> Path:
        return self.session.cwd / f"best-{self.reference.id}.yaml"

    def export(self, sweep: SweepRecord, run: RunRecord, choice: ExportChoice) -> None:
        """Copy or write a run's configuration."""
        # Imported when first needed: yaml and the text tables are not for the first paint.
        from trainer.tracking.leaderboard import render_best

        try:
            text = render_best(sweep, [run], by=self.feed.board.by, output_format=EXPORT_FORMATS[choice])
        except TrainerError as error:
            self.notify(str(error), severity="warning", timeout=8, markup=False)
            return
        if choice == "write-yaml":
            path = self._export_path()
            self.in_background(lambda: write_text_atomically(path, text + "\n"), f"Written to {path}.")
            return
        self.app.copy_to_clipboard(text)
        self.notify(text, title=f"Copied: configuration of {run.name}", timeout=6, markup=False)
