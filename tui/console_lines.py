"""Lines that a run printed, as a log view shows them: plain text, and how those look that are not plain. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rich.cells import cell_len

from trainer.records import ConsoleLine
from tui.agent_lines import ESCAPES, plain_line
from tui.formatting import count_text

_COLOR = re.compile(r"\x1b\[[\d;:]*m")
MAX_WIDTH = 10_000
"""Characters of a line that are shown and searched."""
_MAX_COLORED = 4_000
"""Characters of a line up to which its colours are kept."""


@dataclass(frozen=True, slots=True)
class LineLook:
    """How a line looks, where it is not plain text."""

    raw: str = ""
    """The line with the colours that its program gave it (ANSI); empty where it has none."""
    look: str = ""
    """A look of the log view: `error`, `added`, `removed`, `heading`; empty for none."""


@dataclass(frozen=True, slots=True)
class ShownLines:
    """Lines for a log view."""

    texts: list[str] = field(default_factory=list)
    looks: dict[int, LineLook] = field(default_factory=dict)
    """How lines look that are not plain, by their place."""
    widest: int = 0
    """Cells of the widest, where that was found out already: it takes a while where letters are wide."""

    @property
    def characters(self) -> int:
        """Letters of all lines, with those that give colours."""
        return sum(map(len, self.texts)) + sum(len(look.raw) for look in self.looks.values())


def console_shown(lines: Sequence[ConsoleLine]) -> ShownLines:
    """Return what a run printed as a terminal would have left it: what follows a line's last carriage return stands."""
    shown = ShownLines()
    for line in lines:
        last = line.text.rstrip("\r").rpartition("\r")[2]
        text = plain_line(last, keeps_spaces=True, limit=MAX_WIDTH)
        if len(last) > MAX_WIDTH:
            text += f" … {count_text(len(last) - MAX_WIDTH, 'character')} more"
        look = "error" if line.is_error else ""
        raw = ""
        if "\x1b" in last and len(last) <= _MAX_COLORED and _COLOR.search(last):
            raw = ESCAPES.sub(_only_colors, last).expandtabs(8)
        if look or raw:
            shown.looks[len(shown.texts)] = LineLook(raw, look)
        shown.texts.append(text)
    return replace(shown, widest=max(map(cell_len, shown.texts), default=1))


def _only_colors(escape: re.Match[str]) -> str:
    return escape[0] if _COLOR.fullmatch(escape[0]) else ""


def diff_shown(text: str) -> ShownLines:
    """Return the lines of a unified diff, what came and what went told apart."""
    shown = ShownLines()
    for line in text.splitlines():
        look = ""
        if line.startswith(("diff --git", "index ", "--- ", "+++ ", "@@", "new file", "deleted file", "rename ")):
            look = "heading"
        elif line.startswith("+"):
            look = "added"
        elif line.startswith("-"):
            look = "removed"
        if look:
            shown.looks[len(shown.texts)] = LineLook(look=look)
        shown.texts.append(plain_line(line, keeps_spaces=True))
    return shown


def text_shown(text: str) -> ShownLines:
    """Return the lines of a text file."""
    return ShownLines([plain_line(line, keeps_spaces=True) for line in text.splitlines()])
