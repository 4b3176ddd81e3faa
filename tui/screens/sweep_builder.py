"""SweepBuilderScreen: build a sweep in a form, see its count, YAML and problems at once; save it, launch it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from trainer.errors import ProgramError, TrainerError
from trainer.records import Json, SweepReference
from trainer.sweep.command import check_program
from trainer.sweep.config import SweepFile, dump_sweep_config
from trainer.sweep.validation import Violation
from tui.messages import ServerConnected, SweepOpenRequested
from tui.screens.confirm import ConfirmScreen, NoticeScreen
from tui.screens.file_dialogs import OpenFileScreen, SaveFileScreen
from tui.screens.launch import LaunchChoice, LaunchScreen
from tui.session import Session
from tui.sweep_count import count_text_of
from tui.sweep_draft import FRESH_CONFIG, ParameterDraft, SweepDraft
from tui.widgets.app_header import AppHeader
from tui.widgets.parameter_editor import ParameterEditor
from tui.widgets.sweep_form import SweepForm
from tui.widgets.violations_list import ViolationsList
from tui.widgets.yaml_preview import YamlPreview

LAUNCHING = "launching"
PREVIEW_DELAY_SECONDS = 0.15
"""The YAML and the program check wait for a pause in typing; the count and the problems do not."""


class SweepBuilderScreen(Screen[None]):
    """Edits one sweep until it is launched, saved or left."""

    CSS_PATH = "sweep_builder.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+l,L", "launch", "Launch", key_display="^l", id="builder.launch", tooltip="Create and run the sweep"
        ),
        Binding("f2,ctrl+s", "save", "Save", key_display="f2", id="builder.save", tooltip="Save the sweep as a file"),
        Binding("ctrl+o", "open_file", "Open", id="builder.open", tooltip="Open another sweep file"),
        Binding("ctrl+n", "add_parameter", "Add", id="builder.add", tooltip="Add a parameter"),
        Binding(
            "ctrl+y", "toggle_yaml", "YAML", id="builder.yaml", tooltip="Show the YAML and all problems, or the form"
        ),
        Binding(
            "f3", "next_problem", "Next problem", id="builder.problem", show=False, tooltip="Go to the next problem"
        ),
        Binding(
            "f9", "restore", "Undelete", id="builder.undelete", show=False, tooltip="Bring back a deleted parameter"
        ),
        Binding("escape", "back", "Back", id="builder.back", show=False, tooltip="Leave the builder"),
        Binding("down", "app.focus_next", "Next field", id="builder.next", show=False),
        Binding("up", "app.focus_previous", "Previous field", id="builder.previous", show=False),
    ]

    @dataclass
    class Launched(Message):
        """The sweep exists and its agents start."""

        reference: SweepReference

    @dataclass
    class LaunchFailed(Message):
        """The sweep, or its agents, could not be started."""

        error: TrainerError

    form = getters.query_one(SweepForm)
    problems_list = getters.query_one(ViolationsList)
    preview = getters.query_one(YamlPreview)

    def __init__(self, session: Session, config: Mapping[str, Json] | None = None, path: Path | None = None) -> None:
        """Create the builder.

        Args:
            session: What launches the sweep.
            config: The configuration to begin with; None for a fresh example.
            path: The file it came from; None if it came from none.
        """
        super().__init__()
        self.session = session
        self.path = path
        self.draft = SweepDraft.from_config(FRESH_CONFIG if config is None else config)
        self.problems: list[Violation] = []
        self.is_launching = False
        self._saved = self.draft.config() if path is not None or config is None else None
        self._program_problem: list[Violation] = []
        self._problem_index = -1
        self._readiness = ""

    @property
    def unsaved(self) -> str:
        """What would be lost, as the subject of a sentence; empty if nothing."""
        if self.draft.config() == self._saved:
            return ""
        return f"Your changes to {self.path.name}" if self.path else "The sweep you built"

    def compose(self) -> ComposeResult:
        """Compose the screen."""
        yield AppHeader("New sweep", self.session.label, self.session.project)
        with Horizontal(id="count-line"):
            yield Static("", id="count")
            yield Static("", id="readiness")
        with Horizontal(id="builder-body"):
            yield SweepForm(id="form")
            with Vertical(id="side"):
                yield YamlPreview(id="yaml", classes="panel")
                yield ViolationsList(id="problems")
        yield Footer(show_command_palette=False)

    async def on_mount(self) -> None:
        """Show the draft."""
        self.preview.border_title = "YAML"
        self.problems_list.border_title = "Problems"
        self._preview_timer = self.set_timer(PREVIEW_DELAY_SECONDS, self._show_preview)
        await self._show_draft()
        self.query_one("#field-name Input", Input).focus()

    async def _show_draft(self) -> None:
        await self.form.show(self.draft)
        self._judge()
        self._show_preview()

    @on(SweepForm.Changed)
    def _draft_changed(self) -> None:
        self._judge()
        self._preview_timer.stop()
        self._preview_timer = self.set_timer(PREVIEW_DELAY_SECONDS, self._show_preview)

    def _judge(self) -> None:
        """Count and validate; at every keystroke."""
        found = [*self.form.own_problems, *self.draft.problems()]
        paths = {problem.path for problem in found}
        self.problems = [*found, *(each for each in self._program_problem if each.path not in paths)]
        self.form.show_problems(self.problems)
        count = count_text_of(self.draft.config())
        self.query_one("#count", Static).update(
            Content.assemble(
                (count.headline, "bold $accent" if count.is_countable else "bold $error"),
                (f"   {count.detail}", "$foreground-muted"),
            ),
            layout=False,
        )
        self._show_readiness()

    def _show_readiness(self) -> None:
        number = len(self.problems)
        words, style = "✓ ready", "$success"
        if self.is_launching:
            words, style = "◌ launching…", "$primary"
        elif number:
            words, style = f"✗ {number} problem{'s' if number > 1 else ''}", "bold $error"
        if words != self._readiness:
            self._readiness = words
            self.query_one("#readiness", Static).update(Content.assemble((words, style)))

    def _show_preview(self) -> None:
        """Show the YAML and look for the program; after a pause in typing."""
        config = self.draft.config()
        self._check_program(config)
        self.problems_list.show(self.problems, self.draft.oddities())
        self.preview.show(dump_sweep_config(config))
        title = str(self.path.name) if self.path else "New sweep"
        self.query_one(AppHeader).screen_title = f"{title}{' · unsaved' if self.unsaved else ''}"

    def _check_program(self, config: Mapping[str, Json]) -> None:
        before = self._program_problem
        try:
            check_program(config, self.session.cwd)
            self._program_problem = []
        except ProgramError as error:
            self._program_problem = [Violation("program", error.message, error.hint, None)]
        if self._program_problem != before:
            self._judge()

    @on(ViolationsList.Chosen)
    def _go_to_problem(self, message: ViolationsList.Chosen) -> None:
        self.remove_class("-yaml")
        self.form.focus_path(message.path)

    @on(ParameterEditor.Deleted)
    def _deleted(self, message: ParameterEditor.Deleted) -> None:
        self.notify(f"Deleted {message.name or 'the parameter'}; f9 brings it back.", timeout=4)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer launching once."""
        return not (action == "launch" and self.is_launching)

    def action_next_problem(self) -> None:
        """Go to the next problem that has a field."""
        if self.problems:
            self.remove_class("-yaml")
            self._problem_index = (self._problem_index + 1) % len(self.problems)
            self.form.focus_path(self.problems[self._problem_index].path)

    async def action_add_parameter(self) -> None:
        """Add a parameter at the end."""
        self.remove_class("-yaml")
        await self.form.parameters.insert(ParameterDraft("", {}))

    async def action_restore(self) -> None:
        """Bring back the parameter that was deleted last."""
        await self.form.parameters.restore()

    def action_toggle_yaml(self) -> None:
        """Show the YAML in place of the form where both have no room, or the form again."""
        self.toggle_class("-yaml")
        if self.has_class("-yaml"):
            self.preview.focus()
        else:
            self.query_one("#field-name Input", Input).focus()

    def action_back(self) -> None:
        """Leave; asks first if changes would be lost."""
        if not self.unsaved:
            self.dismiss(None)
            return
        question = ConfirmScreen(
            "Leave without saving?", f"{self.unsaved} would be lost.", confirm="Leave", danger=True
        )

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.dismiss(None)

        self.app.push_screen(question, answered)

    def action_open_file(self) -> None:
        """Open another sweep file here; asks first if changes would be lost."""
        if not self.unsaved:
            self._ask_for_file()
            return
        question = ConfirmScreen("Open another?", f"{self.unsaved} would be lost.", confirm="Open", danger=True)
        self.app.push_screen(question, lambda agreed: self._ask_for_file() if agreed else None)

    def _ask_for_file(self) -> None:
        async def opened(file: SweepFile | None) -> None:
            if file is not None:
                self.path = Path(file.source)
                self.draft = SweepDraft.from_config(file.config)
                self._saved = self.draft.config()
                await self._show_draft()

        self.app.push_screen(OpenFileScreen(self.session.cwd), opened)

    def action_save(self) -> None:
        """Save the sweep as a file."""
        config = self.draft.config()

        def saved(path: Path | None) -> None:
            if path is not None:
                self.path, self._saved = path, config
                self._show_preview()
                self.notify(f"Saved {self._path_text()}.")

        suggestion = self._path_text() if self.path else f"sweeps/{_file_name(config)}.yaml"
        self.app.push_screen(SaveFileScreen(self.session.cwd, dump_sweep_config(config), suggestion), saved)

    def _path_text(self) -> str:
        """Return the file of the sweep as short as it can be named from the working folder."""
        path = self.path or Path()
        return str(path.relative_to(self.session.cwd) if path.is_relative_to(self.session.cwd) else path)

    def action_launch(self) -> None:
        """Ask how, then launch; shows the first problem instead if there is one."""
        self._show_preview()
        if self.problems:
            self._problem_index = -1
            self.action_next_problem()
            shown = "\n".join(_sentence(problem) for problem in self.problems[:3])
            more = f"\n… and {len(self.problems) - 3} more" if len(self.problems) > 3 else ""
            self.notify(shown + more, title="Not ready to launch", severity="warning", markup=False)
            return
        config = self.draft.config()
        project = self.session.project or config.get("project")
        headline = f"{config.get('name') or 'the sweep'}: {count_text_of(config).headline}"
        project = project if isinstance(project, str) else ""
        dialog = LaunchScreen(headline, self.session.label, project, self.session.list_gpus)
        self.app.push_screen(dialog, self._launch_as)

    def _launch_as(self, choice: LaunchChoice | None) -> None:
        if choice is not None:
            self.is_launching = True
            self._show_readiness()
            self.refresh_bindings()
            self.launch_sweep(self.draft.config(), choice)

    @work(thread=True, exclusive=True, exit_on_error=False, group=LAUNCHING)
    def launch_sweep(self, config: Mapping[str, Json], choice: LaunchChoice) -> None:
        """Create the sweep and start its agents."""
        try:
            self.app.post_message(ServerConnected(self.session.connect().label))
            sweep = self.session.launch(config, choice.agents, choice.project or None, gpus=choice.gpus)
        except TrainerError as error:
            self.post_message(self.LaunchFailed(error))
        else:
            self.post_message(self.Launched(sweep.reference))

    @on(Launched)
    def _launched(self, message: Launched) -> None:
        self.is_launching = False
        self.app.post_message(SweepOpenRequested(message.reference, replace_screen=True))

    @on(LaunchFailed)
    def _launch_failed(self, message: LaunchFailed) -> None:
        self.is_launching = False
        self._show_readiness()
        self.refresh_bindings()
        self.app.push_screen(NoticeScreen.of("The sweep could not be launched", message.error))


def _sentence(problem: Violation) -> str:
    return f"{problem.path}: {problem.message}" if problem.path else problem.message


def _file_name(config: Mapping[str, Json]) -> str:
    """Return a file name made of the sweep's name."""
    return re.sub(r"[^\w.-]+", "-", str(config.get("name") or "sweep")).strip("-.").lower() or "sweep"
