"""CompletingField: a field of a form whose line can be completed."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Label, Static

from tui.widgets.completing_input import CompletingInput
from tui.widgets.form_field import FormField


class CompletingField(FormField):
    """A form field with a list of what could stand there."""

    def __init__(self, path: str, label: str, *, placeholder: str = "", marks_first: bool = False) -> None:
        """Create a field; see `FormField` and `CompletingInput`."""
        super().__init__(path, label, placeholder=placeholder)
        self._marks_first = marks_first

    def compose(self) -> ComposeResult:
        """Compose the line and the place of the problem."""
        with Horizontal(classes="field-line"):
            yield Label(self.label, classes="field-label")
            yield CompletingInput(placeholder=self.placeholder, marks_first=self._marks_first)
        yield Static("", classes="field-problem", markup=False)

    @property
    def box(self) -> CompletingInput:
        """The line and its list."""
        return self.query_one(CompletingInput)

    @on(CompletingInput.Taken)
    def _taken(self, message: CompletingInput.Taken) -> None:
        # Goes on to whoever stores it.
        self._text = message.candidate.text

    def show_text(self, text: str) -> None:
        """Show a value; reports no edit and asks for no candidates."""
        self._text = text
        self.box.show_text(text)
