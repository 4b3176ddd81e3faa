"""RuleRow: one rule: whether it counts, its text, what it leaves, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Static

from trainer.sweep.rule_compiler import RuleEffect
from trainer.sweep.rules import RuleLine
from tui.widgets.steady_input import SteadyInput

PLACEHOLDER = 'zip a, b · a only if b == "x" · a * b <= 512 · seeds 5'


class RuleSwitch(Widget, can_focus=True):
    """A mark that says whether a rule counts, and changes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,enter", "flip", "On/off", id="rules.toggle", tooltip="Have this rule count, or not")
    ]
    is_on: reactive[bool] = reactive(True)

    @dataclass
    class Flipped(Message):
        """The user switched the rule on or off."""

        switch: RuleSwitch

        @property
        def control(self) -> RuleSwitch:
            """The switch that was flipped."""
            return self.switch

    def render(self) -> Content:
        """Show a filled mark for a rule that counts."""
        mark = "●" if self.is_on else "○"
        style = "reverse $primary" if self.has_focus else "$success" if self.is_on else "$foreground-muted"
        return Content.assemble((mark, style))

    def action_flip(self) -> None:
        """Switch it."""
        self.is_on = not self.is_on
        self.post_message(self.Flipped(self))

    def on_click(self, event: events.Click) -> None:
        """Switch it."""
        event.stop()
        self.action_flip()


class RuleSuggester(Suggester):
    """Completes the word that is typed."""

    def __init__(self, complete: Callable[[str], str]) -> None:
        """Remember what completes; its answer changes with the parameters, so nothing is kept."""
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        """Return the completed text, or None."""
        completed = self._complete(value) if value else value
        return completed if completed != value else None


class RuleRow(Vertical):
    """One rule of the list."""

    @dataclass
    class Edited(Message):
        """The user changed the text, or switched the rule on or off."""

        row: RuleRow
        line: RuleLine
        is_typed: bool

        @property
        def control(self) -> RuleRow:
            """The row that was edited."""
            return self.row

    def __init__(self, line: RuleLine, complete: Callable[[str], str]) -> None:
        """Create the row of a rule; `complete` completes what is typed."""
        super().__init__()
        self.line = line
        self._complete = complete

    def compose(self) -> ComposeResult:
        """Compose the line and the place of the problem."""
        with Horizontal(classes="rule-line"):
            yield RuleSwitch(classes="rule-switch")
            yield SteadyInput(
                self.line.text,
                placeholder=PLACEHOLDER,
                compact=True,
                select_on_focus=False,
                suggester=RuleSuggester(self._complete),
                classes="rule-text",
            )
            yield Static("", classes="rule-effect", markup=False)
        yield Static("", classes="field-problem", markup=False)

    def on_mount(self) -> None:
        """Show whether it counts."""
        self._show_state()

    def show_line(self, line: RuleLine) -> None:
        """Show another rule; reports no edit."""
        self.line = line
        text = self.query_one(Input)
        if text.value != line.text:
            text.value = line.text
        self._show_state()

    def show_effect(self, effect: RuleEffect | None) -> None:
        """Show what the rule does."""
        words, problem = "", ""
        if effect is not None and self.line.text.strip():
            problem = f"{effect.problem} {effect.hint}".strip()
            words = "✗ not kept" if problem else short_effect(effect)
        self.set_class(bool(problem), "-problem")
        self.query_one(".rule-effect", Static).update(words, layout=False)
        self.query_one(".field-problem", Static).update(f"↑ {problem}" if problem else "")

    def focus_text(self) -> None:
        """Go to the text, at its end."""
        text = self.query_one(Input)
        text.focus()
        text.cursor_position = len(text.value)

    def _show_state(self) -> None:
        self.query_one(RuleSwitch).is_on = self.line.is_on
        self.set_class(not self.line.is_on, "-off")

    @on(Input.Changed)
    def _text_changed(self, message: Input.Changed) -> None:
        message.stop()
        if message.value != self.line.text:
            self.line = RuleLine(message.value, self.line.is_on)
            self.post_message(self.Edited(self, self.line, True))

    @on(RuleSwitch.Flipped)
    def _flipped(self, message: RuleSwitch.Flipped) -> None:
        message.stop()
        self.line = RuleLine(self.line.text, message.switch.is_on)
        self._show_state()
        self.post_message(self.Edited(self, self.line, False))


def short_effect(effect: RuleEffect) -> str:
    """Return what a rule does, as short as its place beside it is."""
    if not effect.line.is_on:
        return "off"
    if effect.kind == "seeds":
        return effect.words
    if effect.left is None or effect.before is None:
        return "kept"
    return f"{effect.left:,} of {effect.before:,} left"
