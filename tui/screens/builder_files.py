"""BuilderFiles: sweep files in and out of the builder, and nothing unsaved lost. A feature of `SweepBuilderScreen`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from trainer.records import Json
from trainer.sweep.config import SweepFile
from tui.screens.builder_shell import BuilderShell
from tui.screens.confirm import leave_question
from tui.screens.file_dialogs import OpenFileScreen
from tui.screens.save_sweep import CopyForm, SaveSweepScreen
from tui.session import Session
from tui.sweep_document import SweepDocument


class BuilderFiles(BuilderShell):
    """Opens, saves, and asks before changes would be lost."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2,ctrl+s", "save", "Save", key_display="f2", id="builder.save", tooltip="Save or copy the sweep"),
        Binding("ctrl+o", "open_file", "Open", id="builder.open", tooltip="Open another sweep file"),
        Binding("escape", "back", "Back", id="builder.back", show=False, tooltip="Leave the builder"),
    ]

    def __init__(
        self,
        session: Session,
        config: Mapping[str, Json] | None = None,
        path: Path | None = None,
        text: str | None = None,
    ) -> None:
        """Create the builder; see `BuilderShell`."""
        super().__init__(session, config, path, text)
        self._saved_text = self.document.text if path is not None or config is None else None

    @property
    def unsaved(self) -> str:
        """What is not saved, as the subject of a sentence; empty if nothing."""
        if not self.is_begun or (self._is_text_at_hand and self.current_text == self._saved_text):
            return ""
        return f"Your changes to {self.path.name}" if self.path else "Your changes"

    @property
    def is_begun(self) -> bool:
        """Whether anything was typed, or came from a file."""
        return self._saved_text is not None or self.document.can_undo or self.yaml.has_typed

    @property
    def _is_text_at_hand(self) -> bool:
        """Whether to look at the text takes no time; if it does, an edit made it what it is."""
        return self.yaml.has_typed or self.document.has_text or not self.document.is_large

    @property
    def are_changes_kept(self) -> bool:
        """Whether unsaved changes are there again next time."""
        return False

    @property
    def title_text(self) -> str:
        """What the header says."""
        return f"{super().title_text}{' · unsaved' if self.unsaved else ''}"

    def action_back(self) -> None:
        """Leave the YAML, or the builder; asks first if there are unsaved changes, which are kept."""
        if self.yaml.has_focus:
            self.action_toggle_yaml()
            return
        self.take_typed_text()
        if not self.unsaved:
            self.dismiss(None)
            return
        question = leave_question("Leave without saving?", self, confirm="Leave")

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.dismiss(None)

        self.app.push_screen(question, answered)

    def action_open_file(self) -> None:
        """Open another sweep file here; unsaved changes are kept as a draft."""
        self.take_typed_text()
        if not self.unsaved:
            self._ask_for_file()
            return
        question = leave_question("Open another without saving?", self, confirm="Open")
        self.app.push_screen(question, lambda agreed: self._ask_for_file() if agreed else None)

    def open_another(self) -> None:
        """See to the unsaved changes before another file takes their place."""

    def _ask_for_file(self) -> None:
        async def opened(file: SweepFile | None) -> None:
            if file is not None:
                self.open_another()
                self.path = Path(file.source)
                self.document = SweepDocument.from_config(file.config, file.text)
                self._saved_text = file.text
                await self.show_document()

        self.app.push_screen(OpenFileScreen(self.session.cwd), opened)

    def action_save(self) -> None:
        """Save the sweep as a file."""
        self.take_typed_text()
        text = self.document.text

        def saved(path: Path | None) -> None:
            if path is not None:
                self.path, self._saved_text = path, text
                self.show_preview()
                self.notify(f"Saved {self.path_text()}.")

        suggestion = self.path_text() if self.path else f"sweeps/{_file_name(self.document.config())}.yaml"
        known = (self.session.cwd / self.path, self._saved_text) if self.path and self._saved_text is not None else None
        dialog = SaveSweepScreen(self.session.cwd, text, suggestion, self.copy_forms(), known)
        self.app.push_screen(dialog, saved)

    def copy_forms(self) -> Sequence[CopyForm]:
        """Return the forms in which the sweep can be copied."""
        return ()

    def path_text(self, path: Path | None = None) -> str:
        """Return a file, the sweep's if none is given, as short as it can be named from the working folder."""
        path = path or self.path or Path()
        return str(path.relative_to(self.session.cwd) if path.is_relative_to(self.session.cwd) else path)


def _file_name(config: Mapping[str, Json]) -> str:
    """Return a file name made of the sweep's name."""
    return re.sub(r"[^\w.-]+", "-", str(config.get("name") or "sweep")).strip("-.").lower() or "sweep"
