"""ViolationsList: every problem of a sweep and everything odd about it; one chosen is gone to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from trainer.sweep.validation import Violation


class ViolationsList(OptionList):
    """Problems first, each with its path and the way out."""

    @dataclass
    class Chosen(Message):
        """The user wants to see to a problem."""

        path: str

    @dataclass
    class Highlighted(Message):
        """The user moved to a problem in the list."""

        violation: Violation

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        """Create the list, empty."""
        super().__init__(id=id, classes="-empty")
        self._shown: tuple[Violation, ...] = ()
        self._problem_count = 0

    def show(self, problems: Sequence[Violation], oddities: Sequence[Violation]) -> None:
        """Show these problems and oddities."""
        shown = (*problems, *oddities)
        if shown == self._shown and len(problems) == self._problem_count:
            return
        self._shown, self._problem_count = shown, len(problems)
        highlighted = self.highlighted
        self.clear_options()
        self.add_options(
            [
                *(Option(_line("✗", "$error", each)) for each in problems),
                *(Option(_line("!", "$warning", each)) for each in oddities),
            ]
        )
        self.set_class(not shown, "-empty")
        if highlighted is not None and shown:
            self.highlighted = min(highlighted, len(shown) - 1)

    def mark(self, violation: Violation) -> None:
        """Have the cursor on a problem that is gone to elsewhere."""
        if not self.has_focus and violation in self._shown:
            self.highlighted = self._shown.index(violation)

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, message: OptionList.OptionHighlighted) -> None:
        message.stop()
        if self.has_focus and message.option_index < len(self._shown):
            self.post_message(self.Highlighted(self._shown[message.option_index]))

    @on(OptionList.OptionSelected)
    def _selected(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        self.post_message(self.Chosen(self._shown[message.option_index].path))


def place_text(path: str) -> str:
    """Return a path as the form names places: `optimizer/lr.min`."""
    return path.replace(".parameters.", "/").removeprefix("parameters.")


def _line(glyph: str, colour: str, violation: Violation) -> Content:
    place = place_text(violation.path)
    return Content.assemble(
        (f"{glyph} ", f"bold {colour}"),
        (f"{place}  " if place else "", "bold"),
        violation.message,
        (f" {violation.hint}" if violation.hint else "", "$foreground-muted"),
    )
