"""The lines of a run's streams, in the form and the pieces in which wandb-core sends them (SDK 0.31). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MAX_LINES = 5_000
MAX_CHARACTERS = 4_000_000
"""Of one request; the SDK's own have up to 10 MB."""


def console_text(node: Mapping[str, Any]) -> str:
    """Return a line of the console as its program's SDK sent it: kind and time in front."""
    text = str(node.get("line") or "").rstrip("\r\n")
    moment = node.get("timestamp")
    if not moment:
        return text
    kind = "ERROR " if str(node.get("level") or "").lower() == "error" else ""
    return f"{kind}{moment} {text}"


def chunks(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """Yield numbered lines as (number of the first, lines): without gaps, and none too large for a request."""
    first, size, found = 0, 0, list[str]()
    for number, text in lines:
        is_next = number == first + len(found)
        if found and (not is_next or len(found) >= MAX_LINES or size + len(text) > MAX_CHARACTERS):
            yield first, found
            found = []
        if not found:
            first, size = number, 0
        found.append(text)
        size += len(text)
    if found:
        yield first, found
