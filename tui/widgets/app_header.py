"""AppHeader: one slim line that says where you are and which server you talk to."""

from __future__ import annotations

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.reactive import reactive
from textual.widgets import Static

_NAME, _SHORT_NAME = "◆ sweep-tui", "◆"
_NAME_FROM = 60
"""Columns from which the app has its name in the line."""
_LEAST_SERVER = 16
"""Cells below which the server's words say nothing."""


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
        yield Static(_NAME, classes="app-name")
        yield Static("", classes="screen-title", markup=False)
        yield Static("", classes="server", markup=False)

    def on_mount(self) -> None:
        """Fill in what the constructor was given."""
        self.watch_screen_title()
        self.watch_server()

    def on_resize(self) -> None:
        """Leave out what there is no room for."""
        is_wide = self.size.width >= _NAME_FROM
        self.query_one(".app-name", Static).update(_NAME if is_wide else _SHORT_NAME)
        title, server = self.query_one(".screen-title", Static), self.query_one(".server", Static)
        title.set_class(not is_wide, "-alone")
        used = cell_len(_NAME if is_wide else _SHORT_NAME) + 2 + cell_len(f"›  {self.screen_title}") + 3
        server.display = is_wide or self.size.width - used >= _LEAST_SERVER

    def watch_screen_title(self) -> None:
        """Show the title."""
        self.query_one(".screen-title", Static).update(f"›  {self.screen_title}")
        self.on_resize()

    def watch_server(self) -> None:
        """Show the server and the project."""
        self.query_one(".server", Static).update(" · ".join(part for part in (self.server, self.project) if part))

    def watch_project(self) -> None:
        """Show the server and the project."""
        self.watch_server()
