"""What a follower reports, given what its client answers; `tests/contract/test_tracking.py` has the real client."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import cast

import pytest

from trainer.errors import NotFoundError, ServerBusyError, ServerError, ServerLostError
from trainer.events import (
    AgentsChanged,
    ClockRead,
    PaceChanged,
    RunsChanged,
    RunsGone,
    ServerBack,
    ServerLost,
    SweepChanged,
    SweepEvent,
)
from trainer.records import LocalAgent, RateBudget, RunRecord, SweepRecord, SweepReference
from trainer.settings import Connection, ServerKind
from trainer.states import AgentState, RunState, SweepState
from trainer.tracking import follow
from trainer.tracking.client import SweepSnapshot, TrackingClient
from trainer.tracking.follow import follow_sweep
from trainer.tracking.rate_budget import asked_wait, budget_of, wait_of

REFERENCE = SweepReference("me", "p", "s")
SWEEP = SweepRecord(REFERENCE, "s", SweepState.RUNNING, "grid", None, {})
DONE = replace(SWEEP, state=SweepState.FINISHED)
RUNNING = RunRecord("r1", "r1", RunState.RUNNING)
ENDED = replace(RUNNING, state=RunState.FINISHED)
Answer = tuple[SweepRecord, tuple[RunRecord, ...]] | SweepSnapshot | Exception


class Answers:
    """The one method of a TrackingClient that a follower calls, with answers given beforehand."""

    connection = Connection(ServerKind.EMBEDDED, "http://127.0.0.1:1", "k", "me")

    def __init__(self, answers: Sequence[Answer], when_used_up: Callable[[], None]) -> None:
        self._answers = list(answers)
        self._when_used_up = when_used_up
        self.cursors: list[str] = []

    def polling(self) -> AbstractContextManager[None]:
        return nullcontext()

    def poll_sweep(self, reference: SweepReference, cursor: str = "", *, curves: bool = True) -> SweepSnapshot:
        self.cursors.append(cursor)
        answer = self._answers.pop(0)
        if not self._answers:
            self._when_used_up()
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, SweepSnapshot):
            return answer
        return SweepSnapshot(answer[0], answer[1], f"cursor {len(self.cursors)}")


def events_of(
    *answers: Answer, agents: Callable[[], tuple[LocalAgent, ...]] | None = None, forever: bool = False
) -> tuple[list[SweepEvent], list[str]]:
    stop = threading.Event()
    client = Answers(answers, stop.set)
    events = follow_sweep(
        cast(TrackingClient, client), REFERENCE, stop=stop, interval_seconds=0.001, agents=agents, forever=forever
    )
    return list(events), client.cursors


def test_everything_comes_first_then_only_what_changed() -> None:
    other = RunRecord("r2", "r2", RunState.RUNNING)
    events, cursors = events_of((SWEEP, (RUNNING, other)), (SWEEP, (RUNNING, other)), (SWEEP, (ENDED, other)))
    assert events == [SweepChanged(SWEEP), RunsChanged((RUNNING, other)), RunsChanged((ENDED,))]
    assert cursors == ["", "cursor 1", "cursor 2"]


@pytest.mark.parametrize("is_lost", [False, True])
def test_an_answer_that_was_asked_for_already_is_taken_once(is_lost: bool) -> None:
    def first() -> SweepSnapshot:
        if is_lost:
            raise ServerLostError("gone", hint="")
        return SweepSnapshot(SWEEP, (RUNNING,), "asked before")

    stop = threading.Event()
    client = Answers([(SWEEP, (ENDED,))], stop.set)
    events = list(follow_sweep(cast(TrackingClient, client), REFERENCE, stop=stop, interval_seconds=0.001, first=first))
    assert client.cursors == ([""] if is_lost else ["asked before"])
    kinds = [type(event) for event in events]
    assert kinds[:2] == ([ServerLost, ServerBack] if is_lost else [SweepChanged, RunsChanged])
    assert events[-1] == RunsChanged((ENDED,))


def test_it_ends_when_the_sweep_is_over_and_no_run_is_alive() -> None:
    events, _ = events_of((SWEEP, (RUNNING,)), (DONE, (RUNNING,)), (DONE, (ENDED,)), (DONE, ()))
    assert events[2:] == [SweepChanged(DONE), RunsChanged((ENDED,))]


def test_whoever_knows_of_an_end_has_the_server_asked_at_once() -> None:
    stop, hurry = threading.Event(), threading.Event()
    client = Answers([(SWEEP, (RUNNING,)), (DONE, (ENDED,)), (DONE, ())], stop.set)
    began = time.monotonic()
    for event in follow_sweep(
        cast(TrackingClient, client), REFERENCE, stop=stop, interval_seconds=30, agents=None, hurry=hurry
    ):
        if event == RunsChanged((RUNNING,)):
            hurry.set()
    assert time.monotonic() - began < 10
    assert not hurry.is_set()


def test_the_last_runs_are_reported_before_the_end_of_the_sweep() -> None:
    events, _ = events_of((SWEEP, (RUNNING,)), (DONE, (ENDED,)), (DONE, ()))
    assert events[2:] == [RunsChanged((ENDED,)), SweepChanged(DONE)]


def test_forever_goes_on_after_the_end() -> None:
    events, cursors = events_of((DONE, (ENDED,)), (DONE, ()), (SWEEP, ()), forever=True)
    assert len(cursors) == 3
    assert events[-1] == SweepChanged(SWEEP)


def test_runs_that_nobody_will_start_do_not_keep_it_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "_PENDING_PATIENCE_SECONDS", 0.0)
    pending = replace(RUNNING, state=RunState.PENDING)
    _, cursors = events_of((DONE, (pending,)), (DONE, ()), (DONE, ()), (DONE, ()), (DONE, ()))
    assert len(cursors) <= 2


def test_a_lost_server_is_reported_and_tried_again_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "FIRST_RETRY_SECONDS", 0.001)
    monkeypatch.setattr(follow, "MAX_RETRY_SECONDS", 0.003)
    lost = ServerLostError("gone")
    events, cursors = events_of((SWEEP, ()), lost, lost, ServerError("disk full"), (SWEEP, (RUNNING,)))
    assert events[2:] == [
        ServerLost("gone", 0.001),
        ServerLost("gone", 0.002),
        ServerLost("disk full", 0.003),
        ServerBack(),
        RunsChanged((RUNNING,)),
    ]
    assert cursors == ["", "cursor 1", "cursor 1", "cursor 1", "cursor 1"]


def test_a_sweep_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(NotFoundError):
        events_of(NotFoundError("no such sweep"))


def test_what_was_deleted_elsewhere_is_reported_once_the_server_has_had_less_for_a_while() -> None:
    three = replace(SWEEP, run_count=3)
    two, one = replace(SWEEP, run_count=2), replace(SWEEP, run_count=1)
    ended = [replace(ENDED, id=name) for name in ("a", "b", "c")]
    alive_gone = SweepSnapshot(two, (), "c", gone=("c", "unknown"))
    events, cursors = events_of(
        (three, tuple(ended)), alive_gone, (one, ()), (one, ()), (one, (ended[0],)), (one, ()), (one, ())
    )
    assert [event for event in events if isinstance(event, RunsGone)] == [RunsGone(("c",)), RunsGone(("b",))]
    assert cursors.count("") == 2, "they were read anew once"


def test_a_sweep_that_is_gone_is_looked_for_now_and_then_where_somebody_looks_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(follow, "GONE_RETRY_SECONDS", 0.001)
    events, _ = events_of((SWEEP, ()), NotFoundError("no such sweep"), (SWEEP, (RUNNING,)), forever=True)
    gone = ServerLost("no such sweep", 0.001, is_gone=True)
    assert events[2:] == [gone, ServerBack(), RunsChanged((RUNNING,))]
    with pytest.raises(NotFoundError):
        events_of((SWEEP, ()), NotFoundError("no such sweep"), (SWEEP, ()))


def test_a_clock_that_differs_is_told_of_when_it_is_another_one() -> None:
    told = [SweepSnapshot(SWEEP, (), "c", clock_ahead_seconds=ahead) for ahead in (0.5, 3600.2, 3599.8, -90.0)]
    events, _ = events_of(*told)
    assert [event for event in events if isinstance(event, ClockRead)] == [ClockRead(3600.2), ClockRead(-90.0)]


def test_agents_are_reported_when_they_change() -> None:
    states = iter([AgentState.STARTING, AgentState.STARTING, AgentState.RUNNING])
    known: list[AgentState] = []

    def agents() -> tuple[LocalAgent, ...]:
        known.append(next(states, AgentState.RUNNING))
        return (LocalAgent(1, known[-1]),)

    events, _ = events_of((SWEEP, ()), (SWEEP, ()), (SWEEP, ()), (SWEEP, ()), agents=agents)
    reported = [event.agents[0].state for event in events if isinstance(event, AgentsChanged)]
    assert reported == [AgentState.STARTING, AgentState.RUNNING]


def test_a_stop_that_is_already_set_asks_nothing() -> None:
    stop = threading.Event()
    stop.set()
    client = Answers([], stop.set)
    assert list(follow_sweep(cast(TrackingClient, client), REFERENCE, stop=stop)) == []
    assert client.cursors == []


def test_a_server_that_asks_for_it_is_left_alone_as_long_as_it_asks() -> None:
    busy = ServerBusyError("HTTP 429.", hint="")
    busy.retry_in_seconds = 0.05
    began = time.monotonic()
    events, cursors = events_of((SWEEP, (RUNNING,)), busy, (DONE, (ENDED,)))
    assert time.monotonic() - began >= 0.05
    assert [event for event in events if isinstance(event, PaceChanged)] == [
        PaceChanged(0.05, was_refused=True),
        PaceChanged(0.0),
    ]
    assert not any(isinstance(event, ServerLost) for event in events), "it is there"
    assert cursors == ["", "cursor 1", "cursor 1"]


def test_who_refuses_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "FIRST_RETRY_SECONDS", 0.001)
    busy = ServerBusyError("HTTP 429.", hint="")
    busy.retry_in_seconds = 0.01
    events, _ = events_of((SWEEP, ()), ServerLostError("gone"), busy, (SWEEP, ()))
    kinds = [type(event) for event in events[2:]]
    assert kinds == [ServerLost, ServerBack, PaceChanged, PaceChanged]


def test_a_server_whose_budget_ends_is_asked_less_often_and_then_as_often_again() -> None:
    nearly = SweepSnapshot(SWEEP, (RUNNING,), "c", RateBudget(0.02, 30.0))
    events, _ = events_of(nearly, SweepSnapshot(DONE, (ENDED,), "c", RateBudget(1.0)))
    slowed, normal = (event for event in events if isinstance(event, PaceChanged))
    assert slowed.wait_seconds > 0.001 and slowed.budget == RateBudget(0.02, 30.0) and not slowed.was_refused
    assert normal == PaceChanged(0.0, budget=RateBudget(1.0))


@pytest.mark.parametrize(
    ("headers", "budget", "wait"),
    [
        ({}, None, None),
        ({"Retry-After": "7"}, None, 7.0),
        ({"Retry-After": "soon"}, None, None),
        ({"Retry-After": "nan"}, None, 86_400.0),
        ({"Retry-After": "-3"}, None, 0.05),
        (
            # A server whose clock is years behind.
            {"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"},
            None,
            pytest.approx(30, abs=1),
        ),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, None, 0.05),
        ({"RateLimit-Limit": "1000", "RateLimit-Remaining": "250", "RateLimit-Reset": "12"}, RateBudget(0.25, 12), 12),
        ({"RateLimit-Limit": "100;w=60", "RateLimit-Remaining": "0"}, RateBudget(0.0), None),
        ({"RateLimit-Limit": "0", "RateLimit-Remaining": "5"}, None, None),
    ],
)
def test_headers_say_what_is_left_and_how_long_to_wait(
    headers: dict[str, str], budget: RateBudget | None, wait: float | None
) -> None:
    assert budget_of(headers) == budget
    assert asked_wait(headers) == wait


def test_the_less_is_left_the_longer_the_wait_and_never_beyond_the_reset() -> None:
    waits = [wait_of(RateBudget(left, 30.0), 1.0) for left in (1.0, 0.2, 0.1, 0.01, 0.0)]
    assert waits == [1.0, 1.0, 2.0, 20.0, 20.0]
    assert wait_of(RateBudget(0.0, 5.0), 1.0) == 5.0
    assert wait_of(None, 1.0) == 1.0
