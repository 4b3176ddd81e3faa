"""FilterPrompt: a line that narrows what is shown, with what could come next and a sentence where something is odd.

Knows no language: whoever opens it says how a text is completed and what is odd about it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tui.widgets.completing_input import Candidate, CompletingInput

Completer = Callable[[str, bool], Sequence[Candidate]]
"""Returns what a text may become; told whether the user asked for it, and not only typed."""


class FilterPrompt(Vertical):
    """A line with id `prompt`, its candidates and its note."""

    DEFAULT_CSS = """
    FilterPrompt {
        height: auto;
        layout: horizontal;
        padding: 0 2;
        background: $panel;
        #prompt { width: 1fr; background: $panel; }
        .prompt-note {
            display: none;
            width: auto;
            max-width: 64%;
            height: auto;
            max-height: 2;
            padding-left: 1;
            color: $warning;
        }
        &.-odd .prompt-note { display: block; }
        &.-named .prompt-note { display: block; color: $text-muted; }
    }
    """

    @dataclass
    class Edited(Message):
        """The text is another one: typed, or taken from the list."""

        text: str

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._complete: Completer = _nothing
        self._note: Callable[[str], str] = _no_note
        self._noted = self._asked_for = ""

    def compose(self) -> ComposeResult:
        """Compose the line and the note."""
        yield CompletingInput(tab_takes_first=True, input_id="prompt")
        yield Static("", classes="prompt-note", markup=False)

    @property
    def box(self) -> CompletingInput:
        """The line with its list."""
        return self.query_one(CompletingInput)

    def open(
        self,
        placeholder: str,
        text: str,
        complete: Completer,
        note: Callable[[str], str] | None = None,
        *,
        name: str = "",
    ) -> None:
        """Ask for a text.

        Args:
            placeholder: What an empty line means.
            text: What the line holds at first.
            complete: What a text may become.
            note: What is odd about a text in one sentence, empty for nothing; None where nothing ever is.
            name: What is asked for, said beside a text, too; empty where the placeholder says enough.
        """
        self._complete, self._note, self._asked_for = complete, note or _no_note, name
        self.box.input.placeholder = placeholder
        self.box.show_text(text)
        self._tell(text)
        self.box.input.focus()

    def _tell(self, text: str) -> None:
        note = self._note(text)
        told = f"! {note}" if note else self._asked_for if text else ""
        if told != self._noted:
            self._noted = told
            self.query_one(".prompt-note", Static).update(Content(told))
            self.set_class(bool(note), "-odd")
            self.set_class(bool(told and not note), "-named")

    @on(CompletingInput.Wanted)
    def _wanted(self, message: CompletingInput.Wanted) -> None:
        message.stop()
        message.box.offer(self._complete(message.text, message.is_asked))

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        message.stop()
        self._edited(message.value)

    @on(CompletingInput.Taken)
    def _taken(self, message: CompletingInput.Taken) -> None:
        message.stop()
        self._edited(message.candidate.text)

    def _edited(self, text: str) -> None:
        self._tell(text)
        self.post_message(self.Edited(text))


def _nothing(text: str, is_asked: bool) -> Sequence[Candidate]:
    return ()


def _no_note(text: str) -> str:
    return ""
