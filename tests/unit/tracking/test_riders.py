"""Who rides along with a poll, and the documents of many parts; `tests/contract/test_one_request.py` has real ones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from trainer.errors import ServerLostError
from trainer.tracking.parts import Part, answers_of, document_of
from trainer.tracking.riders import MOST_PARTS, Riders, Trip

RUN = Part("me", "p", "run(name: $name) { ...F }", {"name": "String!"}, {"name": "r1"}, ("\nfragment F on Run { id }",))
SWEEP = Part("me", "q", "sweep(sweepName: $name) { id }", {"name": "String!"}, {"name": "s1"})


def ride_along(parts: Sequence[Part], answer: Callable[[Trip], None]) -> Any:
    """Return what came to a rider, or what it raised, when a driver answers."""
    riders, stop = Riders(), threading.Event()
    came: list[Any] = []

    def ride() -> None:
        try:
            came.append(riders.ride(parts, stop))
        except ServerLostError as error:
            came.append(error)

    with riders.polling():
        thread = threading.Thread(target=ride)
        thread.start()
        while not (trip := riders.board()).parts:
            pass
        answer(trip)
        thread.join(5)
    return came[0]


def test_parts_have_variables_and_answers_of_their_own_and_a_fragment_once() -> None:
    text, values = document_of([SWEEP, RUN, RUN], "SweepRuns")
    assert text.startswith("query SweepRuns($entity: String!, $project: String!, $name: String!, $p1_entity: String!")
    assert "part2: project(name: $p2_project, entityName: $p2_entity) { run(name: $p2_name) { ...F } }" in text
    assert text.count("fragment F") == 1
    assert (values["name"], values["p1_name"], values["p2_project"]) == ("s1", "r1", "p")
    assert answers_of({"project": {"a": 1}, "part1": None, "part2": {"b": 2}}, 3) == [{"a": 1}, {}, {"b": 2}]


def test_where_nobody_polls_nobody_rides() -> None:
    riders = Riders()
    assert riders.ride([RUN]) is None
    with riders.polling():
        assert riders.drives
        assert riders.ride([RUN]) is None, "whoever drives would wait for itself"


def test_answers_errors_and_refusals_reach_whoever_rode_along() -> None:
    lost = ServerLostError("gone")
    assert ride_along([RUN, SWEEP], lambda trip: trip.arrived([{"a": 1}, {"b": 2}])) == [{"a": 1}, {"b": 2}]
    assert ride_along([RUN], lambda trip: trip.failed(lost)) is lost
    assert ride_along([RUN], lambda trip: trip.refused()) is None


def test_who_was_put_off_rides_with_the_next_poll_and_a_second_follower_rides_with_the_first() -> None:
    riders, came = Riders(), []

    def follow() -> None:
        with riders.polling():
            assert not riders.drives
            came.append(riders.ride([SWEEP]))

    with riders.polling():
        thread = threading.Thread(target=follow)
        thread.start()
        while not (trip := riders.board()).parts:
            pass
        trip.put_off()
        trip = riders.board()
        assert trip.parts == [SWEEP]
        trip.arrived([{"a": 1}])
        thread.join(5)
    assert came == [[{"a": 1}]]


@pytest.mark.parametrize("ends", ["stop", "driver"])
def test_nobody_waits_for_a_poll_that_does_not_come(ends: str) -> None:
    riders, stop, leave, came = Riders(), threading.Event(), threading.Event(), []
    is_driving = threading.Event()

    def drive() -> None:
        with riders.polling():
            is_driving.set()
            leave.wait(5)

    driver = threading.Thread(target=drive)
    driver.start()
    is_driving.wait(5)
    rider = threading.Thread(target=lambda: came.append(riders.ride([RUN], stop)))
    rider.start()
    (stop if ends == "stop" else leave).set()
    rider.join(5)
    leave.set()
    driver.join(5)
    assert came == [None]
    assert riders.board().parts == []


def test_a_trip_takes_no_more_than_a_document_may_hold() -> None:
    riders = Riders()
    crowd = [threading.Thread(target=riders.ride, args=([RUN] * 40,), daemon=True) for _ in range(2)]
    with riders.polling():
        for thread in crowd:
            thread.start()
        sizes: list[int] = []
        while len(sizes) < 2:
            if parts := (trip := riders.board()).parts:
                sizes.append(len(parts))
                trip.arrived([{}] * len(parts))
    assert max(sizes) <= MOST_PARTS and sum(sizes) == 80
