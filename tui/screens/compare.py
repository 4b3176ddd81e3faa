"""CompareScreen: marked runs side by side; only what differs of their configurations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import DataTable, Static

from tui.formatting import cells_of, count_text, shortened
from tui.leaderboard_model import LeaderboardModel
from tui.run_comparison import MOST_RUNS, compared
from tui.screens.list_dialog import ListDialog

MAX_NAME_WIDTH = 40


class CompareScreen(ListDialog[str | None]):
    """A row for each key, a column for each run; returns the run to open, or None."""

    CSS_PATH = "compare.tcss"
    AUTO_FOCUS = "DataTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,d,q", "close", "Back", id="compare.close", tooltip="Back to the leaderboard"),
        Binding("enter", "open", "Open", id="compare.open", tooltip="Open the run of the column", priority=True),
    ]

    def __init__(self, board: LeaderboardModel, run_ids: Sequence[str]) -> None:
        """Compare some runs of a board, the best first."""
        super().__init__()
        self.board = board
        self.run_ids = list(run_ids)[:MOST_RUNS]

    def compose(self) -> ComposeResult:
        """Compose the dialog."""
        with Vertical(classes="dialog"):
            yield Static(f"{count_text(len(self.run_ids), 'run')} compared", classes="dialog-title")
            yield DataTable(cursor_type="column", fixed_columns=1)
            yield Static("★ best · enter opens the run of the column · esc back", classes="dialog-hint", markup=False)

    def on_mount(self) -> None:
        """Fill the table."""
        table = self.query_one(DataTable)
        rows = compared(self.board, self.run_ids)
        # Told, since the table takes what is styled to be one cell wide.
        table.add_column("", width=max(cells_of(row.title) for row in rows))
        for place, run_id in enumerate(self.run_ids):
            name = shortened(self.board.runs[run_id].name, MAX_NAME_WIDTH)
            table.add_column(name, width=max(cells_of(name), *(cells_of(row.values[place]) + 2 for row in rows)))
        for row in rows:
            values = [
                Content.styled(f"★ {value}", "bold $accent") if place == row.best else Content(value)
                for place, value in enumerate(row.values)
            ]
            table.add_row(Content.styled(row.title, "$text-muted"), *values)
        table.move_cursor(column=1)

    def action_close(self) -> None:
        """Go back."""
        self.dismiss(None)

    def action_open(self) -> None:
        """Open the run of the column under the cursor."""
        column = self.query_one(DataTable).cursor_column
        if column >= 1:
            self.dismiss(self.run_ids[column - 1])
