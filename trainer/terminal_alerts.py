"""What makes a terminal call for its user: the bell, and a notice of the desktop through the terminal. Pure.

There is no standard, and no terminal tells what it knows; one that does not know a notice ignores it.

- `OSC 9 ; text` is iTerm2's, and known to kitty, WezTerm, Ghostty, Warp, VS Code and others. ConEmu and Windows
  Terminal have other uses for `OSC 9 ; NUMBER ; …`, so a text never begins with a digit.
- `OSC 777 ; notify ; title ; text` is urxvt's, and what foot, Konsole and terminals made with VTE know.
- tmux (3.3 and later, where `allow-passthrough` is on) and GNU screen hand on what is wrapped for them, and drop
  the rest. The bell is theirs to show: it marks the window.
"""

from __future__ import annotations

from collections.abc import Mapping

BELL = "\a"
MAX_TEXT = 200
NAME = "sweep-tui"
_BELL_ONLY = ("linux", "dumb", "cons25", "vt")
"""Beginnings of TERM where nothing but the bell is understood; the Linux console prints parts of the rest."""


def alert_sequence(text: str, environ: Mapping[str, str], *, with_notice: bool = True) -> str:
    """Return what to write to a terminal.

    Args:
        text: What happened, in one sentence; control characters in it do no harm.
        environ: The environment of the terminal.
        with_notice: Whether to show the text on the desktop, where the terminal can, and not only to ring.
    """
    term = environ.get("TERM", "")
    if not with_notice or not term or term.startswith(_BELL_ONLY):
        return BELL
    return BELL + _wrapped(_notice(_plain(text), environ), environ)


def _notice(text: str, environ: Mapping[str, str]) -> str:
    speaks_777 = environ.get("TERM", "").startswith(("rxvt", "foot"))
    if speaks_777 or environ.get("VTE_VERSION") or environ.get("KONSOLE_VERSION"):
        return f"\x1b]777;notify;{NAME};{text}\a"
    return f"\x1b]9;{NAME}: {text}\a"


def _wrapped(sequence: str, environ: Mapping[str, str]) -> str:
    if environ.get("TMUX"):
        doubled = sequence.replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{doubled}\x1b\\"
    if environ.get("STY"):
        return f"\x1bP{sequence}\x1b\\"
    return sequence


def _plain(text: str) -> str:
    """Return a text without control characters: names come from servers, and must not steer the terminal."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    words = " ".join(printable.split())
    return words if len(words) <= MAX_TEXT else words[: MAX_TEXT - 1] + "…"
