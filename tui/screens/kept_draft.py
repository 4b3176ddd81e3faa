"""KeptDraftScreen: asks what becomes of a sweep that was not saved. Does nothing about it itself."""

from __future__ import annotations

from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

Answer = Literal["open", "discard", "later"]


class KeptDraftScreen(ModalScreen[Answer]):
    """Open it, throw it away, or be asked again next time."""

    CSS_PATH = "confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o,y", "answer('open')", "Open", id="kept_draft.open", tooltip="Go on with the unsaved sweep"),
        Binding("d", "answer('discard')", "Throw away", id="kept_draft.discard", tooltip="Throw it away for good"),
        Binding("escape,n", "answer('later')", "Later", id="kept_draft.later", tooltip="Ask again next time"),
        Binding("left", "app.focus_previous", "Previous", id="kept_draft.previous", show=False),
        Binding("right", "app.focus_next", "Next", id="kept_draft.next", show=False),
    ]

    def __init__(self, summary: str, detail: str = "") -> None:
        """Create the question about a draft."""
        super().__init__()
        self.summary = summary
        self.detail = detail

    def compose(self) -> ComposeResult:
        """Compose the dialog."""
        with Vertical(classes="dialog"):
            yield Static("Go on where you left off?", classes="dialog-title")
            yield Static(f"{self.summary} was kept. Open it?", classes="dialog-text", markup=False)
            yield Static(self.detail, classes="dialog-hint", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Later", id="later")
                yield Button("Throw away", id="discard", variant="error")
                yield Button("Open", id="open", variant="primary")

    def on_mount(self) -> None:
        """Focus what loses nothing."""
        self.query_one(".dialog-hint").display = bool(self.detail)
        self.query_one("#open", Button).focus()

    @on(Button.Pressed)
    def _pressed(self, message: Button.Pressed) -> None:
        answers: dict[str | None, Answer] = {"open": "open", "discard": "discard"}
        self.dismiss(answers.get(message.button.id, "later"))

    def action_answer(self, answer: Answer) -> None:
        """Close with an answer."""
        self.dismiss(answer)
