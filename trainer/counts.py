"""Numbers of any size in few characters, exact as long as one can read them. Pure."""

from __future__ import annotations

import math

_READABLE = 10**21
_SHORT = 10**9


def long_count(count: int) -> str:
    """Return a count in full as long as one can read it: `1,000,000`, `≈ 10^24`."""
    return f"{count:,}" if count < _READABLE else f"≈ 10^{math.log10(count):.0f}"


def short_count(count: int) -> str:
    """Return a count in few characters: `9,999`, `≈ 10^6`."""
    return f"{count:,}" if count < _SHORT else f"≈ 10^{math.log10(count):.0f}"


def power_text(number: int) -> str:
    """Return a number in full up to a million, beyond as one digit and a power: `12,000`, `3 × 10^9`."""
    if number < 10**6:
        return f"{number:,}"
    # Integers only: what has more digits than a float can say must not become infinite.
    exponent = int(math.log10(number))
    exponent += (number >= 10 ** (exponent + 1)) - (number < 10**exponent)
    digit = (number + 10**exponent // 2) // 10**exponent
    digit, exponent = (1, exponent + 1) if digit == 10 else (digit, exponent)
    return f"{digit} × 10^{exponent}"
