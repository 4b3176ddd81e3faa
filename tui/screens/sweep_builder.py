"""SweepBuilderScreen: build a sweep in a form or as YAML, see its count and problems at once; save it, launch it."""

from __future__ import annotations

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
