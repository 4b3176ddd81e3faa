"""RunFilesPane: files and artifacts of a run: listed, looked at, brought here. A mixin of `RunScreen`."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import getters, on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from trainer.errors import TrainerError
from trainer.records import RunRecord
from trainer.run_contents import RunArtifact, RunFile
from tui.formatting import count_text, size_text
from tui.run_file_rows import FileRow
from tui.screens.run_changing import RunChanging
from tui.widgets.run_files import RunFiles

FILES, DOWNLOAD = "run_files", "run_download"
HINT = "enter looks at it, or opens an artifact · w downloads · r lists anew"
_TELL_SECONDS = 0.1


class RunFilesPane(RunChanging):
    """Lists, previews, downloads."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "list_files", "List anew", id="run.list_files", show=False, tooltip="Ask the server again"),
    ]  # fmt: skip

    files = getters.query_one("#files", RunFiles)
    run: RunRecord

    @dataclass
    class FilesRead(Message):
        """What the run left; or why that is not known."""

        files: Sequence[RunFile]
        artifacts: Sequence[RunArtifact]
        problem: str = ""

    @dataclass
    class ArtifactRead(Message):
        """The files of an artifact."""

        artifact: RunArtifact
        files: Sequence[RunFile]
        is_wanted: bool
        """Whether they are to be downloaded."""

    @dataclass
    class Downloaded(Message):
        """How far a download has come, or how it ended."""

        text: str
        is_over: bool = False
        is_bad: bool = False

        def can_replace(self, message: Message) -> bool:
            """Return whether only this one is worth showing."""
            return isinstance(message, RunFilesPane.Downloaded) and not message.is_over

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.stop_download = threading.Event()
        self._files_asked = False

    @property
    def is_downloading(self) -> bool:
        """Whether something is on its way."""
        return any(worker.group == DOWNLOAD and worker.is_running for worker in self.workers)

    def read_files_if_needed(self) -> None:
        """List them, once."""
        if not self._files_asked:
            self.action_list_files()

    def action_list_files(self) -> None:
        """List them anew."""
        self._files_asked = True
        self.files.say("reading…")
        self.read_files()

    @work(thread=True, exclusive=True, exit_on_error=False, group=FILES, description="files")
    def read_files(self) -> None:
        """Read what the run left."""
        try:
            files = self.session.read_files(self.reference, self.run.id)
            artifacts = self.session.read_artifacts(self.reference, self.run.id)
        except TrainerError as error:
            self.post_message(self.FilesRead((), (), str(error)))
        else:
            self.post_message(self.FilesRead(files, artifacts))

    @on(FilesRead)
    def _files_read(self, message: FilesRead) -> None:
        if message.problem:
            self._files_asked = False
            self._say_files(f"✗ {message.problem} r tries again", is_bad=True)
            return
        self.files.show(message.files, message.artifacts)
        nothing = "it left no files" + ("" if self.run.state.is_terminal else " yet: most come when a run ends")
        self._say_files(HINT if message.files or message.artifacts else nothing)

    def _say_files(self, text: str, *, is_bad: bool = False) -> None:
        self.files.say(Content.from_markup("[$error]$text[/]" if is_bad else "$text", text=text))

    @on(RunFiles.Chosen)
    def _row_chosen(self, message: RunFiles.Chosen) -> None:
        row = message.row
        if row.file is not None:
            # Imported when first needed, like every screen that is not the first.
            from tui.screens.file_preview import FilePreviewScreen

            self.app.push_screen(FilePreviewScreen(self.session, row.file, self.run.name, self.reference.project))
        elif row.artifact is not None and not row.note:
            if row.artifact.name in self.files.opened:
                self.files.toggle(row.artifact, None)
            else:
                self._say_files("reading…")
                self.read_artifact(row.artifact, wanted=False)

    @work(thread=True, exclusive=True, exit_on_error=False, group=FILES, description="files")
    def read_artifact(self, artifact: RunArtifact, *, wanted: bool) -> None:
        """Read the files of an artifact."""
        try:
            files = self.session.read_artifact_files(self.reference, artifact)
        except TrainerError as error:
            self.post_message(self.Downloaded(f"✗ {error}", is_over=True, is_bad=True))
        else:
            self.post_message(self.ArtifactRead(artifact, files, wanted))

    @on(ArtifactRead)
    def _artifact_read(self, message: ArtifactRead) -> None:
        self.files.toggle(message.artifact, message.files)
        told = message.artifact
        about = [told.type, size_text(told.size), told.description, *(f"#{tag}" for tag in told.tags)]
        about += [f"{key} {value}" for key, value in list(told.metadata.items())[:6]]
        self._say_files(" · ".join(part for part in about if part))
        if message.is_wanted:
            self._ask_folder(FileRow(artifact=message.artifact), message.files)

    # Downloading

    def take_file(self) -> None:
        """Ask where to, and download."""
        row = self.files.chosen
        if self.is_downloading:
            self.notify("A download is on its way; esc stops it.", severity="warning")
        elif row is None:
            self.notify("There is nothing to download.", severity="warning")
        elif row.artifact is not None and row.file is None and row.artifact.name not in self.files.opened:
            self.read_artifact(row.artifact, wanted=True)
        else:
            self._ask_folder(row, self.files.files_of(row))

    def _ask_folder(self, row: FileRow, files: Sequence[RunFile]) -> None:
        wanted = [file for file in files if not file.is_reference]
        if not wanted:
            self.notify("There is nothing to download here: choose a file or an artifact.", severity="warning")
            return
        size = size_text(sum(file.size for file in wanted))
        left_out = f", {count_text(len(files) - len(wanted), 'reference')} left out" if len(wanted) < len(files) else ""
        what = wanted[0].name if len(wanted) == 1 else count_text(len(wanted), "file")
        under = row.artifact.name.replace(":", "-") if row.artifact is not None else self.run.name
        self.ask_text(
            f"folder for {what} ({size}{left_out})",
            str(Path("downloads") / under),
            lambda text: self.begin_download(wanted, text),
        )

    def begin_download(self, files: Sequence[RunFile], folder: str, *, replace: bool = False) -> None:
        """Download files into a folder, unless its name is empty."""
        if folder.strip():
            self.stop_download.clear()
            self.download(files, self.session.cwd / Path(folder.strip()).expanduser(), replace)

    @work(thread=True, exclusive=True, exit_on_error=False, group=DOWNLOAD, description="download")
    def download(self, files: Sequence[RunFile], folder: Path, replace: bool) -> None:
        """Download files into a folder and say how it goes."""
        from trainer.tracking.downloads import check_room, is_here, target_path

        total, came, told_at = sum(file.size for file in files), 0, 0.0

        def on_bytes(file: RunFile, count: int) -> None:
            nonlocal came, told_at
            came += count
            if time.monotonic() - told_at > _TELL_SECONDS:
                told_at = time.monotonic()
                share = f"{came / total:4.0%}" if total else ""
                text = f"⇩ {share} {size_text(came)} of {size_text(total)}  {file.name}   esc stops"
                self.post_message(self.Downloaded(text))

        try:
            pairs = [(file, target_path(folder, file.name)) for file in files]
            taken = [path for file, path in pairs if path.exists() and not is_here(file, path)]
            if taken and not replace:
                self.app.call_from_thread(self._ask_replace, files, folder, taken)
                return
            check_room(folder, total)
            written = self.session.save_files(pairs, replace=replace, on_bytes=on_bytes, stop=self.stop_download)
        except (TrainerError, OSError, RuntimeError) as error:
            self.post_message(self.Downloaded(f"✗ {error}", is_over=True, is_bad=True))
            return
        was_here = f" ({len(files) - written:,} were there already)" if written < len(files) else ""
        said = f"✓ {count_text(len(files), 'file')}, {size_text(total)}, in {folder}{was_here}"
        self.post_message(self.Downloaded(said, is_over=True))

    def _ask_replace(self, files: Sequence[RunFile], folder: Path, taken: Sequence[Path]) -> None:
        what = str(taken[0]) if len(taken) == 1 else f"{len(taken):,} files in {folder}"
        self._ask(
            f"Replace {what}?",
            "What is there has other bytes than the file of the run.",
            "Replace",
            lambda: self.begin_download(files, str(folder), replace=True),
        )

    @on(Downloaded)
    def _downloaded(self, message: Downloaded) -> None:
        self._say_files(message.text, is_bad=message.is_bad)
        if message.is_over and not message.is_bad:
            self.notify(message.text.removeprefix("✓ "), title="Downloaded", markup=False)
