"""FittingFooter: the keys that there is room for, whole, and the palette with all of them at the right end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

_PALETTE = "-command-palette"


class FittingFooter(Footer):
    """A footer that cuts no key in half: what has no room is behind `more`, which is the palette."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=True, compact=True)

    def compose(self) -> ComposeResult:
        """Compose the keys that fit, the first ones first."""
        keys = list(cast("Iterator[Widget]", super().compose()))
        shown = [key for key in keys if isinstance(key, FooterKey) and not key.has_class(_PALETTE)]
        palette = next((key for key in keys if key.has_class(_PALETTE)), None)
        room = self.app.size.width
        if palette is not None and isinstance(palette, FooterKey):
            palette.description = "more"
            # One for the line at its left.
            room -= _width(palette) + 1
        for key in shown:
            room -= _width(key)
            if room < -1:
                # The last one needs no space behind it.
                break
            yield key
        if palette is not None:
            yield palette

    def on_resize(self, event: events.Resize) -> None:
        """Use the room there is."""
        self.call_after_refresh(self.recompose)


def _width(key: FooterKey) -> int:
    """Return the cells of a key in the compact form, with the space behind it."""
    return cell_len(key.key_display) + 1 + cell_len(key.description) + 1
