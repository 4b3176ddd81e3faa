"""RunFiles: the list of what a run left, with a line that says what is done with it. Reads nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from trainer.run_contents import RunArtifact, RunFile
from tui.run_file_rows import FileRow, file_rows, row_parts


class RunFiles(Vertical):
    """Files and artifacts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor(1)", "Down", id="files.down", show=False, tooltip="Next row"),
        Binding("k", "cursor(-1)", "Up", id="files.up", show=False, tooltip="Previous row"),
    ]
    DEFAULT_CSS = """
    RunFiles {
        height: 1fr;
        & > OptionList, & > OptionList:focus { height: 1fr; border: none; padding: 0 1; background: $background; }
        & > .files-status { height: 1; padding: 0 2; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    options = getters.query_one(OptionList)

    @dataclass
    class Chosen(Message):
        """The user wants to see what is in a row."""

        row: FileRow

    def __init__(self, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._files: Sequence[RunFile] = ()
        self._artifacts: Sequence[RunArtifact] = ()
        self.opened: dict[str, Sequence[RunFile]] = {}
        """Files of the artifacts that are open, by name."""
        self._rows: list[FileRow] = []
        self._width = 0

    def compose(self) -> ComposeResult:
        """Compose the list and the line below it."""
        yield OptionList()
        yield Static("", classes="files-status")

    def focus(self, scroll_visible: bool = True) -> RunFiles:
        """Focus the list."""
        self.options.focus(scroll_visible)
        return self

    def on_resize(self) -> None:
        """Place the columns anew."""
        if self._rows and self.options.scrollable_content_region.width != self._width:
            self._redraw()

    def show(self, files: Sequence[RunFile], artifacts: Sequence[RunArtifact]) -> None:
        """Show what there is."""
        self._files, self._artifacts = files, artifacts
        self._redraw()

    def toggle(self, artifact: RunArtifact, files: Sequence[RunFile] | None) -> None:
        """Show the files of an artifact below it, or (None) no longer."""
        if files is None:
            self.opened.pop(artifact.name, None)
        else:
            self.opened[artifact.name] = files
        self._redraw()

    def say(self, text: Content | str) -> None:
        """Show a sentence below the list."""
        self.query_one(".files-status", Static).update(text)

    @property
    def chosen(self) -> FileRow | None:
        """The row under the cursor."""
        index = self.options.highlighted
        return self._rows[index] if index is not None and index < len(self._rows) else None

    def files_of(self, row: FileRow) -> Sequence[RunFile]:
        """Return the files that a row stands for, as far as they were read: the first heading for all the run's."""
        if row.file is not None:
            return [row.file]
        if row.artifact is not None:
            return self.opened.get(row.artifact.name, ())
        return self._files if row is self._rows[0] else ()

    def _redraw(self) -> None:
        options = self.options
        self._width = width = options.scrollable_content_region.width
        if not width:
            return
        before = self.chosen
        self._rows = file_rows(self._files, self._artifacts, self.opened)
        options.clear_options()
        options.add_options([Option(self._prompt(row, width - 2)) for row in self._rows])
        wanted = before.key if before is not None else ""
        place = next((at for at, row in enumerate(self._rows) if row.key == wanted), None)
        options.highlighted = place if place is not None else min(1, len(self._rows) - 1)

    def _prompt(self, row: FileRow, width: int) -> Content:
        is_open = row.artifact is not None and row.artifact.name in self.opened
        parts = row_parts(row, width, is_open=is_open)
        if row.title:
            return Content.from_markup("[b $primary]$title[/]", title=parts.name)
        if row.note:
            return Content.from_markup("[$foreground 60%]$note[/]", note=parts.name)
        return Content.from_markup("$name[$foreground 60%]$rest[/]", name=parts.name, rest="  " + parts.rest)

    @on(OptionList.OptionSelected)
    def _selected(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        if (row := self.chosen) is not None:
            self.post_message(self.Chosen(row))

    def action_cursor(self, by: int) -> None:
        """Move the cursor."""
        self.options.action_cursor_down() if by > 0 else self.options.action_cursor_up()
