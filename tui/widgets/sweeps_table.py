"""SweepsTable: the sweeps of a server, one a row. Shows records it is given; columns follow the width."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from trainer.records import SweepRecord, SweepReference
from tui.formatting import MISSING, age_text, metric_text, shortened, sweep_label

BAR_WIDTH = 8
_TONE_VARIABLES = {"good": "success", "active": "primary", "bad": "error", "warn": "warning", "muted": "text-muted"}
_FIXED_WIDTHS = {"state": 10, "progress": BAR_WIDTH + 9, "best": 20, "age": 6, "method": 7, "project": 16}
_LEFT_OUT_FIRST = ("method", "project", "age", "best")
"""Columns that go, one by one, until the name has room."""
_MIN_NAME_WIDTH = 18


def visible_columns(width: int) -> list[str]:
    """Return the columns that fit into `width` cells, with room for a readable name."""
    columns = ["name", "project", "method", "state", "progress", "best", "age"]
    for column in (*_LEFT_OUT_FIRST, "progress", ""):
        if _name_width(columns, width) >= _MIN_NAME_WIDTH or not column:
            break
        columns.remove(column)
    return columns


def _name_width(columns: Sequence[str], width: int) -> int:
    # Textual pads each cell by one on both sides.
    return width - sum(_FIXED_WIDTHS[column] + 2 for column in columns if column != "name") - 2


def progress_text(done: int, expected: int | None) -> tuple[str, str, str]:
    """Return the filled part of a bar, its rest, and the numbers; no bar where the end is not known."""
    if not expected:
        return "", "", f"{done:,} runs" if expected is None else f"{done}/0"
    expected = max(expected, done)  # points that were run again make more runs than the space has points
    filled = round(BAR_WIDTH * done / expected)
    if done and not filled:
        filled = 1
    return "━" * filled, "─" * (BAR_WIDTH - filled), f"{_compact(done)}/{_compact(expected)}"


def _compact(count: int) -> str:
    if count < 10_000:
        return str(count)
    for size, unit in ((10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count // size:,}{unit}" if count < 1000 * size else f"{count:.0e}"
    return str(count)


class SweepsTable(DataTable[Text]):
    """The sweeps of a server; `enter` or a click selects one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Open", id="sweeps.open", tooltip="Watch the sweep under the cursor"),
        Binding("j", "cursor_down", "Down", id="sweeps.down", show=False, tooltip="Next sweep"),
        Binding("k", "cursor_up", "Up", id="sweeps.up", show=False, tooltip="Previous sweep"),
        Binding("home", "scroll_top", "First", id="sweeps.first", show=False, tooltip="First sweep"),
        Binding("end", "scroll_bottom", "Last", id="sweeps.last", show=False, tooltip="Last sweep"),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        """Create the table, empty."""
        super().__init__(id=id, cursor_type="row", header_height=1, show_row_labels=False)
        self._sweeps: dict[str, SweepRecord] = {}
        self._columns: list[str] = []
        self._now: datetime | None = None

    @property
    def current(self) -> SweepRecord | None:
        """The sweep under the cursor; None if the table is empty."""
        if not self.is_valid_row_index(self.cursor_row):
            return None
        key = self.coordinate_to_cell_key(self.cursor_coordinate).row_key
        return self._sweeps.get(key.value or "")

    def show(self, sweeps: Sequence[SweepRecord], now: datetime) -> None:
        """Show these sweeps, in this order; the cursor stays on its sweep."""
        keys = [str(sweep.reference) for sweep in sweeps]
        is_same_order = keys == list(self._sweeps)
        selected = self.current
        self._sweeps = dict(zip(keys, sweeps, strict=True))
        self._now = now
        if is_same_order and self._columns:
            self._update_cells()
        else:
            self._rebuild(selected.reference if selected else None)

    def on_resize(self) -> None:
        """Fit the columns to the width."""
        # The scroll bar comes and goes; the columns always leave room for it.
        self._fit(self.size.width - 1)

    def watch_theme(self) -> None:
        """Draw again in the colours of another theme."""
        self._update_cells()

    def on_mount(self) -> None:
        """Follow the theme."""
        self.watch(self.app, "theme", self.watch_theme, init=False)

    def _fit(self, width: int) -> None:
        columns = visible_columns(width)
        name_width = max(_name_width(columns, width), 1)
        if columns == self._columns and self.ordered_columns and self.ordered_columns[0].width == name_width:
            return
        selected = self.current
        self.clear(columns=True)
        self._columns = columns
        for column in columns:
            label = "sweep" if column == "name" else column
            self.add_column(Text(label), width=name_width if column == "name" else _FIXED_WIDTHS[column], key=column)
        self._rebuild(selected.reference if selected else None)

    def _rebuild(self, selected: SweepReference | None) -> None:
        if not self._columns:
            return
        self.clear()
        for key, sweep in self._sweeps.items():
            self.add_row(*(self._cell(column, sweep) for column in self._columns), key=key)
        if selected is not None and str(selected) in self._sweeps:
            self.move_cursor(row=self.get_row_index(str(selected)), animate=False)

    def _update_cells(self) -> None:
        for key, sweep in self._sweeps.items():
            for column in self._columns:
                cell = self._cell(column, sweep)
                if self.get_cell(key, column) != cell or self.get_cell(key, column).spans != cell.spans:
                    self.update_cell(key, column, cell)

    def _cell(self, column: str, sweep: SweepRecord) -> Text:
        colours = self.app.theme_variables
        muted = colours["text-muted"] if colours["text-muted"].startswith("#") else ""
        quiet = muted or "dim"
        match column:
            case "name":
                return Text(sweep.name or sweep.reference.id, no_wrap=True, overflow="ellipsis")
            case "project":
                return Text(shortened(sweep.reference.project, _FIXED_WIDTHS["project"]), style=quiet)
            case "method":
                return Text(shortened(sweep.method, _FIXED_WIDTHS["method"]), style=quiet)
            case "state":
                label = sweep_label(sweep.state)
                return Text(str(label), style=self._tone(label.tone))
            case "progress":
                return self._progress(sweep, quiet)
            case "best":
                return self._best(sweep, quiet)
            case _:
                return Text(age_text(sweep.created_at, self._now) if self._now else MISSING, style=quiet)

    def _tone(self, tone: str) -> str:
        colour = self.app.theme_variables[_TONE_VARIABLES[tone]]
        return colour if colour.startswith("#") else "dim"

    def _progress(self, sweep: SweepRecord, quiet: str) -> Text:
        filled, rest, numbers = progress_text(sweep.run_count, sweep.run_count_expected)
        bar = Text.assemble((filled, self._tone(sweep_label(sweep.state).tone)), (rest, quiet))
        return bar.append(f" {numbers}" if filled or rest else numbers)

    def _best(self, sweep: SweepRecord, quiet: str) -> Text:
        if sweep.best_value is None or sweep.metric is None:
            return Text(MISSING, style=quiet)
        accent = self.app.theme_variables["accent"]
        value = metric_text(sweep.best_value)
        text = Text.assemble((value, f"bold {accent}" if accent.startswith("#") else "bold"))
        return text.append(" " + shortened(sweep.metric.name, _FIXED_WIDTHS["best"] - len(value) - 1), style=quiet)
