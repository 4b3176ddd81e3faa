"""FilePreviewScreen: a text file of a run, with search; changes are coloured. Nothing is written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from textual import getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from trainer.errors import TrainerError
from trainer.run_contents import RunFile
from tui.console_lines import ShownLines, diff_shown, text_shown
from tui.formatting import size_text
from tui.session import Session
from tui.session_contents import TEXT_BYTES
from tui.widgets.app_header import AppHeader
from tui.widgets.fitting_footer import FittingFooter
from tui.widgets.searched_log import SearchedLog

PREVIEW = "file_preview"
MAX_FILE_LINES = 100_000


class FilePreviewScreen(Screen[None]):
    """Shows one file."""

    AUTO_FOCUS = "LogView"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="preview_file.back", tooltip="Stop looking for a text, or leave"),
    ]

    text = getters.query_one(SearchedLog)

    @dataclass
    class TextRead(Message):
        """The file is here, or why not."""

        lines: ShownLines
        note: str

    def __init__(self, session: Session, file: RunFile, run_name: str, project: str) -> None:
        """Create the view of a file; it is read once it is shown."""
        super().__init__()
        self.session = session
        self.file = file
        self._run_name = run_name
        self._project = project

    def compose(self) -> ComposeResult:
        """Compose the screen."""
        yield AppHeader(f"{self._run_name} › {self.file.name}", self.session.label, self._project)
        yield SearchedLog("text", max_lines=MAX_FILE_LINES, grows=False)
        yield FittingFooter()

    def on_mount(self) -> None:
        """Read the file."""
        self.text.say(about=self.file.name, note="reading…")
        self.read_file()

    @work(thread=True, exclusive=True, exit_on_error=False, group=PREVIEW)
    def read_file(self) -> None:
        """Read the file, and prepare its lines."""
        try:
            text, is_cut = self.session.read_text(self.file)
        except TrainerError as error:
            self.post_message(self.TextRead(ShownLines(), f"✗ {size_text(self.file.size)}: {error}"))
            return
        note = f"{size_text(self.file.size)}"
        if is_cut:
            note += f", of which the first {size_text(TEXT_BYTES)}"
        self.post_message(self.TextRead(shown_text(self.file.name, text, is_cut=is_cut), note))

    @on(TextRead)
    def _text_read(self, message: TextRead) -> None:
        self.text.view.extend(message.lines.texts, looks=message.lines.looks)
        self.text.say(note=message.note)

    def action_back(self) -> None:
        """Leave."""
        self.app.pop_screen()


def shown_text(name: str, text: str, *, is_cut: bool = False) -> ShownLines:
    """Return the lines of a file: changes told apart, JSON on one line taken apart."""
    if name.endswith((".patch", ".diff")):
        return diff_shown(text)
    if name.endswith(".json") and not is_cut and text.count("\n") <= 1:
        try:
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            # Not JSON after all: shown as it is.
            return text_shown(text)
    return text_shown(text)
