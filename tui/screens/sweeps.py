"""SweepsScreen, the home: the sweeps of the server, kept fresh, and the ways to a new one."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Center, Middle
from textual.content import Content
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from trainer.errors import AuthenticationError, TrainerError
from trainer.records import SweepRecord
from trainer.states import SweepState
from tui.alerting_app import AlertingApp
from tui.alerts import ListedWatch
from tui.formatting import count_text, sweep_label
from tui.last_look import Look, listed_news, look_key, looks_file, read_looks
from tui.messages import BuilderOpenRequested, ServerConnected, SweepOpenRequested
from tui.screens.confirm import ConfirmScreen
from tui.screens.sweeps_choosing import SweepsChoosing
from tui.screens.sweeps_servers import SweepsServers
from tui.session import Session
from tui.sweep_listing import SweepListing
from tui.widgets.app_header import AppHeader
from tui.widgets.filter_prompt import FilterPrompt
from tui.widgets.fitting_footer import FittingFooter
from tui.widgets.news_line import NEW
from tui.widgets.sweeps_table import SweepsTable

if TYPE_CHECKING:
    from trainer.sweep.config import SweepFile

SWEEP_LIST = "sweep-list"
STEERING = "steering"
REFRESH_SECONDS = 3.0
_REST_FACTOR = 15
"""Between two lists passes so many times what one takes."""
_EMPTY = """[b $foreground]No sweeps yet[/]

A sweep tries many settings of your program
and shows which are best.

[b $primary]ctrl+n[/]  build one: the example runs at once
[b $primary]o[/]       open a sweep file
[b $primary]@[/]       another W&B server, or your account
[b $primary]?[/]       all keys"""
_EMPTY_PLACE = """[b $foreground]No sweeps in $place yet[/]

The first one that you launch here makes the project
if it is new.

