"""LogLines: the lines of a log that are held, each under a number that stays its own. Pure; paints nothing.

Lines may be changed where they stand (a progress bar), come at either end, and be given up at either end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from tui.console_lines import LineLook


class LogLines:
    """Lines with numbers from `first` to `end`."""

    texts: list[str]

    def __init__(self) -> None:
        """Hold none."""
        self.texts = []
        self.first = 0
        """Number of the first line that is held; may be negative, where lines came before those read first."""
        self.looks: dict[int, LineLook] = {}
        """How lines look that are not plain, by their numbers."""
        self.widest = 1
        """Cells of the widest line there was."""

    @property
    def end(self) -> int:
        """The number of the next line at the end."""
        return self.first + len(self.texts)

    def text(self, number: int) -> str:
        """Return a line that is held."""
        return self.texts[number - self.first]

    def put(self, number: int, texts: Sequence[str], looks: Mapping[int, LineLook], widest: int = 0) -> None:
        """Put lines where they belong: over those that are there, or at either end.

        Args:
            number: Of the first of them.
            texts: Lines that overlap or touch those that are held.
            looks: How they look, by their place in `texts`.
            widest: Cells of the widest; 0 to find out here.

        Raises:
            ValueError: If there would be a hole.
        """
        if not self.texts:
            self.first = number
        elif not self.first - len(texts) <= number <= self.end:
            raise ValueError(f"lines {number} to {number + len(texts)} do not touch {self.first} to {self.end}")
        at = number - self.first
        if at < 0:
            self.texts[: max(at + len(texts), 0)] = texts
            self.first = number
        else:
            self.texts[at : at + len(texts)] = texts
        if self.looks:
            for place in range(number, number + len(texts)):
                self.looks.pop(place, None)
        for place, look in looks.items():
            self.looks[number + place] = look
        self.widest = max(self.widest, widest or max(map(cell_len, texts), default=1))

    def keep(self, first: int, end: int) -> None:
        """Give up the lines that are not from `first` to before `end`."""
        first, end = max(first, self.first), min(end, self.end)
        gone = [*range(self.first, first), *range(end, self.end)] if self.looks else ()
        for number in gone:
            self.looks.pop(number, None)
        del self.texts[max(end - self.first, 0) :]
        del self.texts[: first - self.first]
        self.first = first

    def clear(self) -> None:
        """Hold none."""
        self.texts, self.looks = [], {}
        self.first, self.widest = 0, 1
