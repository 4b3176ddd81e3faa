"""The home's ways to another server, entity and project: a part of `SweepsScreen`."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.screen import Screen

from trainer.records import SweepRecord
from trainer.servers_file import Place, at_remembered_place, remembered_place
from trainer.settings import ServerKind, Settings
from tui.messages import ServerChosen
from tui.session import Session

GOING = "going"


class SweepsServers(Screen[None]):
    """Chooses the server, and logs in to one; chooses the project."""

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
        Binding(
            "p",
            "choose_project",
            "Project",
            id="sweeps.project",
            show=False,
            tooltip="Show one project, or all; those of a team; or name a new one",
        ),
    ]

    session: Session
    sweeps: tuple[SweepRecord, ...] | None

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
            self.go_to_server(chosen)

    @work(thread=True, exclusive=True, exit_on_error=False, group=GOING, description="go there")
    def go_to_server(self, chosen: Settings) -> None:
        """Go to a server, to where on it one was last; who was nowhere there yet is asked."""
        asks = remembered_place(chosen) is None and chosen.kind is not ServerKind.EMBEDDED
        self.app.post_message(ServerChosen(at_remembered_place(chosen), asks_for_project=asks))

    def action_choose_project(self) -> None:
        """Ask whose sweeps to show, and of which project."""
        if self.session.settings.kind is ServerKind.BUNDLE:
            return
        from tui.screens.choose_project import ChooseProjectScreen

        here = Place(self.session.settings.entity, self.session.settings.project)
        self.app.push_screen(ChooseProjectScreen(self.session, self.sweeps or (), here), self._go_to_place)

    def _go_to_place(self, place: Place | None) -> None:
        if place is not None:
            self.go_to_place(place)

    @work(thread=True, exclusive=True, exit_on_error=False, group=GOING, description="go there")
    def go_to_place(self, place: Place) -> None:
        """Go to another project of the server, and keep it for the next time."""
        self.app.post_message(ServerChosen(self.session.settings_at(place.entity, place.project)))
