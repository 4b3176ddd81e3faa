"""FittingFooter: the keys that there is room for, whole, then the help, and at the right end the palette with all.

Textual's footer makes all its keys anew whenever the focus moves, which is most of what moving it costs; this one
changes those that differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

_PALETTE = "-command-palette"
_HELP = "help"
"""The action that shows every key: it stays, as the palette does, however little room there is."""


class _Key(NamedTuple):
    """What the footer says of one key."""

    key: str
    display: str
    description: str
    action: str
    is_enabled: bool
    tooltip: str


class FittingFooter(Footer):
    """A footer that cuts no key in half: what has no room is behind `more`, which is the palette."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=True, compact=True)
        self._told: list[_Key] = []
        """What stands there now."""

    def compose(self) -> ComposeResult:
        """Compose all keys; those that have no room are hidden."""
        if not self._bindings_ready:
            return
        self._told = self._wanted()
        keys = [_footer_key(told) for told in self._told]
        palette = self._palette()
        self._fit([*keys, *palette])
        yield from keys
        yield from palette

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Say what the keys do now."""
        self._bindings_ready = True
        if screen.app.app_focus and self.is_attached and screen is self.screen:
            self.call_after_refresh(self._tell)

    async def _tell(self) -> None:
        if not self.is_attached:  # its screen was closed meanwhile
            return
        keys = [key for key in self.query(FooterKey) if not key.has_class(_PALETTE)]
        wanted = self._wanted()
        if not keys or len(wanted) > len(keys):
            await self.recompose()
            return
        if wanted == self._told:
            return
        before, self._told = self._told, wanted
        for place, (key, told) in enumerate(zip(keys, wanted, strict=False)):
            if place >= len(before) or before[place] != told:
                _change(key, told)
        self._fit(list(self.query(FooterKey)))

    def _wanted(self) -> list[_Key]:
        """Return the keys to show, the first one of each action."""
        found: dict[str, _Key] = {}
        for _, binding, is_enabled, tooltip in self.screen.active_bindings.values():
            if binding.show and binding.action not in found:
                display = self.app.get_key_display(binding)
                told = _Key(binding.key, display, binding.description, binding.action, is_enabled, tooltip)
                found[binding.action] = told
        return list(found.values())

    def _palette(self) -> list[FooterKey]:
        """Return the key of the palette; none where it is not to be had."""
        found = self.screen.active_bindings.get(self.app.COMMAND_PALETTE_BINDING)
        if found is None or not self.app.ENABLE_COMMAND_PALETTE:
            return []
        _, binding, is_enabled, _ = found
        display, tooltip = self.app.get_key_display(binding), binding.tooltip or binding.description
        told = _Key(binding.key, display, "more", binding.action, is_enabled, tooltip)
        return [_footer_key(told, _PALETTE)]

    def on_resize(self, event: events.Resize) -> None:
        """Use the room there is; composed anew, the footer would be empty for a moment, and a click there lost."""
        self._fit(list(self.query(FooterKey)))

    def _fit(self, keys: Sequence[FooterKey]) -> None:
        """Show the keys that have room; those behind what there is to tell were left by other keys before."""
        # One cell at the right edge of the screen stays free.
        used = keys[: len(self._told)]
        lasting = [key for key in keys if key.has_class(_PALETTE) or (key in used and key.action == _HELP)]
        room = self.app.size.width - 1 - sum(map(_width, lasting))
        for key in keys:
            if key not in lasting:
                room -= _width(key)
                key.display = key in used and room >= 0
            else:
                key.display = True


def _footer_key(told: _Key, classes: str = "") -> FooterKey:
    return FooterKey(
        told.key, told.display, told.description, told.action, not told.is_enabled, told.tooltip,
        f"-compact {classes}",
    )  # fmt: skip


def _change(key: FooterKey, told: _Key) -> None:
    """Let a key say something else."""
    key.key, key.key_display, key.description, key.action = told.key, told.display, told.description, told.action
    key._disabled = not told.is_enabled
    key.set_class(not told.is_enabled, "-disabled")
    key.tooltip = told.tooltip or None
    key.refresh(layout=True)


def _width(key: FooterKey) -> int:
    """Return the cells of a key in the compact form, with the space behind it."""
    return cell_len(key.key_display) + 1 + cell_len(key.description) + 1
