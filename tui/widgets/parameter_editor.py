"""ParameterEditor: the parameters of a sweep, one row each; add, copy and delete."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from trainer.sweep.validation import Violation
from tui.sweep_draft import ParameterDraft
from tui.widgets.parameter_row import ParameterRow


class ParameterEditor(Vertical):
    """Edits the list of parameters it is given, in place, and says when it did."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", id="parameters.up", show=False, tooltip="The parameter above"),
        Binding("down", "move(1)", "Down", id="parameters.down", show=False, tooltip="The parameter below"),
        Binding("f5", "duplicate", "Copy", id="parameters.copy", tooltip="Add a copy of this parameter"),
        Binding("f8", "delete", "Delete", id="parameters.delete", tooltip="Delete this parameter"),
    ]

    @dataclass
    class Changed(Message):
        """A parameter was edited, added or deleted."""

        editor: ParameterEditor
        label: str
        """What was done, in two words."""
        field: str
        """What was typed into; empty if nothing was typed."""

        @property
        def control(self) -> ParameterEditor:
            """The editor that changed."""
            return self.editor

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        """Create the editor, empty; see `show`."""
        super().__init__(id=id)
        self.drafts: list[ParameterDraft] = []

    def compose(self) -> ComposeResult:
        """Compose the place of the rows and the hint below them."""
        yield Vertical(id="parameter-rows")
        yield Static("No parameters yet: [b $primary]ctrl+n[/] adds one.", id="parameter-hint")

    @property
    def rows(self) -> list[ParameterRow]:
        """The rows, from top to bottom."""
        return list(self.query(ParameterRow))

    @property
    def current(self) -> ParameterRow | None:
        """The row that has the focus."""
        return next((row for row in self.rows if row.has_focus_within), None)

    async def show(self, drafts: list[ParameterDraft]) -> None:
        """Show these parameters and edit them from now on."""
        rows, current = self.rows, self.current
        self.drafts = drafts
        if [row.draft for row in rows] == drafts:
            for row, draft in zip(rows, drafts, strict=True):
                row.draft = draft
            return
        index = rows.index(current) if current else None
        holder = self.query_one("#parameter-rows")
        with self.app.batch_update():
            await holder.remove_children()
            await holder.mount_all([ParameterRow(draft) for draft in drafts])
        self._show_hint()
        if index is not None and drafts:
            self.rows[min(index, len(drafts) - 1)].focus_column("parameter-text")

    def show_problems(self, problems: Sequence[Violation]) -> None:
        """Show each problem at its row."""
        texts: dict[int, str] = {}
        for problem in problems:
            owner = _owner(self.drafts, problem.path)
            if owner is not None:
                texts.setdefault(owner, f"{problem.message} {problem.hint}".strip())
        for index, row in enumerate(self.rows):
            row.show_problem(texts.get(index, ""))

    def focus_path(self, path: str) -> None:
        """Go to the parameter that a violation is about; to the first one where it is about none."""
        owner = _owner(self.drafts, path)
        if owner is None and self.drafts:
            self.rows[0].focus_column("parameter-name")
        if owner is not None:
            row = self.rows[owner]
            row.focus_column("parameter-text" if row.draft.name.strip() else "parameter-name")

    async def insert(self, draft: ParameterDraft, index: int | None = None, *, column: str = "parameter-name") -> None:
        """Add a parameter at `index` (None: at the end) and go to it."""
        at = len(self.drafts) if index is None else index
        row = ParameterRow(draft)
        rows = self.rows
        await self.query_one("#parameter-rows").mount(row, before=rows[at] if at < len(rows) else None)
        self.drafts.insert(at, draft)
        self._changed("add parameter")
        row.focus_column(column)

    async def action_duplicate(self) -> None:
        """Add a copy of the current parameter below it."""
        row = self.current
        if row is not None:
            taken = {draft.name for draft in self.drafts}
            number = next(n for n in range(2, len(taken) + 3) if f"{row.draft.name}_{n}" not in taken)
            *groups, name = row.draft.path
            copied = ParameterDraft.at((*groups, f"{name}_{number}"), copy.deepcopy(row.draft.entry))
            await self.insert(copied, self.rows.index(row) + 1)

    async def action_delete(self) -> None:
        """Delete the current parameter."""
        row = self.current
        if row is None:
            return
        index = self.rows.index(row)
        del self.drafts[index]
        await row.remove()
        self._changed(f"delete {row.draft.name or 'parameter'}")
        if rows := self.rows:
            rows[min(index, len(rows) - 1)].focus_column("parameter-name")
        else:
            self.screen.focus_previous()

    def action_move(self, rows: int) -> None:
        """Go to the same column of the parameter above or below; past the ends, to the field there."""
        row = self.current
        if row is None:
            return
        target = self.rows.index(row) + rows
        focused = self.screen.focused
        column = "parameter-text" if focused and focused.has_class("parameter-text") else "parameter-name"
        if 0 <= target < len(self.rows):
            self.rows[target].focus_column(column)
        elif rows < 0:
            row.focus_column("parameter-name")
            self.screen.focus_previous()
        else:
            self.screen.focus_next()

    @on(ParameterRow.Edited)
    def _edited(self, message: ParameterRow.Edited) -> None:
        message.stop()
        self._changed(f"edit {message.row.draft.name or 'parameter'}", f"row {self.rows.index(message.row)}")

    def _changed(self, label: str, field: str = "") -> None:
        self._show_hint()
        self.post_message(self.Changed(self, label, field))

    def _show_hint(self) -> None:
        self.query_one("#parameter-hint").display = not self.drafts


def _owner(drafts: Sequence[ParameterDraft], path: str) -> int | None:
    """Return the index of the parameter a violation is about: the longest path that it begins with."""
    owners = [
        (len(draft.config_path), index)
        for index, draft in enumerate(drafts)
        if path == draft.config_path or path.startswith((f"{draft.config_path}.", f"{draft.config_path}["))
    ]
    return max(owners)[1] if owners else None
