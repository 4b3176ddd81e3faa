from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from tui import collecting
from tui.parcel import Parcel


class Knot:
    """Garbage that only a look among all objects finds."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def begun() -> Iterator[None]:
    collecting.begin()
    collecting.YOUNG_FROM, kept = 0, collecting.YOUNG_FROM
    collecting.collect_at_leisure(collecting.QUIET_SECONDS)
    yield
    collecting.YOUNG_FROM = kept
    collecting.end()


def old_knot() -> weakref.ref[Knot]:
    """Return garbage that has outlived two looks among young objects."""
    knot = Knot()
    gc.collect(0)
    gc.collect(1)
    return weakref.ref(knot)


def test_garbage_is_looked_for_when_nobody_is_at_the_keys(begun: None) -> None:
    knot = old_knot()
    collecting.collect_at_leisure(collecting.QUIET_SECONDS - 0.1)
    assert knot() is not None
    collecting.collect_at_leisure(collecting.QUIET_SECONDS)
    assert knot() is None


def test_what_was_looked_through_is_left_alone_until_the_user_is_away(begun: None) -> None:
    knot = Knot()
    found = weakref.ref(knot)
    collecting.collect_at_leisure(collecting.QUIET_SECONDS)
    del knot
    collecting.collect_at_leisure(collecting.QUIET_SECONDS)
    assert found() is not None
    collecting.collect_at_leisure(collecting.AWAY_SECONDS)
    assert found() is None


@pytest.mark.parametrize(
    ("idle_seconds", "looks"),
    [(collecting.AWAY_SECONDS, collecting.LOOKS_AWAY), (collecting.QUIET_SECONDS, collecting.LOOKS_QUIET)],
)
def test_what_becomes_garbage_later_does_not_pile_up_however_long_an_app_runs(
    begun: None, idle_seconds: float, looks: int
) -> None:
    collecting.collect_at_leisure(idle_seconds)
    knot = Knot()
    found = weakref.ref(knot)
    collecting.collect_at_leisure(idle_seconds)
    del knot
    collecting.collect_at_leisure(idle_seconds)
    assert found() is not None
    for _ in range(looks):
        collecting.collect_at_leisure(idle_seconds)
    assert found() is None


def test_nothing_is_looked_for_while_a_large_sweep_is_read_or_no_app_runs(begun: None) -> None:
    knot = old_knot()
    collecting.put_off()
    collecting.collect_at_leisure(collecting.AWAY_SECONDS)
    assert knot() is not None
    collecting.resume()
    collecting.end()
    collecting.collect_at_leisure(collecting.AWAY_SECONDS)
    assert knot() is not None


def test_python_collects_as_before_when_the_app_has_ended() -> None:
    before = gc.get_threshold()
    collecting.begin()
    assert gc.get_threshold()[2] > before[2]
    collecting.end()
    assert gc.get_threshold() == before


def test_a_parcel_is_empty_once_it_was_opened() -> None:
    content = Knot()
    parcel = Parcel(content)
    assert parcel.open() is content
    with pytest.raises(IndexError):
        parcel.open()
