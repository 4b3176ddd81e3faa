"""AppHeader: one slim line that says where you are and which server you talk to."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.reactive import reactive
from textual.widgets import Static


class AppHeader(Horizontal):
    """Name of the app and of the screen on the left, server and project on the right."""

    screen_title: reactive[str] = reactive("")
    """What the screen shows, for example the name of a sweep."""
    server: reactive[str] = reactive("")
    """The words that name the server."""
    project: reactive[str] = reactive("")
    """The project; empty for all."""

    def __init__(self, screen_title: str, server: str, project: str | None = None) -> None:
        """Create the header; every part can be set later."""
        super().__init__()
        self.set_reactive(AppHeader.screen_title, screen_title)
        self.set_reactive(AppHeader.server, server)
        self.set_reactive(AppHeader.project, project or "")

    def compose(self) -> ComposeResult:
        """Compose the line."""
        yield Static("◆ sweep-tui", classes="app-name")
        yield Static("", classes="screen-title", markup=False)
        yield Static("", classes="server", markup=False)

    def on_mount(self) -> None:
        """Fill in what the constructor was given."""
        self.watch_screen_title()
        self.watch_server()

    def watch_screen_title(self) -> None:
        """Show the title."""
        self.query_one(".screen-title", Static).update(f"›  {self.screen_title}")

    def watch_server(self) -> None:
        """Show the server and the project."""
        self.query_one(".server", Static).update(" · ".join(part for part in (self.server, self.project) if part))

    def watch_project(self) -> None:
        """Show the server and the project."""
        self.watch_server()
