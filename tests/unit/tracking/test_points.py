from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.records import Json, RunRecord, SweepRecord, SweepReference
from trainer.states import RunState, SweepState
from trainer.sweep.space import SearchSpace
from trainer.tracking.filler import filler_configs, is_filler_of, product_blocks
from trainer.tracking.points import Account, account, account_report

START = datetime(2026, 11, 23, tzinfo=UTC)
DONE, FAILED, CRASHED, KILLED, RUNNING, PENDING = (
    RunState.FINISHED, RunState.FAILED, RunState.CRASHED, RunState.KILLED, RunState.RUNNING, RunState.PENDING,
)  # fmt: skip


def sweep_of(
    parameters: dict[str, Any], state: SweepState = SweepState.FINISHED, method: str = "grid", **rest: Json
) -> SweepRecord:
    config: dict[str, Json] = {"method": method, "program": "t.py", "parameters": parameters, **rest}
    return SweepRecord(SweepReference("me", "p", "s"), "tiny", state, method, None, config)


def filler_of(sweep: SweepRecord, config: dict[str, Json], state: SweepState, identifier: str = "f") -> SweepRecord:
    return SweepRecord(SweepReference("me", "p", identifier), str(config["name"]), state, "grid", None, config)


def run(number: int, state: RunState, sweep: str = "s", **config: Any) -> RunRecord:
    made = START + timedelta(seconds=number)
    return RunRecord(f"r{number}", f"run-{number}", state, config, created_at=made, heartbeat_at=made, sweep_id=sweep)


def values(*listed: Json) -> dict[str, Any]:
    return {"x": {"values": list(listed)}}


def counts(found: Account) -> dict[str, int]:
    """Return the numbers of an account that are not 0."""
    numbers = {
        "finished": found.finished, "live": found.live, "failed": len(found.failed), "killed": len(found.killed),
        "twice": len(found.duplicates), "recovered": len(found.recovered), "holes": found.holes,
        "foreign": len(found.foreign),
    }  # fmt: skip
    return {name: number for name, number in numbers.items() if number}


@pytest.mark.parametrize(
    ("listed", "logged", "expected"),
    [
        ([1, 2], [1.0, 2], {"finished": 2}),
        ([1, True], [1, True], {"finished": 2}),
        ([1, "1"], ["1", 1], {"finished": 2}),
        (["1e-3", 0.001], ["1e-3", 0.001], {"finished": 2}),
        (["1e-3", "1e-4"], [0.001, 0.0001], {"finished": 2}),
        ([1, 2], [True, 2], {"finished": 2}),
        ([1, 2], ["1", "2"], {"finished": 2}),
        ([True, False], ["True", "false"], {"finished": 2}),
        ([None, 1], ["None", 1], {"finished": 2}),
        ([1, True], ["1", True], {"finished": 1, "holes": 1, "foreign": 1}),
        ([1, 2], [1, 7], {"finished": 1, "holes": 1, "foreign": 1}),
        ([{"a": 1}, {"a": 2}], [{"a": 1, "made": 3}, {"a": 2}], {"finished": 2}),
        ([{"a": 1}, {"a": 2}], [None, {"a": 2}], {"finished": 1, "holes": 1, "foreign": 1}),
        ([0.1, 0.1], [0.1, 0.1], {"finished": 1, "twice": 1}),
    ],
)
def test_a_run_counts_for_the_point_its_program_was_given(
    listed: list[Json], logged: list[Json], expected: dict[str, int]
) -> None:
    runs = [run(number, DONE, x=value) for number, value in enumerate(logged)]
    assert counts(account(sweep_of(values(*listed)), runs)) == expected


def test_nested_points_foreign_keys_and_a_nested_value_that_is_none_any_more() -> None:
    sweep = sweep_of({"o": {"parameters": {"lr": {"values": [0.1, 0.2]}}}, "c": {"value": 3}})
    found = account(
        sweep, [run(1, DONE, o={"lr": 0.1, "more": 1}, mine="x"), run(2, DONE, o=None), run(3, FAILED, o={"lr": 0.2})]
    )
    assert counts(found) == {"finished": 1, "failed": 1, "foreign": 1}
    assert found.failed[0].config == {"c": 3, "o": {"lr": 0.2}}


