"""The console script `sweep-tui`: trainer's commands, with the app behind `run`, `open` and no command.

Owns the decision whether the app can be drawn here. Imports Textual only when it is going to be: `--help`, `plan` and
every other headless command must not wait 250 ms for it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from trainer.cli import build_cli, run_cli
from trainer.errors import InputError, TerminalError
from trainer.paths import config_dir
from tui.look_options import LookWish, add_look_options, without_web

if TYPE_CHECKING:
    from trainer.launch import LaunchRequest
    from trainer.settings import Settings
    from tui.session import Session
    from tui.start import Start

MIN_WIDTH = 40
MIN_HEIGHT = 10


class TerminalApp:
    """Draws the app on the terminal that stdin and stdout are; see `trainer.cli.AppOpener`."""

    def __init__(self, wish: LookWish | None = None) -> None:
        """Create it.

        Args:
            wish: How the app is to look; filled in while the command line is read.
        """
        self.wish = wish or LookWish()

    def can_open(self) -> bool:
        """Return whether stdin and stdout are a terminal that understands more than plain text."""
        return _is_terminal()

    def open_home(self, settings: Settings) -> int:
        """Show the sweeps of the server; return the exit code."""
        self._require_terminal("`sweep-tui run FILE --headless`, `sweep-tui leaderboard SWEEP` or `sweep-tui --help`")
        from trainer.servers_file import at_remembered_place
        from tui.start import OpenHome

        return self._show(at_remembered_place(settings), OpenHome())

    def open_sweep(self, settings: Settings, reference_text: str) -> int:
        """Show the live view of one sweep; return the exit code."""
        self._require_terminal(f"`sweep-tui leaderboard {reference_text}`")
        from tui.start import OpenSweep

        return self._show(settings, OpenSweep(reference_text))

    def open_bundle(self, path: Path) -> int:
        """Show the live view of the sweep in a bundle; return the exit code.

        Raises:
            BundleError: If it is missing, damaged, or not one.
        """
        self._require_terminal(f"`sweep-tui leaderboard {path}`")
        from trainer.bundle.client import BundleClient
        from tui.bundle_session import BundleSession
        from tui.start import OpenKnown

        bundle = BundleClient(path)
        if self.wish.web:
            return _serve(self.wish)
        return _draw(BundleSession(bundle, Path.cwd()), OpenKnown(bundle.sweep.reference), self.wish)

    def open_launch(self, settings: Settings, request: LaunchRequest) -> int:
        """Launch a sweep and show its live view; return the exit code."""
        if self.wish.web:
            raise InputError(
                "`run --web` would launch the sweep again for each page.",
                hint="Launch it with `--headless`, or from the page that `sweep-tui --web` opens.",
            )
        self._require_terminal("the same command with `--headless`")
        from tui.start import OpenLaunch

        return self._show(settings, OpenLaunch(request.config, request.agents, request))

    def open_builder(self, settings: Settings, text: str) -> int:
        """Show the builder with a sweep that is written nowhere yet; return the exit code."""
        self._require_terminal("the same command with `-o FILE`")
        from tui.start import OpenBuilder

        return self._show(settings, OpenBuilder(text))

    def _require_terminal(self, instead: str) -> None:
        if not (self.wish.web or _is_in_browser()):
            require_terminal(instead)

    def _show(self, settings: Settings, start: Start) -> int:
        if self.wish.web:
            return _serve(self.wish)
        from tui.session import Session
        from tui.start import OpenSweep

        session = Session(settings, Path.cwd())
        if isinstance(start, OpenSweep):
            session.begin(start.text)
        return _draw(session, start, self.wish)


def main() -> NoReturn:
    """Run the command line and exit."""
    wish = LookWish()
    group = build_cli(TerminalApp(wish))
    add_look_options(group, wish)
    run_cli(group)


def require_terminal(instead: str) -> None:
    """Raise unless the app can be drawn.

    Args:
        instead: The command that does the job without a terminal.

    Raises:
        TerminalError: If stdin or stdout is no terminal, the terminal is dumb, or it is too small.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise TerminalError("The app needs a terminal, and stdin or stdout is not one.", hint=f"Use {instead}.")
    if not _is_terminal():
        raise TerminalError("The app cannot be drawn with TERM=dumb.", hint=f"Set TERM, or use {instead}.")
    width, height = os.get_terminal_size(sys.stdout.fileno())
    # A pseudo-terminal whose size nobody set reports 0 x 0; Textual assumes 80 x 24 there.
    if (width and width < MIN_WIDTH) or (height and height < MIN_HEIGHT):
        # Short: it has to fit on the very terminal that is too small.
        raise TerminalError(
            f"This terminal is {width}×{height}; the app needs {MIN_WIDTH}×{MIN_HEIGHT}.", hint="Enlarge it."
        )


def _is_in_browser() -> bool:
    """Return whether textual-serve shows what this process draws."""
    return "web_driver" in os.environ.get("TEXTUAL_DRIVER", "")


def _serve(wish: LookWish) -> int:
    try:
        from tui.web_server import serve_in_browser
    except ModuleNotFoundError as error:
        raise TerminalError(
            f"A browser is served by textual-serve, and {error.name} is not installed.",
            hint=f"Run `{sys.executable} -m pip install textual-serve`.",
        ) from error
    return serve_in_browser(without_web(sys.argv[1:]), wish.host, wish.port)


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _draw(session: Session, start: Start, wish: LookWish) -> int:
    from tui import collecting

    # Looks for garbage among what is imported cost a tenth of the way to the first paint, and find none.
    collecting.put_off()
    from textual.theme import BUILTIN_THEMES

    from tui.app import SweepApp
    from tui.interpreter import set_for_an_app
    from tui.looks import SETTINGS_FILE_NAME, resolve_looks
    from tui.theme import THEMES

    known = {*BUILTIN_THEMES, *(theme.name for theme in THEMES)}
    looks = resolve_looks(wish.theme, wish.plain, os.environ, config_dir() / SETTINGS_FILE_NAME, known)
    app = SweepApp(session, start, looks)
    app.when_painted = lambda: collecting.resume(keeping=True)
    with set_for_an_app():
        app.run()
    if app.failure is not None:
        raise app.failure
    if not app.return_code:
        _say_what_goes_on()
    # Textual keeps the code given to `exit` to itself.
    return app.return_code or 0


def _say_what_goes_on() -> None:
    """Name the sweeps whose agents outlive the app: who leaves should not think that all has ended."""
    from trainer.agents.pool import live_hosts
    from tui.farewell import farewell_lines

    for line in farewell_lines((host.reference, host.slots) for host in live_hosts()):
        print(line, file=sys.stderr)
