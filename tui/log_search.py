"""Which lines of a log have a text: found piece by piece, so that a thread may do it and be stopped. Pure.

What narrows a search that has ended looks only at what that one found.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

PIECE_LINES = 2_000
"""Lines looked at before others get their turn: about a millisecond."""


def lowered(text: str) -> str:
    """Return a text in small letters, each of them in the place of its letter."""
    low = text.lower()
    if len(low) == len(text):
        return low
    # A capital İ becomes two letters, and everything behind it would be marked one place too far.
    return "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)


@dataclass(frozen=True, slots=True, eq=False)
class LineSearch:
    """What to look for, and where."""

    sought: str
    """In small letters."""
    texts: Sequence[str] = field(repr=False)
    """A copy of the lines, which does not change. Left out of the text of a search: workers make one, of all lines."""
    first: int
    """The number of the first of them."""
    origin: int
    """The number of the line from which the nearest one before is wanted."""
    among: Sequence[int] | None = field(default=None, repr=False)
    """Numbers of the only lines that can have it, in order; None for all of them."""

    def found(self) -> Iterator[list[int]]:
        """Yield the numbers of the lines that have it, piece by piece.

        From the origin backwards, then from the end backwards to the origin; in order within a piece.
        """
        numbers: Sequence[int] = (
            self.among if self.among is not None else range(self.first, self.first + len(self.texts))
        )
        split = bisect_right(numbers, self.origin)
        for low, high in ((0, split), (split, len(numbers))):
            for end in range(high, low, -PIECE_LINES):
                piece = numbers[max(end - PIECE_LINES, low) : end]
                yield [number for number in piece if self.sought in lowered(self.texts[number - self.first])]

    @property
    def size(self) -> int:
        """How many lines are looked at."""
        return len(self.texts) if self.among is None else len(self.among)
