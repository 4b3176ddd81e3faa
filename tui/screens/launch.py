"""LaunchScreen: the last question before a sweep runs: how many local agents, on which GPUs, in which project.

Launches nothing. The GPUs are asked for only where there are some.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static
from textual.worker import get_current_worker

from trainer.errors import DeviceError
from tui.widgets.form_field import FormField

MAX_AGENTS = 256
GPUS = "gpus"


@dataclass(frozen=True, slots=True)
class LaunchChoice:
    """How to launch."""

    agents: int | None
    """None for as many as the GPUs have room for."""
    project: str
    gpus: str = ""
    """As `--gpus` says it; empty where nothing was said."""


def default_agents() -> int:
    """Return how many agents are suggested: half of the CPUs, at least 1 and at most 4."""
    return max(1, min((os.cpu_count() or 2) // 2, 4))


def _problem_with(gpus: str) -> str:
    from trainer.agents.devices import DeviceWish

    try:
        DeviceWish(gpus or "auto")
    except DeviceError as error:
        return str(error)
    return ""


class LaunchScreen(ModalScreen[LaunchChoice | None]):
    """Asks how to launch; None if the user thought better of it."""

    CSS_PATH = "launch.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Not now", id="launch.close", tooltip="Go back to the form"),
        Binding("ctrl+l", "launch", "Launch", id="launch.go", tooltip="Create the sweep and start the agents"),
        Binding("down", "app.focus_next", "Next", id="launch.next", show=False),
        Binding("up", "app.focus_previous", "Previous", id="launch.previous", show=False),
    ]

    @dataclass
    class GpusListed(Message):
        """The GPUs of this machine are known."""

        summary: str

    def __init__(self, headline: str, server: str, project: str, list_gpus: Callable[[], str] | None = None) -> None:
        """Create the dialog.

        Args:
            headline: What will run: `wine-forest: 9 runs`.
            server: The words that name the server.
            project: The project suggested.
            list_gpus: Returns the GPUs of this machine in a few words, empty when there are none; blocks.
        """
        super().__init__()
        self.list_gpus = list_gpus
        self.headline = headline
        self.server = server
        self.project = project

    def compose(self) -> ComposeResult:
        """Compose the dialog."""
        with Vertical(classes="dialog"):
            yield Static(f"Launch {self.headline}", classes="dialog-title", markup=False)
            yield FormField("agents", "agents", placeholder="runs at the same time; 0 starts none")
            yield FormField("gpus", "gpus")
            yield FormField("project", "project", placeholder="uncategorized")
            yield Static(f"on the {self.server}", classes="dialog-hint", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Not now", id="decline")
                yield Button("Launch", id="agree", variant="primary")

    def on_mount(self) -> None:
        """Fill in the suggestions; digits typed at once replace the agents, and `enter` alone launches."""
        self.query_one("#field-agents", FormField).show_text(str(default_agents()))
        self.query_one("#field-project", FormField).show_text(self.project)
        self.query_one("#field-gpus", FormField).display = False
        self.look_for_gpus()
        agents = self.query_one("#field-agents Input", Input)
        agents.focus()
        agents.select_all()

    @work(thread=True, exclusive=True, exit_on_error=False, group=GPUS)
    def look_for_gpus(self) -> None:
        """Ask the driver, which may take seconds."""
        summary = self.list_gpus() if self.list_gpus else ""
        if summary and not get_current_worker().is_cancelled:
            self.post_message(self.GpusListed(summary))

    @on(GpusListed)
    def _offer_gpus(self, message: GpusListed) -> None:
        field = self.query_one("#field-gpus", FormField)
        field.query_one(Input).placeholder = f"all, none or numbers; here: {message.summary}"
        self.query_one("#field-agents Input", Input).placeholder = "runs at the same time; empty: one per GPU below"
        field.display = True

    def action_launch(self) -> None:
        """Close with the choice, unless it is not one."""
        text = self.query_one("#field-agents Input", Input).value.strip()
        field = self.query_one("#field-agents", FormField)
        gpus = self.query_one("#field-gpus Input", Input).value.strip()
        if not (gpus and not text) and (not text.isdecimal() or int(text) > MAX_AGENTS):
            field.show_problem(f"Give a whole number from 0 to {MAX_AGENTS}.")
            self.query_one("#field-agents Input").focus()
            return
        field.show_problem("")
        if problem := _problem_with(gpus):
            self.query_one("#field-gpus", FormField).show_problem(problem)
            self.query_one("#field-gpus Input").focus()
            return
        project = self.query_one("#field-project Input", Input).value.strip()
        self.dismiss(LaunchChoice(int(text) if text else None, project, gpus))

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_launch()

    @on(Button.Pressed)
    def _pressed(self, message: Button.Pressed) -> None:
        if message.button.id == "agree":
            self.action_launch()
        else:
            self.dismiss(None)
