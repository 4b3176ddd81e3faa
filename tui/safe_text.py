"""Signs that would steer the terminal are taken out of what is shown: names, notes and logs are other people's text.

An escape sequence in the name of a run could move the cursor, recolour the screen or name a false address; marks of
writing direction could turn the rest of a line around. They are as wide as nothing, so that no column moves.
"""

from __future__ import annotations

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class SteeringFilter(LineFilter):
    """Makes lines harmless on their way to the terminal."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments without signs that steer; the very same where there are none."""
        if all(segment.text.isprintable() for segment in segments):
            return segments
        return [
            segment if segment.control else Segment(_STEERING.sub("", segment.text), segment.style)
            for segment in segments
        ]
