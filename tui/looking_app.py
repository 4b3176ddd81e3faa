"""LookingApp: an app with our themes, which keeps the one that the user chooses. Owns no colour."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from time import monotonic

from textual import constants, work
from textual.binding import Binding
from textual.command import CommandPalette
from textual.events import Resize
from textual.filter import LineFilter, Monochrome, NoColor
from textual.geometry import Offset, Size
from textual.theme import Theme

from trainer.paths import config_dir
from tui.app_stylesheet import AppStylesheet
from tui.looks import SETTINGS_FILE_NAME, FollowsLooks, Looks, fitting_theme, remember
from tui.plain_text import PlainFilter, plain_key
from tui.presence import PresenceApp
from tui.safe_text import SteeringFilter
from tui.theme import DARK_THEME_NAME, THEMES
from tui.widgets.too_small import TooSmall, lacks_room

KEEP_LOOKS = "keep_looks"
ANNOUNCE_SECONDS = 0.15
SIZE_SETTLES_SECONDS = 0.1


class LookingApp(PresenceApp):
    """An app that looks as its user wishes."""

    def __init__(self, looks: Looks | None = None) -> None:
        """Create the app.

        Args:
            looks: How it looks; None for our dark theme, unless `TEXTUAL_THEME` names another.
        """
        self._found_theme: Theme | None = None
        super().__init__()
        self.stylesheet = AppStylesheet(variables=self.get_css_variables())
        self.looks = looks or Looks()
        self._no_color, self._plain, self._steering = NoColor(), PlainFilter(), SteeringFilter()
        self._told_size = Size()
        self._said_until = 0.0
        """Until when, by the clock of `monotonic`, a notice stands in the line that says what has the focus."""
        for theme in THEMES:
            self.register_theme(theme)
        if looks is not None:
            self.theme = looks.theme or fitting_theme(self.console.color_system, os.environ)
        elif self.theme == "textual-dark":
            # Textual's own default; a theme that TEXTUAL_THEME names is the user's wish and stays.
            self.theme = DARK_THEME_NAME

    @property
    def current_theme(self) -> Theme:
        """The theme; Textual would look through all of them for each line that is painted."""
        if self._found_theme is None or self._found_theme.name != self.theme:
            self._found_theme = super().current_theme
        return self._found_theme

    @property
    def is_plain(self) -> bool:
        """Whether everything is told in words, without frames, charts and signs."""
        return self.looks.plain

    def get_key_display(self, binding: Binding) -> str:
        """Return a key as it is shown; as a word in plain text."""
        shown = super().get_key_display(binding)
        return plain_key(shown) if self.is_plain else shown

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return what changes lines on their way to the terminal: with NO_COLOR and a theme of the terminal's, all."""
        filters = [*super().get_line_filters(), self._steering, *([self._plain] if self.is_plain else [])]
        if not (self.no_color and self.native_ansi_color):
            return filters
        # Textual chooses between greys and no colour at all once, before the theme is known.
        return [self._no_color if isinstance(each, Monochrome) else each for each in filters]

    def on_mount(self) -> None:
        """Have screens follow the theme."""
        self.theme_changed_signal.subscribe(self, lambda theme: self.show_looks())
        self._announcer = self.set_interval(ANNOUNCE_SECONDS, self.announce, pause=True)
        self._set_plain()

    def on_resize(self, event: Resize) -> None:
        """Say where there is no room, and paint everything."""
        self.cover_if_small(event.size)
        # A terminal that was small for a moment has lost what it showed; Textual, for which it is as large as before,
        # would paint nothing.
        self.screen.refresh()
        self._told_size = event.size
        if not self.is_headless and not self.is_web:
            self.set_timer(SIZE_SETTLES_SECONDS, self._look_at_size)

    def _look_at_size(self) -> None:
        """Take the size that the terminal has.

        Textual 8.2 measures it in a signal handler; where the next signal interrupts that, the older size is told last.
        """
        size = Size(*shutil.get_terminal_size())
        if size != self._told_size:
            self.post_message(Resize(size, size))

    def cover_if_small(self, size: Size | None = None) -> None:
        """Have every screen say that the terminal is too small for it, if it is; one opened meanwhile, too."""
        size = size or self.size
        is_small = lacks_room(size)
        if is_small and self.is_running:
            self.set_timer(ANNOUNCE_SECONDS, self.cover_if_small)
        for screen in self.screen_stack:
            cover = screen.query_one_optional(TooSmall)
            if cover is None and is_small and screen.is_mounted:
                screen.mount(cover := TooSmall())
            if cover is not None:
                cover.show(size)

    def choose_plain(self, is_plain: bool) -> None:
        """Tell everything in words or not, and again at the next start."""
        self.looks = replace(self.looks, plain=is_plain)
        self._set_plain()
        self.keep_looks("plain", "true" if is_plain else "false")

    def _set_plain(self) -> None:
        self.set_class(self.is_plain, "-plain")
        if self.is_plain:
            self.animation_level = "none"
            self._announcer.resume()
        else:
            self.animation_level = constants.TEXTUAL_ANIMATIONS
            self._announcer.pause()
        for screen in self.screen_stack:
            screen.query("Announcement").set(display=self.is_plain)
            # As if the terminal had changed its size: screens place their panes anew, and every line is painted.
            screen.post_message(Resize(self.size, self.size))
            screen.refresh(layout=True)
            for widget in screen.query("*"):
                widget.notify_style_update()
                widget.refresh()
        self.show_looks()

    def announce(self) -> None:
        """Say what has the focus, in the last line of the screen, where the terminal's cursor is put."""
        # Imported when first needed: most users see frames and charts, and have their first paint earlier.
        from textual.widgets import Input, TextArea

        from tui.announcing import Announcement, described

        screen = self.screen
        line = screen.query_one_optional(Announcement)
        if line is None:
            screen.mount(line := Announcement())
        focused = screen.focused
        if isinstance(focused, Input | TextArea):
            focused.cursor_blink = False
        else:
            # A terminal's cursor is where a screen reader looks; what is typed has it at its place.
            self.cursor_position = Offset(0, max(self.size.height - 1, 0))
        if monotonic() >= self._said_until:
            line.say(described(focused))

    def say(self, words: str, seconds: float) -> None:
        """Have a notice stand in the line that says what has the focus."""
        if self.is_plain and self.screen_stack:
            from tui.announcing import Announcement

            self._said_until = monotonic() + seconds
            for line in self.screen.query(Announcement):
                line.say(words)

    def show_looks(self) -> None:
        """Have every screen show itself with the looks there are now."""
        for screen in self.screen_stack:
            if isinstance(screen, FollowsLooks) and screen.is_mounted:
                screen.looks_changed()

    def choose_theme(self, name: str) -> None:
        """Take another theme, and again at the next start."""
        self.theme = name
        self.keep_looks("theme", name)

    @work(thread=True, exit_on_error=False, group=KEEP_LOOKS, description="keep looks")
    def keep_looks(self, name: str, value: str) -> None:
        """Write one setting down."""
        if problem := remember(config_dir() / SETTINGS_FILE_NAME, name, value):
            self.call_from_thread(self.notify, problem, title="Not kept", severity="warning", markup=False)

    def search_themes(self) -> None:
        """Offer the themes, our own first."""
        # Imported when first needed, as all of the palette.
        from tui.commands import ThemeCommands

        self.push_screen(CommandPalette(providers=[ThemeCommands], placeholder="Search for themes…"))
