"""HelpScreen: every key of the screen it was opened from, taken from the bindings; never written twice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import HorizontalGroup, Vertical, VerticalScroll
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

_PLAIN_KEYS = {"tab": "Go to the next pane or field", "shift+tab": "Go to the one before"}
"""Textual's own keys that are worth a line; its editing keys in fields are those of every terminal."""
_SECTION_ORDER = ("Screen", "Focused", "App")


@dataclass(frozen=True, slots=True)
class HelpLine:
    """One action."""

    keys: str
    text: str
    binding_id: str


class HelpScreen(ModalScreen[None]):
    """A list of keys with what they do, by where they work, and the ids by which they can be changed."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss", "Close", id="help.close", tooltip="Close the help"),
        Binding("j", "scroll(1)", "Down", id="help.down", show=False, tooltip="Scroll down"),
        Binding("k", "scroll(-1)", "Up", id="help.up", show=False, tooltip="Scroll up"),
    ]

    def __init__(self, title: str, sections: Sequence[tuple[str, Sequence[HelpLine]]]) -> None:
        """Create the help from finished sections; see `of`."""
        super().__init__()
        self.help_title = title
        self.sections = sections

    @classmethod
    def of(cls, screen: Screen[object]) -> HelpScreen:
        """Return the help of a screen and of the widget that has its focus."""
        by_section: dict[str, list[ActiveBinding]] = {name: [] for name in _SECTION_ORDER}
        for active in screen.active_bindings.values():
            if active.binding.tooltip or active.binding.key in _PLAIN_KEYS:
                by_section[_section(active.node)].append(active)
        names = {
            "Screen": "This screen",
            "Focused": "Where the focus is",
            "App": "Everywhere",
        }
        sections = [(names[name], _lines(screen.app, by_section[name])) for name in _SECTION_ORDER if by_section[name]]
        shown = {line.binding_id for _, lines in sections for line in lines}
        if elsewhere := [line for line in _lines_elsewhere(screen) if line.binding_id not in shown]:
            sections.insert(-1, ("Elsewhere on this screen", elsewhere))
        words = re.findall(r"[A-Z][a-z]*", type(screen).__name__.removesuffix("Screen"))
        return cls(" ".join(words).capitalize(), sections)

    def compose(self) -> ComposeResult:
        """Compose the list."""
        with Vertical(classes="dialog help-dialog"):
            yield Static(f"Keys · {self.help_title}", classes="dialog-title", markup=False)
            with VerticalScroll(id="help-keys"):
                for name, lines in self.sections:
                    yield Static(name, classes="help-section", markup=False)
                    for line in lines:
                        with HorizontalGroup(classes="help-line"):
                            yield Static(line.keys, classes="help-keys", markup=False)
                            yield Static(line.text, classes="help-text", markup=False)
                            yield Static(line.binding_id, classes="help-id", markup=False)
            yield Static(
                "esc closes · ctrl+p finds every action · keymap.yaml changes keys by id",
                classes="dialog-hint",
                markup=False,
            )

    def on_mount(self) -> None:
        """Let the arrow keys scroll at once."""
        self.query_one("#help-keys").focus()

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one("#help-keys", VerticalScroll).scroll_relative(y=lines, animate=False)


def _section(node: DOMNode) -> str:
    if isinstance(node, App):
        return "App"
    return "Screen" if isinstance(node, Screen) else "Focused"


def _lines(app: App[object], actives: Sequence[ActiveBinding]) -> list[HelpLine]:
    """Return one line for each action: its keys, what it does, its binding id."""
    keys: dict[tuple[DOMNode, str], list[str]] = {}
    bindings: dict[tuple[DOMNode, str], Binding] = {}
    for active in actives:
        action = (active.node, active.binding.action)
        display = app.get_key_display(active.binding)
        if display not in keys.setdefault(action, []):
            keys[action].append(display)
        bindings.setdefault(action, active.binding)
    return [
        HelpLine(
            ", ".join(keys[action]),
            binding.tooltip or _PLAIN_KEYS.get(binding.key, binding.description),
            _own_id(binding),
        )
        for action, binding in bindings.items()
    ]


def _lines_elsewhere(screen: Screen[object]) -> list[HelpLine]:
    """Return the keys of every widget of the screen, whatever has the focus; each action once."""
    lines: dict[str, HelpLine] = {}
    for widget in screen.walk_children():
        for binding in type(widget).BINDINGS:
            if isinstance(binding, Binding) and (own_id := _own_id(binding)) and binding.tooltip:
                keys = screen.app.get_key_display(next(iter(Binding.make_bindings([binding]))))
                lines.setdefault(own_id, HelpLine(keys, binding.tooltip, own_id))
    return list(lines.values())


def _own_id(binding: Binding) -> str:
    """Return the id by which a binding can be given other keys; empty for those of Textual."""
    return binding.id if binding.id and "." in binding.id else ""
