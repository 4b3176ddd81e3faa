"""FittingFooter: the keys that there is room for, whole, then the help, and at the right end the palette with all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

_PALETTE = "-command-palette"
_HELP = "help"
"""The action that shows every key: it stays, as the palette does, however little room there is."""


class FittingFooter(Footer):
    """A footer that cuts no key in half: what has no room is behind `more`, which is the palette."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=True, compact=True)

    def compose(self) -> ComposeResult:
        """Compose all keys; those that have no room are hidden."""
        keys = [key for key in cast("Iterator[Widget]", super().compose()) if isinstance(key, FooterKey)]
        for key in keys:
            if key.has_class(_PALETTE):
                key.description = "more"
        self._fit(keys)
        yield from keys

    def on_resize(self, event: events.Resize) -> None:
        """Use the room there is; composed anew, the footer would be empty for a moment, and a click there lost."""
        self._fit(list(self.query(FooterKey)))

    def _fit(self, keys: Sequence[FooterKey]) -> None:
        # One cell at the right edge of the screen stays free.
        lasting = [key for key in keys if key.has_class(_PALETTE) or key.action == _HELP]
        room = self.app.size.width - 1 - sum(map(_width, lasting))
        for key in keys:
            if key not in lasting:
                room -= _width(key)
                key.display = room >= 0


def _width(key: FooterKey) -> int:
    """Return the cells of a key in the compact form, with the space behind it."""
    return cell_len(key.key_display) + 1 + cell_len(key.description) + 1
