"""YamlPreview: the YAML of a sweep, coloured; read-only. Colours without a parser: sweep files are simple YAML."""

from __future__ import annotations

import re

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

MAX_LINES = 400
"""Lines shown: a preview is read by people, and a list of 100,000 values is not."""
_LINE = re.compile(r"^(?P<indent>\s*(?:- )*)(?P<key>[^\s'\"#:-][^:]*:(?=\s|$))?(?P<value>.*)$")
_NUMBER_OR_WORD = re.compile(r"^\s*(?:[-+]?[\d.][\d_.eE+-]*|null|true|false)\s*$")


class YamlPreview(VerticalScroll):
    """YAML as text one can read and select."""

    def compose(self) -> ComposeResult:
        """Compose the text."""
        yield Static("", id="yaml-text")

    def show(self, text: str) -> None:
        """Show a YAML text."""
        lines = text.splitlines()
        shown = [coloured(line) for line in lines[:MAX_LINES]]
        if len(lines) > MAX_LINES:
            shown.append(Content.assemble((f"… {len(lines) - MAX_LINES:,} more lines", "$foreground-muted")))
        self.query_one("#yaml-text", Static).update(Content("\n").join(shown))


def coloured(line: str) -> Content:
    """Return one line of YAML with its key and its value told apart."""
    match = _LINE.match(line)
    if match is None:
        return Content(line)
    value = match["value"]
    colour = "$accent" if _NUMBER_OR_WORD.match(value) else "$foreground"
    return Content.assemble((match["indent"], "$foreground-muted"), (match["key"] or "", "$primary"), (value, colour))
