"""CompletingInput: a line to type in, and a list of what could stand there, with what each means.

Knows no candidates: it says that some are wanted, and whoever knows offers them. While the list is open, the arrow keys
choose, `enter` or `tab` takes what is marked, `escape` closes the list; a click takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.widgets.steady_input import SteadyInput

MAX_CANDIDATES = 100


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that could stand in the line."""

    text: str
    """The whole line with it."""
    meaning: str = ""
    word: str = ""
    """What the list shows of it; empty for the whole line."""

    @property
    def shown(self) -> str:
        """What the list shows."""
        return self.word or self.text


class _Opener(Static):
    """The mark at the end of the line; a click opens the list."""

    def on_click(self, event: events.Click) -> None:
        event.stop()
        box = self.query_ancestor(CompletingInput)
        box.input.focus()
        box.close() if box.is_open else box.ask()


class _Line(SteadyInput):
    """The line; leaves the keys that choose to its box while the list is open."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+@,ctrl+space,alt+down", "complete", "Complete", key_display="^space", id="complete.open", show=False,
            tooltip="Show what could stand here",
        ),
    ]  # fmt: skip

    @property
    def box(self) -> CompletingInput:
        return self.query_ancestor(CompletingInput)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Return whether a key is typed: a slash, too, which Textual 8.2 does not know by its name."""
        return key == "slash" or super().check_consume_key(key, character)

    # Textual calls the handlers of the bases by itself, unless the event says not to.

    async def _on_key(self, event: events.Key) -> None:
        if self.box.take_key(event.key):
            event.stop()
            event.prevent_default()

    def _on_paste(self, event: events.Paste) -> None:
        if self.box.splits_paste and not self.value and len(event.text.split()) > 1:
            event.stop()
            event.prevent_default()
            self.box.post_message(CompletingInput.Pasted(self.box, event.text))

    def action_complete(self) -> None:
        """Show what could stand here."""
        self.box.ask()

    def _on_blur(self, event: events.Blur) -> None:
        self.box.close()


