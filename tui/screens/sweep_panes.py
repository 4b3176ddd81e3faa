"""SweepPanes: which panes of the live view are shown. A mixin of `SweepScreen`; knows sizes and keys, no data."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.screen import Screen

from tui.looks import is_plain
from tui.widgets.pane_tabs import PaneTabs

PANES = {"runs": "Runs", "chart": "Chart", "best": "Best", "agents": "Agents"}
COMPACT_BELOW = (100, 30)
"""Columns and rows from which more than one pane is shown."""
SIDE_BY_SIDE_FROM = (160, 40)
"""Columns and rows from which the leaderboard and the chart stand side by side."""


class SweepPanes(Screen[None]):
    """One pane in front on a small terminal, all of them on a larger one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "pane('runs')", "Runs", id="sweep.runs", show=False, tooltip="Go to the leaderboard"),
        Binding("2", "pane('chart')", "Chart", id="sweep.chart", show=False, tooltip="Go to the chart"),
        Binding("3", "pane('best')", "Best", id="sweep.best", show=False, tooltip="Go to the best configuration"),
        Binding("4", "pane('agents')", "Agents", id="sweep.agents", show=False, tooltip="Go to the local agents"),
        Binding("m", "toggle_chart", "Large chart", id="sweep.large_chart", show=False, tooltip="Table or chart only"),
        Binding(
            "left_square_bracket",
            "toggle_agents",
            "Agents",
            key_display="[",
            id="sweep.hide_agents",
            show=False,
            tooltip="Show or hide the agents",
        ),
        Binding(
            "right_square_bracket",
            "toggle_best",
            "Best",
            key_display="]",
            id="sweep.hide_best",
            show=False,
            tooltip="Show or hide the best configuration",
        ),
    ]

    front: reactive[str] = reactive("")
    """The pane that has the screen to itself; empty when all are shown."""
    compact: reactive[bool] = reactive(False)
    """Whether the terminal is too small for more than one pane."""
    _heights: tuple[str, ...] = ()
    _rows: int = 0
    _is_large: bool = False

    def on_resize(self, event: events.Resize) -> None:
        """Choose the arrangement that the terminal has room for."""
        width, height = event.size.width, event.size.height
        # What stands side by side is read line by line, in plain text.
        self.compact = width < COMPACT_BELOW[0] or height < COMPACT_BELOW[1] or is_plain(self.app)
        self._is_large = not is_plain(self.app) and width >= SIDE_BY_SIDE_FROM[0] and height >= SIDE_BY_SIDE_FROM[1]
        self.set_class(self._is_large, "-large")
        self.call_after_refresh(self.fit_table)

    def fit_table(self, rows: int | None = None) -> None:
        """Make the leaderboard as high as its runs need, within bounds; the chart below gets the rest.

        A leaderboard that is long gets the whole height of a large terminal, and the chart stands beside it.

        Args:
            rows: Runs there are, or will be; None for as many as last time.
        """
        self._rows = self._rows if rows is None else rows
        body = self.query_one("#body")
        most = max(body.size.height * 3 // 5, 7)
        self.set_class(self._is_large and self._rows + 3 > most, "-side-by-side")
        if self.compact or self.front or self.has_class("-side-by-side"):
            heights: tuple[str, ...] = ()
        else:
            # A title, two lines of frame, and never fewer than four rows.
            heights = (str(min(max(self._rows, 4) + 3, max(body.size.height * 3 // 5, 7))), "1fr")
        if heights != self._heights:
            self._heights = heights
            body.styles.grid_rows = " ".join(heights) if heights else None

    def watch_compact(self, compact: bool) -> None:
        """Give one pane the screen, or all of them."""
        self.set_class(compact, "-compact")
        self.front = "runs" if compact else ""

    def watch_front(self, front: str) -> None:
        """Show one pane or all."""
        self.set_class(bool(front), "-solo")
        self.fit_table()
        for pane in PANES:
            self.set_class(front == pane, f"-front-{pane}")
        if front:
            self.query_one(PaneTabs).show(front)
            self.query_one(f"#{front}").focus()

    def action_pane(self, pane: str) -> None:
        """Go to a pane; once there, the same key gives it the screen."""
        widget = self.query_one(f"#{pane}")
        if self.front or (widget.has_focus and not self.compact):
            self.front = pane
        elif pane == "agents" and self.has_class("-no-agents"):
            self.front = pane
        else:
            widget.focus()

    @on(PaneTabs.PaneChosen)
    def _pane_clicked(self, message: PaneTabs.PaneChosen) -> None:
        self.action_pane(message.pane)

    def action_toggle_chart(self) -> None:
        """Switch between the table and the chart."""
        base = "runs" if self.compact else ""
        self.front = base if self.front == "chart" else "chart"
        if not self.front:
            self.query_one("#runs").focus()

    def action_toggle_agents(self) -> None:
        """Show or hide the agents."""
        self.toggle_class("-no-agents")

    def action_toggle_best(self) -> None:
        """Show or hide the best configuration."""
        self.toggle_class("-no-best")

    def show_all_panes(self) -> None:
        """Undo what the user hid or enlarged."""
        self.remove_class("-no-agents", "-no-best")
        self.front = "runs" if self.compact else ""
