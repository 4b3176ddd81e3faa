"""Plain text: what stands on the screen in ASCII, letter by letter. Pure; for screen readers and simple terminals.

Letters of every script stay, since the user wrote them. What the app itself draws beyond ASCII is replaced by one sign
of the same width (words beside it say the same), or by nothing where it was a picture: frames, bars, braille.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SIGNS = {
    sign: plain
    for plain, signs in {
        ",": "·",
        ".": "…⋯",
        "!": "✗⚠",
        "x": "✕×",
        "+": "✓＋",
        "*": "●•★◆✦◇",
        "-": "○◌−–—",
        "~": "◐◔◑∞±≈",
        "#": "■□",
        ">": "›▸→▶≥",
        "v": "▾↓▼▽",
        "^": "▴↑▲△",
        "<": "←≤",
        '"': "“”„",
        "&": "⛓",
        "@": "↻",
        "o": "∘",
        " ": "⏎\u00a0⭘",
        "s": "σ",
    }.items()
    for sign in signs
}
_PICTURES = re.compile("[\u2500-\u259f\u2800-\u28ff\U0001f50e]")
"""Frames, blocks, braille, and the palette's magnifying glass."""
_PARTING = re.compile(r" +· ")
_KEY_WORDS = {"⏎": "enter", "↑": "up", "↓": "down", "←": "left", "→": "right", "⌫": "backspace", "⇥": "tab"}
_TABLE = str.maketrans(_SIGNS)


@lru_cache(4096)
def plain(text: str) -> str:
    """Return a text in signs that every screen reader knows, as wide as it was."""
    if text.isascii():
        return text
    # A dot between spaces parts a line as a comma does; a comma stands at the word before it.
    text = _PARTING.sub(lambda found: f",{' ' * (len(found.group()) - 1)}", text).translate(_TABLE)
    return _PICTURES.sub(lambda found: " " * cell_len(found.group()), text)


def plain_key(shown: str) -> str:
    """Return a key as a word: `enter` for ⏎, `ctrl+n` for ^n."""
    word = _KEY_WORDS.get(shown, shown)
    return f"ctrl+{word[1:]}" if len(word) > 1 and word.startswith("^") else word


class PlainFilter(LineFilter):
    """Makes lines plain on their way to the terminal."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments with plain text."""
        return [Segment(plain(text), style, control) for text, style, control in segments]
