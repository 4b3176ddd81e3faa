"""LaunchScreen: the last question before a sweep runs: where, with how many agents, on which GPUs, for how long.

Launches nothing. The GPUs are asked for only where there are some.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static
from textual.worker import get_current_worker

from trainer.records import Json
from tui.launch_choice import LaunchChoice, default_agents, read_choice
from tui.widgets.form_field import FormField

GPUS = "gpus"
_OTHERS = {"local": "embedded server", "cloud": "W&B cloud"}
"""What servers are called that the app is not at."""
GPU_FIELDS = ("gpus", "slots_per_gpu", "gpus_per_run")


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

    def __init__(
        self,
        config: Mapping[str, Json],
        server: str,
        project: str,
        list_gpus: Callable[[], str] | None = None,
        last: Mapping[str, str] | None = None,
        prior_points: int = 0,
        estimate: Callable[[LaunchChoice, int], str] | None = None,
        servers: Sequence[str] = (),
        *,
        reuses: bool = False,
        entities: Sequence[str] = (),
    ) -> None:
        """Create the dialog.

        Args:
            config: What is to run.
            server: The words that name the server.
            project: The project that the sweep or the user named; empty for the one of the last launch.
            list_gpus: Returns the GPUs of this machine in a few words, empty when there are none; blocks.
            last: The texts of the last launch by field.
            prior_points: Points of its space that runs it starts from have done already.
            estimate: Returns what a choice takes in words, empty where nobody knows; called at each key, with the
                points that need no run.
            servers: Words for the servers that can be launched on, the one that `server` names first.
            reuses: Whether it starts from runs that the first server has.
            entities: For each server, whose project it will be in; empty where that goes without saying.
        """
        super().__init__()
        self.config = config
        self.list_gpus = list_gpus
        self.prior_points = prior_points
        self.estimate = estimate
        self.reuses = reuses
        self.entities = dict(zip(servers, entities, strict=False))
        self.server = server
        self.servers = tuple(servers)
        self.chosen_server = self.servers[0] if self.servers else ""
        """The word of the server that is chosen."""
        self.texts = {"agents": str(default_agents())} | dict(last or {})
        if project:
            self.texts["project"] = project

    def compose(self) -> ComposeResult:
        """Compose the dialog."""
        with Vertical(classes="dialog"):
            name = self.config.get("name") or "the sweep"
            yield Static(f"Launch {name}", classes="dialog-title", markup=False)
            yield FormField("agents", "agents", placeholder="runs at the same time; 0 starts none")
            yield FormField("gpus", "GPUs")
            yield FormField("slots_per_gpu", "  per GPU", placeholder="agents that share a GPU; 1")
            yield FormField("gpus_per_run", "  per run", placeholder="GPUs for each run; 1")
            if len(self.servers) > 1:
                yield FormField("server", "server", options=self.servers)
            yield FormField("project", "project", placeholder="uncategorized")
            yield FormField("count", "runs", placeholder="at most so many in all; as the sweep says")
            yield FormField("budget", "budget", placeholder="begin no run later than 2h, 90m, 1d; no limit")
            yield FormField("timeout", "run timeout", placeholder="stop a run that takes longer than 10m; no limit")
            yield FormField("max_failures", "failures", placeholder="begin no run once so many failed; no limit")
            yield Static("", id="launch-sentence", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Static("enter launches · esc goes back", id="launch-keys")
                yield Button("Not now", id="decline")
                yield Button("Launch", id="agree", variant="primary")

    def on_mount(self) -> None:
        """Fill in the suggestions; digits typed at once replace the agents, and `enter` alone launches."""
        for field in self.query(FormField):
            field.show_text(self.chosen_server if field.options else self.texts.get(field.path, ""))
        self._show_gpu_fields(bool(self.texts.get("gpus")))
        self._show_sentence()
        self.look_for_gpus()
        agents = self.query_one("#field-agents Input", Input)
        agents.focus()
        agents.select_all()

    @work(thread=True, exclusive=True, exit_on_error=False, group=GPUS)
    def look_for_gpus(self) -> None:
        """Ask the driver, which may take seconds."""
        summary = self.list_gpus() if self.list_gpus else ""
        if not get_current_worker().is_cancelled:
            self.post_message(self.GpusListed(summary))

    @on(GpusListed)
    def _offer_gpus(self, message: GpusListed) -> None:
        if not message.summary:
            # What the last launch asked for is not on this machine.
            had_gpus = bool(self._field("gpus").query_one(Input).value)
            for name in GPU_FIELDS:
                self._field(name).show_text("")
            if had_gpus and not self._field("agents").query_one(Input).value.strip():
                self._field("agents").show_text(str(default_agents()))
        else:
            self._field("gpus").query_one(Input).placeholder = f"all, none or numbers; here: {message.summary}"
            self._field("agents").query_one(Input).placeholder = "runs at the same time; empty: one per GPU below"
        self._show_gpu_fields(bool(message.summary))
        self._show_sentence()

    def _show_gpu_fields(self, are_there: bool) -> None:
        for name in GPU_FIELDS:
            self._field(name).display = are_there

    def _field(self, name: str) -> FormField:
        return self.query_one(f"#field-{name}", FormField)

    @on(FormField.Edited)
    def _edited(self, message: FormField.Edited) -> None:
        message.stop()
        if message.field.options:
            self.chosen_server = message.text
        self._show_sentence()

    def _show_sentence(self) -> LaunchChoice | None:
        """Say what will happen, or what is wrong; returns the choice."""
        # Read from the fields: `enter` overtakes the messages of what was typed right before it.
        fields = [field for field in self.query(FormField) if not field.options]
        self.texts = {field.path: field.query_one(Input).value for field in fields}
        choice, problems = read_choice(self.texts)
        for field in self.query(FormField):
            field.show_problem(problems.get(field.path, ""))
        sentence = self.query_one("#launch-sentence", Static)
        if choice is None:
            number = len(problems)
            sentence.update(Content.assemble((f"✗ {number} problem{'s' if number > 1 else ''} above", "bold $error")))
        else:
            is_other = self.chosen_server not in self.servers[:1]
            server = _OTHERS.get(self.chosen_server, f"server {self.chosen_server}") if is_other else self.server
            # Runs are reused where they are: another server does not know them.
            prior_points = 0 if is_other else self.prior_points
            entity = self.entities.get(self.chosen_server, "")
            said = choice.sentence(self.config, server, prior_points, entity)
            takes = self.estimate(choice, prior_points) if self.estimate else ""
            said += " It starts afresh: the runs it would reuse are not there." if is_other and self.reuses else ""
            sentence.update(Content.assemble(("▶ ", "bold $primary"), said, (f" Takes {takes}." if takes else "")))
        return choice

    def action_launch(self) -> None:
        """Close with the choice, unless it is not one."""
        choice = self._show_sentence()
        if choice is not None:
            self.dismiss(choice)
            return
        wrong = next(field for field in self.query(FormField) if field.has_class("-problem"))
        wrong.display = True
        wrong.focus_control()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_launch()

    @on(Button.Pressed)
    def _pressed(self, message: Button.Pressed) -> None:
        if message.button.id == "agree":
            self.action_launch()
        else:
            self.dismiss(None)
