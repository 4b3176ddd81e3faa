"""The command palette: every action that has a key can be found by its words, and so can the themes. Owns no action."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from textual.app import App
from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.dom import DOMNode
from textual.screen import Screen

from tui.looking_app import LookingApp
from tui.theme import THEMES

Command = tuple[str, str, Callable[[], Any]]
"""Label, help, and what runs it."""
_OWN_ACTIONS = ("Quit", "Keys")
"""Textual's commands that we have ourselves, with a key: `q`, and the help."""
_PLAIN = ("Plain text", "No frames, signs and charts: words and numbers, for screen readers")
_PICTURES = ("Frames and charts", "No plain text any more")
WORDS = {
    "sweep-dark": "Dark, as you know it",
    "sweep-light": "Light",
    "colorblind-dark": "Dark; told apart by the colour-blind, and by glyphs",
    "colorblind-light": "Light; told apart by the colour-blind, and by glyphs",
    "contrast-dark": "White on black, all of high contrast",
    "contrast-light": "Black on white, all of high contrast",
    "ansi-dark": "The terminal's own 16 colours, on a dark ground",
    "ansi-light": "The terminal's own 16 colours, on a light ground",
}


class ActionCommands(Provider):
    """The actions of the screen, of the focused widget and of the app, then what Textual offers."""

    def _commands(self) -> Iterator[Command]:
        """Yield each action once, hidden bindings too: what the screen is for comes first, moving about late."""
        found: list[tuple[int, Command]] = []
        seen = set()
        for node, binding, enabled, tooltip in self.screen.active_bindings.values():
            if not binding.id or not enabled or binding.system or (node, binding.action) in seen:
                continue
            seen.add((node, binding.action))
            words = binding.tooltip or tooltip or binding.description
            key = self.app.get_key_display(binding)
            command = (binding.description, f"{words}  ·  {key}", partial(self._run, node, binding))
            found.append((_distance(node, binding), command))
        yield from (command for _, command in sorted(found, key=lambda each: each[0]))
        for name, words, run, _ in self.app.get_system_commands(self.screen):
            if name not in _OWN_ACTIONS:
                yield name, words, run
        app = self.app
        if isinstance(app, LookingApp):
            name, words = _PICTURES if app.is_plain else _PLAIN
            yield name, words, partial(app.choose_plain, not app.is_plain)

    async def _run(self, node: DOMNode, binding: Binding) -> None:
        await self.app.run_action(binding.action, node)

    async def discover(self) -> Hits:
        """Show all of them before anything is typed."""
        for label, words, run in self._commands():
            yield DiscoveryHit(label, run, help=words)

    async def search(self, query: str) -> Hits:
        """Find actions by description."""
        matcher = self.matcher(query)
        for label, words, run in self._commands():
            score = max(matcher.match(label), matcher.match(words) * 0.7)
            if score > 0:
                yield Hit(score, matcher.highlight(label), run, text=label, help=words)


def _distance(node: DOMNode, binding: Binding) -> int:
    """Return how far an action is from what the screen is for."""
    if isinstance(node, App):
        return 4
    return (0 if isinstance(node, Screen) else 1) + (0 if binding.show else 2)


class ThemeCommands(Provider):
    """The themes: our own with a word each, then Textual's."""

    def _names(self) -> list[str]:
        own = [theme.name for theme in THEMES]
        return [*own, *sorted(set(self.app.available_themes) - set(own))]

    def _run(self, name: str) -> None:
        assert isinstance(self.app, LookingApp)
        self.app.choose_theme(name)

    async def discover(self) -> Hits:
        """Show all of them before anything is typed."""
        for name in self._names():
            yield DiscoveryHit(name, partial(self._run, name), help=WORDS.get(name, "One of Textual's"))

    async def search(self, query: str) -> Hits:
        """Find themes by name and by their words."""
        matcher = self.matcher(query)
        for name in self._names():
            words = WORDS.get(name, "")
            if (score := max(matcher.match(name), matcher.match(words) * 0.7)) > 0:
                yield Hit(score, matcher.highlight(name), partial(self._run, name), text=name, help=words)
