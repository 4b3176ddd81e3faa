"""SaveSweepScreen: take the sweep along: save it as a file, or copy it as YAML, commands or Python.

Copying goes through the terminal (OSC 52), which gives no answer. Where it cannot work, and on request, the text goes
to a file instead.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from trainer.atomic_file import write_text_atomically
from trainer.errors import TrainerError
from tui.clipboard import clipboard_hint, clipboard_takes
from tui.screens.file_dialogs import FILES, SaveFileScreen
from tui.widgets.yaml_preview import coloured

_PREVIEW_LINES = 200


@dataclass(frozen=True)
class CopyForm:
    """One form in which the sweep can be copied."""

    label: str
    """What it is, as one says: `wandb commands`."""
    suffix: str
    """Of the file that takes the text where it is not copied."""
    text: Callable[[], str]
    """Makes the text."""


class SaveSweepScreen(SaveFileScreen):
    """Asks where to save the sweep, or in which form to copy it; the path it was saved to, or None."""

    CSS_PATH = "save_sweep.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "Copy", id="save_file.copy", show=False, tooltip="Go to the forms to copy"),
        Binding("w", "write_copy", "Write", id="save_file.write", tooltip="Write the marked text to a file instead"),
    ]

    @dataclass
    class CopyWritten(Message):
        """A text is in a file."""

        label: str
        path: Path

    def __init__(
        self,
        cwd: Path,
        text: str,
        suggestion: str,
        copies: Sequence[CopyForm],
        known: tuple[Path, str] | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Create the dialog.

        Args:
            cwd: Where relative paths start.
            text: What is saved.
            suggestion: Where it is saved unless the user says otherwise.
            copies: The forms in which it can be copied.
            known: The file that the sweep came from, and what it held then: that may be replaced without a question.
            environ: The environment, which knows the terminal.
        """
        super().__init__(cwd, text, suggestion, known=known)
        self.copies = tuple(copies)
        self._environ = environ

    def compose(self) -> ComposeResult:
        """Compose the dialog."""
        with Vertical(classes="dialog file-dialog"):
            yield Static("Save or copy the sweep", classes="dialog-title")
            with Horizontal(classes="field-line"):
                yield Label("save as", classes="field-label")
                yield Input(self.suggestion, id="path", compact=True, select_on_focus=False)
            yield Static("", id="file-problem", classes="problem", markup=False)
            with Horizontal(id="copy-line"):
                yield Label("copy", classes="field-label")
                yield OptionList(*(Option(form.label) for form in self.copies), id="copies")
            with VerticalScroll(id="copy-preview", can_focus=False):
                yield Static("", id="copy-text")
            yield Static("", id="save-keys", classes="dialog-hint", markup=False)

    def on_mount(self) -> None:
        """Begin with the path."""
        self.query_one("#path", Input).focus()
        self._show_preview()

    @property
    def _form(self) -> CopyForm | None:
        """The form that is marked; None while the path is edited."""
        options = self.query_one("#copies", OptionList)
        return self.copies[options.highlighted or 0] if options.has_focus else None

    def on_descendant_focus(self) -> None:
        """Show what enter would take along."""
        self._show_preview()

    @on(OptionList.OptionHighlighted, "#copies")
    def _show_preview(self) -> None:
        form = self._form
        text = form.text() if form else self.text
        lines = text.splitlines()
        shown = [coloured(line) for line in lines[:_PREVIEW_LINES]]
        if len(lines) > _PREVIEW_LINES:
            shown.append(Content.assemble((f"… {len(lines) - _PREVIEW_LINES:,} more lines", "$foreground-muted")))
        self.query_one("#copy-text", Static).update(Content("\n").join(shown))
        self.query_one("#copy-preview", VerticalScroll).scroll_home(animate=False)
        keys = "enter copies · w writes it to a file · esc closes" if form else "enter saves · ↓ copies · esc closes"
        self.query_one("#save-keys", Static).update(keys)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave `w` to the path while that is typed."""
        return self._form is not None if action == "write_copy" else True

    @on(OptionList.OptionSelected, "#copies")
    def _chosen(self, message: OptionList.OptionSelected) -> None:
        form = self.copies[message.option_index]
        text = form.text()
        if not clipboard_takes(text, self._environ):
            self.write_form(form.label, text, form.suffix)
            return
        self.app.copy_to_clipboard(text)
        lines = text.splitlines()
        more = f"\n… {len(lines) - 5} more lines" if len(lines) > 5 else ""
        said = "\n".join(lines[:5]) + more + clipboard_hint(self._environ)
        self.app.notify(said, title=f"Copied: {form.label}", timeout=6, markup=False)
        self.dismiss(None)

    def action_write_copy(self) -> None:
        """Write the marked text to a new file."""
        if form := self._form:
            self.write_form(form.label, form.text(), form.suffix)

    @work(thread=True, exclusive=True, exit_on_error=False, group=FILES, description="write form")
    def write_form(self, label: str, text: str, suffix: str) -> None:
        """Write a text to a file that is not there yet."""
        stem = Path(self.suggestion).stem
        names = (f"{stem}{'' if number == 1 else f'-{number}'}{suffix}" for number in range(1, 1000))
        path = next((self.cwd / name for name in names if not os.path.lexists(self.cwd / name)), self.cwd / stem)
        try:
            write_text_atomically(path, text)
        except (TrainerError, OSError) as error:
            self.post_message(self.WriteFailed(path, str(error)))
        else:
            self.post_message(self.CopyWritten(label, path))

    @on(CopyWritten)
    def _copy_written(self, message: CopyWritten) -> None:
        self.app.notify(f"Written to {message.path.name}: {message.label}.", markup=False)
        self.dismiss(None)
