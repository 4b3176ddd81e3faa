"""AppStylesheet: styles parsed once, and a widget compared only with the rules that may meet it.

Textual 8.2 parses every source anew, in a second stylesheet, whenever a screen with styles of its own is opened; and
for each widget, and again for each of its component classes, it goes through the rules of all sources. The styles that
come out are the same here. It takes what is private to Textual, which is touched nowhere else for this.
"""

from __future__ import annotations

from typing import TypeAlias

from textual.cache import LRUCache
from textual.css.model import RuleSet
from textual.css.styles import RulesMap
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode

MOST_SOURCES = 512
"""How many sources are remembered as parsed; Textual's 64 are fewer than all screens together have."""

Rules: TypeAlias = tuple[list[RuleSet], dict[str, list[RuleSet]]]
"""Rules in the order of their sources, and those that end with a name."""


class AppStylesheet(Stylesheet):
    """The styles of an app."""

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        """Create a stylesheet without sources."""
        super().__init__(variables=variables)
        self._parse_cache = LRUCache(MOST_SOURCES)
        self._rules_by_names: dict[frozenset[str], Rules] = {}
        self._known_rules: list[RuleSet] | None = None
        self._narrowed: Rules | None = None
        """The rules to look at, while they are applied to a node."""

    @property
    def rules(self) -> list[RuleSet]:
        """All rules, or those for the node at hand."""
        return super().rules if self._narrowed is None else self._narrowed[0]

    @property
    def rules_map(self) -> dict[str, list[RuleSet]]:
        """Rules by the name that they end with."""
        return super().rules_map if self._narrowed is None else self._narrowed[1]

    def reparse(self) -> None:
        """Parse what has changed; where it cannot be parsed, the rules stay as they were."""
        self.parse()

    def apply(
        self,
        node: DOMNode,
        *,
        animate: bool = False,
        cache: dict[tuple[object, ...], RulesMap] | None = None,
    ) -> None:
        """Apply the styles to a node.

        Args:
            node: What gets the styles; so do its component classes, each as a node of its own.
            animate: Whether changes are animated.
            cache: Results for the nodes of one group.
        """
        outer, self._narrowed = self._narrowed, None
        try:
            self._narrowed = self._narrow(node)
            super().apply(node, animate=animate, cache=cache)
        finally:
            self._narrowed = outer

    def _narrow(self, node: DOMNode) -> Rules:
        """Return the rules whose selectors end with something that the node is called."""
        rules, by_name = self.rules, self.rules_map
        if rules is not self._known_rules:
            self._known_rules = rules
            self._rules_by_names.clear()
        names = frozenset(by_name.keys() & node._selector_names)
        narrowed = self._rules_by_names.get(names)
        if narrowed is None:
            met = {id(rule) for name in names for rule in by_name[name]}
            narrowed = [rule for rule in rules if id(rule) in met], {name: by_name[name] for name in names}
            self._rules_by_names[names] = narrowed
        return narrowed
