"""BuilderTrying: from the builder to a trial of its program. A feature of `SweepBuilderScreen`."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.screens.builder_cost import BuilderCost
from tui.screens.trial import TrialScreen


class BuilderTrying(BuilderCost):
    """Tries the program; only of a sweep without problems."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f7", "try_one", "Try one", id="builder.try", tooltip="Run one configuration for a few steps"),
    ]

    async def action_try_one(self) -> None:
        """Try the first configuration."""
        if not self.is_judged:
            self.when_judged(self.action_try_one)
            return
        if not await self.has_problems("Not ready to try"):
            self.try_point(1)

    def try_point(self, point: int) -> None:
        """Try a configuration by its number, counted from 1."""
        screen = TrialScreen(self.session, self.document.config(), point)
        self.app.push_screen(screen, lambda _: self.forget_run_time())
