"""BuilderSection: what the sections of the builder have in common. One of them is shown at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.containers import VerticalScroll
from textual.message import Message

from trainer.sweep.validation import Violation
from tui.sweep_document import SweepDocument


@dataclass
class SectionChanged(Message):
    """The user changed the draft in a section."""

    section: BuilderSection
    label: str
    """What the edit did, as a notice names it: `delete lr`."""
    field: str
    """What was edited; typing in one field without a pause is one step to undo. Empty for a step of its own."""

    @property
    def control(self) -> BuilderSection:
        """The section that was edited."""
        return self.section


class BuilderSection(VerticalScroll, can_focus=False):
    """A part of the form. Edits the draft of the document it is shown, and calls `tell_changed` after it did.

    The builder shows a section the document when the section comes to the front, and again whenever something else
    than the section changed it. A section that is hidden is told nothing.
    """

    title: ClassVar[str] = ""
    """The word on the tab."""

    def tell_changed(self, label: str, field: str = "") -> None:
        """Say that the draft was changed; see `SectionChanged`."""
        # To the screen itself: each widget on the way up would take its time, at every key.
        self.screen.post_message(SectionChanged(self, label, field))

    @property
    def own_problems(self) -> list[Violation]:
        """What is being typed and cannot be read yet, so that the draft does not know it."""
        return []

    async def show(self, document: SweepDocument) -> None:
        """Show the document; leaves the focus, and the cursor in what is being typed, where they are."""

    def show_problems(self, problems: Sequence[Violation]) -> None:
        """Show each problem at its field; most of them belong elsewhere."""

    def owns(self, path: str) -> bool:
        """Return whether the value that a violation names is edited here."""
        return False

    def focus_path(self, path: str) -> None:
        """Go to the field that edits the value at a path; an empty path means the first field."""
