"""SweepApp: wiring only. Screens, themes, keys and signals meet here; what they do lives with them."""

from __future__ import annotations

import asyncio
import importlib
import signal
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.notifications import SeverityLevel
from textual.screen import ModalScreen
from textual.types import CSSPathType

from trainer.errors import TrainerError
from trainer.paths import config_dir
from tui import collecting
from tui.keys import KEYMAP_FILE_NAME, known_binding_ids, load_keymap, unknown_ids
from tui.looks import Looks
from tui.messages import (
    AcrossOpenRequested,
    BuilderOpenRequested,
    ServerChosen,
    ServerConnected,
    StartFailed,
    SweepOpenRequested,
    SweepRead,
)
from tui.screens.confirm import ConfirmScreen, HoldsChanges, leave_question
from tui.screens.opening import OpeningScreen
from tui.screens.sweeps import SweepsScreen
from tui.session import Session
from tui.start import OpenBuilder, OpenHome, OpenKnown, Start
from tui.waiting_app import WaitingApp
from tui.widgets.app_header import AppHeader

PRELOAD = "preload"
LEISURE_SECONDS = 0.5
"""How often it is asked whether garbage may be looked for."""
LATER_SCREENS = ("tui.screens.sweep_builder", "tui.screens.sweep", "tui.screens.run", "tui.screens.help")
LIVE_VIEW = LATER_SCREENS[1:2]
"""All that is imported meanwhile where a sweep is being opened: the others would hold it up."""


def _action_commands() -> type[Provider]:
    """Return the palette's provider; imported when the palette is opened for the first time."""
    from tui.commands import ActionCommands

    return ActionCommands


