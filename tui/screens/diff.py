"""DiffScreen: changes of a sweep, each with its reason, to accept or refuse one by one. Only asks."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, OptionList, Static
from textual.widgets.option_list import Option

_CONTEXT_LINES = 2


@dataclass(frozen=True, slots=True)
class ProposedChange:
    """One change to decide on."""

    key: Hashable
    name: str
    before: str
    after: str
    reason: str


class DiffScreen(ModalScreen[frozenset[Hashable] | None]):
    """Lists the changes above their difference in YAML; the keys of the accepted ones, or None if the user leaves."""

    CSS_PATH = "diff.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "toggle_change", "Accept or not", id="diff.toggle", tooltip="Accept the change, or refuse it"),
        Binding("a", "toggle_all", "All or none", id="diff.all", tooltip="Accept every change, or none"),
        Binding("enter", "take", "Take", id="diff.take", priority=True, tooltip="Take over what is accepted"),
        Binding("escape", "leave", "Leave", id="diff.leave", tooltip="Change nothing"),
    ]

    options = getters.query_one(OptionList)

    def __init__(
        self,
        title: str,
        changes: Sequence[ProposedChange],
        before: str,
        text_with: Callable[[frozenset[Hashable]], str],
        *,
        kept: Sequence[str] = (),
    ) -> None:
        """Create the screen; every change is accepted at first.

        Args:
            title: What the changes are: `Narrow peaks to its best runs`.
            changes: The changes.
            before: The YAML before them.
            text_with: The YAML with some of them.
            kept: What stays as it is, and why, a sentence each.
        """
        super().__init__()
        self._title = title
        self.changes = tuple(changes)
        self.accepted = {change.key for change in changes}
        self._before = before
        self._text_with = text_with
        self._kept = tuple(kept)

    def compose(self) -> ComposeResult:
        """Compose the screen."""
        with Vertical(classes="dialog"):
            yield Static(self._title, classes="dialog-title", markup=False)
            yield OptionList(id="changes")
            with VerticalScroll(id="difference-scroll"):
                yield Static("", id="difference")
            with Horizontal(id="diff-buttons"):
                yield Button("Take ⏎", variant="primary", id="take", compact=True)
                yield Button("All or none (a)", id="all", compact=True)
                yield Button("Leave (esc)", id="leave", compact=True)

    def on_mount(self) -> None:
        """Show the changes."""
        self.query_one("#difference-scroll").can_focus = True
        self._show()
        self.options.highlighted = 0
        self.options.focus()

    def _show(self) -> None:
        highlighted = self.options.highlighted
        self.options.clear_options()
        self.options.add_options([Option(self._line(change)) for change in self.changes])
        if highlighted is not None:
            self.options.highlighted = highlighted
        difference = diff_content(self._before, self._text_with(frozenset(self.accepted)))
        kept = [(f"\n= {line}", "$foreground-muted") for line in self._kept]
        self.query_one("#difference", Static).update(Content.assemble(difference, *kept))
        self.query_one("#take", Button).label = f"Take {len(self.accepted)} of {len(self.changes)} ⏎"

    def _line(self, change: ProposedChange) -> Content:
        is_accepted = change.key in self.accepted
        return Content.assemble(
            ("[✓] " if is_accepted else "[ ] ", "bold $success" if is_accepted else "$foreground-muted"),
            (f"{change.name}  ", "bold"),
            (change.before, "$error" if is_accepted else "$foreground-muted"),
            " → ",
            (change.after, "$success" if is_accepted else "$foreground-muted"),
            (f"\n    {change.reason}", "$foreground-muted"),
        )

    @on(OptionList.OptionSelected)
    def _clicked(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        self._toggle(message.option_index)

    def action_toggle_change(self) -> None:
        """Accept the change under the cursor, or refuse it."""
        if self.options.highlighted is not None:
            self._toggle(self.options.highlighted)

    def _toggle(self, index: int) -> None:
        self.accepted ^= {self.changes[index].key}
        self._show()

    @on(Button.Pressed, "#all")
    def action_toggle_all(self) -> None:
        """Accept every change, or none if all are."""
        everything = {change.key for change in self.changes}
        self.accepted = set() if self.accepted == everything else everything
        self._show()

    @on(Button.Pressed, "#take")
    def action_take(self) -> None:
        """Take over the accepted changes."""
        self.dismiss(frozenset(self.accepted) or None)

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)


def diff_content(before: str, after: str) -> Content:
    """Return the lines that differ, with signs and colours, and a little around them."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=_CONTEXT_LINES, lineterm=""))[2:]
    if not lines:
        return Content("No difference.")
    styles = {"+": "$success", "-": "$error", "@": "$foreground-muted"}
    shown = [("⋯" if line.startswith("@@") else line, styles.get(line[:1], "")) for line in lines]
    return Content("\n").join(Content.assemble(part) for part in shown)
