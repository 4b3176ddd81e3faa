"""OpeningScreen: shown while what the command line asked for is being opened. Reports success or failure to the app."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Center, Middle
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import get_current_worker

from trainer.errors import TrainerError
from trainer.records import SweepReference
from tui.messages import ServerConnected, StartFailed, SweepOpenRequested
from tui.session import Session
from tui.start import OpenLaunch, OpenSweep
from tui.widgets.app_header import AppHeader
from tui.widgets.fitting_footer import FittingFooter

OPENING = "opening"


class OpeningScreen(Screen[None]):
    """Connects, launches or looks up the sweep, then gives way to its live view."""

    CSS_PATH = "opening.tcss"

    @dataclass
    class Opened(Message):
        """The sweep exists."""

        reference: SweepReference

    def __init__(self, session: Session, start: OpenSweep | OpenLaunch) -> None:
        """Create the screen for one thing to open."""
        super().__init__()
        self.session = session
        self.start = start

    def compose(self) -> ComposeResult:
        """Compose the screen."""
        doing = f"Opening {self.start.text} …" if isinstance(self.start, OpenSweep) else "Launching the sweep …"
        yield AppHeader("Opening", self.session.label, self.session.project)
        with Middle(), Center():
            yield Static(doing, classes="opening-text", markup=False)
        yield FittingFooter()

    def on_mount(self) -> None:
        """Start at once."""
        self.open_start()

    @work(thread=True, exclusive=True, exit_on_error=False, group=OPENING)
    def open_start(self) -> None:
        """Do what was asked, and report."""
        worker = get_current_worker()
        try:
            connection = self.session.connect()
            self.app.post_message(ServerConnected(connection.label))
            if isinstance(self.start, OpenLaunch):
                start = self.start
                reference = self.session.launch(start.config, start.agents, given=start.request).reference
            else:
                reference = self.session.resolve_reference(self.start.text)
                reference = self.session.read_sweep(reference).reference
        except TrainerError as error:
            self.app.post_message(StartFailed(error))
            return
        if not worker.is_cancelled:
            self.post_message(self.Opened(reference))

    @on(Opened)
    def _give_way(self, message: Opened) -> None:
        self.app.post_message(SweepOpenRequested(message.reference, replace_screen=True))
