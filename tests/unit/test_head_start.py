"""A sweep that is read beside the first paint: given out once, failures included."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from trainer.errors import NotFoundError, ServerLostError
from trainer.records import SweepRecord, SweepReference
from trainer.states import SweepState
from trainer.tracking.client import SweepSnapshot
from tui.head_start import HeadStart

REFERENCE = SweepReference("me", "p", "s")
SNAPSHOT = SweepSnapshot(SweepRecord(REFERENCE, "s", SweepState.RUNNING, "grid", None, {}), (), "cursor 1")


def test_records_wait_for_the_first_paint() -> None:
    has_asked, has_made = threading.Event(), threading.Event()

    def read(reference: SweepReference, ready: Callable[[], object]) -> SweepSnapshot:
        has_asked.set()
        ready()
        has_made.set()
        return SNAPSHOT

    ahead = HeadStart(lambda: REFERENCE, read)
    assert has_asked.wait(5) and not has_made.wait(0.05)
    ahead.go_on()
    assert ahead.take() is SNAPSHOT
    assert ahead.is_of(REFERENCE) and not ahead.is_of(SweepReference("me", "p", "other"))


def test_a_failure_is_told_to_whoever_asks() -> None:
    def lost(reference: SweepReference, ready: Callable[[], object]) -> SweepSnapshot:
        raise ServerLostError("gone", hint="")

    def unknown() -> SweepReference:
        raise NotFoundError("no such sweep", hint="")

    with pytest.raises(ServerLostError):
        HeadStart(lambda: REFERENCE, lost).take()
    assert not HeadStart(unknown, lost).is_of(REFERENCE), "who opens the sweep finds out by itself"