def test_what_became_of_a_point_is_told_by_all_of_its_runs() -> None:
    states: list[tuple[int, list[RunState]]] = [
        (1, [DONE]), (2, [FAILED, DONE]), (3, [DONE, DONE]), (4, [CRASHED, FAILED]), (5, [FAILED, RUNNING]),
        (6, [KILLED]), (7, [FAILED, KILLED]), (8, [KILLED, FAILED]), (9, [DONE, RUNNING]),
    ]  # fmt: skip
    runs = [run(10 * x + at, state, x=x) for x, its in states for at, state in enumerate(its)]
    found = account(sweep_of(values(*range(1, 11)), SweepState.RUNNING), runs)
    assert counts(found) == {"finished": 4, "live": 1, "failed": 2, "killed": 2, "twice": 2, "recovered": 1}
    assert (found.untried, found.holes) == (1, 0), "what a running sweep has still to hand out is no hole"
    assert [point.config["x"] for point in found.failed] == [4, 8]
    assert [[run.id for run in point.runs] for point in found.duplicates] == [["r30", "r31"], ["r90", "r91"]]
    assert account_report(found)["failed"] == [
        {"config": {"x": 4}, "runs": [{"id": "r40", "state": "crashed"}, {"id": "r41", "state": "failed"}]},
        {"config": {"x": 8}, "runs": [{"id": "r80", "state": "killed"}, {"id": "r81", "state": "failed"}]},
    ]


def test_a_run_that_waits_in_a_sweep_that_is_over_has_failed_after_a_while() -> None:
    waiting = [run(1, PENDING, x=1)]
    soon, later = START + timedelta(seconds=30), START + timedelta(hours=1)
    over, going_on = sweep_of(values(1)), sweep_of(values(1), SweepState.RUNNING)
    assert counts(account(over, waiting, now=soon)) == {"live": 1}
    assert counts(account(over, waiting, now=later)) == {"failed": 1}
    assert counts(account(going_on, waiting, now=later)) == {"live": 1}


def test_holes_keep_to_run_cap_and_come_in_grid_order() -> None:
    found = account(sweep_of(values(*range(10)), run_cap=5), [run(1, DONE, x=1), run(2, FAILED, x=3)])
    assert (found.expected, found.holes) == (5, 3)
    assert list(found.untried_points()) == [{"x": 0}, {"x": 2}, {"x": 4}]


def test_a_grid_of_10_to_the_12_points_is_accounted_for_at_once() -> None:
    axis = {"distribution": "int_uniform", "min": 1, "max": 10**6}
    runs = [run(number, DONE if number % 2 else FAILED, a=number, b=1) for number in range(1, 101)]
    began = time.process_time()
    found = account(sweep_of({"a": axis, "b": axis}), runs)
    assert counts(found) == {"finished": 50, "failed": 50, "holes": 10**12 - 100}
    assert next(found.untried_points()) == {"a": 1, "b": 2}
    assert time.process_time() - began < 0.5


def test_endless_spaces_have_no_holes_but_failed_points_with_their_own_values() -> None:
    sweep = sweep_of({"lr": {"min": 0.0, "max": 1.0}, "c": {"value": 3}}, method="random")
    found = account(sweep, [run(1, FAILED, lr=0.25, other=1), run(2, DONE, lr=0.5), run(3, CRASHED)])
    assert (found.expected, found.untried) == (None, None)
    assert counts(found) == {"finished": 1, "failed": 1, "foreign": 1}
    assert found.failed[0].config == {"c": 3, "lr": 0.25}


def test_bayes_over_few_points_tells_repeated_ones() -> None:
    found = account(sweep_of(values(1, 2), method="bayes"), [run(1, DONE, x=1), run(2, DONE, x=1.0)])
    assert counts(found) == {"finished": 1, "twice": 1, "holes": 1}


def test_a_sweep_led_from_outside_has_points_and_no_holes() -> None:
    sweep = sweep_of({}, method="custom")
    found = account(sweep, [run(1, DONE, x=1), run(2, FAILED, x=2), run(3, DONE, x=2)])
    assert found.expected is None
    assert counts(found) == {"finished": 2, "recovered": 1}


