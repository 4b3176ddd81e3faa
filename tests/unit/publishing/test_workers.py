"""Several runs are published at once, and an error in one of them is not lost."""

from __future__ import annotations

import threading

import pytest

from trainer.publishing.workers import Workers


def test_pieces_are_done_at_once_and_all_before_the_end() -> None:
    together = threading.Barrier(3, timeout=10)
    done: list[int] = []

    def piece(number: int) -> None:
        together.wait()
        done.append(number)

    with Workers(3) as workers:
        for number in range(9):
            workers.give(lambda number=number: piece(number))  # type: ignore[misc]
    assert sorted(done) == list(range(9))


def test_an_error_ends_the_rest_and_is_raised_to_the_giver() -> None:
    done: list[int] = []

    def piece(number: int) -> None:
        if number == 3:
            raise LookupError("three")
        done.append(number)

    with pytest.raises(LookupError, match="three"), Workers(2) as workers:
        for number in range(1000):
            workers.give(lambda number=number: piece(number))  # type: ignore[misc]
    assert len(done) < 20
    with pytest.raises(LookupError, match="three"), Workers(1) as workers:
        workers.give(lambda: piece(3))


def test_an_interrupt_waits_for_nothing() -> None:
    ended = threading.Event()
    with pytest.raises(KeyboardInterrupt), Workers(1) as workers:
        workers.give(lambda: ended.wait(30))
        raise KeyboardInterrupt
    assert not ended.is_set()
    ended.set()
