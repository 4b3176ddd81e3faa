"""What is asked of histories, refresh after refresh, of a session whose server is a dictionary."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import cast

from trainer.records import HistoryPoint, RunRecord, SweepReference
from trainer.states import RunState
from trainer.tracking.run_news import RunAsk, RunNews
from tui.growing_histories import GrowingHistories
from tui.session import Session

REFERENCE = SweepReference("me", "p", "s")
ALIVE, ENDED = RunRecord("a", "a", RunState.RUNNING), RunRecord("b", "b", RunState.FINISHED)


class Rows:
    """Histories, and what was asked for."""

    def __init__(self) -> None:
        self.rows = {"a": self.made(3), "b": self.made(2)}
        self.whole: list[str] = []
        self.asked: list[tuple[str, int | None]] = []

    @staticmethod
    def made(count: int, factor: float = 1.0) -> list[HistoryPoint]:
        return [HistoryPoint(step, {"loss": step * factor}) for step in range(count)]

    def read_histories(
        self, reference: SweepReference, runs: Sequence[RunRecord], *, samples: int
    ) -> dict[str, list[HistoryPoint]]:
        self.whole += [run.id for run in runs]
        return {run.id: list(self.rows[run.id]) for run in runs}

    def read_news(self, asks: Sequence[RunAsk], stop: threading.Event) -> list[RunNews | None]:
        self.asked += [(ask.run_id, ask.from_step) for ask in asks]
        return [
            RunNews(history=tuple(row for row in self.rows[ask.run_id] if row.step >= (ask.from_step or 0)))
            for ask in asks
        ]


def test_rows_are_read_once_then_from_the_last_on_and_anew_where_a_run_began_again() -> None:
    server, stop = Rows(), threading.Event()
    growing = GrowingHistories(cast(Session, server), samples=10)

    def refresh() -> dict[str, list[int]]:
        found = growing.read(REFERENCE, [ALIVE, ENDED], stop)
        return {run_id: [row.step for row in rows] for one in found for run_id, rows in one.items()}

    assert refresh() == {"a": [0, 1, 2], "b": [0, 1]}
    assert refresh() == {}, "nothing new"
    server.rows["a"] = server.made(5)
    assert refresh() == {"a": [0, 1, 2, 3, 4]}
    assert (server.whole, server.asked) == (["a", "b"], [("a", 2), ("a", 2)]), "of an ended run nothing more is asked"
    server.rows["a"] = server.made(6, factor=2.0)
    assert refresh() == {}
    assert refresh() == {"a": [0, 1, 2, 3, 4, 5]} and server.whole == ["a", "b", "a"]
    server.rows["a"] = server.made(60, factor=2.0)
    steps = refresh()["a"]
    assert len(steps) <= 40 and steps[-1] == 59, "a long one is thinned, its end stays"
    stop.set()
    asked = len(server.asked)
    assert refresh() == {} and len(server.asked) == asked
