"""How long a pane rests between two looks at what it shows. Pure."""

from __future__ import annotations

import time

_ALLOWANCE = 0.3
"""A part of the interval: whoever asks a little before the next poll is asked along with it."""


def rest_of(interval_seconds: float, began: float) -> float:
    """Return the seconds to wait before the next look, which comes with the poll after the last one.

    Args:
        interval_seconds: Between two looks.
        began: When the last one was begun, by the clock of `monotonic`; it may have waited for a poll.
    """
    return max(interval_seconds * (1 - _ALLOWANCE) - (time.monotonic() - began), 0.05)
