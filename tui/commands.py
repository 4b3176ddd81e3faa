"""The command palette: every action that has a key can be found by its words. Owns no action."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any

from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.dom import DOMNode


class ActionCommands(Provider):
    """The actions of the screen, of the focused widget and of the app, taken from their bindings."""

    def _actions(self) -> Iterator[tuple[str, str, Callable[[], Coroutine[Any, Any, None]]]]:
        """Yield label, help with key, and what runs it; each action once, hidden bindings too."""
        seen = set()
        for node, binding, enabled, tooltip in self.screen.active_bindings.values():
            if not binding.id or not enabled or binding.system or (node, binding.action) in seen:
                continue
            seen.add((node, binding.action))
            label = binding.tooltip or tooltip or binding.description
            yield binding.description, f"{label}  ·  {self._key(binding)}", partial(self._run, node, binding)

    def _key(self, binding: Binding) -> str:
        return self.app.get_key_display(binding)

    async def _run(self, node: DOMNode, binding: Binding) -> None:
        await self.app.run_action(binding.action, node)

    async def discover(self) -> Hits:
        """Show all of them before anything is typed."""
        for label, text, run in self._actions():
            yield DiscoveryHit(label, run, help=text)

    async def search(self, query: str) -> Hits:
        """Find actions by description."""
        matcher = self.matcher(query)
        for label, text, run in self._actions():
            score = max(matcher.match(label), matcher.match(text) * 0.7)
            if score > 0:
                yield Hit(score, matcher.highlight(label), run, text=label, help=text)


def get_action_commands() -> type[ActionCommands]:
    """Return the provider; Textual calls this when the palette is opened for the first time."""
    return ActionCommands
