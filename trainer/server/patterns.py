"""Regular expressions of filters: which are allowed, and how they are matched."""

from __future__ import annotations

import re
from functools import lru_cache

from trainer.records import Json

_FLAGS = frozenset("imsx")
_MAX_LENGTH = 200
_RISKY = re.compile(r"\([^()]*[+*}][^()]*\)\s*[+*{]|\\\d")
"""A repeated group that repeats inside, or a back reference: Python's matcher may take for ever on those."""


def checked_pattern(pattern: Json, flags: Json) -> str:
    """Return a pattern with its `$options` in it.

    Raises:
        ValueError: If it is no regular expression, or could take too long.
    """
    if not isinstance(pattern, str) or not isinstance(flags, str):
        raise ValueError("$regex and $options need a text.")
    if unknown := set(flags) - _FLAGS:
        raise ValueError(f"$options takes i, m, s and x, not {sorted(unknown)[0]!r}.")
    if len(pattern) > _MAX_LENGTH or _RISKY.search(pattern):
        raise ValueError(f"The pattern {pattern[:50]!r} is too long or repeats what repeats.")
    whole = f"(?{''.join(sorted(set(flags)))}){pattern}" if flags else pattern
    try:
        _compiled(whole)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"The pattern {pattern!r} is not a regular expression: {error}.") from error
    return whole


def matches(pattern: str, text: object) -> bool:
    """Answer SQL's `text REGEXP pattern`: whether a checked pattern is found anywhere in a text."""
    return isinstance(text, str) and _compiled(pattern).search(text[:2000]) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
