"""BuilderSuggestions: what fields of the builder are completed with and workers have to look for.

A feature of `SweepBuilderScreen`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from textual import on, work
from textual.message import Message

from trainer.errors import TrainerError
from tui.path_candidates import program_candidates
from tui.screens.builder_shell import BuilderShell
from tui.widgets.completing_input import Candidate, CompletingInput
from tui.widgets.program_section import ProgramSection
from tui.widgets.search_section import SearchSection

METRICS = "metrics"
PATHS = "paths"
INTERPRETER = "interpreter"


class BuilderSuggestions(BuilderShell):
    """Looks for metrics on the server, programs on the disk, and the interpreter of the agents."""

    @dataclass
    class MetricsFound(Message):
        """What earlier runs logged."""

        names: Sequence[str]

    @dataclass
    class PathsFound(Message):
        """What a typed path may become."""

        box: CompletingInput
        text: str
        candidates: Sequence[Candidate]

    @dataclass
    class InterpreterFound(Message):
        """The Python that agents here would start."""

        path: str

    async def on_mount(self) -> None:
        """Look for what does not depend on what is typed."""
        project = self.document.config().get("project")
        self.find_metrics(project if isinstance(project, str) else None)
        self.find_interpreter()

    @work(thread=True, exclusive=True, exit_on_error=False, group=METRICS, description="find metrics")
    def find_metrics(self, project: str | None) -> None:
        """Ask the server what was logged; without an answer there are no suggestions."""
        try:
            names = self.session.logged_metrics(project)
        except TrainerError:
            # Whether the server answers is said where something depends on it.
            return
        self.post_message(self.MetricsFound(names))

    @on(MetricsFound)
    def _metrics_found(self, message: MetricsFound) -> None:
        self.query_one(SearchSection).logged_metrics = message.names

    @on(CompletingInput.Wanted)
    def _complete_path(self, message: CompletingInput.Wanted) -> None:
        message.stop()
        self.find_paths(message.box, message.text)

    @work(thread=True, exclusive=True, exit_on_error=False, group=PATHS, description="find paths")
    def find_paths(self, box: CompletingInput, text: str) -> None:
        """Look for programs."""
        self.post_message(self.PathsFound(box, text, program_candidates(self.session.cwd, text)))

    @on(PathsFound)
    def _paths_found(self, message: PathsFound) -> None:
        if message.box.is_attached and message.box.input.value == message.text:
            message.box.offer(message.candidates)

    @work(thread=True, exclusive=True, exit_on_error=False, group=INTERPRETER)
    def find_interpreter(self) -> None:
        """Look for the Python of the agents."""
        from trainer.agents.environment import interpreter_folder

        self.post_message(self.InterpreterFound(str(interpreter_folder(os.environ, self.session.cwd) / "python")))

    @on(InterpreterFound)
    def _interpreter_found(self, message: InterpreterFound) -> None:
        self.query_one(ProgramSection).show_interpreter(message.path)
