"""LaunchScreen: the last question before a sweep runs: how many local agents, in which project. Launches nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from tui.widgets.form_field import FormField

MAX_AGENTS = 256


@dataclass(frozen=True, slots=True)
class LaunchChoice:
    """How to launch."""

    agents: int
    project: str


def default_agents() -> int:
    """Return how many agents are suggested: half of the CPUs, at least 1 and at most 4."""
    return max(1, min((os.cpu_count() or 2) // 2, 4))


class LaunchScreen(ModalScreen[LaunchChoice | None]):
    """Asks how to launch; None if the user thought better of it."""

    CSS_PATH = "launch.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Not now", id="launch.close", tooltip="Go back to the form"),
        Binding("ctrl+l", "launch", "Launch", id="launch.go", tooltip="Create the sweep and start the agents"),
        Binding("down", "app.focus_next", "Next", id="launch.next", show=False),
        Binding("up", "app.focus_previous", "Previous", id="launch.previous", show=False),
    ]

    def __init__(self, headline: str, server: str, project: str) -> None:
        """Create the dialog.

        Args:
            headline: What will run: `wine-forest: 9 runs`.
            server: The words that name the server.
            project: The project suggested.
        """
        super().__init__()
        self.headline = headline
        self.server = server
        self.project = project

    def compose(self) -> ComposeResult:
        """Compose the dialog."""
        with Vertical(classes="dialog"):
            yield Static(f"Launch {self.headline}", classes="dialog-title", markup=False)
            yield FormField("agents", "agents", placeholder="runs at the same time; 0 starts none")
            yield FormField("project", "project", placeholder="uncategorized")
            yield Static(f"on the {self.server}", classes="dialog-hint", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Not now", id="decline")
                yield Button("Launch", id="agree", variant="primary")

    def on_mount(self) -> None:
        """Fill in the suggestions; digits typed at once replace the agents, and `enter` alone launches."""
        self.query_one("#field-agents", FormField).show_text(str(default_agents()))
        self.query_one("#field-project", FormField).show_text(self.project)
        agents = self.query_one("#field-agents Input", Input)
        agents.focus()
        agents.select_all()

    def action_launch(self) -> None:
        """Close with the choice, unless it is not one."""
        text = self.query_one("#field-agents Input", Input).value.strip()
        field = self.query_one("#field-agents", FormField)
        if not text.isdecimal() or int(text) > MAX_AGENTS:
            field.show_problem(f"Give a whole number from 0 to {MAX_AGENTS}.")
            self.query_one("#field-agents Input").focus()
            return
        field.show_problem("")
        self.dismiss(LaunchChoice(int(text), self.query_one("#field-project Input", Input).value.strip()))

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_launch()

    @on(Button.Pressed)
    def _pressed(self, message: Button.Pressed) -> None:
        if message.button.id == "agree":
            self.action_launch()
        else:
            self.dismiss(None)
