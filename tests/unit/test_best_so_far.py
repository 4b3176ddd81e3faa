from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from trainer.records import Goal, Metric, RunRecord
from trainer.states import RunState
from tui.best_so_far import BestSoFar, spark_line

START = datetime(2026, 1, 1, tzinfo=UTC)


def run_of(number: int, seconds: float, state: RunState = RunState.FINISHED) -> RunRecord:
    return RunRecord(f"run{number}", f"rose-{number}", state, created_at=START, duration_seconds=seconds)


def improvements(values: Sequence[tuple[float, str, float | None]], goal: Goal) -> list[tuple[str, float]]:
    metric, best, found = Metric("loss", goal), None, []
    for _, run_id, value in sorted(values, key=lambda entry: entry[:2]):
        if value is not None and metric.is_better(value, best):
            best = value
            found.append((run_id, value))
    return found


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_runs_told_one_by_one_in_any_order_give_what_one_pass_over_them_gives(goal: Goal) -> None:
    draw = random.Random(7)
    best = BestSoFar()
    best.begin(Metric("loss", goal), [], {})
    known: dict[str, tuple[float, str, float | None]] = {}
    for _ in range(400):
        number, seconds = draw.randrange(60), float(draw.randrange(1000))
        value = draw.choice([None, math.nan, draw.randrange(50) / 10])
        if draw.random() < 0.1 and known:
            gone = draw.choice(sorted(known))
            best.forget(gone)
            del known[gone]
        best.note(run_of(number, seconds), value)
        known[f"run{number}"] = (seconds, f"run{number}", value)
        expected = improvements(list(known.values()), goal)
        latest = best.latest
        assert (latest is None) == (not expected)
        if latest is None:
            continue
        order = [run_id for _, run_id, _ in sorted(known.values(), key=lambda entry: entry[:2])]
        assert (latest.run_id, latest.value) == expected[-1]
        assert latest.runs_since == len(order) - 1 - order.index(latest.run_id)
        assert latest.before == (expected[-2][0] if len(expected) > 1 else "")
        assert latest.gain == (pytest.approx(abs(expected[-1][1] - expected[-2][1])) if len(expected) > 1 else None)
        assert [value for _, value in best.curve()][: len(expected)] == [value for _, value in expected]


def test_a_run_that_goes_on_counts_once_it_has_a_value_and_its_values_are_no_runs_of_their_own() -> None:
    best = BestSoFar()
    best.begin(Metric("accuracy", "maximize"), [run_of(1, 10)], {"run1": 0.5})
    best.note(run_of(2, 20, RunState.RUNNING), None)
    assert best.latest is not None and best.latest.runs_since == 0, "it has not ended and not said anything"
    best.note(run_of(2, 30, RunState.RUNNING), 0.7)
    best.note(run_of(2, 40, RunState.RUNNING), 0.8)
    assert best.latest is not None
    assert (best.latest.run_id, best.latest.before) == ("run2", "run1")
    assert best.latest.gain == pytest.approx(0.3)
    assert best.latest.at == START + timedelta(seconds=40)
    best.note(dataclasses.replace(run_of(3, 50), state=RunState.CRASHED), None)
    assert best.latest.runs_since == 1, "a run that failed did no better, either"
    assert best.curve() == [(1.0, 0.5), (2.0, 0.8), (3.0, 0.8)]


def test_the_line_of_bars_ends_at_the_best_and_is_left_out_where_nothing_moved() -> None:
    best = BestSoFar()
    runs = [run_of(number, number) for number in range(1, 41)]
    best.begin(Metric("loss", "minimize"), runs, {run.id: max(40.0 - 2 * n, 10.0) for n, run in enumerate(runs)})
    assert best.levels(8) == sorted(best.levels(8), reverse=True) and best.levels(8)[-1] == 10.0
    assert spark_line(best.levels(8)) == "█▅▃▁▁▁▁▁"
    assert len(best.levels(100)) == 40
    assert spark_line([0.5, 0.5]) == spark_line([]) == spark_line([1.0]) == ""
