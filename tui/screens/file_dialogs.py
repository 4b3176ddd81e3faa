"""Dialogs that ask for a sweep file: OpenFileScreen reads one, SaveFileScreen writes one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, OptionList, Static

from trainer.atomic_file import write_text_atomically
from trainer.errors import TrainerError
from trainer.sweep.config import SweepFile, load_sweep_file
from tui.screens.confirm import ConfirmScreen
from tui.screens.list_dialog import ListDialog

FILES = "files"
_MAX_FILES = 200


class OpenFileScreen(ListDialog[SweepFile | None]):
    """Asks for a sweep file and reads it; names the files nearby."""

    CSS_PATH = "file_dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close", id="open_file.close", tooltip="Open nothing"),
        Binding("down", "pick(1)", "Next file", id="open_file.next", show=False, tooltip="Next file of the list"),
        Binding("up", "pick(-1)", "Previous file", id="open_file.previous", show=False, tooltip="Previous file"),
        Binding("tab", "complete", "Complete", id="open_file.complete", tooltip="Take over the marked file"),
    ]

    @dataclass
    class FilesFound(Message):
        """Sweep files nearby."""

        names: tuple[str, ...]

    @dataclass
    class FileRead(Message):
        """The file could be read."""

        file: SweepFile

    @dataclass
    class ReadFailed(Message):
        """The file could not be read."""

        error: TrainerError

    def __init__(self, cwd: Path) -> None:
        """Create the dialog; relative paths start at `cwd`."""
        super().__init__()
        self.cwd = cwd
        self.names: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        """Compose the dialog."""
        with Vertical(classes="dialog file-dialog"):
            yield Static("Open a sweep file", classes="dialog-title")
            yield Input(placeholder="path, or a part of a name", id="path", compact=True)
            yield Static("", id="file-problem", classes="problem", markup=False)
            yield OptionList(id="files")
            yield Static("↑ ↓ choose · tab completes · enter opens · esc closes", classes="dialog-hint")

    def on_mount(self) -> None:
        """Look around."""
        self.query_one("#files").can_focus = False
        self.query_one("#path").focus()
        self.find_files()

    @work(thread=True, exclusive=True, exit_on_error=False, group=FILES)
    def find_files(self) -> None:
        """Find sweep files in `sweeps` and here."""
        self.post_message(self.FilesFound(tuple(nearby_files(self.cwd))))

    @on(FilesFound)
    def _show_found(self, message: FilesFound) -> None:
        self.names = message.names
        self._show_names()

    @on(Input.Changed, "#path")
    def _show_names(self) -> None:
        typed = self.query_one("#path", Input).value.strip().casefold()
        self.query_one("#file-problem", Static).update("")
        options = self.query_one("#files", OptionList)
        options.clear_options()
        options.add_options([name for name in self.names if typed in name.casefold()])
        if options.option_count:
            options.highlighted = 0
        options.display = bool(options.option_count)

    @property
    def _marked(self) -> str:
        options = self.query_one("#files", OptionList)
        if options.highlighted is None:
            return ""
        return str(options.get_option_at_index(options.highlighted).prompt)

    def action_pick(self, rows: int) -> None:
        """Mark the next or the previous file."""
        options = self.query_one("#files", OptionList)
        options.action_cursor_down() if rows > 0 else options.action_cursor_up()

    def action_complete(self) -> None:
        """Take over the marked file."""
        if self._marked:
            box = self.query_one("#path", Input)
            box.value = self._marked
            box.cursor_position = len(box.value)

    @on(Input.Submitted, "#path")
    def _submitted(self, message: Input.Submitted) -> None:
        typed = message.value.strip()
        marked = self._marked
        self.read_file(typed if not marked or _exists(self.cwd, typed) else marked)

    @on(OptionList.OptionSelected, "#files")
    def _clicked(self, message: OptionList.OptionSelected) -> None:
        self.read_file(str(message.option.prompt))

    @work(thread=True, exclusive=True, exit_on_error=False, group=FILES, description="read file")
    def read_file(self, name: str) -> None:
        """Read the file."""
        try:
            file = load_sweep_file(resolved(self.cwd, name))
        except TrainerError as error:
            self.post_message(self.ReadFailed(error))
        else:
            self.post_message(self.FileRead(file))

    @on(FileRead)
    def _opened(self, message: FileRead) -> None:
        self.dismiss(message.file)

    @on(ReadFailed)
    def _failed(self, message: ReadFailed) -> None:
        self.query_one("#file-problem", Static).update(f"✗ {message.error}")


class SaveFileScreen(ListDialog[Path | None]):
    """Asks where to write a sweep, asks again before it overwrites, and writes it."""

    CSS_PATH = "file_dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close", id="save_file.close", tooltip="Save nothing"),
    ]

    @dataclass
    class FileWritten(Message):
        """The sweep is in the file."""

        path: Path

    @dataclass
    class WriteFailed(Message):
        """The sweep could not be written, or must not be without asking (`is_taken`)."""

        path: Path
        text: str
        is_taken: bool = False

    def __init__(self, cwd: Path, text: str, suggestion: str, known: tuple[Path, str] | None = None) -> None:
        """Create the dialog for one text; relative paths start at `cwd`.

        Args:
            cwd: Where relative paths start.
            text: What is saved.
            suggestion: Where it is saved unless the user says otherwise.
            known: The file that the text came from, and what it held then: that may be replaced without a question.
        """
        super().__init__()
        self.known = known
        self.cwd = cwd
        self.text = text
        self.suggestion = suggestion

    def compose(self) -> ComposeResult:
        """Compose the dialog."""
        with Vertical(classes="dialog file-dialog"):
            yield Static("Save the sweep", classes="dialog-title")
            yield Input(self.suggestion, id="path", compact=True, select_on_focus=False)
            yield Static("", id="file-problem", classes="problem", markup=False)
            yield Static("enter saves · esc closes", classes="dialog-hint")

    @on(Input.Submitted, "#path")
    def _submitted(self, message: Input.Submitted) -> None:
        if message.value.strip():
            self.write_file(resolved(self.cwd, message.value.strip()), overwrite=False)

    @work(thread=True, exclusive=True, exit_on_error=False, group=FILES, description="write file")
    def write_file(self, path: Path, overwrite: bool) -> None:
        """Write the file, unless one is there and `overwrite` is false."""
        try:
            if path.is_dir():
                self.post_message(self.WriteFailed(path, f"{path} is a folder."))
                return
            if path.exists() and not overwrite and not self._is_known(path):
                self.post_message(self.WriteFailed(path, "", is_taken=True))
                return
            write_text_atomically(path, self.text)
        except (TrainerError, OSError) as error:
            self.post_message(self.WriteFailed(path, str(error)))
        else:
            self.post_message(self.FileWritten(path))

    def _is_known(self, path: Path) -> bool:
        """Return whether a file is the sweep's own, and nobody else wrote to it meanwhile."""
        return self.known is not None and path == self.known[0] and path.read_bytes() == self.known[1].encode()

    @on(FileWritten)
    def _written(self, message: FileWritten) -> None:
        self.dismiss(message.path)

    @on(WriteFailed)
    def _failed(self, message: WriteFailed) -> None:
        if not message.is_taken:
            self.query_one("#file-problem", Static).update(f"✗ {message.text}")
            return

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.write_file(message.path, overwrite=True)

        detail = f"{message.path.name} is there already."
        if self.known is not None and message.path == self.known[0]:
            detail = f"{message.path.name} has been changed by somebody else meanwhile."
        self.app.push_screen(ConfirmScreen("Overwrite the file?", detail, confirm="Overwrite", danger=True), answered)


def nearby_files(cwd: Path) -> Sequence[str]:
    """Return the YAML files of `sweeps` and of `cwd`, relative to it; as many as people read."""
    names: list[str] = []
    for folder in (cwd / "sweeps", cwd):
        try:
            found = sorted(path for path in folder.glob("[!.]*") if path.suffix in (".yaml", ".yml"))
        except OSError:
            # A folder that is missing or closed has no files to offer; a path typed by hand still works.
            continue
        names += [str(path.relative_to(cwd)) for path in found]
    return names[:_MAX_FILES]


def resolved(cwd: Path, name: str) -> Path:
    """Return the path that a typed name means."""
    try:
        return cwd / Path(name).expanduser()
    except RuntimeError:
        # No home folder is known for `~name`: the text is a file name then.
        return cwd / name


def _exists(cwd: Path, name: str) -> bool:
    return bool(name) and resolved(cwd, name).is_file()
