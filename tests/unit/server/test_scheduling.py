"""What the server keeps in memory of a sweep: while it runs, and no longer."""

from __future__ import annotations

import threading
from typing import Any

from tests.unit.server.conftest import Desk
from trainer.server import housekeeping
from trainer.server.scheduling import Scheduler
from trainer.states import SweepState

STOPPING = """{program: t.py, method: grid, metric: {name: loss}, parameters: {x: {values: [1, 2, 3]}},
  early_terminate: {type: hyperband, min_iter: 2, eta: 3}}"""


def remembered(desk: Desk) -> int:
    scheduler, early_stops = desk.server.scheduler, desk.server.early_stops
    housekeeping.forget_ended_sweeps(desk.server.store, scheduler, early_stops)
    return len(scheduler.remembered) + len(early_stops.remembered)


def begin(desk: Desk, agent: str) -> dict[str, Any]:
    [order] = desk.beat(agent)
    desk.upsert_run(order["run_id"])
    desk.beat(agent, order["run_id"])
    return order


def test_a_sweep_is_remembered_until_it_is_over_and_its_last_run_has_ended(desk: Desk) -> None:
    sweep = desk.create_sweep(STOPPING)
    agent = desk.create_agent(sweep)
    order = begin(desk, agent)
    assert remembered(desk) == 2
    desk.set_sweep_state(sweep, SweepState.PAUSED)
    assert remembered(desk) == 2
    desk.set_sweep_state(sweep, SweepState.FINISHED)
    assert remembered(desk) == 2
    desk.finish(order["run_id"])
    assert remembered(desk) == 0


def test_a_canceled_sweep_is_forgotten(desk: Desk) -> None:
    sweep = desk.create_sweep(STOPPING)
    order = begin(desk, desk.create_agent(sweep))
    desk.set_sweep_state(sweep, SweepState.CANCELED)
    desk.finish(order["run_id"], 1)
    assert remembered(desk) == 0


def test_a_resumed_sweep_goes_on_where_it_was(desk: Desk) -> None:
    sweep = desk.create_sweep(STOPPING)
    agent = desk.create_agent(sweep)
    values = []
    for _ in range(3):
        order = begin(desk, agent)
        values.append(order["args"]["x"]["value"])
        desk.finish(order["run_id"])
        desk.set_sweep_state(sweep, SweepState.FINISHED)
        assert remembered(desk) == 0
        desk.set_sweep_state(sweep, SweepState.RUNNING)
    assert values == [1, 2, 3]
    assert desk.beat(agent) == [{"type": "exit"}]


def test_what_is_forgotten_while_a_heartbeat_waits_for_its_turn_still_takes_turns() -> None:
    scheduler = Scheduler()
    at_once: list[int] = []
    most: list[int] = []

    def take_turn() -> None:
        with scheduler.turn(1) as is_ours:
            assert is_ours
            at_once.append(1)
            most.append(len(at_once))
            scheduler.forget(1)
            at_once.pop()

    with scheduler.turn(1):
        threads = [threading.Thread(target=take_turn) for _ in range(4)]
        for thread in threads:
            thread.start()
        scheduler.forget(1)
        assert scheduler.remembered == [1]
        assert most == []
    for thread in threads:
        thread.join(10)
    assert most == [1] * 4
    assert scheduler.remembered == []
