"""Whether a text can go to the clipboard. It goes through the terminal (OSC 52), which gives no answer."""

from __future__ import annotations

from collections.abc import Mapping

MAX_CLIPBOARD_BYTES = 74_000
"""What OSC 52 carries everywhere: xterm takes 100,000 characters of base64."""
_TERMINALS_WITHOUT_CLIPBOARD = ("linux", "dumb", "vt100", "vt220", "cons25")


def clipboard_takes(text: str, environ: Mapping[str, str]) -> bool:
    """Return whether a terminal can be expected to take a text; if not, it belongs into a file."""
    return len(text.encode()) <= MAX_CLIPBOARD_BYTES and environ.get("TERM") not in _TERMINALS_WITHOUT_CLIPBOARD


def clipboard_hint(environ: Mapping[str, str]) -> str:
    """Return what may be missing for a copied text to arrive, on a line of its own; empty if nothing is known to."""
    return "\n(tmux hands it on with `set -g set-clipboard on`.)" if environ.get("TMUX") else ""