class SweepApp(WaitingApp):
    """The terminal app. It ends with `failure` set when what the command line asked for could not be opened."""

    TITLE = "sweep-tui"
    CSS_PATH: ClassVar[CSSPathType | None] = ["app.tcss", "ansi.tcss", "plain.tcss"]
    COMMANDS = {_action_commands}
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (16, "-short"), (30, "-tall")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "q,ctrl+q,ctrl+c", "quit", "Quit", id="app.quit", show=False, tooltip="Leave; local agents keep running"
        ),
        Binding(
            "question_mark,f1", "help", "Help", key_display="?", id="app.help", tooltip="Show every key of this screen"
        ),
    ]

    failure: TrainerError | None = None
    when_painted: Callable[[], object] | None = None
    """Called once the first paint is over."""
    _preloads_rest = False
    """Whether the screens that are opened later are left until the sweep is there that is being opened."""
    _warned_until = 0.0
    """When the last warning has been shown long enough, by the clock of `monotonic`."""

    def __init__(self, session: Session, start: Start | None = None, looks: Looks | None = None) -> None:
        """Create the app.

        Args:
            session: What is alive while the app runs.
            start: What to show first; None for the sweeps of the server.
            looks: How it looks; None for our dark theme.
        """
        super().__init__(looks)
        self.session = session
        self.start = start or OpenHome()
        self.keymap: dict[str, str] = {}

    def on_mount(self) -> None:
        """Install the user's keys and the signal handlers, and open what was asked for."""
        self._install_signal_handlers()
        self._install_keymap()
        self.watch_waiting()
        if self.looks.problem:
            self.notify(self.looks.problem, title="Settings", severity="warning", timeout=10, markup=False)
        self.push_screen(SweepsScreen(self.session))
        if isinstance(self.start, OpenBuilder):
            self.post_message(BuilderOpenRequested(text=self.start.text))
        elif isinstance(self.start, OpenKnown):
            self.post_message(SweepOpenRequested(self.start.reference))
        elif not isinstance(self.start, OpenHome):
            self.push_screen(OpeningScreen(self.session, self.start))
        self.call_after_refresh(self._has_painted)
        self._preloads_rest = not isinstance(self.start, OpenHome | OpenBuilder)
        self.call_after_refresh(self.preload_screens, LIVE_VIEW if self._preloads_rest else LATER_SCREENS)
        self.set_interval(LEISURE_SECONDS, lambda: collecting.collect_at_leisure(self.idle_seconds))

    def _has_painted(self) -> None:
        self.session.has_painted()
        if self.when_painted is not None:
            self.when_painted()

    def _install_signal_handlers(self) -> None:
        """End the app properly on SIGHUP and SIGTERM; else the terminal stays in the alternate screen."""
        if self.is_headless:
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGTERM):
            loop.add_signal_handler(number, partial(self.exit, return_code=128 + number))

    def _install_keymap(self) -> None:
        try:
            self.keymap = load_keymap(config_dir() / KEYMAP_FILE_NAME)
        except TrainerError as error:
            self.notify(str(error), title="Keys", severity="warning", timeout=10)
        self.set_keymap(self.keymap)

    @work(thread=True, exclusive=True, exit_on_error=False, group=PRELOAD, description="preload")
    def preload_screens(self, names: Sequence[str]) -> None:
        """Import the screens that are opened later, while the user looks at the first."""
        for name in names:
            importlib.import_module(name)
        collecting.keep()
        if names is LIVE_VIEW:
            return
        for problem in unknown_ids(self.keymap, known_binding_ids()):
            self.call_from_thread(self.notify, problem, title="Keys", severity="warning", timeout=10)

    @on(ServerConnected)
    def _name_the_server(self, message: ServerConnected) -> None:
        for screen in self.screen_stack:
            for header in screen.query(AppHeader):
                header.server = message.label

    @on(ServerChosen)
    def _go_to_server(self, message: ServerChosen) -> None:
        self.session = self.session.on_server(message.settings)
        for home in self.screen_stack:
            if isinstance(home, SweepsScreen):
                home.turn_to(self.session)
                if message.asks_for_project:
                    home.action_choose_project()

    @on(StartFailed)
    def _give_up(self, message: StartFailed) -> None:
        self.failure = message.error
        self.exit(return_code=1)

    @on(SweepRead)
    def _preload_the_rest(self) -> None:
        if self._preloads_rest:
            self._preloads_rest = False
            self.preload_screens(LATER_SCREENS)

    @on(SweepOpenRequested)
    def _open_sweep(self, message: SweepOpenRequested) -> None:
        # Imported when first needed (or by `preload_screens`): the charts and tables cost 60 ms of the first paint.
        from tui.screens.sweep import SweepScreen

        if message.server is not None:
            self.session = self.session.on_server(message.server)
            for home in self.screen_stack:
                if isinstance(home, SweepsScreen):
                    home.session = self.session
        screen = SweepScreen(self.session, message.reference)
        if message.replace_screen:
            self.switch_screen(screen)
        else:
            self.push_screen(screen)

    @on(AcrossOpenRequested)
    def _open_across(self, message: AcrossOpenRequested) -> None:
        # Imported when first needed, as above.
        from tui.screens.across import AcrossScreen
        from tui.several_session import SeveralSession

        self.push_screen(AcrossScreen(SeveralSession(self.session, message.sweeps)))

    @on(BuilderOpenRequested)
    def _open_builder(self, message: BuilderOpenRequested) -> None:
        # Imported when first needed, like the live view.
        from tui.screens.sweep_builder import SweepBuilderScreen

        config = message.config
        if config is None and message.text is not None:
            from trainer.sweep.config import parse_sweep_text

            config = parse_sweep_text(message.text, "the sweep").config
        screen = SweepBuilderScreen(self.session, config, message.path, message.text)
        if message.edit is not None:
            screen.document.replace_config(*message.edit)
        self.push_screen(screen)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show a notice in the place of those before it: they cover what is worked on. A warning is left its time."""
        if monotonic() >= self._warned_until:
            self.clear_notifications()
        if severity != "information":
            self._warned_until = monotonic() + (self.NOTIFICATION_TIMEOUT if timeout is None else timeout)
        self.say(f"{title}: {message}" if title else message, 4.0)
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def action_help(self) -> None:
        """Show every key of the current screen."""
        from tui.screens.help import HelpScreen

        if not isinstance(self.screen, ModalScreen):
            self.push_screen(HelpScreen.of(self.screen))

    def exit(self, *args: Any, **kwargs: Any) -> None:
        """Leave, at once: no request is waited for, whatever its server does."""
        self.session.close()
        super().exit(*args, **kwargs)

    async def action_quit(self) -> None:
        """Leave; asks first where there are unsaved changes."""
        unsaved = [screen for screen in self.screen_stack if isinstance(screen, HoldsChanges) and screen.unsaved]
        if not unsaved or isinstance(self.screen, ConfirmScreen):
            self.exit()
            return
        question = leave_question("Quit without saving?", unsaved[0], confirm="Quit")
        self.push_screen(question, lambda agreed: self.exit() if agreed else None)
