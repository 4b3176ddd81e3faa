"""ChartGrid: as many charts as there is room for, the rest on further pages. Owns the arrangement, not the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.message import Message

from tui.widgets.history_chart import HistoryChart


class ChartGrid(Container):
    """A grid of charts of one kind, named by titles."""

    DEFAULT_CSS = """
    ChartGrid {
        layout: grid;
        height: 1fr;
        & > .spare { display: none; }
    }
    """

    @dataclass
    class Turned(Message):
        """Other charts are in sight, or fewer or more of them: what they show is wanted."""

        grid: ChartGrid

        @property
        def control(self) -> ChartGrid:
            """The grid."""
            return self.grid

    def __init__(self, *, id: str, least: tuple[int, int] = (50, 9), most: int = 9) -> None:  # noqa: A002
        """Create the grid.

        Args:
            id: Id of the widget.
            least: Columns and rows that a chart should have.
            most: Charts at once.
        """
        super().__init__(id=id)
        self.titles: list[str] = []
        self.empty_text = "nothing to draw yet"
        self._least = least
        self._most = most
        self._shape = (1, 1)
        self._page = 0

    def compose(self) -> ComposeResult:
        """Compose the charts."""
        for _ in range(self._most):
            chart = HistoryChart(classes="panel spare")
            yield chart

    @property
    def charts(self) -> list[HistoryChart]:
        """The charts, shown or spare, in their order."""
        return list(self.query(HistoryChart))

    @property
    def at_once(self) -> int:
        """Charts that there is room for."""
        return self._shape[0] * self._shape[1]

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max((len(self.titles) - 1) // self.at_once + 1, 1)

    @property
    def in_sight(self) -> range:
        """The numbers of the charts in sight, among `titles`."""
        start = self._page * self.at_once
        return range(start, min(start + self.at_once, len(self.titles)))

    def name_charts(self, titles: Sequence[str]) -> None:
        """Say which charts there are; what they show is given by `show_at`."""
        if list(titles) != self.titles:
            self.titles = list(titles)
            self._arrange()

    def turn(self, by: int) -> None:
        """Show other charts."""
        self._page = (self._page + by) % self.pages
        self._arrange()
        self.post_message(self.Turned(self))

    def on_resize(self, event: events.Resize) -> None:
        """Show as many charts as there is room for."""
        before = self._shape, self._page
        self._arrange()
        if (self._shape, self._page) != before:
            self.post_message(self.Turned(self))

    def refresh_empty(self, text: str) -> None:
        """Say why there are no charts."""
        self.empty_text = text
        self._arrange()

    def _arrange(self) -> None:
        charts = self.charts
        if not charts or not self.size:
            return
        across = min(max(self.size.width // self._least[0], 1), self._most)
        down = min(max(self.size.height // self._least[1], 1), max(self._most // across, 1))
        self._shape = (across, down)
        self._page = min(self._page, self.pages - 1)
        shown = self.in_sight
        # Few charts take the room that there is: none beside another where one line will do.
        columns = min(across, max(-(-len(shown) // down), 1)) if len(shown) < across * down else across
        columns = max(columns, 1)
        self.styles.grid_size_columns = columns
        self.styles.grid_size_rows = max(-(-len(shown) // columns), 1)
        for place, chart in enumerate(charts):
            is_spare = place >= max(len(shown), 1)
            chart.set_class(is_spare, "spare")
            if place < len(shown):
                chart.border_title = Content(self.titles[shown[place]])
                is_last = place == len(shown) - 1
                chart.border_subtitle = f"n {self._page + 1}/{self.pages}" if self.pages > 1 and is_last else ""
        if not shown:
            first = charts[0]
            first.border_title, first.border_subtitle = "", ""
            first.empty_text = self.empty_text
            first.show([])
