"""One line of YAML, coloured, without a parser: sweep files are simple YAML."""

from __future__ import annotations

import re

from textual.content import Content

_LINE = re.compile(r"^(?P<indent>\s*(?:- )*)(?P<key>[^\s'\"#:-][^:]*:(?=\s|$))?(?P<value>.*)$")
_NUMBER_OR_WORD = re.compile(r"^\s*(?:[-+]?[\d.][\d_.eE+-]*|null|true|false)\s*$")


def coloured(line: str) -> Content:
    """Return one line of YAML with its key and its value told apart."""
    match = _LINE.match(line)
    if match is None:
        return Content(line)
    value = match["value"]
    colour = "$accent" if _NUMBER_OR_WORD.match(value) else "$foreground"
    return Content.assemble((match["indent"], "$foreground-muted"), (match["key"] or "", "$primary"), (value, colour))
