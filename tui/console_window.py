"""ConsoleWindow: the part of a run's console log that is held, read from its end and on in both directions, bounded.

Blocks on the server: for workers. Pages are given up whole, since only the server's marks at their edges go on.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from trainer.records import ConsoleLine, ConsolePage
from tui.console_lines import ShownLines, console_shown

MAX_LINES = 200_000
"""Lines that are held."""
MAX_CHARACTERS = 64_000_000
"""Letters of them, with those that give colours: few lines may be long ones."""
FIRST_LINES = 500
"""Of the end, read first: more than a screen has."""
PAGE_LINES = 5_000
TAIL_LINES = 100
"""Of the end, read again and again: the SDK sends lines anew that a program rewrites, such as progress bars."""
_CATCH_UP_PAGES = 4
"""Pages read to close a hole before the window goes to the end instead."""


class ReadPage(Protocol):
    """Reads lines of the console of one run; blocks."""

    def __call__(self, *, lines: int, before: str = "", after: str | None = None) -> ConsolePage:
        """Return the last lines before a mark, or the first behind one."""


@dataclass(frozen=True, slots=True)
class ConsoleUpdate:
    """What has become known of a log."""

    number: int
    """Where the lines belong, counted from the first one that was ever read."""
    lines: ShownLines
    first: int
    """Lines before this one are held no more."""
    end: int
    """Neither are those from this one on."""
    before: int
    """Lines that the log has before those held."""
    behind: int
    """Lines that it has behind them."""
    replaces: bool = False
    """Whether what was held before is not connected with this."""


@dataclass(slots=True)
class _Page:
    """Lines that came together, or were added to the last page since."""

    numbers: list[int]
    """The server's, which may leave some out."""
    older: str
    newer: str
    characters: int


