"""Finds where the text of a class ends with the parser, not token by token, while imports are under way.

pydantic reads the text of every class that documents its attributes, up to Python 3.12: with `inspect.getblock` that is
a tenth of the CPU of `import wandb` (SDK 0.31, pydantic 2), half of it for the 2,000 lines of its settings.
"""

from __future__ import annotations

import ast
import inspect
from typing import List, Optional

_TRIES = 4
_BLANK = " \t\f"


class QuickClassBlocks:
    """Makes `inspect.getblock` quick for classes as long as its block runs. Its answers stay the same."""

    def __init__(self) -> None:
        self._getblock = inspect.getblock

    def __enter__(self) -> None:
        inspect.getblock = self._look_up  # type: ignore[assignment]

    def __exit__(self, *_: object) -> None:
        inspect.getblock = self._getblock

    def _look_up(self, lines: List[str]) -> List[str]:
        last = _last_line(lines) if lines and lines[0].startswith("class ") else None
        return self._getblock(lines) if last is None else lines[:last]


def _last_line(lines: List[str]) -> Optional[int]:
    """Return the number of the last line of the class at the top; None where only the library can tell."""
    tries = 0
    for end in range(1, len(lines) + 1):
        if end < len(lines) and lines[end][:1] in (*_BLANK, "#", "\n", "\r"):
            continue
        # What begins in the first column ends the class, unless it stands in a text or between parentheses.
        if lines[end - 1].rstrip("\r\n").endswith("\\") or tries == _TRIES:
            return None
        tries += 1
        try:
            found = ast.parse("".join(lines[:end])).body
        except (SyntaxError, ValueError):
            continue
        return _end_of_class(found[0], lines[:end]) if len(found) == 1 else None
    return None


def _end_of_class(found: ast.stmt, lines: List[str]) -> Optional[int]:
    last: Optional[int] = getattr(found, "end_lineno", None)
    if not isinstance(found, ast.ClassDef) or last is None:
        return None
    first = found.body[0]
    column = first.col_offset
    if lines[first.lineno - 1][:column].strip(_BLANK):
        return None  # it begins on the line of `class` itself
    for number in range(last, len(lines)):
        text = lines[number].lstrip(_BLANK)
        if text.startswith("#") and len(lines[number]) - len(text) >= column:
            last = number + 1
    return last
