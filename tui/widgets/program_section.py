"""ProgramSection: what runs, and how it is called."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from textual.app import ComposeResult

from trainer.records import Json
from trainer.sweep.validation import Violation
from tui.sweep_document import SweepDocument
from tui.widgets.fields_section import FieldsSection
from tui.widgets.form_field import FormField


class ProgramSection(FieldsSection):
    """The program and the command."""

    title = "Program"
    _command_problem = ""

    def compose(self) -> ComposeResult:
        """Compose the fields."""
        yield FormField("program", "program", placeholder="train.py")
        yield FormField("command", "command", placeholder="${env} ${interpreter} ${program} ${args}")

    @property
    def own_problems(self) -> list[Violation]:
        """A command whose quotes are not closed yet."""
        return [Violation("command", self._command_problem, "", None)] if self._command_problem else []

    async def show(self, document: SweepDocument) -> None:
        """Show the document."""
        self._command_problem = ""
        await super().show(document)

    def show_problems(self, problems: Sequence[Violation]) -> None:
        """Show each problem at its field, what is being typed first."""
        super().show_problems([*self.own_problems, *problems])

    def store(self, path: str, text: str) -> None:
        """Take over what was typed into the field of a path."""
        if path != "command":
            self.draft.set(path, text or None)
            return
        try:
            words: list[Json] = [*shlex.split(text)]
        except ValueError:
            self._command_problem = "A quote is not closed."
            return
        self._command_problem = ""
        self.draft.set("command", words or None)

    def text_of(self, path: str) -> str:
        """Return what the field of a path shows."""
        value = self.draft.get(path)
        if path == "command" and isinstance(value, list):
            return " ".join(_quoted(str(word)) for word in value)
        return super().text_of(path)


def _quoted(word: str) -> str:
    """Return a word of a command as it is typed; `${args}` needs no quotes here, since no shell sees it."""
    needs_quotes = not word or any(character.isspace() or character in "'\"\\" for character in word)
    return shlex.quote(word) if needs_quotes else word
