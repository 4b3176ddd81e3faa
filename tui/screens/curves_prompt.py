"""CurvesPrompt: the line that asks which metrics to show, and over which. A mixin of `CurvesScreen`."""

from __future__ import annotations

from dataclasses import replace

from textual import getters, on
from textual.reactive import reactive
from textual.widgets import Input

from tui.curve_view import AXES, STEP
from tui.screens.curves_looking import CurvesLooking


class CurvesPrompt(CurvesLooking):
    """Asks for words."""

    prompt = getters.query_one("#prompt", Input)
    large: reactive[str] = reactive("")
    """The metric whose chart has the screen; empty for the grid."""

    def __init__(self) -> None:
        """Begin with every metric."""
        super().__init__()
        self.words = ""
        """Only metrics that have these in their name."""
        self._asks_axis = False

    @property
    def names(self) -> list[str]:
        """Everything that was logged."""
        raise NotImplementedError

    def focus_first(self) -> None:
        """Give the first chart the keys."""
        raise NotImplementedError

    def action_ask_filter(self) -> None:
        """Ask which metrics to show."""
        self._ask("only metrics with these words in their name", self.words, asks_axis=False)

    def action_ask_axis(self) -> None:
        """Ask for the metric that x is to be."""
        names = ", ".join(self.names[:12])
        self._ask(f"x is: step, relative time, wall time, {names}", "", asks_axis=True)

    def _ask(self, placeholder: str, value: str, *, asks_axis: bool) -> None:
        self._asks_axis = asks_axis
        self.prompt.placeholder, self.prompt.value = placeholder, value
        self.add_class("-prompting")
        self.prompt.focus()

    def close_prompt(self) -> None:
        """Hide the line."""
        self.remove_class("-prompting")
        self.focus_first()

    @on(Input.Changed, "#prompt")
    def _prompt_changed(self, message: Input.Changed) -> None:
        if not self._asks_axis and self.has_class("-prompting") and message.value != self.words:
            self.words, self.large = message.value, ""
            self.show_charts()

    @on(Input.Submitted, "#prompt")
    def _prompt_done(self, message: Input.Submitted) -> None:
        self.close_prompt()
        wanted = message.value.strip().lower()
        if not self._asks_axis or not wanted:
            return
        names = [*AXES, *self.names]
        found = [name for name in names if name.lower() == wanted] or [name for name in names if wanted in name.lower()]
        if not found:
            self.notify(f"No metric has “{message.value}” in its name.", severity="warning", markup=False)
            return
        self.look(replace(self.view, axis=found[0] or STEP, window=(0.0, 1.0)))
