from __future__ import annotations

import csv
import io
import json
import math
import shlex
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from trainer.errors import InputError, NotFoundError
from trainer.records import HistoryPoint, Json, Metric, RunRecord, SweepRecord, SweepReference
from trainer.states import RunState, SweepState
from trainer.tracking.leaderboard import (
    best_run,
    rank_runs,
    ranking_metric,
    render_best,
    render_leaderboard,
    varying_config,
)

ACC = Metric("acc", "maximize")
START = datetime(2026, 11, 23, tzinfo=UTC)


def make_run(
    number: int, value: Json = None, config: dict[str, Json] | None = None, curve: tuple[float, ...] = ()
) -> RunRecord:
    return RunRecord(
        id=f"r{number}",
        name=f"run-{number}",
        state=RunState.FINISHED,
        config=config or {},
        summary={} if value is None else {"acc": value},
        created_at=START + timedelta(seconds=number),
        duration_seconds=1.25,
        curve=tuple(HistoryPoint(step, {"acc": point}) for step, point in enumerate(curve)),
    )


def make_sweep(**parameters: Json) -> SweepRecord:
    config: dict[str, Json] = {"method": "grid", "parameters": dict(parameters)}
    return SweepRecord(SweepReference("me", "p", "s"), "sweep", SweepState.RUNNING, "grid", ACC, config)


def ids(runs: list[RunRecord], metric: Metric | None, by: str = "last") -> list[str]:
    return [place.run.id for place in rank_runs(runs, metric, "best" if by == "best" else "last")]


def test_best_first_by_goal_and_runs_without_a_number_last() -> None:
    runs = [make_run(1, 0.5), make_run(2), make_run(3, 0.9), make_run(4, math.nan), make_run(5, "text")]
    assert ids(runs, ACC) == ["r3", "r1", "r2", "r4", "r5"]
    assert ids(runs, Metric("acc", "minimize")) == ["r1", "r3", "r2", "r4", "r5"]


def test_ties_keep_the_order_of_creation_whatever_the_order_given() -> None:
    runs = [make_run(3, 0.5), make_run(1, 0.5), make_run(2, 0.5)]
    assert ids(runs, ACC) == ["r1", "r2", "r3"]
    assert ids(runs, None) == ["r1", "r2", "r3"]


def test_best_looks_at_the_curve_and_last_does_not() -> None:
    runs = [make_run(1, 0.5, curve=(0.1, 0.95, 0.5)), make_run(2, 0.7, curve=(0.7,))]
    assert ids(runs, ACC, "best") == ["r1", "r2"]
    assert ids(runs, ACC, "last") == ["r2", "r1"]


@pytest.mark.parametrize(
    ("name", "summary", "last", "best"),
    [
        ("val.loss", {"val": {"loss": 0.5}}, 0.5, 0.2),
        ("val.loss", {"val.loss": 0.5, "val": {"loss": 9.0}}, 0.5, 0.2),
        ("loss", {"loss": {"min": 0.1, "last": 0.5}}, 0.5, 0.2),
        ("loss", {"loss": {"min": 0.1, "max": 3.0}}, 0.1, 0.1),
        ("val.loss", {"val": {"loss": {"best": 0.1}}}, 0.1, 0.1),
        ("loss", {"loss": {"_type": "histogram"}}, None, 0.2),
        ("loss", {"loss": True}, None, 0.2),
        ("val.loss", {"val": 3}, None, 0.2),
        ("loss", {"loss": 10**400}, None, 0.2),
        ("loss", {"loss": {"last": math.nan}}, None, 0.2),
    ],
)
def test_a_metric_may_be_nested_or_kept_as_statistics(
    name: str, summary: dict[str, Json], last: float | None, best: float
) -> None:
    metric = Metric(name, "minimize")
    ended = replace(make_run(1), summary=summary)
    assert ended.metric_value(metric, "last") == last
    assert ended.metric_value(metric, "best") == last
    followed = replace(ended, curve=(HistoryPoint(0, {name: 0.2}), HistoryPoint(1, {name: math.inf})))
    assert followed.metric_value(metric, "best") == best
    assert followed.metric_value(metric, "last") == last


def test_there_is_no_best_run_without_a_value_or_metric() -> None:
    assert best_run([make_run(1)], ACC) is None
    assert best_run([make_run(1, 0.5)], None) is None


def test_varying_config_is_nested_and_counts_absence_and_type() -> None:
    runs = [
        make_run(1, config={"seed": 1, "opt": {"lr": 0.1, "name": "adam"}, "depth": 1}),
        make_run(2, config={"seed": 1, "opt": {"lr": 0.2, "name": "adam"}, "depth": "1", "extra": None}),
    ]
    assert varying_config(runs) == ["opt.lr", "depth", "extra"]


