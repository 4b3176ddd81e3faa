"""Links in a terminal's text (OSC 8): where a name leads, for terminals that open it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

_TERMINALS_WITHOUT = ("linux", "dumb", "vt100", "vt102", "vt220", "cons25", "eterm", "")


def links_work(environ: Mapping[str, str]) -> bool:
    """Return whether a terminal opens links, or at least leaves them out: a console would print them."""
    return environ.get("TERM", "") not in _TERMINALS_WITHOUT and not environ.get("CI")


def hyperlink(text: str, url: str) -> str:
    """Return a text that leads to an address; the text alone where there is no address that a browser opens.

    Source: "Hyperlinks in terminal emulators", https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda.
    """
    if not url.startswith(("http://", "https://")) or not (url.isascii() and url.isprintable()):
        return text
    return f"\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\"
