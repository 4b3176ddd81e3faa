"""RulesSection: what ties parameters to each other."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from tui.widgets.builder_section import BuilderSection


class RulesSection(BuilderSection):
    """Says that every combination is allowed."""

    title = "Rules"

    def compose(self) -> ComposeResult:
        """Compose the sentence."""
        yield Static("No rules: every combination of the parameters is allowed.", classes="muted")