class CompletingInput(Vertical):
    """See the module."""

    DEFAULT_CSS = """
    CompletingInput {
        width: 1fr;
        height: auto;
        .completing-line { height: 1; }
        .completing-opener {
            width: 3;
            height: 1;
            text-align: center;
            color: $text-muted;
            &:hover { color: $primary; }
        }
        .completing-list {
            display: none;
            overlay: screen;
            constrain: none inside;
            width: 66;
            max-width: 90vw;
            height: auto;
            max-height: 10;
            text-wrap: nowrap;
            text-overflow: ellipsis;
            border: none;
            padding: 0;
            background: $panel;
            & > .option-list--option-highlighted {
                background: $primary;
                color: $background;
                text-style: bold;
            }
        }
        &.-open .completing-list { display: block; }
    }
    """

    @dataclass
    class Wanted(Message):
        """Candidates are wanted; `offer` takes them."""

        box: CompletingInput
        text: str
        is_asked: bool
        """Whether the user asked for them, not only typed."""

        @property
        def control(self) -> CompletingInput:
            """The box."""
            return self.box

    @dataclass
    class Taken(Message):
        """The user took a candidate; the line holds it already."""

        box: CompletingInput
        candidate: Candidate

        @property
        def control(self) -> CompletingInput:
            """The box."""
            return self.box

    @dataclass
    class Pasted(Message):
        """Several words were pasted into the empty line of a box that `splits_paste`; the line has not taken them."""

        box: CompletingInput
        text: str

        @property
        def control(self) -> CompletingInput:
            """The box."""
            return self.box

    splits_paste = False
    """Whether pasted words are for others to take apart."""

    def __init__(
        self, *, placeholder: str = "", marks_first: bool = False, tab_takes_first: bool = False, input_id: str = ""
    ) -> None:
        """Create the box.

        Args:
            placeholder: What an empty line means.
            marks_first: Whether the first candidate is marked at once, so that `tab` takes it. Not where a text of
                one's own is as good as a candidate.
            tab_takes_first: Whether `tab` takes the first one while none is marked.
            input_id: Id of the line; empty for none.
        """
        super().__init__()
        self._tab_takes_first = tab_takes_first
        self._input_id = input_id or None
        self._placeholder = placeholder
        self._marks_first = marks_first
        self._candidates: tuple[Candidate, ...] = ()
        self._text = ""

    def compose(self) -> ComposeResult:
        """Compose the line and the list."""
        with Horizontal(classes="completing-line"):
            yield _Line(placeholder=self._placeholder, compact=True, select_on_focus=False, id=self._input_id)
            yield _Opener("▾", classes="completing-opener")
        options = OptionList(classes="completing-list")
        options.can_focus = False
        yield options

    @property
    def input(self) -> Input:
        """The line."""
        return self.query_one(_Line)

    @property
    def _options(self) -> OptionList:
        return self.query_one(OptionList)

    @property
    def is_open(self) -> bool:
        """Whether the list is shown."""
        return self.has_class("-open")

    def show_text(self, text: str) -> None:
        """Show a text; asks for no candidates."""
        self._text = text
        box = self.input
        if text != box.value:
            box.value = text
            box.cursor_position = len(text)

    def ask(self) -> None:
        """Ask for candidates as the user would."""
        self.post_message(self.Wanted(self, self.input.value, is_asked=True))

    def offer(self, candidates: Sequence[Candidate]) -> None:
        """Show what could stand in the line; nothing where there is no choice left."""
        shown = tuple(candidates[:MAX_CANDIDATES])
        if not self.input.has_focus or not shown or [each.text for each in shown] == [self.input.value]:
            self.close()
            return
        self._candidates = shown
        options = self._options
        width = max(len(each.shown) for each in shown) + 2
        options.clear_options()
        options.add_options(
            [Option(Content.assemble(each.shown.ljust(width), (each.meaning, "$foreground-muted"))) for each in shown]
        )
        options.highlighted = 0 if self._marks_first else None
        self.add_class("-open")

    def close(self) -> None:
        """Hide the list."""
        self.remove_class("-open")

    def take_key(self, key: str) -> bool:
        """Obey a key that belongs to the open list; returns whether it did."""
        if not self.is_open:
            return False
        options = self._options
        if key == "down":
            options.action_cursor_down()
        elif key == "up":
            options.action_cursor_up()
        elif key in ("enter", "tab") and options.highlighted is not None:
            self._take(options.highlighted)
        elif key == "tab" and self._tab_takes_first:
            self._take(0)
        elif key == "escape":
            self.close()
        else:
            return False
        return True

    def _take(self, index: int) -> None:
        candidate = self._candidates[index]
        self.close()
        self._text = candidate.text
        box = self.input
        # One message tells of it, `Taken`: what was typed before is a step of its own.
        with box.prevent(Input.Changed):
            box.value = candidate.text
        box.cursor_position = len(candidate.text)
        box.focus()
        self.post_message(self.Taken(self, candidate))

    @on(OptionList.OptionSelected)
    def _clicked(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        self._take(message.option_index)

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, message: OptionList.OptionHighlighted) -> None:
        message.stop()

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        # Goes on to whoever stores the text. What was shown or taken was not typed.
        if message.value != self._text:
            self._text = message.value
            if self.input.has_focus:
                self.post_message(self.Wanted(self, message.value, is_asked=False))


def matching(candidates: Sequence[Candidate], text: str) -> list[Candidate]:
    """Return the candidates that a typed text may mean: those that begin with it first, then those that hold it."""
    typed = text.strip().casefold()
    starting = [each for each in candidates if each.text.casefold().startswith(typed)]
    return starting + [each for each in candidates if each not in starting and typed in each.text.casefold()]
