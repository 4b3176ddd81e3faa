"""Durations as people type them, `90s`, `10m`, `1h30m`, `1d`, and as they read them: `42s`, `3m05s`, `2h07m`."""

from __future__ import annotations

import re

from trainer.errors import InputError

_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)([dhms])")


def parse_duration(text: str) -> float:
    """Return the seconds that a text means; a bare number is seconds.

    Raises:
        InputError: If it is no duration, or not longer than nothing.
    """
    plain = text.strip().lower().replace(" ", "")
    if re.fullmatch(r"\d+(\.\d+)?", plain):
        plain += "s"
    if not re.fullmatch(rf"(?:{_PART.pattern})+", plain):
        raise InputError(f"{text!r} is no duration.", hint="Write 90s, 10m, 2h, 1h30m or 1d.")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(plain))
    if not 0 < seconds < 1e9:
        raise InputError(f"{text!r} is no duration that can be waited for.", hint="Write 90s, 10m, 2h, 1h30m or 1d.")
    return seconds


def short_duration(seconds: float) -> str:
    """Return a duration as it would be typed: `90s`, `10m`, `1h30m`."""
    if seconds < 1 or seconds != int(seconds):
        return f"{seconds:g}s"
    left, parts = int(seconds), []
    if left < 120:
        return f"{left}s"
    for unit in "dhms":
        count, left = divmod(left, int(_UNITS[unit]))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def duration_text(seconds: float) -> str:
    """Return a duration in a narrow column: `42s`, `3m05s`, `2h07m` or `3d04h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}h{minutes:02d}m"
    days, hours = divmod(hours, 24)
    return f"{days}d{hours:02d}h"
