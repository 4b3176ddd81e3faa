"""ExportScreen: what to take along of a sweep, and in which form. Asks only; whoever opened it acts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.formatting import shortened
from tui.screens.list_dialog import ListDialog

_WIDTH = 44
"""Of a name with its note: the menu has one line for each, also in a narrow terminal."""


@dataclass(frozen=True, slots=True)
class ExportItem:
    """One thing that can be taken along."""

    id: str
    verb: str
    """`Copy`, `Write` or `Replace`."""
    what: str
    """What is copied, or the name of the file."""
    note: str = ""


class ExportScreen(ListDialog[str | None]):
    """A menu in groups; the id of the item that was chosen, None if the user wants nothing."""

    CSS_PATH = "export.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close", id="export.close", tooltip="Close this menu"),
        Binding("j", "cursor(1)", "Down", id="export.down", show=False, tooltip="Next choice"),
        Binding("k", "cursor(-1)", "Up", id="export.up", show=False, tooltip="Previous choice"),
    ]

    def __init__(self, groups: Mapping[str, Sequence[ExportItem]]) -> None:
        """Create the menu.

        Args:
            groups: What can be taken along, by the heading it stands under.
        """
        super().__init__()
        self.groups = groups

    def compose(self) -> ComposeResult:
        """Compose the menu."""
        options: list[Option] = []
        for heading, items in self.groups.items():
            options.append(Option(Content.from_markup("[b]$heading[/]", heading=heading), disabled=True))
            for item in items:
                what = shortened(item.what, _WIDTH)
                note = f"  {item.note}" if item.note and len(what) + len(item.note) + 2 <= _WIDTH else ""
                line = Content.from_markup(
                    "  [$foreground 60%]$verb[/] $what[$foreground 60%]$note[/]",
                    verb=f"{item.verb:<7}",
                    what=what,
                    note=note,
                )
                options.append(Option(line, item.id))
        with Vertical(classes="dialog"):
            yield Static("Take it along", classes="dialog-title")
            yield OptionList(*options)
            yield Static("enter takes it · esc closes", classes="dialog-hint", markup=False)

    def on_mount(self) -> None:
        """Begin at the first thing to take."""
        self.query_one(OptionList).action_first()

    @on(OptionList.OptionSelected)
    def _chosen(self, message: OptionList.OptionSelected) -> None:
        self.dismiss(message.option_id)

    def action_cursor(self, by: int) -> None:
        """Move the cursor."""
        options = self.query_one(OptionList)
        if by > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()