class ConsoleWindow:
    """Some neighbouring pages of a log."""

    def __init__(
        self,
        read: ReadPage,
        max_lines: int = MAX_LINES,
        max_characters: int = MAX_CHARACTERS,
        look: Callable[[int], ConsolePage] | None = None,
    ) -> None:
        """Hold none, and remember how to read.

        Args:
            read: Reads at once.
            max_lines: Lines to hold.
            max_characters: Letters of them.
            look: Reads so many lines of the end when it suits the server; None for at once.
        """
        self._read = read
        self._look = look
        self._max_lines, self._max_characters = max_lines, max_characters
        self._pages: deque[_Page] = deque()
        self._first = 0
        self._total = 0
        self._tail: Sequence[ConsoleLine] = ()

    def __len__(self) -> int:
        """Return how many lines are held."""
        return sum(len(page.numbers) for page in self._pages)

    @property
    def before(self) -> int:
        """Lines that the log has before those held."""
        return self._pages[0].numbers[0] if self._pages else 0

    @property
    def behind(self) -> int:
        """Lines that it has behind them."""
        return max(self._total - self._pages[-1].numbers[-1] - 1, 0) if self._pages else 0

    @property
    def has_older(self) -> bool:
        """Whether lines before those held can be read."""
        return bool(self._pages) and bool(self._pages[0].older)

    @property
    def has_newer(self) -> bool:
        """Whether there are lines behind those held, and can be read."""
        return self.behind > 0 and bool(self._pages[-1].newer)

    @property
    def is_full(self) -> bool:
        """Whether another page would push one out."""
        return (
            len(self) + PAGE_LINES > self._max_lines
            or sum(page.characters for page in self._pages) > self._max_characters * 0.9
        )

    def read_end(self) -> ConsoleUpdate:
        """Hold the end of the log, and nothing else."""
        page = self._read(lines=FIRST_LINES)
        self._tail = page.lines[-TAIL_LINES:]
        return self._restart(page)

    def read_start(self) -> ConsoleUpdate:
        """Hold the beginning of the log, and nothing else."""
        return self._restart(self._read(lines=PAGE_LINES, after=""))

    def _restart(self, page: ConsolePage) -> ConsoleUpdate:
        self._pages.clear()
        self._first, self._total = 0, page.total
        shown = console_shown(page.lines)
        if page.lines:
            self._pages.append(_Page(_numbers(page.lines), page.older, page.newer, shown.characters))
        return self._update(0, shown, replaces=True)

    def read_older(self) -> ConsoleUpdate:
        """Hold the lines before, too; the last ones are given up where that would be too many."""
        page = self._read(lines=PAGE_LINES, before=self._pages[0].older)
        known = self._pages[0].numbers[0]
        lines = [line for line in page.lines if line.number < known]
        shown = console_shown(lines)
        self._total = max(self._total, page.total)
        if lines:
            self._pages.appendleft(_Page(_numbers(lines), page.older, page.newer, shown.characters))
            self._first -= len(lines)
        else:
            # A server that says there is more and gives nothing new is not asked again.
            self._pages[0].older = ""
        while self._is_over and len(self._pages) > 1:
            self._pages.pop()
        return self._update(self._first, shown)

    def read_newer(self) -> ConsoleUpdate:
        """Hold the lines behind, too; the first ones are given up where that would be too many."""
        page = self._read(lines=PAGE_LINES, after=self._pages[-1].newer)
        known, end = self._pages[-1].numbers[-1], self._first + len(self)
        lines = [line for line in page.lines if line.number > known]
        shown = console_shown(lines)
        self._total = max(self._total, page.total)
        if lines:
            self._pages.append(_Page(_numbers(lines), page.older, page.newer, shown.characters))
        else:
            self._pages[-1].newer = ""
        self._drop_first()
        return self._update(end, shown)

    def look_again(self) -> ConsoleUpdate | None:
        """Hold what came at the end since, and what was changed there; None if nothing was."""
        page = self._look(TAIL_LINES) if self._look and self._pages else self._read(lines=TAIL_LINES)
        if not self._pages:
            return self.read_end() if page.lines else None
        known, found, total, newer = self._pages[-1].numbers[-1], list(page.lines), page.total, page.newer
        if page.lines == self._tail or not found:
            return None
        if total < self._total:
            # The run was started over.
            return self.read_end()
        for _ in range(_CATCH_UP_PAGES):
            if found[0].number <= known + 1 or not page.older:
                break
            page = self._read(lines=PAGE_LINES, before=page.older)
            found = [*page.lines, *found]
        if found[0].number > known + 1 and page.older:
            return self.read_end()
        unchanged = set(self._tail)
        self._tail = found[-TAIL_LINES:]
        # What stands as it stood is not painted anew.
        changed = next(
            (at for at, line in enumerate(found) if line.number > known or line not in unchanged), len(found)
        )
        return self._put(found[changed:], total, newer)

    def _put(self, lines: Sequence[ConsoleLine], total: int, newer: str) -> ConsoleUpdate:
        held = [number for page in self._pages for number in page.numbers]
        at = bisect_left(held, lines[0].number) if lines else len(held)
        shown = console_shown(lines)
        last = self._pages[-1]
        added = [line.number for line in lines if line.number > held[-1]]
        self._total = max(self._total, total)
        if added and len(last.numbers) + len(added) > PAGE_LINES:
            # The mark behind them serves for reading backwards, too: what comes too often is left out.
            self._pages.append(_Page(added, newer, newer, shown.characters))
        else:
            last.numbers += added
            last.newer, last.characters = newer, last.characters + shown.characters
        number = self._first + at
        self._drop_first()
        return self._update(number, shown)

    @property
    def _is_over(self) -> bool:
        return len(self) > self._max_lines or sum(page.characters for page in self._pages) > self._max_characters

    def _drop_first(self) -> None:
        while self._is_over and len(self._pages) > 1:
            gone = self._pages.popleft()
            self._first += len(gone.numbers)

    def _update(self, number: int, shown: ShownLines, *, replaces: bool = False) -> ConsoleUpdate:
        end = self._first + len(self)
        return ConsoleUpdate(number, shown, self._first, end, self.before, self.behind, replaces)


def _numbers(lines: Sequence[ConsoleLine]) -> list[int]:
    return [line.number for line in lines]
