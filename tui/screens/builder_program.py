"""The builder's program: read in the background, so that what it would refuse is marked, and its options taken over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.worker import get_current_worker

from trainer.programs.options import ProgramOptions
from trainer.records import Json
from tui.screens.builder_shell import BuilderShell
from tui.widgets.program_section import ProgramSection

if TYPE_CHECKING:
    from trainer.programs.importing import Import
    from trainer.programs.program_reading import ProgramReading

READING = "reading program"


class BuilderProgram(BuilderShell):
    """Reads the program whenever typing pauses; most of the time that is a look at the times of its files."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f9",
            "import_program",
            "From program",
            id="builder.import",
            tooltip="Take parameters from a training program",
        ),
    ]

    @dataclass
    class ProgramRead(Message):
        """What the program takes is known."""

        options: ProgramOptions | None

    _reading: ProgramReading | None = None

    def show_preview(self) -> None:
        """Show what waits for a pause in typing, and look at the program."""
        super().show_preview()
        self.read_program(self.document.config())

    @work(thread=True, exclusive=True, exit_on_error=False, group=READING, description="read program")
    def read_program(self, config: Mapping[str, Json]) -> None:
        """Read the program of the sweep."""
        # Imported when first needed: the first paint needs none of it.
        from trainer.programs.program_reading import ProgramReading

        if self._reading is None:
            self._reading = ProgramReading(self.session.cwd.absolute())
        options = self._reading.read(config)
        if not get_current_worker().is_cancelled:
            self.post_message(self.ProgramRead(options))

    @on(ProgramRead)
    def _program_read(self, message: ProgramRead) -> None:
        if message.options is not self.document.program:
            self.document.program = message.options
            self.query_one(ProgramSection).show_options(message.options)
            self.judge()
            super().show_preview()

    def action_import_program(self) -> None:
        """Take parameters from a program."""
        from tui.screens.program_import import ProgramImportScreen

        def chosen(made: Import | None) -> None:
            if made is None:
                return
            self.apply_config(made.config, made.label)
            gone = f"Removed {', '.join(made.removed)}. " if made.removed else ""
            self.notify(f"{gone}ctrl+z takes it back", title=made.label.capitalize(), timeout=4, markup=False)

        self.app.push_screen(ProgramImportScreen(self.session.cwd.absolute(), self.document.config()), chosen)
