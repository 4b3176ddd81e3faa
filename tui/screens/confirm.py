"""Questions and notices that stop the user: ConfirmScreen asks, NoticeScreen tells. Neither acts."""

from __future__ import annotations

from typing import ClassVar, Protocol, runtime_checkable

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from trainer.errors import TrainerError


@runtime_checkable
class HoldsChanges(Protocol):
    """A screen that may hold changes the user has not saved."""

    @property
    def unsaved(self) -> str:
        """What is not saved, as the subject of a sentence; empty if nothing."""

    @property
    def are_changes_kept(self) -> bool:
        """Whether they are there again next time, or lost."""


class ConfirmScreen(ModalScreen[bool]):
    """Asks before something that cannot be undone; True if the user agreed.

    `y` agrees, `n` and `escape` decline, `enter` presses the focused button, which is never the dangerous one.
    """

    CSS_PATH = "confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", id="confirm.yes", tooltip="Do it"),
        Binding("n,escape", "answer(False)", "No", id="confirm.no", tooltip="Leave everything as it is"),
        Binding("left", "app.focus_previous", "Previous", id="confirm.previous", show=False),
        Binding("right", "app.focus_next", "Next", id="confirm.next", show=False),
    ]

    def __init__(self, question: str, detail: str = "", *, confirm: str = "Yes", danger: bool = False) -> None:
        """Create the question.

        Args:
            question: One short question.
            detail: What agreeing does, in a sentence or two.
            confirm: The verb on the button that agrees.
            danger: Whether something is lost; the other button is focused then.
        """
        super().__init__()
        self.question = question
        self.detail = detail
        self.confirm_label = confirm
        self.danger = danger

    def compose(self) -> ComposeResult:
        """Compose the dialog."""
        with Vertical(classes="dialog"):
            yield Static(self.question, classes="dialog-title", markup=False)
            yield Static(self.detail, classes="dialog-text", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("No", id="decline")
                yield Button(self.confirm_label, id="agree", variant="error" if self.danger else "primary")

    def on_mount(self) -> None:
        """Focus the button that does no harm."""
        self.query_one("#decline" if self.danger else "#agree", Button).focus()

    @on(Button.Pressed)
    def _pressed(self, message: Button.Pressed) -> None:
        self.dismiss(message.button.id == "agree")

    def action_answer(self, agreed: bool) -> None:
        """Close with an answer."""
        self.dismiss(agreed)


def leave_question(question: str, screen: HoldsChanges, *, confirm: str) -> ConfirmScreen:
    """Return the question before a screen with unsaved changes is left; says what becomes of them."""
    fate = "are kept as a draft; the builder offers them again" if screen.are_changes_kept else "would be lost"
    return ConfirmScreen(question, f"{screen.unsaved} {fate}.", confirm=confirm, danger=not screen.are_changes_kept)


class NoticeScreen(ModalScreen[None]):
    """Tells what stops the user: what failed, and the way out."""

    CSS_PATH = "confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,space", "dismiss", "Close", id="notice.close", tooltip="Close this notice"),
    ]

    def __init__(self, title: str, text: str, hint: str = "") -> None:
        """Create the notice."""
        super().__init__()
        self.notice_title = title
        self.text = text
        self.hint = hint

    @classmethod
    def of(cls, title: str, error: TrainerError) -> NoticeScreen:
        """Return the notice of an error."""
        return cls(title, error.message, error.hint)

    def compose(self) -> ComposeResult:
        """Compose the notice."""
        with Vertical(classes="dialog -failure"):
            yield Static(f"✗ {self.notice_title}", classes="dialog-title", markup=False)
            yield Static(self.text, classes="dialog-text", markup=False)
            yield Static(self.hint, classes="dialog-hint", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Close", id="close", variant="primary")

    @on(Button.Pressed)
    def _pressed(self) -> None:
        self.dismiss()
