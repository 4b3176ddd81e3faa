"""Finds: the lines that have what is looked for, while lines come and go and a search is still under way. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from tui.log_search import LineSearch, lowered


class Finds:
    """Numbers of lines, and which of them is shown."""

    def __init__(self) -> None:
        """Look for nothing."""
        self.sought = ""
        """What is looked for, in small letters; empty for nothing."""
        self.numbers: list[int] = []
        """Of the lines that have it, in order."""
        self.current: int | None = None
        """The one that is shown."""
        self.search: LineSearch | None = None
        """What is still under way."""
        self._origin = 0
        self._put: set[int] = set()
        """Lines that came since the search began: it does not know them, or not as they are."""

    def begin(self, sought: str, texts: Sequence[str], first: int, origin: int) -> LineSearch | None:
        """Look for something else; return the search for it, or None if there is nothing to look for.

        Args:
            sought: In small letters.
            texts: The lines that are held.
            first: The number of the first of them.
            origin: The line from which the nearest one before is shown.
        """
        # What is a part of it was looked for already, in every line: only those can have it.
        narrows = self.search is None and bool(self.sought) and self.sought in sought
        among = list(self.numbers) if narrows else None
        self.sought, self.numbers, self.current, self._origin = sought, [], None, origin
        self._put.clear()
        self.search = LineSearch(sought, list(texts), first, origin, among) if sought and texts else None
        return self.search

    def add(self, numbers: Sequence[int]) -> None:
        """Take what a search has found, a piece in order."""
        if self._put:
            numbers = [number for number in numbers if number not in self._put]
        if not numbers:
            return
        self.numbers = sorted([*self.numbers, *numbers])
        if self.current is None or (self.search is not None and self.current > self._origin):
            self._choose()

    def _choose(self) -> None:
        """Show the nearest one before the origin; one behind it where there is none, or none yet."""
        if self.numbers:
            self.current = self.numbers[max(bisect_right(self.numbers, self._origin) - 1, 0)]

    def finish(self) -> None:
        """The search has seen every line."""
        self.search = None
        self._put.clear()

    def put(self, number: int, texts: Sequence[str]) -> None:
        """Look at lines that came, or came anew."""
        if not self.sought:
            return
        end = number + len(texts)
        found = [number + at for at, text in enumerate(texts) if self.sought in lowered(text)]
        self.numbers[bisect_left(self.numbers, number) : bisect_left(self.numbers, end)] = found
        if self.search is not None:
            # Which one is nearest is known when it comes back.
            self._put.update(range(number, end))
        elif self.current is None:
            self._choose()

    def keep(self, first: int, end: int) -> None:
        """Forget the lines that are not from `first` to before `end`."""
        self.numbers = self.numbers[bisect_left(self.numbers, first) : bisect_left(self.numbers, end)]
        if first >= end:
            self.finish()
        elif self.search is not None:
            # What it still finds there is not there any more; to know which, lines would be counted in vain.
            gone = [*range(self.search.first, first), *range(end, self.search.first + len(self.search.texts))]
            self._put.update(gone)
        if self.current is not None and not first <= self.current < end:
            self.current = None
            self._choose()

    def move(self, by: int) -> None:
        """Show another one: `by` further down."""
        if self.numbers:
            at = 0 if self.current is None else bisect_left(self.numbers, self.current)
            self.current = self.numbers[(at + by) % len(self.numbers)]

    @property
    def text(self) -> str:
        """What was found, in words; empty when nothing is looked for."""
        if not self.sought:
            return ""
        if not self.numbers:
            return "…" if self.search else "not found"
        at = 0 if self.current is None else bisect_left(self.numbers, self.current)
        return f"{at + 1:,} of {len(self.numbers):,}{'…' if self.search else ''}"
