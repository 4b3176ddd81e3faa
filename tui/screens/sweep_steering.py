"""SweepSteering: what the live view can do to its sweep, each wish confirmed where it cannot be taken back.

A mixin of `SweepScreen`: the keys, the questions and the workers that ask the server. Shows nothing itself.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from trainer.records import SweepRecord, SweepReference
from trainer.states import SweepState
from tui.feeds import SweepFeed
from tui.screens.run_changing import RunChanging
from tui.screens.sweep_taking import SweepTaking
from tui.session import Session
from tui.widgets.agents_panel import AgentsPanel
from tui.widgets.runs_table import RunsTable


class SweepSteering(SweepTaking, RunChanging):
    """Pause, resume, stop, cancel; agents; one run."""

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
            "X",
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
        return super().check_action(action, parameters)

    def sweep_to_derive(self) -> SweepRecord | None:
        """Return the sweep that is watched."""
        return self.feed.sweep

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
        if run is not None:
            self.stop_after_question(run)

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
