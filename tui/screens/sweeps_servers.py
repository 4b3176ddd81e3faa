"""The home's way to another server: a part of `SweepsScreen`."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen

from trainer.settings import ServerKind, Settings
from tui.messages import ServerChosen
from tui.session import Session


class SweepsServers(Screen[None]):
    """Chooses the server, and logs in to one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "at",
            "choose_server",
            "Server",
            key_display="@",
            id="sweeps.server",
            show=False,
            tooltip="Go to another W&B server, or log in to one",
        ),
    ]

    session: Session

    def action_choose_server(self) -> None:
        """Ask which server."""
        if self.session.settings.kind is ServerKind.BUNDLE:
            return
        # Imported when first needed, like every screen that is not the first.
        from tui.screens.servers import ServersScreen

        screen = ServersScreen(self.session.settings, self.session.servers_at_hand, self.session.log_in)
        self.app.push_screen(screen, self._go_to)

    def _go_to(self, chosen: Settings | None) -> None:
        if chosen is not None and chosen != self.session.settings:
            self.app.post_message(ServerChosen(chosen))
