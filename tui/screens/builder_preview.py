"""BuilderPreview: from the builder to the table of what would run. A feature of `SweepBuilderScreen`."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.screens.builder_trying import BuilderTrying
from tui.screens.preview import PreviewScreen


class BuilderPreview(BuilderTrying):
    """Shows the configurations and their commands; only of a sweep that can be read."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f6", "preview", "Preview", id="builder.preview", tooltip="Show the configurations and exact commands"),
    ]

    async def action_preview(self) -> None:
        """Show what would run."""
        if not self.is_judged:
            self.when_judged(self.action_preview)
            return
        if await self.has_problems("Not ready for a preview"):
            return
        config = self.document.config()

        def chosen(point: int | None) -> None:
            if point is not None:
                self.try_point(point)

        self.app.push_screen(PreviewScreen(config, self.session.label, self.session.project), chosen)