[b $primary]ctrl+n[/]  build one: the example runs at once
[b $primary]o[/]       open a sweep file
[b $primary]p[/]       another project, or all
[b $primary]?[/]       all keys"""


class SweepsScreen(SweepsChoosing, SweepsServers):
    """The sweeps of the connected server."""

    CSS_PATH = "sweeps.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "new_sweep", "New sweep", id="sweeps.new", tooltip="Build a new sweep"),
        Binding("o", "open_file", "Open file", id="sweeps.open_file", tooltip="Open a sweep file in the builder"),
        Binding("d", "duplicate", "Copy", id="sweeps.copy", show=False, tooltip="Build a new sweep from this one"),
        Binding("P", "toggle_pause", "Pause", id="sweeps.pause", tooltip="Pause the sweep, or resume a paused one"),
        Binding(
            "S",
            "stop",
            "Stop",
            id="sweeps.stop",
            show=False,
            tooltip="Hand out no further runs; current runs end by themselves",
        ),
        Binding(
            "X",
            "cancel",
            "Cancel",
            id="sweeps.cancel",
            show=False,
            tooltip="Hand out no further runs and end the current ones",
        ),
        Binding("r", "refresh_list", "Refresh", id="sweeps.refresh", show=False, tooltip="Ask the server now"),
    ]

    @dataclass
    class SweepsListed(Message):
        """The server named its sweeps."""

        sweeps: tuple[SweepRecord, ...]
        base_url: str
        looks: dict[str, Look]
        """When each sweep of any server was looked at last."""
        is_whole: bool = True
        """Whether no more are still being read."""

        def can_replace(self, message: Message) -> bool:
            """Only the newest list matters."""
            return isinstance(message, SweepsScreen.SweepsListed)

    @dataclass
    class ListFailed(Message):
        """The server could not be asked."""

        error: TrainerError

    @dataclass
    class SweepSteered(Message):
        """The server took a new state for a sweep."""

        sweep: SweepRecord
        state: SweepState

    table = getters.query_one("#sweeps", SweepsTable)

    def __init__(self, session: Session) -> None:
        """Create the screen; the server is asked once it is shown."""
        super().__init__()
        self.session = session
        self.sweeps: tuple[SweepRecord, ...] | None = None
        """None until the server has answered."""
        self.watch_of_list = ListedWatch()
        self._wake = threading.Event()
        self._listing = SweepListing()
        self._wants_all = False
        self._is_whole = True

    def compose(self) -> ComposeResult:
        """Compose the screen."""
        yield AppHeader("Sweeps", self.session.label, self.session.place)
        yield Static("", id="summary")
        yield FilterPrompt(id="prompt-box")
        with Middle(id="message-area"), Center():
            yield Static("", id="message")
        yield SweepsTable(id="sweeps")
        yield FittingFooter()

    def on_mount(self) -> None:
        """Say what is going on until the server answers."""
        self._show_message(Content.from_markup("[$primary]◌[/]  $label", label=self.session.label))

    def on_screen_resume(self) -> None:
        """Ask the server, now and every few seconds."""
        self._wake.clear()
        self.watch_sweeps()

    def on_screen_suspend(self) -> None:
        """Leave the server alone while another screen is shown."""
        self._end_watching()

    def on_unmount(self) -> None:
        """Let the worker end at once."""
        self._end_watching()

    def turn_to(self, session: Session) -> None:
        """Show the sweeps of another server."""
        self.session, self.sweeps, self._listing = session, None, SweepListing()
        self.marked.clear()
        header = self.query_one(AppHeader)
        header.server, header.project = session.label, session.place
        self.query_one("#summary", Static).update("")
        self._show_message(Content.from_markup("[$primary]◌[/]  $label", label=session.label))
        self.watch_sweeps()

    def _end_watching(self) -> None:
        self.workers.cancel_group(self, SWEEP_LIST)
        self._wake.set()

    @work(thread=True, exclusive=True, exit_on_error=False, group=SWEEP_LIST)
    def watch_sweeps(self) -> None:
        """Connect, then list the sweeps every few seconds until the screen is left."""
        worker, pause, listing = get_current_worker(), REFRESH_SECONDS, self._listing
        while not worker.is_cancelled:
            try:
                was_connected = self.session.is_connected
                connection = self.session.connect()
                if not was_connected:
                    self.app.post_message(ServerConnected(connection.label))
                began = time.monotonic()
                wants_all, self._wants_all = self._wants_all, False
                looks = read_looks(looks_file())
                for sweeps, is_whole in listing.read(self.session, whole=wants_all):
                    if worker.is_cancelled:
                        return
                    self.post_message(self.SweepsListed(sweeps, connection.base_url, looks, is_whole))
                # A long list is asked for less often: most of the time is the server's, and other people's.
                pause = max(REFRESH_SECONDS, _REST_FACTOR * (time.monotonic() - began))
            except TrainerError as error:
                if not worker.is_cancelled:
                    self.post_message(self.ListFailed(error))
            if self._wake.wait(pause) and not worker.is_cancelled:
                self._wake.clear()

    @on(SweepsListed)
    def _show_sweeps(self, message: SweepsListed) -> None:
        self.sweeps = message.sweeps
        # Somebody else may have connected: the dialog of projects.
        self.query_one(AppHeader).server = self.session.label
        looks = {
            sweep.reference: look
            for sweep in message.sweeps
            if (look := message.looks.get(look_key(message.base_url, sweep.reference))) is not None
        }
        news = {
            sweep.reference: listed_news(looks[sweep.reference], sweep)
            for sweep in message.sweeps
            if sweep.reference in looks
        }
        self.news = {reference: told for reference, told in news.items() if told}
        self._is_whole = message.is_whole
        alerts = self.watch_of_list.note(message.sweeps, looks) if message.is_whole else []
        if alerts and isinstance(self.app, AlertingApp):
            self.app.call_user(alerts)
        self.show_list()

    @on(ListFailed)
    def _show_failure(self, message: ListFailed) -> None:
        error = message.error
        if self.sweeps is None:
            self._show_message(
                Content.from_markup(
                    "[b $error]✗ $title[/]\n\n$hint\n\n[b $primary]r[/]  try again now"
                    "    [b $primary]@[/]  another server, or log in",
                    title=error.message,
                    hint=error.hint,
                )
            )
        else:
            # The way out stands first: the line may be too short for all of it.
            way = "[b $primary]@[/] log in  " if isinstance(error, AuthenticationError) else ""
            self.query_one("#summary", Static).update(
                Content.from_markup(f"{way}[$error]✗ $text[/]", text=error.message if way else str(error))
            )

    def _show_message(self, content: Content) -> None:
        self.set_class(False, "-listing")
        self.query_one("#message", Static).update(content)

    def show_list(self) -> None:
        """Show the sweeps that the filter wants, with the user's marks and what is new."""
        sweeps = self.sweeps or ()
        if not sweeps:
            self._show_message(
                Content.from_markup(_EMPTY if not self.session.place else _EMPTY_PLACE, place=self.session.place)
            )
            self.query_one("#summary", Static).update("")
            return
        matching = self.wanted_sweeps(sweeps)
        was_listing = self.has_class("-listing")
        self.set_class(True, "-listing")
        self.table.show(matching, datetime.now(UTC), self.marked, self.news)
        self.query_one("#summary", Static).update(
            summary(sweeps, matching, len(self.marked), len(self.news), is_whole=self._is_whole)
        )
        if not was_listing and not self.has_class("-filtering"):
            self.table.focus()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what the sweep under the cursor allows."""
        if action == "duplicate":
            return bool(self.sweeps)
        sweep = self.table.current if self.sweeps else None
        if action in ("toggle_pause", "stop", "cancel"):
            return sweep is not None and not sweep.state.is_terminal
        return super().check_action(action, parameters)

    @on(SweepsTable.CursorMoved)
    def _cursor_moved(self) -> None:
        self.refresh_bindings()

    @on(SweepsTable.SweepOpened)
    def _open_sweep(self, message: SweepsTable.SweepOpened) -> None:
        self.post_message(SweepOpenRequested(message.sweep.reference))

    def action_new_sweep(self) -> None:
        """Build a new sweep."""
        self.post_message(BuilderOpenRequested())

    def action_duplicate(self) -> None:
        """Build a new sweep from the one under the cursor."""
        if sweep := self.table.current:
            self.post_message(BuilderOpenRequested(config=sweep.config))

    def sweep_to_derive(self) -> SweepRecord | None:
        """Return the sweep under the cursor."""
        return self.table.current if self.sweeps else None

    def action_open_file(self) -> None:
        """Open a sweep file in the builder."""
        # Imported when first needed: the parser of sweep files costs 25 ms that the first paint must not wait for.
        from tui.screens.file_dialogs import OpenFileScreen

        def open_builder(file: SweepFile | None) -> None:
            if file is not None:
                self.post_message(BuilderOpenRequested(Path(file.source), file.config, file.text))

        self.app.push_screen(OpenFileScreen(self.session.cwd), open_builder)

    def action_refresh_list(self) -> None:
        """Ask the server now, for all of them."""
        self._wants_all = True
        self._wake.set()

    def action_toggle_pause(self) -> None:
        """Pause the sweep under the cursor, or resume it."""
        sweep = self.table.current
        if sweep is None:
            return
        if sweep.state is SweepState.PAUSED:
            self.steer(sweep, SweepState.RUNNING)
        else:
            self._ask(
                sweep, SweepState.PAUSED, "Pause", "No further runs start until you resume it; current runs go on."
            )

    def action_stop(self) -> None:
        """Stop the sweep under the cursor."""
        if sweep := self.table.current:
            self._ask(
                sweep, SweepState.FINISHED, "Stop", "No further runs start, for good; current runs end by themselves."
            )

    def action_cancel(self) -> None:
        """Cancel the sweep under the cursor."""
        if sweep := self.table.current:
            self._ask(
                sweep,
                SweepState.CANCELED,
                "Cancel sweep",
                "No further runs start, for good, and current runs are ended.",
            )

    def _ask(self, sweep: SweepRecord, state: SweepState, verb: str, detail: str) -> None:
        def answered(agreed: bool | None) -> None:
            if agreed:
                self.steer(sweep, state)

        question = f"{verb.split()[0]} {sweep.name}?"
        self.app.push_screen(ConfirmScreen(question, detail, confirm=verb, danger=state.is_terminal), answered)

    @work(thread=True, exclusive=False, exit_on_error=False, group=STEERING, description="steer")
    def steer(self, sweep: SweepRecord, state: SweepState) -> None:
        """Give a sweep a new state."""
        try:
            self.session.set_sweep_state(sweep.reference, state)
        except TrainerError as error:
            self.app.call_from_thread(self.notify, str(error), title=sweep.name, severity="error", timeout=8)
            return
        self.post_message(self.SweepSteered(sweep, state))

    @on(SweepSteered)
    def _steered(self, message: SweepSteered) -> None:
        self.notify(f"{message.sweep.name} is {sweep_label(message.state).word} now.")
        self._wake.set()


def summary(
    sweeps: Sequence[SweepRecord],
    matching: Sequence[SweepRecord],
    marked: int = 0,
    news: int = 0,
    *,
    is_whole: bool = True,
) -> Content:
    """Return the line above the list: how many sweeps there are, at work, marked, with something new."""
    shown = count_text(len(sweeps), "sweep")
    if len(matching) < len(sweeps):
        shown = f"{len(matching):,} of {shown}"
    if not is_whole:
        shown += " so far…"
    running = sum(sweep.state is SweepState.RUNNING for sweep in sweeps)
    projects = len({sweep.reference.project for sweep in sweeps})
    parts = [f"{projects:,} projects"] if projects > 1 else []
    parts += [f"{running:,} running"] if running else []
    parts += [f"{NEW} {news:,} with news"] if news else []
    rest = "".join(f"  ·  {part}" for part in parts)
    line = Content.from_markup("[b]$shown[/][$foreground-muted]$rest[/]", shown=shown, rest=rest)
    if not marked:
        return line
    keys = "= compare · L one leaderboard" if marked > 1 else "mark another to compare"
    return line + Content.from_markup(
        "  ·  [b $primary]✓ $n marked[/]  [$foreground-muted]$keys[/]", n=f"{marked:,}", keys=keys
    )
