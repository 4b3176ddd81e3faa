"""ChoiceStrip: a few words side by side of which one is chosen, with the arrow keys, a first letter or the mouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class ChoiceStrip(Widget, can_focus=True):
    """One of a few options, all of them in sight."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "left", "step(-1)", "Previous choice", id="choice.previous", show=False, tooltip="Choose the one before"
        ),
        Binding("right,space", "step(1)", "Next choice", id="choice.next", show=False, tooltip="Choose the next one"),
    ]

    value: reactive[str] = reactive("")
    """The chosen option; a text that is none of them when nothing fits."""

    @dataclass
    class Changed(Message):
        """The user chose another option."""

        strip: ChoiceStrip
        value: str

        @property
        def control(self) -> ChoiceStrip:
            """The strip that changed."""
            return self.strip

    def __init__(self, options: Sequence[str], value: str = "", *, id: str | None = None) -> None:  # noqa: A002
        """Create a strip of options, of which `value` is chosen."""
        super().__init__(id=id)
        self.options = tuple(options)
        self.set_reactive(ChoiceStrip.value, value)

    def get_content_width(self, container: object, viewport: object) -> int:
        """Return the width of all options."""
        return sum(len(option) + 3 for option in self.options)

    def render(self) -> Content:
        """Show every option, the chosen one with a filled mark."""
        marked = (self._option(option) for option in self.options)
        return Content.assemble(*(part for option in marked for part in option))

    def _option(self, option: str) -> list[tuple[str, str]]:
        if option != self.value:
            return [("○ ", "$foreground-muted"), (f"{option} ", "$foreground-muted")]
        accent = "$primary" if self.has_focus else "$foreground"
        return [("● ", accent), (option, f"bold {accent}"), (" ", "")]

    def choose(self, value: str) -> None:
        """Choose an option as if the user had."""
        if value != self.value:
            self.value = value
            self.post_message(self.Changed(self, value))

    def action_step(self, steps: int) -> None:
        """Choose the option `steps` further; stops at the ends."""
        if self.value not in self.options:
            self.choose(self.options[0])
            return
        index = self.options.index(self.value) + steps
        self.choose(self.options[max(0, min(index, len(self.options) - 1))])

    def on_key(self, event: events.Key) -> None:
        """Choose by the first letter."""
        for option in self.options:
            if event.character and option.startswith(event.character):
                event.stop()
                self.choose(option)
                return

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked."""
        end = 0
        for option in self.options:
            end += len(option) + 3
            if event.x < end:
                self.choose(option)
                return
