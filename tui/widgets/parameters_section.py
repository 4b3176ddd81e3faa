"""ParametersSection: the parameters of the sweep."""

from __future__ import annotations

from collections.abc import Sequence

from textual import getters, on
from textual.app import ComposeResult

from trainer.sweep.validation import Violation
from tui.sweep_document import SweepDocument
from tui.sweep_draft import ParameterDraft
from tui.widgets.builder_section import BuilderSection, SectionChanged
from tui.widgets.parameter_editor import ParameterEditor


class ParametersSection(BuilderSection):
    """Edits the rows of the draft."""

    title = "Parameters"
    editor = getters.query_one(ParameterEditor)

    def compose(self) -> ComposeResult:
        """Compose the editor."""
        yield ParameterEditor(id="parameters")

    async def show(self, document: SweepDocument) -> None:
        """Show the parameters of the document."""
        await self.editor.show(document.draft.rows)

    def show_problems(self, problems: Sequence[Violation]) -> None:
        """Show each problem at its row."""
        self.editor.show_problems(problems)

    def owns(self, path: str) -> bool:
        """Return whether a violation is about a parameter."""
        return path == "parameters" or path.startswith("parameters.")

    def focus_path(self, path: str) -> None:
        """Go to the parameter that a violation is about; to the first one where it is about none."""
        self.editor.focus_path(path)

    async def add(self) -> None:
        """Add a parameter at the end."""
        await self.editor.insert(ParameterDraft("", {}))

    @on(ParameterEditor.Changed)
    def _changed(self, message: ParameterEditor.Changed) -> None:
        message.stop()
        self.post_message(SectionChanged(self, message.label, message.field))
