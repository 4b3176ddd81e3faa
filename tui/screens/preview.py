"""PreviewScreen: the configurations of a sweep and their exact commands, the same as `sweep-tui plan`."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, Static
from textual.worker import get_current_worker

from trainer.counts import long_count
from trainer.errors import TrainerError
from trainer.records import Json
from trainer.run_filter import parse_run_filter
from trainer.search.plan import SCAN_LIMIT, PlannedRuns
from tui.filter_keys import candidates, note, point_keys
from tui.plan_rows import PlanRows
from tui.widgets.app_header import AppHeader
from tui.widgets.filter_prompt import FilterPrompt
from tui.widgets.fitting_footer import FittingFooter
from tui.widgets.plan_table import PlanTable

PLANNING = "planning"
SCANNING = "scanning"
MAX_FOUND = 10_000
"""Matches that are shown; who has more wants a closer filter."""
FILTER_DELAY_SECONDS = 0.2
_TOLD_EACH = 2_000
"""Points between two words about how far the filter has come."""


class PreviewScreen(Screen[int | None]):
    """Shows what would run; returns the number of a configuration to try, counted from 1, or None."""

    CSS_PATH = "preview.tcss"
    AUTO_FOCUS = "#plan"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="preview.back", tooltip="Drop the filter, or go back to the form"),
        Binding("slash", "filter", "Filter", key_display="/", id="preview.filter", tooltip="lr>=1e-3 model=forest"),
        Binding("g,colon", "go_to", "Go to", key_display="g", id="preview.go_to", tooltip="A configuration by number"),
        Binding("c,y", "copy", "Copy", key_display="c", id="preview.copy", tooltip="Copy the command"),
        Binding("t,f7", "try_this", "Try it", key_display="t", id="preview.try", tooltip="Run it for a few steps"),
    ]

    table = getters.query_one("#plan", PlanTable)
    prompt = getters.query_one("#prompt", Input)

    @dataclass
    class Planned(Message):
        """The runs are known."""

        runs: PlannedRuns

    @dataclass
    class PlanFailed(Message):
        """They cannot be."""

        error: TrainerError

    @dataclass
    class Scanned(Message):
        """A filter has come further."""

        text: str
        """The filter."""
        scanned: int
        is_done: bool

    def __init__(self, config: Mapping[str, Json], server: str, project: str | None) -> None:
        """Create the preview of a configuration without problems."""
        super().__init__()
        self.config = config
        self.rows: PlanRows | None = None
        self._header = (server, project)
        self._asks_for = ""
        """What the prompt asks for: `filter`, `number`, or nothing."""
        self._filter = ""
        self._found: list[int] = []
        self._scanned = 0
        self._is_scanned = True
        self._problem = ""
        self._stop = threading.Event()

    def compose(self) -> ComposeResult:
        """Compose the screen."""
        yield AppHeader("Preview", *self._header)
        yield Static("", id="plan-facts")
        yield PlanTable(id="plan")
        yield FilterPrompt(id="prompt-box")
        with VerticalScroll(id="command", classes="panel", can_focus=False):
            yield Static("", id="argv", markup=False)
        yield FittingFooter()

    def on_mount(self) -> None:
        """Begin to plan."""
        name = self.config.get("name")
        self.query_one(AppHeader).screen_title = f"Preview › {name}" if name else "Preview"
        self.query_one("#command").border_title = "Command"
        self.table.empty_text = "…"
        self._filter_timer = self.set_timer(FILTER_DELAY_SECONDS, self._begin_filter, pause=True)
        self._show_facts()
        self.plan_runs()

    def on_unmount(self) -> None:
        """Let the workers end at once."""
        self._stop.set()

    @work(thread=True, exclusive=True, exit_on_error=False, group=PLANNING)
    def plan_runs(self) -> None:
        """Read the configuration, and draw the sample of a search that is no grid."""
        try:
            runs = PlannedRuns(self.config)
        except TrainerError as error:
            self.post_message(self.PlanFailed(error))
        else:
            self.post_message(self.Planned(runs))

    @on(Planned)
    def _planned(self, message: Planned) -> None:
        self.rows = PlanRows(message.runs)
        self.table.empty_text = "A program outside chooses the configurations." if not message.runs.count else ""
        self.table.show(self.rows)
        self._show_facts()

    @on(PlanFailed)
    def _plan_failed(self, message: PlanFailed) -> None:
        self.table.empty_text = message.error.message
        self._problem = message.error.message
        self.table.refresh()
        self._show_facts()

    # What it says

    def _show_facts(self) -> None:
        line = Content.assemble(*self._facts())
        self.query_one("#plan-facts", Static).update(line)

    def _facts(self) -> list[tuple[str, str]]:
        muted = "$foreground-muted"
        if self._problem:
            return [(f"✗ {self._problem}", "$error")]
        if self.rows is None:
            return [("◌ drawing a sample…", muted)]
        runs = self.rows.runs
        number = "no end of runs" if runs.run_count is None else f"{long_count(runs.run_count)} runs"
        parts = [(number.replace("1 runs", "1 run") if runs.run_count == 1 else number, "bold $accent")]
        if self._filter:
            return [*parts, ("   ", ""), *self._filter_facts()]
        if runs.is_sample and runs.count:
            sample = f"   a sample: {runs.count} of what {runs.method} may draw; the sweep draws others"
            return [*parts, (sample, muted)]
        return [*parts, (f"   {runs.method}, in W&B's order", muted)]

    def _filter_facts(self) -> list[tuple[str, str]]:
        assert self.rows is not None
        found, total = len(self._found), self.rows.runs.count
        words = f"{found:,} match{'' if found == 1 else 'es'}"
        if found >= MAX_FOUND:
            words = f"the first {words}"
        of = "all" if self._scanned >= total else f"the first {self._scanned:,} of {long_count(total)}"
        far = f" among {of}" if self._is_scanned else f" · looked at {self._scanned:,} so far…"
        return [(f"{self._filter!r}: ".replace("'", ""), "$warning"), (words, "bold"), (far, "$foreground-muted")]

    @on(PlanTable.CursorMoved)
    def _show_command(self) -> None:
        panel = self.query_one("#command", VerticalScroll)
        table, rows = self.table, self.rows
        if rows is None or table.cursor >= rows.count:
            self.query_one("#argv", Static).update("")
            panel.border_title = "Command"
            return
        panel.border_title = f"Command of number {rows.number(table.cursor):,}"
        self.query_one("#argv", Static).update(self._command())
        panel.scroll_home(animate=False)

    def _command(self) -> str:
        if self.rows is None or self.table.cursor >= self.rows.count:
            return ""
        return shlex.join(self.rows.runs.argv(self.rows.index(self.table.cursor)))

    # Filter

    def action_filter(self) -> None:
        """Ask for a filter."""
        self._ask("filter", "lr>=1e-3 model=forest|boost -adam · tab completes", self._filter)

    def action_go_to(self) -> None:
        """Ask for a number."""
        self._ask("number", "number of a configuration", "")

    def _ask(self, what: str, placeholder: str, text: str) -> None:
        self._asks_for = what
        self.add_class("-asking")
        keys = point_keys(self.config, self.rows.titles if self.rows is not None else ())
        if what == "filter":
            self.query_one(FilterPrompt).open(
                placeholder, text, lambda typed, asked: candidates(typed, asked, keys), lambda typed: note(typed, keys)
            )
        else:
            self.query_one(FilterPrompt).open(placeholder, text, lambda typed, asked: ())

    @on(FilterPrompt.Edited)
    def _typed(self) -> None:
        if self._asks_for == "filter":
            self._filter_timer.stop()
            self._filter_timer = self.set_timer(FILTER_DELAY_SECONDS, self._begin_filter)

    @on(Input.Submitted, "#prompt")
    def _entered(self) -> None:
        text = self.prompt.value.strip().replace(",", "").replace("_", "")
        asked, self._asks_for = self._asks_for, ""
        if asked == "filter":
            self._begin_filter()
        elif text and not (text.isdecimal() and len(text) < 4000):
            self.notify(f"{text[:40]} is no number.", severity="warning", markup=False)
        elif text:
            self._go_to(int(text))
        self.remove_class("-asking")
        self.table.focus()

    def _go_to(self, number: int) -> None:
        rows = self.rows
        if rows is None:
            return
        if rows.found is not None:
            rows = self._drop_filter(rows)
        if not 1 <= number <= rows.count:
            self.notify(f"There are numbers from 1 to {rows.count:,}.", severity="warning")
        self.table.move_to(number - 1)

    def _begin_filter(self) -> None:
        self._filter_timer.stop()
        text = self.prompt.value.strip()
        if self.rows is None or text == self._filter:
            return
        if not text:
            self._drop_filter(self.rows)
            return
        self._filter, self._found, self._scanned, self._is_scanned = text, [], 0, False
        self.rows = PlanRows(self.rows.runs, self._found)
        self.table.empty_text = "Looking…"
        self.table.show(self.rows)
        self._show_facts()
        self.scan(self.rows.runs, text, self._found)

    def _drop_filter(self, filtered: PlanRows) -> PlanRows:
        self._filter, self._is_scanned = "", True
        self.workers.cancel_group(self, SCANNING)
        rows = self.rows = PlanRows(filtered.runs)
        self.table.show(rows)
        self._show_facts()
        return rows

    @work(thread=True, exclusive=True, exit_on_error=False, group=SCANNING, description="scan")
    def scan(self, runs: PlannedRuns, text: str, found: list[int]) -> None:
        """Look for matches among the first points; tells how far it has come."""
        worker, wants, scanned = get_current_worker(), parse_run_filter(text).matches_point, 0
        for index, is_wanted in runs.scan(wants):
            scanned = index + 1
            if is_wanted:
                found.append(index)
            if scanned % _TOLD_EACH == 0:
                if worker.is_cancelled or self._stop.is_set():
                    return
                self.post_message(self.Scanned(text, scanned, False))
            if scanned >= SCAN_LIMIT or len(found) >= MAX_FOUND:
                break
        self.post_message(self.Scanned(text, scanned, True))

    @on(Scanned)
    def _scanned_more(self, message: Scanned) -> None:
        if message.text != self._filter:
            return
        self._scanned, self._is_scanned = message.scanned, message.is_done
        self.table.empty_text = "No configuration matches." if message.is_done else "Looking…"
        self.table.grown()
        self._show_facts()
        self._show_command()

    # Keys

    def action_copy(self) -> None:
        """Copy the command under the cursor."""
        if command := self._command():
            self.app.copy_to_clipboard(command)
            self.notify("Copied the command.", timeout=2)

    def action_try_this(self) -> None:
        """Go and try the configuration under the cursor."""
        if self.rows is not None and self.table.cursor < self.rows.count:
            self.dismiss(self.rows.number(self.table.cursor))

    def action_back(self) -> None:
        """Close the prompt; else drop the filter; else go back."""
        if self.has_class("-asking"):
            self._asks_for = ""
            self.remove_class("-asking")
            self.table.focus()
        elif self._filter and self.rows is not None:
            self.prompt.value = ""
            self._drop_filter(self.rows)
        else:
            self.dismiss(None)
