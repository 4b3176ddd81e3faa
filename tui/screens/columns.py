"""ColumnsScreen: which columns the leaderboard shows, in which order, how wide, which stay in sight.

Changes are seen behind it at once; whoever opened it keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events, getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.columns import Column, ColumnKind
from tui.computed_columns import Computed, offered, parse_computed
from tui.formatting import count_text
from tui.leaderboard_model import LeaderboardModel
from tui.screens.list_dialog import ListDialog
from tui.table_layout import title_of
from tui.widgets.completing_input import Candidate, matching
from tui.widgets.filter_prompt import FilterPrompt

_MEANINGS = {
    ColumnKind.RANK: "place by the metric",
    ColumnKind.METRIC: "the sweep's metric",
    ColumnKind.SUMMARY: "last value, as the program left it",
    ColumnKind.CHANCE: "probability that it is really the best",
    ColumnKind.INTERVAL: "half of the mean's confidence interval",
    ColumnKind.GROUP_BEST: "the best run of the group",
    ColumnKind.FAILURES: "runs of the group that failed",
    ColumnKind.FRONT: "◆ none beats it in both metrics",
    ColumnKind.COMPUTED: "computed from the history",
    ColumnKind.DURATION: "how long it took",
    ColumnKind.HOST: "where it ran",
    ColumnKind.GPU: "of the machine where it ran",
    ColumnKind.CREATED: "when it began",
}
_BOX = 4
"""Cells of `[x]` and of what is before it."""
_FIXED = (ColumnKind.RANK, ColumnKind.NAME)


class _ColumnList(OptionList):
    """A list in which a click on a box shows or hides, and a click elsewhere chooses: for the buttons below."""

    async def _on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and offset.x > _BOX and (place := event.style.meta.get("option")) is not None:
            self.highlighted = place
            event.prevent_default()


class ColumnsScreen(ListDialog[None]):
    """A list of all columns with what can be done to each."""

    CSS_PATH = "columns.tcss"
    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,C,q", "close", "Done", id="columns.close", tooltip="Back to the leaderboard"),
        Binding("space", "toggle_column", "Show/hide", id="columns.toggle", tooltip="Show the column, or hide it"),
        Binding("p", "pin", "Pin", id="columns.pin", tooltip="Let it stay in sight beside the name"),
        Binding("shift+up,K", "shift(-1)", "Earlier", id="columns.earlier", tooltip="Move it to the left"),
        Binding("shift+down,J", "shift(1)", "Later", id="columns.later", tooltip="Move it to the right"),
        Binding("less_than_sign,minus", "widen(-2)", "Narrower", id="columns.narrower", tooltip="Make it narrower"),
        Binding("greater_than_sign,plus", "widen(2)", "Wider", id="columns.wider", tooltip="Make it wider"),
        Binding("n", "names", "Names", id="columns.names", tooltip="Call runs by the parameters that vary"),
        Binding("m", "compute", "Compute", id="columns.compute", tooltip="Add min, max, last or mean of any metric"),
        Binding("r", "reset", "Reset", id="columns.reset", tooltip="Forget every choice"),
    ]
    BUTTONS = (
        ("pin", "p pin"), ("shift(-1)", "K ↑"), ("shift(1)", "J ↓"), ("widen(-2)", "< narrower"),
        ("widen(2)", "> wider"), ("names", "n names"), ("compute", "m metric…"), ("reset", "r reset"),
    )  # fmt: skip

    options = getters.query_one(OptionList)

    def __init__(
        self,
        board: LeaderboardModel,
        width_of: Callable[[Column], int],
        changed: Callable[[], None],
        compute: Callable[[Computed], None],
        metrics: Sequence[str],
    ) -> None:
        """Create the screen.

        Args:
            board: Whose columns they are.
            width_of: How wide a column is shown now.
            changed: Called after each change.
            compute: Called for a column that is to be computed.
            metrics: Names of the metrics that can be computed.
        """
        super().__init__()
        self.board = board
        self._width_of = width_of
        self._changed = changed
        self._compute = compute
        self._metrics = metrics

    def compose(self) -> ComposeResult:
        """Compose the dialog."""
        with Vertical(classes="dialog"):
            yield Static("Columns", classes="dialog-title")
            yield _ColumnList(id="columns")
            yield FilterPrompt()
            with Horizontal(id="column-buttons"):
                for action, label in self.BUTTONS:
                    button = Button(label, compact=True, name=action)
                    button.can_focus = False
                    yield button
            yield Static(
                "space, or a click on its box, shows and hides; a click chooses · esc done",
                classes="dialog-hint",
                markup=False,
            )

    def on_mount(self) -> None:
        """Show the columns."""
        self.list_columns()

    def list_columns(self, at: Column | None = None) -> None:
        """Show the columns as they are now.

        Args:
            at: The column to put the cursor on; None for the one that it is on.
        """
        wanted = at or self._column
        columns = self.board.all_columns
        titles = [title_of(column, self.board) for column in columns]
        room = min(max((len(title) for title in titles), default=0), 34)
        self.options.clear_options()
        self.options.add_options(
            [Option(self._line(column, title, room)) for column, title in zip(columns, titles, strict=True)]
        )
        self.options.highlighted = columns.index(wanted) if wanted in columns else 0

    def _line(self, column: Column, title: str, room: int) -> Content:
        view = self.board.view
        shown = view.is_shown(column, self.board.natural_columns)
        box = " · " if self._is_fixed(column) else "[x]" if shown else "[ ]"
        pin = "pinned" if column.key in view.pinned else ""
        width = f"{view.widths[column.key]} wide" if column.key in view.widths else ""
        meaning = _MEANINGS.get(column.kind, "")
        if estimated := self.board.estimated.get(column):
            meaning = f"~ from a sample of long histories for {count_text(len(estimated), 'run')}"
        if column.kind is ColumnKind.CONFIG:
            meaning = "configuration" if column in self.board.natural_columns else "the same for all"
        notes = " · ".join(part for part in (meaning, pin, width) if part)
        style = "" if shown else "$text-muted"
        return Content.assemble((f"{box} {title[:room]:<{room}}  ", style), (notes, "$text-muted"))

    def _is_fixed(self, column: Column) -> bool:
        return column.kind in _FIXED or column in self.board.asked_columns

    @property
    def _column(self) -> Column | None:
        place, columns = self.options.highlighted, self.board.all_columns
        return columns[place] if place is not None and place < len(columns) else None

    def _change(self) -> None:
        column = self._column
        self.board.view_changed()
        self.list_columns(column)
        self._changed()

    def action_close(self) -> None:
        """Close the line for a metric; else go back."""
        if self.has_class("-asking"):
            self.remove_class("-asking")
            self.options.focus()
        else:
            self.dismiss(None)

    @on(OptionList.OptionSelected)
    def _chosen(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        if message.option_list is self.options:
            self.action_toggle_column()

    @on(Button.Pressed)
    async def _pressed(self, message: Button.Pressed) -> None:
        await self.run_action(message.button.name or "close")

    def action_toggle_column(self) -> None:
        """Show the column, or hide it."""
        column = self._column
        if column is None or self._is_fixed(column):
            return
        if column.kind is ColumnKind.COMPUTED:
            self.board.set_computed(column, None)
            self.board.view.computed = [path for path in self.board.view.computed if path != column.path]
        else:
            self.board.view.toggle(column, self.board.natural_columns)
        self._change()

    def action_pin(self) -> None:
        """Let the column stay in sight, or no longer."""
        if self._column is not None:
            self.board.view.toggle_pin(self._column)
            self._change()

    def action_shift(self, by: int) -> None:
        """Move the column."""
        if self._column is not None:
            self.board.view.move(self._column, by, self.board.all_columns)
            self._change()

    def action_widen(self, by: int) -> None:
        """Make the column wider or narrower."""
        if self._column is not None:
            self.board.view.widen(self._column, by, self._width_of(self._column))
            self._change()

    def action_names(self) -> None:
        """Call runs by their parameters, or by their names."""
        self.board.view.parameter_names = not self.board.view.parameter_names
        self._change()

    def action_reset(self) -> None:
        """Forget every choice."""
        for column in list(self.board.computed):
            self.board.set_computed(column, None)
        self.board.view.reset()
        self._change()

    def action_compute(self) -> None:
        """Ask for what is to be computed."""
        self.add_class("-asking")
        known = [Candidate(words) for words in offered(self._metrics)]
        self.query_one(FilterPrompt).open(
            "min loss · max accuracy · mean 5 loss", "", lambda text, asked: matching(known, text)
        )

    @on(Input.Submitted, "#prompt")
    def _entered(self, message: Input.Submitted) -> None:
        message.stop()
        wanted = parse_computed(message.value)
        if wanted is None:
            self.notify("Say min, max, last or mean and a metric: mean 5 loss.", severity="warning")
            return
        self.action_close()
        self._compute(wanted)
