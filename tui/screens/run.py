"""RunScreen: one run. Its curves, what it was given and reached, what it printed, what it left, where it comes from.

Wiring only: each tab has a mixin that reads what it shows, once the tab is shown.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import events, getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input, Static

from trainer.records import RunRecord, SweepRecord
from trainer.states import RunState
from tui.columns import swept_keys
from tui.formatting import duration_text, run_label
from tui.looks import is_plain
from tui.screens.run_console import RunConsole
from tui.screens.run_curves import RunCurves
from tui.screens.run_files import RunFilesPane
from tui.screens.run_origin import RunOriginPane
from tui.screens.run_system import RunSystem
from tui.session import Session
from tui.stop_words import stop_words
from tui.widgets.app_header import AppHeader
from tui.widgets.chart_grid import ChartGrid
from tui.widgets.fitting_footer import FittingFooter
from tui.widgets.history_chart import HistoryChart
from tui.widgets.pane_tabs import PaneTabs
from tui.widgets.run_facts import RunFacts
from tui.widgets.run_files import RunFiles
from tui.widgets.run_provenance import RunProvenance
from tui.widgets.searched_log import SearchedLog

PANES = {
    "curves": "Curves", "system": "System", "files": "Files", "log": "Log", "facts": "Config", "origin": "Origin"
}  # fmt: skip
COMPACT_BELOW = (100, 30)
FAILURES = (RunState.FAILED, RunState.CRASHED)
MAX_LOG_LINES = 200_000


class RunScreen(RunCurves, RunConsole, RunSystem, RunFilesPane, RunOriginPane):
    """Watches one run of a sweep."""

    CSS_PATH = "run.tcss"
    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="run.back", tooltip="Stop a download, or back to the sweep"),
        Binding("1", "pane('curves')", "Curves", id="run.curves", show=False, tooltip="Curves, facts and console"),
        Binding("2", "pane('system')", "System", id="run.system", show=False, tooltip="CPU, memory, GPU, disk, net"),
        Binding("3", "pane('files')", "Files", id="run.files", show=False, tooltip="Files and artifacts"),
        Binding("4", "pane('log')", "Log", id="run.log", show=False, tooltip="The console log"),
        Binding("5", "pane('facts')", "Config", id="run.facts", show=False, tooltip="Configuration and summary"),
        Binding("6", "pane('origin')", "Origin", id="run.origin", show=False,
                tooltip="The command, the commit, changes not committed, the machine"),
        Binding("right_square_bracket", "next_pane(1)", "Next tab", key_display="]", id="run.next_tab", show=False,
                tooltip="The next tab"),
        Binding("left_square_bracket", "next_pane(-1)", "Tab before", key_display="[", id="run.previous_tab",
                show=False, tooltip="The tab before"),
        Binding("n,pagedown", "page(1)", "More", id="run.next_curves", tooltip="Show the next charts"),
        Binding("N,pageup", "page(-1)", "Before", id="run.previous_curves", show=False, tooltip="The charts before"),
        Binding("y", "toggle_log_axis", "Log axis", id="run.log_axis", tooltip="Logarithmic or linear value axes"),
        Binding("G", "all_curves", "All curves", id="run.all_curves",
                tooltip="Every metric in a grid: find, zoom, smooth, other axes"),
        Binding("w", "write", "Write", id="run.write",
                tooltip="Files: download what is chosen, on the heading all of it; origin: write the shell script"),
        Binding("c", "copy_command", "Copy command", id="run.copy_command", tooltip="Copy how to run it again by hand"),
        Binding("T", "tag_runs", "Tag", id="run.tag", tooltip="Tags of the run"),
        Binding("t", "note_runs", "Note", id="run.note", tooltip="A note on the run"),
        Binding("K", "stop_run", "Stop", id="run.stop", tooltip="End this run at its next step"),
        Binding("u", "run_again", "Run again", id="run.run_again", tooltip="Run its configuration again"),
        Binding("delete", "delete_runs", "Delete", id="run.delete", show=False, tooltip="Delete the run"),
    ]  # fmt: skip

    prompt = getters.query_one("#prompt", Input)
    front: reactive[str] = reactive("curves")
    """The tab that is shown."""

    def __init__(
        self,
        session: Session,
        sweep: SweepRecord,
        run: RunRecord,
        *,
        on_changed: Callable[[Iterable[RunRecord]], None] = lambda runs: None,
        on_deleted: Callable[[str], None] = lambda run_id: None,
    ) -> None:
        """Create the view of a run that is known already; the rest is read once it is shown.

        Args:
            session: Where it is read and changed.
            sweep: Its sweep.
            run: The run as it is known.
            on_changed: Hears of a run with other tags or notes.
            on_deleted: Hears that it was deleted.
        """
        super().__init__()
        self.session = session
        self.sweep = sweep
        self.reference = sweep.reference
        self.run = run
        self.problem = ""
        self.stop_reading = threading.Event()
        self._on_changed = on_changed
        self._on_deleted = on_deleted
        self._text_wanted: Callable[[str], None] | None = None
        self._offered: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """Compose the screen."""
        yield AppHeader(f"{self.sweep.name} › {self.run.name}", self.session.label, self.sweep.reference.project)
        yield Static("", id="run-summary")
        yield PaneTabs(PANES, id="tabs")
        with Horizontal(id="run-body"):
            yield RunFacts(id="facts", classes="panel")
            with Vertical(id="right"):
                yield ChartGrid(id="curves", least=(36, 8))
                yield SearchedLog("log", max_lines=MAX_LOG_LINES)
            yield ChartGrid(id="system")
            yield RunFiles(id="files")
            yield RunProvenance(id="origin")
        yield Input(id="prompt", compact=True, select_on_focus=False)
        yield FittingFooter()

    def on_mount(self) -> None:
        """Show what is known and read the rest."""
        self.query_one("#facts").border_title = "Facts"
        self.query_one("#log").border_title = "Console"
        self.query_one("#log").add_class("panel")
        self.action_pane("log" if self.run.state in FAILURES else "curves")
        self.watch_front(self.front)
        self.show_run()
        self.show_curves()
        self.watch_run()

    def looks_changed(self) -> None:
        """Show everything anew: see `FollowsLooks`."""
        self.show_run()
        self.show_curves()
        self.show_system()
        self.show_origin()

    def on_unmount(self) -> None:
        """Let the workers end at once."""
        self.stop_reading.set()
        self.leave_console()
        self.stop_download.set()

    # Showing

    def show_run(self) -> None:
        """Show the state of the run, and what is known of it."""
        run, label = self.run, run_label(self.run.state)
        tone = {"good": "$success", "active": "$primary", "bad": "$error", "warn": "$warning"}.get(
            label.tone, "$foreground"
        )
        about = [duration_text(run.duration_seconds), run.host, *(f"#{tag}" for tag in run.tags)]
        if run.state in FAILURES and self.last_words:
            # Why it failed is what people open it for.
            about.insert(1, f"last words: {self.last_words}")
        elif run.state in FAILURES and self.was_read and not (run.host or self.rows):
            about.insert(1, "its program ended before it called wandb.init, so nothing of it arrived")
        about.insert(0, stop_words(run, self.computed_stop))
        words = " · ".join(part for part in about if part)
        line = (
            Content.from_markup("[$error]✗ $problem[/] [$foreground 60%]trying again…[/]", problem=self.problem)
            if self.problem
            else Content.from_markup("[$foreground 60%]$about[/]", about=words)
        )
        head = Content.from_markup(f"[b]$name[/]  [{tone}]$state[/]", name=run.name, state=str(label))
        if run.notes:
            head += Content.from_markup("  [i $foreground 60%]“$notes”[/]", notes=" ".join(run.notes.split()))
        self.query_one("#run-summary", Static).update(head + "\n" + line)
        self.query_one(RunFacts).show(run, swept_keys(self.sweep.config), self.sweep.run_url(run.id))

    # Layout and keys

    def on_resize(self, event: events.Resize) -> None:
        """Choose the arrangement that the terminal has room for."""
        is_small = event.size.width < COMPACT_BELOW[0] or event.size.height < COMPACT_BELOW[1]
        self.set_class(is_small or is_plain(self.app), "-compact")
        self.watch_front(self.front)

    def watch_front(self, front: str) -> None:
        """Bring a tab to the front, and read what it shows."""
        for pane in PANES:
            self.set_class(front == pane, f"-front-{pane}")
        if not self.is_mounted:
            return
        self.query_one(PaneTabs).show(front)
        self.offer_keys()
        if front == "log" or (front == "curves" and not self.has_class("-compact")):
            self.read_console_if_needed()
        if front == "system":
            self.read_system_if_needed()
        elif front == "files":
            self.read_files_if_needed()
        elif front == "origin":
            self.read_origin_if_needed()

    def action_pane(self, pane: str) -> None:
        """Go to a tab."""
        self.front = pane
        self._pane_focus(pane).focus()

    def _pane_focus(self, pane: str) -> Widget:
        if pane in ("curves", "system"):
            return self.query_one(f"#{pane}").query(HistoryChart).first()
        if pane == "log":
            return self.console.view
        if pane == "origin":
            return self.query_one(RunProvenance).body
        return self.query_one(f"#{pane}")

    def action_next_pane(self, by: int) -> None:
        """Go to a tab beside."""
        panes = list(PANES)
        self.action_pane(panes[(panes.index(self.front) + by) % len(panes)])

    @on(PaneTabs.PaneChosen)
    def _pane_clicked(self, message: PaneTabs.PaneChosen) -> None:
        self.action_pane(message.pane)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what means something in the tab that is shown."""
        grid = self._grid
        if action == "page":
            return grid is not None and grid.pages > 1
        if action in ("toggle_log_axis", "all_curves"):
            return grid is not None and (action == "toggle_log_axis" or self.front == "curves")
        if action == "write":
            return self.front in ("files", "origin")
        if action == "list_files":
            return self.front == "files"
        if action == "show_diff":
            return self.front == "origin" and self.has_diff
        if action == "stop_run":
            return not self.run.state.is_terminal
        if action == "run_again":
            return self.run.state.is_terminal
        return True

    def offer_keys(self) -> None:
        """Offer other keys where other things can be done: the footer is dear, so only then."""
        grid = self._grid
        offered = (self.front, grid is not None and grid.pages > 1, self.run.state.is_terminal, self.has_diff)
        if offered != self._offered:
            self._offered = offered
            self.refresh_bindings()

    @property
    def _grid(self) -> ChartGrid | None:
        """The charts that are shown."""
        return self.query_one_optional(f"#{self.front}", ChartGrid) if self.front in ("curves", "system") else None

    def action_page(self, by: int) -> None:
        """Show other charts."""
        if self._grid is not None:
            self._grid.turn(by)

    def action_write(self) -> None:
        """Bring here what the tab is about."""
        self.take_file() if self.front == "files" else self.write_command()

    def action_toggle_log_axis(self) -> None:
        """Change the scale of every chart."""
        for chart in self._grid.charts if self._grid is not None else ():
            chart.log_y = not chart.log_y

    @on(ChartGrid.Turned)
    def _turned(self, message: ChartGrid.Turned) -> None:
        self.show_curves() if message.grid.id == "curves" else self.show_system()
        self.offer_keys()

    def action_back(self) -> None:
        """Undo the nearest thing: the prompt, a download; else leave."""
        if self.has_class("-prompting"):
            self._close_prompt()
        elif self.is_downloading:
            self.stop_download.set()
        else:
            self.app.pop_screen()

    # Prompt

    def ask_text(self, placeholder: str, text: str, done: Callable[[str], None]) -> None:
        """Ask for any text; `done` is called with it when it is entered."""
        self._text_wanted = done
        self.prompt.placeholder, self.prompt.value = placeholder, text
        self.prompt.border_title = placeholder
        self.add_class("-prompting")
        self.prompt.focus()
        self.prompt.cursor_position = len(text)

    def _close_prompt(self) -> None:
        self.remove_class("-prompting")
        self._pane_focus(self.front).focus()

    @on(Input.Submitted, "#prompt")
    def _prompt_done(self, message: Input.Submitted) -> None:
        self._close_prompt()
        if self._text_wanted is not None:
            self._text_wanted(message.value)

    # Changing

    def targets(self) -> list[RunRecord]:
        """Return the run."""
        return [self.run]

    def runs_changed(self, runs: Iterable[RunRecord]) -> None:
        """Show it with other tags or notes."""
        self.run = next(iter(runs))
        self.show_run()
        self.show_origin()
        self._on_changed([self.run])

    def run_deleted(self, run_id: str) -> None:
        """Leave: there is nothing to see any more."""
        self._on_deleted(run_id)
        if self.is_current:
            self.app.pop_screen()

    def action_stop_run(self) -> None:
        """Ask the run to end."""
        self.stop_after_question(self.run)
