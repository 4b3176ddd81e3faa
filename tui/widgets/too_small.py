"""TooSmall: covers a screen for which the terminal has no room, and says so. Owns the least size that is drawn in."""

from __future__ import annotations

from textual.geometry import Size
from textual.widgets import Static

LEAST = Size(30, 8)
"""Columns and rows below which no screen can be read."""


class TooSmall(Static):
    """A sentence in place of a screen; what is below it goes on, and has the keys."""

    DEFAULT_CSS = """
    TooSmall {
        layer: _tooltips;
        dock: top;
        display: none;
        width: 100%;
        height: 100%;
        content-align: center middle;
        text-align: center;
        background: $background;
        color: $foreground;
    }
    """

    def __init__(self) -> None:
        super().__init__("", markup=False)

    def show(self, size: Size) -> None:
        """Cover the screen if the terminal is that small, or uncover it."""
        is_needed = lacks_room(size)
        if is_needed:
            self.update(
                f"{size.width} × {size.height} is too small. Make the window {LEAST.width} × {LEAST.height} or larger."
            )
        self.display = is_needed


def lacks_room(size: Size) -> bool:
    """Return whether a terminal is too small for any screen."""
    return size.width < LEAST.width or size.height < LEAST.height
