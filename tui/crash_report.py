"""CrashReportingApp: what is printed when the app fails by a fault of its own: where, and no values of variables.

Textual (8.2) prints what every local variable holds. People paste that into bug reports, and it may be a key that was
just typed, or the header of the request that failed.
"""

from __future__ import annotations

from textual.app import App

_WORDS = "This is a fault of sweep-tui: please report it. Sweeps and their agents go on without the app."


class CrashReportingApp(App[None]):
    """An app whose crash shows no values."""

    def _fatal_error(self) -> None:
        # Imported when needed, as Textual itself does it.
        from rich.console import Group
        from rich.segment import Segments
        from rich.text import Text
        from rich.traceback import Traceback

        self.bell()
        report = Group(Traceback(show_locals=False, width=None), Text(_WORDS))
        self._exit_renderables.append(Segments(self.console.render(report, self.console.options)))
        self._close_messages_no_wait()
