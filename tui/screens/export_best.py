"""ExportBestScreen: how to take the best configuration along. Asks only; whoever opened it acts."""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

ExportChoice = Literal["copy-yaml", "copy-args", "copy-hydra", "copy-json", "write-yaml"]


class ExportBestScreen(ModalScreen[ExportChoice | None]):
    """A short menu; None if the user wants nothing."""

    CSS_PATH = "export_best.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close", id="export.close", tooltip="Close this menu"),
        Binding("j", "cursor(1)", "Down", id="export.down", show=False, tooltip="Next choice"),
        Binding("k", "cursor(-1)", "Up", id="export.up", show=False, tooltip="Previous choice"),
    ]

    def __init__(self, run_name: str, file_name: str, *, is_there: bool = False) -> None:
        """Create the menu.

        Args:
            run_name: The run whose configuration it is.
            file_name: Where `write-yaml` would write it.
            is_there: Whether that would replace a file.
        """
        super().__init__()
        self.run_name = run_name
        self.file_name = file_name
        self.is_there = is_there

    def compose(self) -> ComposeResult:
        """Compose the menu."""
        verb = "Replace" if self.is_there else "Write to"
        with Vertical(classes="dialog"):
            yield Static(f"Configuration of {self.run_name}", classes="dialog-title", markup=False)
            yield OptionList(
                Option("Copy as YAML", "copy-yaml"),
                Option("Copy as command line arguments", "copy-args"),
                Option("Copy as Hydra overrides", "copy-hydra"),
                Option("Copy as JSON", "copy-json"),
                Option(Content(f"{verb} {self.file_name}"), "write-yaml"),
            )

    @on(OptionList.OptionSelected)
    def _chosen(self, message: OptionList.OptionSelected) -> None:
        for choice in get_args(ExportChoice):
            if message.option_id == choice:
                self.dismiss(choice)

    def action_cursor(self, by: int) -> None:
        """Move the cursor."""
        options = self.query_one(OptionList)
        if by > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()
