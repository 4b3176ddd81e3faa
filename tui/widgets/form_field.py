"""FormField: a label, something to edit, and the problem with it, if there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Label, Static

from tui.widgets.choice_strip import ChoiceStrip
from tui.widgets.steady_input import SteadyInput


class FormField(Vertical):
    """One line of a form; the problem takes a second one."""

    @dataclass
    class Edited(Message):
        """The user changed the field."""

        field: FormField
        path: str
        text: str

        @property
        def control(self) -> FormField:
            """The field that was edited."""
            return self.field

    def __init__(self, path: str, label: str, *, placeholder: str = "", options: Sequence[str] = ()) -> None:
        """Create a field.

        Args:
            path: What it edits, as violations name it: `metric.goal`.
            label: One or two words in front of it.
            placeholder: What an empty text means.
            options: The choices; empty for a field of text.
        """
        super().__init__(id=f"field-{path.replace('.', '-')}")
        self.path = path
        self.label = label
        self.placeholder = placeholder
        self.options = tuple(options)
        self._text = ""
        self._problem = ""

    def compose(self) -> ComposeResult:
        """Compose the line and the place of the problem."""
        with Horizontal(classes="field-line"):
            yield Label(self.label, classes="field-label")
            if self.options:
                yield ChoiceStrip(self.options)
            else:
                yield SteadyInput(placeholder=self.placeholder, compact=True, select_on_focus=False)
        yield Static("", classes="field-problem", markup=False)

    def show_text(self, text: str) -> None:
        """Show a value; reports no edit."""
        self._text = text
        if self.options:
            self.query_one(ChoiceStrip).value = text
        else:
            self.query_one(Input).value = text

    def show_problem(self, text: str) -> None:
        """Show what is wrong; an empty text clears it."""
        if text == self._problem:
            return
        self._problem = text
        self.set_class(bool(text), "-problem")
        self.query_one(".field-problem", Static).update(f"↑ {text}" if text else "")

    def focus_control(self) -> None:
        """Go to what is edited."""
        self.query_one(ChoiceStrip if self.options else Input).focus()

    @on(Input.Changed)
    @on(ChoiceStrip.Changed)
    def _changed(self, message: Input.Changed | ChoiceStrip.Changed) -> None:
        message.stop()
        if message.value != self._text:
            self._text = message.value
            self.post_message(self.Edited(self, self.path, message.value))
