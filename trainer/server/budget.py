"""What one query may cost: time, fields and text. Far above what the SDK asks for, far below what holds a server up."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from trainer.errors import InputError

QUERY_SECONDS = 3.0
"""Of the processor, not of the clock: a busy machine makes no query wrong."""
MAX_RESOLVED = 120_000
"""Fields and list items of one answer; a page of 1,000 whole runs has about 60,000."""
MAX_TEXT = 256 * 2**20
"""Characters of one answer's texts."""
LIGHT_SECONDS = 0.2
"""Queries that take longer than this are answered a few at a time."""
MAX_HEAVY = 2
WAIT_SECONDS = 15.0
"""So long a heavy query waits for its turn."""

_ROWS_BETWEEN_LOOKS = 16
"""Rows of a plain list between two looks at the clock, which costs as much as a few fields."""

_turns = threading.BoundedSemaphore(MAX_HEAVY)


class BudgetError(InputError):
    """A query asks for more than one answer may hold."""


class BusyError(BudgetError):
    """A heavy query found no turn; it may come again."""


class QueryEnded(BaseException):  # noqa: N818
    """Ends a whole query. Not an `Exception`: the executor would put a null for it and go on with the next field."""

    def __init__(self, reason: BudgetError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Budget:
    """Counts down while an operation is answered; for the thread that answers it. `close` it."""

    def __init__(self, seconds: float = QUERY_SECONDS, resolved: int = MAX_RESOLVED, text: int = MAX_TEXT) -> None:
        self._seconds = seconds
        self._resolved = resolved
        self._text = text
        self._started: float | None = None
        self._rows = 0
        self._has_turn = False
        self._ended: BudgetError | None = None

    def start(self) -> None:
        """Let the clock run (anew), by this thread's time on the processor."""
        self._started = time.thread_time()

    def stop(self) -> None:
        """Let the clock stand: what a mutation does takes as long as it takes; what is read of it then does not."""
        self._started = None

    def close(self) -> None:
        """Let the next heavy query have its turn."""
        if self._has_turn:
            self._has_turn = False
            _turns.release()

    def is_late(self) -> bool:
        """Return whether the time is up; waits for a turn once a query proves to be heavy."""
        if self._ended is None and self._started is not None:
            spent = time.thread_time() - self._started
            if spent > self._seconds:
                self._ended = BudgetError(
                    f"The query takes longer than {self._seconds:g} s.", hint="Ask for less, or filter by less."
                )
            elif spent > LIGHT_SECONDS and not self._has_turn:
                self._has_turn = _turns.acquire(timeout=WAIT_SECONDS)
                if not self._has_turn:
                    self._ended = BusyError("Too many large queries are being answered.", hint="Ask again.")
        return self._ended is not None

    @property
    def ended(self) -> BudgetError | None:
        """Why there is nothing left, if so."""
        return self._ended

    def check(self) -> None:
        """Go on only while there is something left.

        Raises:
            QueryEnded: If there is not.
        """
        if self._ended is None and (self._resolved < 0 or self._text < 0):
            self._ended = BudgetError(
                "The query asks for more than one answer may hold.", hint="Ask for smaller pages."
            )
        if self.is_late() and self._ended is not None:
            raise QueryEnded(self._ended)

    def spend(self, value: object) -> None:
        """Take note of a value that goes into the answer.

        Raises:
            QueryEnded: If there is nothing left for it.
        """
        self._resolved -= 1
        if isinstance(value, str):
            self._text -= len(value)
        elif isinstance(value, list):
            self._resolved -= len(value)
            if value and isinstance(value[0], str):
                self._text -= sum(len(item) for item in value if isinstance(item, str))
            self.check()
        if self._resolved < 0 or self._text < 0:
            self.check()

    def spend_row(self, row: Mapping[str, object]) -> None:
        """Take note of a row that goes into the answer as it is, with the rows in it.

        Raises:
            QueryEnded: If there is nothing left for it.
        """
        self._note_row(row)
        self._rows += 1
        if self._resolved < 0 or self._text < 0 or self._rows % _ROWS_BETWEEN_LOOKS == 0:
            self.check()

    def _note_row(self, row: Mapping[str, object]) -> None:
        text = 0
        for value in row.values():
            kind = type(value)
            if kind is str:
                text += len(value)  # type: ignore[arg-type]
            elif value is None or kind is int or kind is float or kind is bool:
                continue
            elif isinstance(value, dict):
                self._note_row(value)
            elif isinstance(value, list):
                self._resolved -= len(value)
                text += sum(len(item) for item in value if isinstance(item, str))
            elif isinstance(value, str):
                text += len(value)
        self._resolved -= len(row)
        self._text -= text
