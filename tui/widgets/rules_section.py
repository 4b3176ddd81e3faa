"""RulesSection: what ties parameters to each other: one rule per line, checked and counted while it is typed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from trainer.sweep.rules import RuleLine
from trainer.sweep.validation import Violation
from tui.rule_completion import completion, templates
from tui.sweep_document import SweepDocument
from tui.sweep_draft import SweepDraft
from tui.widgets.builder_section import BuilderSection
from tui.widgets.rule_row import RuleRow

_OWN_PATH = re.compile(r"rules\[(\d+)\]")
_INTRODUCTION = "What rules leave is written out as one list, which every W&B server takes."
_KINDS = ("zip", "only if", "formula", "seeds")


class TemplateButton(Static, can_focus=True):
    """Adds a rule of one kind."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "press", "Add", id="rules.template", tooltip="Add a rule of this kind")
    ]

    def __init__(self, kind: str) -> None:
        """Create the button of a kind of rule."""
        super().__init__(f"+ {kind}", classes="rule-template", markup=False)
        self.kind = kind
        self.tooltip = _TOOLTIPS[kind]

    async def action_press(self) -> None:
        """Add the rule."""
        section = self.query_ancestor(RulesSection)
        await section.add(templates(section.draft.leaves())[self.kind])

    async def on_click(self, event: events.Click) -> None:
        """Add the rule."""
        event.stop()
        await self.action_press()


_TOOLTIPS = {
    "zip": "Values of two parameters go together: the first with the first, and so on",
    "only if": "A parameter that the program is given only where something holds",
    "formula": "Combinations of which a formula is not true are left out",
    "seeds": "Every configuration is repeated with several seeds",
}


class RulesSection(BuilderSection):
    """Edits the rules of the draft."""

    title = "Rules"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "add", "Add rule", id="rules.add", tooltip="Add a rule"),
        Binding("f5", "duplicate", "Copy", id="rules.copy", tooltip="Add a copy of this rule"),
        Binding("f8", "delete", "Delete", id="rules.delete", tooltip="Delete this rule"),
        Binding("up", "move(-1)", "Up", id="rules.up", show=False, tooltip="The rule above"),
        Binding("down", "move(1)", "Down", id="rules.down", show=False, tooltip="The rule below"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        """Create the section, empty; see `show`."""
        super().__init__(id=id)
        self.document = SweepDocument.from_config({})

    def compose(self) -> ComposeResult:
        """Compose the rules, what adds one, and what they come to."""
        yield Static(_INTRODUCTION, classes="rules-note")
        yield Vertical(id="rule-rows")
        with Horizontal(id="rule-templates"):
            for kind in _KINDS:
                yield TemplateButton(kind)
        yield Static("", id="rule-groups", markup=False)

    @property
    def draft(self) -> SweepDraft:
        """The draft that is edited."""
        return self.document.draft

    @property
    def rows(self) -> list[RuleRow]:
        """The rules, from top to bottom."""
        return list(self.query(RuleRow))

    @property
    def current(self) -> RuleRow | None:
        """The rule that has the focus."""
        return next((row for row in self.rows if row.has_focus_within), None)

    async def show(self, document: SweepDocument) -> None:
        """Show the rules of the document."""
        self.document = document
        lines = self.draft.rules
        rows, current = self.rows, self.current
        if len(rows) == len(lines):
            for row, line in zip(rows, lines, strict=True):
                row.show_line(line)
        else:
            index = rows.index(current) if current else None
            holder = self.query_one("#rule-rows")
            with self.app.batch_update():
                await holder.remove_children()
                await holder.mount_all([self._row(line) for line in lines])
            if index is not None:
                self._focus(index)
        self._show_effects()

    def show_problems(self, problems: Sequence[Violation]) -> None:
        """Show what each rule does, and what is wrong with it; the draft knows more than the problems say."""
        self._show_effects()

    def owns(self, path: str) -> bool:
        """Return whether a violation is about a rule."""
        return _OWN_PATH.fullmatch(path) is not None

    def focus_path(self, path: str) -> None:
        """Go to the rule that a violation is about; to the first one, or what adds one, where it is about none."""
        match = _OWN_PATH.fullmatch(path)
        self._focus(int(match[1]) if match else 0)

    async def add(self, text: str, index: int | None = None) -> None:
        """Add a rule at `index` (None: at the end) and go to it."""
        at = len(self.draft.rules) if index is None else index
        row = self._row(RuleLine(text))
        rows = self.rows
        await self.query_one("#rule-rows").mount(row, before=rows[at] if at < len(rows) else None)
        self.draft.rules.insert(at, row.line)
        row.focus_text()
        self._changed("add rule")

    async def action_add(self) -> None:
        """Add an empty rule below the current one."""
        current = self.current
        await self.add("", self.rows.index(current) + 1 if current else None)

    async def action_duplicate(self) -> None:
        """Add a copy of the current rule below it."""
        current = self.current
        if current is not None:
            await self.add(current.line.text, self.rows.index(current) + 1)

    async def action_delete(self) -> None:
        """Delete the current rule."""
        current = self.current
        if current is None:
            return
        index = self.rows.index(current)
        del self.draft.rules[index]
        await current.remove()
        self._changed("delete rule")
        self._focus(index)

    def action_move(self, steps: int) -> None:
        """Go to the rule above or below; past the ends, to the field there."""
        current = self.current
        target = (self.rows.index(current) if current else len(self.rows)) + steps
        if current is not None and 0 <= target < len(self.rows):
            self.rows[target].focus_text()
        elif current is None and steps < 0 and self.rows:
            self.rows[-1].focus_text()
        elif current is not None and steps > 0:
            self.query(TemplateButton).first().focus()
        elif steps > 0:
            self.screen.focus_next()
        else:
            self.screen.focus_previous()

    def _row(self, line: RuleLine) -> RuleRow:
        return RuleRow(line, lambda text: completion(text, self.draft.leaves()))

    def _focus(self, index: int) -> None:
        if rows := self.rows:
            rows[min(index, len(rows) - 1)].focus_text()
        else:
            self.query(TemplateButton).first().focus()

    def _show_effects(self) -> None:
        compiled = self.draft.compiled()
        for row, effect in zip(self.rows, compiled.effects, strict=False):
            row.show_effect(effect)
        lines = [
            Content.assemble(
                ("⛓ ", "$primary"),
                (", ".join("/".join(path) for path, _ in group.sources), "$foreground"),
                (f"   {group.left:,} of {group.before:,} combinations\n", "$foreground-muted"),
                (f"  {'/'.join(group.path)}", "$foreground-muted"),
            )
            for group in compiled.groups
            if group.sources
        ]
        self.query_one("#rule-groups", Static).update(Content("\n").join(lines))

    @on(RuleRow.Edited)
    def _edited(self, message: RuleRow.Edited) -> None:
        message.stop()
        index = self.rows.index(message.row)
        self.draft.rules[index] = message.line
        verb = "edit rule" if message.is_typed else f"switch a rule {'on' if message.line.is_on else 'off'}"
        self._changed(verb, f"rule {index}" if message.is_typed else "")

    def _changed(self, label: str, field: str = "") -> None:
        self._show_effects()
        self.tell_changed(label, field)
