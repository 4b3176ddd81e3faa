"""SweepListing: the sweeps of a session's server, read page by page at first, then only what changed. Blocks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from trainer.records import SweepRecord

WHOLE_EVERY_SECONDS = 120.0
"""How often all are read: what happens to sweeps that have ended only that tells."""
SHOW_EVERY_SECONDS = 0.3


class ListsSweeps(Protocol):
    """What is asked: a session."""

    def sweep_pages(self) -> Iterator[list[SweepRecord]]:
        """Yield all sweeps, as they are read."""

    def changed_sweeps(self, known: Sequence[SweepRecord]) -> list[SweepRecord] | None:
        """Return them with what is new; None where that takes reading all of them."""


class SweepListing:
    """Knows the sweeps of one server."""

    def __init__(self) -> None:
        """Know none."""
        self._known: tuple[SweepRecord, ...] | None = None
        self._whole_at = 0.0

    def read(self, session: ListsSweeps, *, whole: bool = False) -> Iterator[tuple[tuple[SweepRecord, ...], bool]]:
        """Yield the sweeps, newest first, and whether these are all: several times while they come for the first time.

        Args:
            session: Whose they are.
            whole: Whether to read all of them, though it would do to ask what changed.
        """
        if self._known and not whole and time.monotonic() - self._whole_at < WHOLE_EVERY_SECONDS:
            changed = session.changed_sweeps(self._known)
            if changed is not None:
                self._known = tuple(changed)
                yield self._known, True
                return
        found: list[SweepRecord] = []
        shown_at, pages = 0.0, 0
        for page in session.sweep_pages():
            found, pages = [*found, *page], pages + 1
            if self._known is None and found and time.monotonic() - shown_at > SHOW_EVERY_SECONDS:
                shown_at = time.monotonic()
                yield _ordered(found), False
        # One page alone is in order, whatever that is.
        self._known, self._whole_at = _ordered(found) if pages > 1 else tuple(found), time.monotonic()
        yield self._known, True


def _ordered(sweeps: list[SweepRecord]) -> tuple[SweepRecord, ...]:
    # Of the same moment they stay as they came.
    timed = [
        (-(sweep.created_at.timestamp() if sweep.created_at else 0.0), place) for place, sweep in enumerate(sweeps)
    ]
    return tuple(sweeps[place] for _, place in sorted(timed))