def test_what_a_run_under_way_has_not_reported_yet_does_not_vary() -> None:
    started = replace(make_run(2, config={"lr": 0.2}), state=RunState.PENDING)
    assert varying_config([make_run(1, config={"lr": 0.1, "seed": 1}), started]) == ["lr"]


def test_the_ranking_metric_is_the_sweeps_unless_told_otherwise() -> None:
    sweep = make_sweep()
    assert ranking_metric(sweep) == ACC
    assert ranking_metric(sweep, "loss") == Metric("loss", "minimize")
    assert ranking_metric(sweep, "acc") == ACC
    assert ranking_metric(sweep, "loss", "maximize") == Metric("loss", "maximize")
    with pytest.raises(InputError, match="upwards"):
        ranking_metric(sweep, None, "upwards")


def test_formats_agree_on_the_rows() -> None:
    sweep = make_sweep(lr={"values": [0.1, 0.2]})
    runs = [make_run(1, 0.5, {"lr": 0.1, "seed": 0}), make_run(2, 0.123456789, {"lr": 0.2, "seed": 0})]
    table = render_leaderboard(sweep, runs, width=0).splitlines()
    assert table[0].split() == ["#", "run", "lr", "acc", "state", "seconds"]
    assert table[2].split() == ["2", "run-2", "0.2", "0.123457", "finished", "1.25"]
    rows = list(csv.DictReader(io.StringIO(render_leaderboard(sweep, runs, output_format="csv"))))
    assert [row["acc"] for row in rows] == ["0.5", "0.123456789"]
    entries = json.loads(render_leaderboard(sweep, runs, output_format="json", top=1))
    assert [(entry["id"], entry["value"], entry["config"]["lr"]) for entry in entries] == [("r1", 0.5, 0.1)]
    assert render_leaderboard(sweep, runs, output_format="md").splitlines()[1].startswith("| ---: | --- |")


def test_json_stays_strict_with_values_that_are_not_finite() -> None:
    text = render_leaderboard(make_sweep(), [make_run(1, math.nan, {"x": math.inf})], output_format="json")
    assert json.loads(text, parse_constant=pytest.fail)[0]["config"] == {"x": "Infinity"}


def test_a_narrow_terminal_loses_parameters_and_says_which() -> None:
    parameters: dict[str, Json] = {f"parameter_{index}": {"values": [1, 2]} for index in range(6)}
    sweep = make_sweep(**parameters)
    runs = [make_run(n, 0.5, {f"parameter_{index}": n for index in range(6)}) for n in (1, 2)]
    lines = render_leaderboard(sweep, runs, width=60).splitlines()
    assert all(len(line) <= 60 for line in lines[:3])
    assert "acc" in lines[0]
    assert "parameter_0" in lines[0]
    assert "parameter_5" in lines[-1]


def test_an_empty_leaderboard_says_so() -> None:
    assert render_leaderboard(make_sweep(), []) == "sweep has no runs yet."


def test_the_best_configuration_holds_the_sweeps_parameters_only() -> None:
    sweep = make_sweep(lr={"min": 0.0, "max": 1.0}, text={"values": ["a b"]}, deep={"parameters": {}})
    run = make_run(1, 0.5, {"lr": 1e-05, "text": "a b", "deep": {"x": None}, "git_commit": "abc"})
    expected = {"lr": 1e-05, "text": "a b", "deep": {"x": None}}
    assert yaml.safe_load(render_best(sweep, [run])) == expected
    assert json.loads(render_best(sweep, [run], output_format="json")) == expected
    arguments = shlex.split(render_best(sweep, [run], output_format="args"))
    assert arguments == ["--lr=1e-05", "--text=a b", "--deep={'x': None}"]


def test_the_best_configuration_is_in_the_sweeps_order_whatever_the_runs() -> None:
    sweep = make_sweep(b={"values": [1]}, a={"values": [2]}, c={"value": 3})
    texts = {render_best(sweep, [make_run(1, 0.5, dict(order))], output_format="args")
             for order in ([("a", 2), ("b", 1), ("c", 3)], [("c", 3), ("b", 1), ("a", 2)])}  # fmt: skip
    assert texts == {"--b=1 --a=2 --c=3"}


def test_best_needs_a_value() -> None:
    with pytest.raises(NotFoundError, match="acc"):
        render_best(make_sweep(), [make_run(1)])
