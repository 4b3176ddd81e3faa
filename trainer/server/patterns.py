"""Regular expressions of filters: RE2, as in W&B. It takes time proportional to the text, whatever the pattern.

Python's own matcher can take for ever on some patterns, and holds every other thread up meanwhile.
"""

from __future__ import annotations

from functools import lru_cache

import re2

from trainer.records import Json

_FLAGS = frozenset("ims")
_MAX_LENGTH = 500
_MAX_TEXT = 100_000
"""Characters of a text that are looked at."""


def checked_pattern(pattern: Json, flags: Json) -> str:
    """Return a pattern with its `$options` in it.

    Raises:
        ValueError: If it is no regular expression of RE2's syntax, or too large.
    """
    if not isinstance(pattern, str) or not isinstance(flags, str):
        raise ValueError("$regex and $options need a text.")
    if unknown := set(flags) - _FLAGS:
        raise ValueError(f"$options takes i, m and s, not {sorted(unknown)[0]!r}.")
    if len(pattern) > _MAX_LENGTH:
        raise ValueError(f"The pattern {pattern[:50]!r} is longer than {_MAX_LENGTH} characters.")
    whole = f"(?{''.join(sorted(set(flags)))}){pattern}" if flags else pattern
    try:
        _compiled(whole)
    except re2.error as error:
        [reason] = error.args
        said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
        raise ValueError(f"The pattern {pattern[:50]!r} is not a regular expression: {said}.") from error
    return whole


def matches(pattern: str, text: object) -> bool:
    """Answer SQL's `text REGEXP pattern`: whether a checked pattern is found anywhere in a text."""
    return isinstance(text, str) and _compiled(pattern).search(text[:_MAX_TEXT]) is not None


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False  # it would print them itself
    return re2.compile(pattern, options)
