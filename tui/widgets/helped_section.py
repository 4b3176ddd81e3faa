"""HelpedSection: a section of fields with a line at its end that explains the field in hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.widget import Widget
from textual.widgets import Static

from tui.widgets.fields_section import FieldsSection
from tui.widgets.form_field import FormField


class HelpedSection(FieldsSection):
    """Fields, and help for the one that has the focus."""

    help_texts: ClassVar[Mapping[str, str]] = {}
    """One line for each field, by its path."""

    def help_line(self) -> Static:
        """Return the line, to be composed."""
        return Static("", classes="section-help", markup=False)

    def on_descendant_focus(self) -> None:
        """Explain what has the focus."""
        if self.screen.focused is not None:
            self.query_one(".section-help", Static).update(self.help_for(self.screen.focused))

    def help_for(self, focused: Widget) -> str:
        """Return a line of help for what has the focus."""
        field = next((each for each in focused.ancestors_with_self if isinstance(each, FormField)), None)
        return self.help_texts.get(field.path, "") if field is not None else ""
