"""LookingApp: an app with our themes, which keeps the one that the user chooses. Owns no colour."""

from __future__ import annotations

import os
from collections.abc import Sequence

from textual import work
from textual.command import CommandPalette
from textual.filter import LineFilter, Monochrome, NoColor

from trainer.paths import config_dir
from tui.looks import SETTINGS_FILE_NAME, FollowsLooks, Looks, fitting_theme, remember
from tui.presence import PresenceApp
from tui.theme import DARK_THEME_NAME, THEMES

KEEP_LOOKS = "keep_looks"


class LookingApp(PresenceApp):
    """An app that looks as its user wishes."""

    def __init__(self, looks: Looks | None = None) -> None:
        """Create the app.

        Args:
            looks: How it looks; None for our dark theme, unless `TEXTUAL_THEME` names another.
        """
        super().__init__()
        self.looks = looks or Looks()
        self._no_color = NoColor()
        for theme in THEMES:
            self.register_theme(theme)
        if looks is not None:
            self.theme = looks.theme or fitting_theme(self.console.color_system, os.environ)
        elif self.theme == "textual-dark":
            # Textual's own default; a theme that TEXTUAL_THEME names is the user's wish and stays.
            self.theme = DARK_THEME_NAME

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return what changes lines on their way to the terminal: with NO_COLOR and a theme of the terminal's, all."""
        filters = super().get_line_filters()
        if not (self.no_color and self.native_ansi_color):
            return filters
        # Textual chooses between greys and no colour at all once, before the theme is known.
        return [self._no_color if isinstance(each, Monochrome) else each for each in filters]

    def on_mount(self) -> None:
        """Have screens follow the theme."""
        self.theme_changed_signal.subscribe(self, lambda theme: self.show_looks())

    def show_looks(self) -> None:
        """Have every screen show itself with the looks there are now."""
        for screen in self.screen_stack:
            if isinstance(screen, FollowsLooks) and screen.is_mounted:
                screen.looks_changed()

    def choose_theme(self, name: str) -> None:
        """Take another theme, and again at the next start."""
        self.theme = name
        self.keep_looks("theme", name)

    @work(thread=True, exit_on_error=False, group=KEEP_LOOKS)
    def keep_looks(self, name: str, value: str) -> None:
        """Write one setting down."""
        if problem := remember(config_dir() / SETTINGS_FILE_NAME, name, value):
            self.call_from_thread(self.notify, problem, title="Not kept", severity="warning", markup=False)

    def search_themes(self) -> None:
        """Offer the themes, our own first."""
        # Imported when first needed, as all of the palette.
        from tui.commands import ThemeCommands

        self.push_screen(CommandPalette(providers=[ThemeCommands], placeholder="Search for themes…"))
