"""Riders: questions that wait for the next poll of their server and are asked in its request. Sends nothing.

Whatever is shown, a server is asked once per refresh: the follower that has been at it for longest drives, and all that
other panes (and other followers) want to know rides along. Where nobody polls, whoever asks has to ask alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from trainer.tracking.parts import Part

MOST_PARTS = 60
"""In one document; the embedded server reads 100 fields of a name, and no terminal shows so many runs."""
_LOOK_SECONDS = 0.2
"""A stop is noticed within this."""


@dataclass(eq=False, slots=True)
class _Ticket:
    parts: Sequence[Part]
    is_done: bool = False
    answers: list[dict[str, Any]] = field(default_factory=list)
    error: Exception | None = None
    goes_alone: bool = False


class Trip:
    """The questions that ride along with one poll; whoever polls says what came of it, once."""

    def __init__(self, riders: Riders, tickets: Sequence[_Ticket]) -> None:
        self._riders = riders
        self._tickets = tickets

    @property
    def parts(self) -> list[Part]:
        """What is asked."""
        return [part for ticket in self._tickets for part in ticket.parts]

    def arrived(self, answers: Sequence[dict[str, Any]]) -> None:
        """Hand out what was answered, in the order of `parts`."""
        start = 0
        for ticket in self._tickets:
            ticket.answers = list(answers[start : start + len(ticket.parts)])
            start += len(ticket.parts)
        self._riders.let_off(self._tickets)

    def failed(self, error: Exception) -> None:
        """Tell all of them that the server did not answer."""
        for ticket in self._tickets:
            ticket.error = error
        self._riders.let_off(self._tickets)

    def refused(self) -> None:
        """Send each on its own way: together they were refused, and one of them is why."""
        for ticket in self._tickets:
            ticket.goes_alone = True
        self._riders.let_off(self._tickets)

    def put_off(self) -> None:
        """Have all of them wait for the next poll."""
        self._riders.take_back(self._tickets)


class Riders:
    """Who polls a server, and what waits to be asked with that. Safe to share between threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[_Ticket] = []
        self._polling: list[int] = []
        """Threads that poll, the driver first."""

    @contextmanager
    def polling(self) -> Iterator[None]:
        """Note that this thread polls, again and again, until the context is left."""
        thread = threading.get_ident()
        with self._changed:
            self._polling.append(thread)
        try:
            yield
        finally:
            with self._changed:
                self._polling.remove(thread)
                self._changed.notify_all()

    @property
    def drives(self) -> bool:
        """Whether what this thread asks is what others ride along with."""
        return not self._polling or self._polling[0] == threading.get_ident()

    def board(self) -> Trip:
        """Take those who wait along."""
        with self._changed:
            taken: list[_Ticket] = []
            count = 0
            for ticket in self._waiting:
                if taken and count + len(ticket.parts) > MOST_PARTS:
                    break
                taken.append(ticket)
                count += len(ticket.parts)
            del self._waiting[: len(taken)]
        return Trip(self, taken)

    def ride(self, parts: Sequence[Part], stop: threading.Event | None = None) -> list[dict[str, Any]] | None:
        """Wait for the next poll and return what was answered to each part; blocks.

        Args:
            parts: What to ask.
            stop: Ends waiting when set.

        Returns:
            None where they have to be asked alone: nobody polls, or the server refused all of them together. Where
            `stop` was set, too: nobody wants to know any more.

        Raises:
            ServerError: As the poll had it.
        """
        ticket = _Ticket(parts)
        with self._changed:
            if not self._polling or self._polling[0] == threading.get_ident():
                return None
            self._waiting.append(ticket)
            while not ticket.is_done:
                nobody = not self._polling or self._polling[0] == threading.get_ident()
                if (nobody or (stop is not None and stop.is_set())) and ticket in self._waiting:
                    self._waiting.remove(ticket)
                    return None
                self._changed.wait(_LOOK_SECONDS)
        if ticket.error is not None:
            raise ticket.error
        return None if ticket.goes_alone else ticket.answers

    def let_off(self, tickets: Sequence[_Ticket]) -> None:
        """Wake those whose poll is over."""
        with self._changed:
            for ticket in tickets:
                ticket.is_done = True
            self._changed.notify_all()

    def take_back(self, tickets: Sequence[_Ticket]) -> None:
        """Have them wait on, before all others."""
        with self._changed:
            self._waiting[:0] = tickets
