"""What one query may cost: time, fields and text. Far above what the SDK asks for, far below what holds a server up."""

from __future__ import annotations

import time

from trainer.errors import InputError

QUERY_SECONDS = 12.0
MAX_RESOLVED = 150_000
"""Fields and list items of one answer; a page of 1,000 whole runs has about 60,000."""
MAX_TEXT = 256 * 2**20
"""Characters of one answer's texts."""


class BudgetError(InputError):
    """A query asks for more than one answer may hold."""


class Budget:
    """Counts down while a query is answered; for one thread."""

    def __init__(self, seconds: float = QUERY_SECONDS, resolved: int = MAX_RESOLVED, text: int = MAX_TEXT) -> None:
        self._deadline = time.monotonic() + seconds
        self._seconds = seconds
        self._resolved = resolved
        self._text = text

    def is_late(self) -> bool:
        """Return whether the time is up."""
        return time.monotonic() > self._deadline

    def check(self) -> None:
        """Go on only while there is something left.

        Raises:
            BudgetError: If there is not.
        """
        if self._resolved < 0 or self._text < 0:
            raise BudgetError("The query asks for more than one answer may hold.", hint="Ask for smaller pages.")
        if self.is_late():
            raise self.too_late()

    def too_late(self) -> BudgetError:
        """Return what to say when the time is up."""
        return BudgetError(f"The query takes longer than {self._seconds:g} s.", hint="Ask for less, or filter by less.")

    def spend(self, value: object) -> None:
        """Take note of a value that goes into the answer.

        Raises:
            BudgetError: If it is a list, and there is nothing left for what is in it.
        """
        self._resolved -= 1
        if isinstance(value, str):
            self._text -= len(value)
        elif isinstance(value, list):
            self._resolved -= len(value)
            if value and isinstance(value[0], str):
                self._text -= sum(len(item) for item in value if isinstance(item, str))
            self.check()
