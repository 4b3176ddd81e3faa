"""ChooseProjectScreen: the projects of a server, each with what goes on in it; returns the one to show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from trainer.records import SweepRecord
from trainer.states import SweepState
from tui.formatting import age_text, count_text, shortened

NAME_WIDTH = 26


class ChooseProjectScreen(ModalScreen[str | None]):
    """A list of projects, the newest sweep first; returns a name, empty for all, None for no choice."""

    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,p,q", "close", "Back", id="choose_project.close", tooltip="Leave the list as it is"),
    ]

    def __init__(self, sweeps: Sequence[SweepRecord]) -> None:
        """List the projects of some sweeps, which are the newest first."""
        super().__init__()
        self.by_project: dict[str, list[SweepRecord]] = {}
        for sweep in sweeps:
            self.by_project.setdefault(sweep.reference.project, []).append(sweep)
        self.count = len(sweeps)

    def compose(self) -> ComposeResult:
        """Compose the dialog."""
        now = datetime.now(UTC)
        options = [Option(_line("all projects", self.count, "", ""))]
        for project, sweeps in self.by_project.items():
            running = sum(sweep.state is SweepState.RUNNING for sweep in sweeps)
            options.append(
                Option(
                    _line(
                        project, len(sweeps), f"● {running:,} running" if running else "",
                        f"{age_text(sweeps[0].created_at, now)} ago",
                    )
                )
            )  # fmt: skip
        with Vertical(classes="dialog"):
            yield Static("Projects", classes="dialog-title")
            yield OptionList(*options, markup=False)
            yield Static("enter shows its sweeps · esc back", classes="dialog-hint")

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(["", *self.by_project][event.option_index])

    def action_close(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)


def _line(name: str, sweeps: int, running: str, age: str) -> Content:
    return Content.assemble(
        (shortened(name, NAME_WIDTH).ljust(NAME_WIDTH), "bold"),
        (f"  {count_text(sweeps, 'sweep'):<12}", "$text-muted"),
        (f"{running:<12}", "$primary"),
        (age, "$text-muted"),
    )
