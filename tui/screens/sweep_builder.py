"""SweepBuilderScreen: build a sweep in a form or as YAML, see its count and problems at once; save it, launch it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import ActiveBinding

from tui.screens.builder_copying import BuilderCopying
from tui.screens.builder_drafts import BuilderDrafts
from tui.screens.builder_preview import BuilderPreview
from tui.screens.builder_program import BuilderProgram
from tui.screens.builder_suggestions import BuilderSuggestions


class SweepBuilderScreen(
    BuilderProgram,
    BuilderCopying,
    BuilderPreview,
    BuilderDrafts,
    BuilderSuggestions,
):
    """Edits one sweep until it is launched, saved or left; each feature is a base of its own."""

    CSS_PATH = ["sweep_builder.tcss", "builder_form.tcss"]
    FOOTER_FIRST: ClassVar[Sequence[str]] = (
        "builder.launch", "builder.add", "builder.preview", "builder.try", "builder.yaml", "builder.save", "app.help",
    )  # fmt: skip
    """What is in the footer of the narrowest terminal; the rest follows where there is room."""

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The keys that work now, the most wanted first: the footer shows them in this order."""
        places = {name: place for place, name in enumerate(self.FOOTER_FIRST)}
        last = len(places)
        found = super().active_bindings.items()
        return dict(sorted(found, key=lambda item: places.get(item[1].binding.id or "", last)))
