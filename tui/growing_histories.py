"""GrowingHistories: the histories of runs that are drawn, read once and then only what is new. Used in workers.

The first time is a request for all of them (those of ended runs come from the disk); what a live run logs after that
comes with the next poll of its sweep, and of an ended run nothing more is asked.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from trainer.records import HistoryPoint, RunRecord, SweepReference

if TYPE_CHECKING:
    from tui.session import Session

_THINNED_FROM = 4
"""Times as many rows as were sampled, of which every second one goes."""


class GrowingHistories:
    """Remembers what it has read. Safe to share between workers, of which one at a time hears what is new."""

    def __init__(self, session: Session, samples: int) -> None:
        """Begin with nothing.

        Args:
            session: Where histories are read.
            samples: Rows of a history that are read at first.
        """
        self._lock = threading.Lock()
        self._session = session
        self._samples = samples
        self._rows: dict[str, list[HistoryPoint]] = {}
        self._whole: dict[str, RunRecord] = {}
        """Ended runs as they were when all of them had been read."""

    def wants(self, runs: Sequence[RunRecord]) -> bool:
        """Return whether something of these runs has not been read, or may be new."""
        return any(self._whole.get(run.id) != run for run in runs)

    def known(
        self, runs: Sequence[RunRecord], but: Mapping[str, Sequence[HistoryPoint]] = MappingProxyType({})
    ) -> dict[str, Sequence[HistoryPoint]]:
        """Return the histories that have been read, by whomever, but for those that are as they were."""
        found: dict[str, Sequence[HistoryPoint]] = {}
        for run in runs:
            rows, before = self._rows.get(run.id), but.get(run.id)
            if rows is not None and (before is None or before[-1:] != tuple(rows[-1:])):
                found[run.id] = tuple(rows)
        return found

    def forget(self) -> None:
        """Begin anew."""
        self._rows.clear()
        self._whole.clear()

    def read(
        self, reference: SweepReference, runs: Sequence[RunRecord], stop: threading.Event
    ) -> Iterator[Mapping[str, Sequence[HistoryPoint]]]:
        """Yield histories that were not known, then those that have grown; blocks until the next poll.

        Args:
            reference: Their sweep.
            runs: The runs as they are known.
            stop: Ends waiting when set.

        Raises:
            TrainerError: If they cannot be read.
        """
        fresh = [run for run in runs if run.id not in self._rows]
        if fresh:
            found = self._session.read_histories(reference, fresh, samples=self._samples)
            with self._lock:
                for run in fresh:
                    self._rows[run.id] = list(found.get(run.id, ()))
                    self._note(run)
            yield self.known(fresh)
        with self._lock:
            known = [run for run in runs if run not in fresh and run.id in self._rows and self.wants([run])]
            grown = self._news(reference, known, stop) if known and not stop.is_set() else None
        if grown is not None:
            yield grown

    def _news(
        self, reference: SweepReference, runs: Sequence[RunRecord], stop: threading.Event
    ) -> dict[str, Sequence[HistoryPoint]]:
        # Imported here, in the worker: it brings what reads the wire.
        from trainer.tracking.run_news import RunAsk

        # From the last row on, not after it: a history that was begun again does not have it.
        asks = [
            RunAsk(
                reference.entity, reference.project, run.id, samples=self._samples,
                from_step=self._rows[run.id][-1].step if self._rows[run.id] else 0,
            )
            for run in runs
        ]  # fmt: skip
        grown: dict[str, Sequence[HistoryPoint]] = {}
        for run, news in zip(runs, self._session.read_news(asks, stop), strict=True):
            if news is None:
                continue
            rows = self._rows[run.id]
            if rows and not (news.history and repr(news.history[0]) == repr(rows[-1])):
                del self._rows[run.id]
                continue
            if len(news.history) > (1 if rows else 0):
                rows += news.history[1 if rows else 0 :]
                if len(rows) > _THINNED_FROM * self._samples:
                    rows[:] = rows[::-1][::2][::-1]
                grown[run.id] = tuple(rows)
            self._note(run)
        return grown

    def _note(self, run: RunRecord) -> None:
        if run.state.is_terminal:
            self._whole[run.id] = run