@given(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2)), min_size=1))
def test_products_hold_exactly_the_points_each_once(rows: set[tuple[int, int, int]]) -> None:
    covered = [
        (x, y, z) for xs, ys, zs in product_blocks(sorted(rows)) for x in xs for y in ys for z in zs
    ]  # fmt: skip
    assert sorted(covered) == sorted(rows)


def test_a_product_becomes_one_sweep_and_what_is_none_several() -> None:
    sweep = sweep_of(
        {"o": {"parameters": {"a": {"values": [1, 2, 3]}}}, "b": {"values": ["u", "v"]}, "c": {"value": 7}},
        run_cap=2,
        early_terminate={"type": "hyperband", "min_iter": 3},
    )
    space = SearchSpace.from_config(sweep.config)
    product: list[dict[str, Any]] = [{"o": {"a": a}, "b": b, "c": 7} for a in (1, 3) for b in ("u", "v")]
    (config,) = filler_configs(sweep, space, product)
    assert list(SearchSpace.from_config(config).points()) == sorted(product, key=lambda point: point["b"])
    assert config["name"] == "tiny (missing points)"
    assert config["description"] == "Missing points of me/p/s: 4 points."
    assert "run_cap" not in config and config["early_terminate"]["min_iter"] == 3 and config["program"] == "t.py"
    assert sweep.config["parameters"]["o"]["parameters"]["a"] == {"values": [1, 2, 3]}  # type: ignore[index,call-overload]
    diagonal: list[dict[str, Any]] = [{"o": {"a": 1}, "b": "u", "c": 7}, {"o": {"a": 2}, "b": "v", "c": 7}]
    configs = filler_configs(sweep, space, diagonal)
    assert [list(SearchSpace.from_config(config).points()) for config in configs] == [[point] for point in diagonal]
    assert [config["name"] for config in configs] == ["tiny (missing points 1/2)", "tiny (missing points 2/2)"]
    assert is_filler_of(filler_of(sweep, configs[0], SweepState.RUNNING), sweep.reference)
    assert not is_filler_of(sweep, sweep.reference)


def test_points_of_a_filler_are_awaited_until_it_gave_them_and_then_told_by_its_runs() -> None:
    sweep, runs = sweep_of(values(1, 2, 3)), [run(1, FAILED, x=1), run(2, FAILED, x=2), run(3, DONE, x=3)]
    (config,) = filler_configs(sweep, SearchSpace.from_config(sweep.config), [{"x": 1}, {"x": 2}])
    going_on, over = (filler_of(sweep, config, state) for state in (SweepState.RUNNING, SweepState.FINISHED))
    assert counts(account(sweep, runs, [going_on])) == {"finished": 1, "live": 2}
    runs.append(run(4, FAILED, "f", x=1))
    assert counts(account(sweep, runs, [going_on])) == {"finished": 1, "live": 1, "failed": 1}
    runs.append(run(5, DONE, "f", x=2))
    assert counts(account(sweep, runs, [over])) == {"finished": 2, "failed": 1, "recovered": 1}


@pytest.mark.parametrize(("cap", "untried"), [(None, 3), (2, 2)])
def test_points_of_earlier_sweeps_are_done_and_take_no_share_of_run_cap(cap: int | None, untried: int) -> None:
    rest: dict[str, Any] = {} if cap is None else {"run_cap": cap}
    earlier = [run(1, DONE, "before", x=1), run(2, DONE, "before", x=2), run(3, DONE, "before", x=99)]
    found = account(sweep_of(values(1, 2, 3, 4, 5), SweepState.RUNNING, **rest), [], prior_runs=earlier)
    assert (found.finished, found.untried, found.foreign) == (2, untried, ())
    assert [point["x"] for point in found.untried_points()] == [3, 4, 5][:untried]


def test_earlier_runs_of_a_space_without_end_take_nothing_away() -> None:
    sweep = sweep_of({"x": {"min": 0.0, "max": 1.0}}, SweepState.RUNNING, "random", run_cap=3)
    found = account(sweep, [], prior_runs=[run(1, DONE, "before", x=0.5)])
    assert (found.finished, found.expected, found.untried) == (0, 3, 3)
