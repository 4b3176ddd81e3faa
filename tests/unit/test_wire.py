from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest

from trainer.records import AgentCommand, Json, Metric, SweepReference
from trainer.states import RunState, SweepState
from trainer.wire import (
    agent_commands,
    console_line,
    history_points,
    number,
    parse_time,
    reference_from_url,
    run_record,
    run_records,
    sweep_record,
    sweep_url,
    unwrap_config,
    wrap_config,
)


def test_config_round_trips_between_flat_and_wire_form() -> None:
    flat: dict[str, Json] = {"lr": 0.1, "depth": None, "nested": {"a": [1, 2]}, "flag": False}
    assert wrap_config(flat)["depth"] == {"value": None}
    assert unwrap_config(json.dumps(wrap_config(flat))) == flat


def test_internal_config_entries_are_left_out_and_bare_values_taken() -> None:
    wire = {"_wandb": {"value": {"t": 1}}, "wandb_version": 1, "a": {"value": 2, "desc": None}, "b": 3}
    assert unwrap_config(wire) == {"a": 2, "b": 3}


@pytest.mark.parametrize("broken", [None, "", "null", "[1]", "{not json"])
def test_unreadable_config_is_empty(broken: str | None) -> None:
    assert unwrap_config(broken) == {}


@pytest.mark.parametrize(
    ("wire", "expected"),
    [(1, 1.0), (0.5, 0.5), ("Infinity", math.inf), ("-Infinity", -math.inf), (True, None), ("1", None), (None, None)],
)
def test_numbers_as_wandb_sends_them(wire: object, expected: float | None) -> None:
    assert number(wire) == expected


def test_nan_and_numbers_too_large_for_a_float() -> None:
    assert math.isnan(number("NaN") or 0.0)
    assert number(10**400) == math.inf


def test_times_are_aware_utc() -> None:
    expected = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
    assert parse_time("2026-11-23T16:00:00Z") == expected
    assert parse_time("2026-11-23T16:00:00") == expected
    assert parse_time("2026-11-23T18:00:00+02:00") == expected
    assert parse_time("yesterday") is None
    assert parse_time(None) is None


def test_a_sweep_node_becomes_a_record() -> None:
    node = {
        "id": "U3dlZXA6MQ==",
        "name": "abc123",
        "displayName": None,
        "state": "running",
        "config": "method: grid\nname: my sweep\nmetric: {name: acc, goal: maximize}\nparameters: {a: {values: [1]}}\n",
        "createdAt": "2026-11-23T16:00:00Z",
        "runCount": 3,
        "runCountExpected": 9,
        "bestLoss": "NaN",
    }
    record = sweep_record(node, "me", "wine", "http://127.0.0.1:8080")
    assert record.reference == SweepReference("me", "wine", "abc123")
    assert (record.name, record.state, record.method) == ("my sweep", SweepState.RUNNING, "grid")
    assert record.metric == Metric("acc", "maximize")
    assert (record.run_count, record.run_count_expected) == (3, 9)
    assert record.url == "http://127.0.0.1:8080/me/wine/sweeps/abc123"


def test_an_empty_sweep_node_is_still_a_record() -> None:
    record = sweep_record({}, "me", "p", "https://api.wandb.ai")
    assert (record.state, record.method, record.metric) == (SweepState.PENDING, "custom", None)


def test_the_spelling_with_two_l_is_understood() -> None:
    assert sweep_record({"state": "CANCELLED"}, "e", "p", "u").state is SweepState.CANCELED


def test_the_clouds_pages_are_on_another_host() -> None:
    url = sweep_url("https://api.wandb.ai", SweepReference("me", "my project", "x"))
    assert url == "https://wandb.ai/me/my%20project/sweeps/x"
    assert reference_from_url("https://wandb.ai/me/p/sweeps/x?nw=1") == SweepReference("me", "p", "x")
    assert reference_from_url("https://wandb.ai/me/p/runs/x") is None


def test_a_run_node_becomes_a_record_without_internal_keys() -> None:
    node = {
        "name": "r1",
        "displayName": "brisk-sweep-1",
        "state": "finished",
        "config": '{"lr": {"value": 0.1}, "_wandb": {"value": {}}}',
        "summaryMetrics": '{"acc": "NaN", "note": "Infinity is far", "_step": 3, "_runtime": 1.5}',
        "tags": None,
        "createdAt": "2026-11-23T16:00:00Z",
        "heartbeatAt": "2026-11-23T16:00:09Z",
        "sweepName": "abc",
        "sampledHistory": [[{"_step": 2, "acc": 0.5}, {"_step": 1, "acc": "NaN"}, {"_step": 3}]],
    }
    run = run_record(node, Metric("acc"))
    assert (run.id, run.state, run.config, run.sweep_id) == ("r1", RunState.FINISHED, {"lr": 0.1}, "abc")
    assert set(run.summary) == {"acc", "note"}
    assert math.isnan(float(str(run.summary["acc"])))
    assert run.summary["note"] == "Infinity is far"
    assert [point.step for point in run.curve] == [1, 2]
    assert run.duration_seconds == 1.5


def test_a_run_that_goes_on_has_lasted_until_its_last_heartbeat() -> None:
    node = {
        "state": "running",
        "summaryMetrics": {"_runtime": 2},
        "createdAt": "2026-11-23T16:00:00Z",
        "heartbeatAt": "2026-11-23T16:00:09Z",
    }
    assert run_record(node).duration_seconds == 9.0
    assert run_record(node | {"state": "pending"}).duration_seconds is None


def test_an_unknown_run_state_goes_on_being_watched() -> None:
    assert not run_record({"state": "levitating"}).state.is_terminal
    assert run_record({}).state is RunState.PENDING


@pytest.mark.parametrize("odd", [None, "", "{", "[1]", '{"a": {"value": 1}},0,{}', '{"a": {"value": NaN}}', {"a": 1}])
def test_many_nodes_become_the_records_that_each_of_them_becomes(odd: Any) -> None:
    plain = {"name": "r1", "state": "finished", "config": '{"lr": {"value": 0.1}}', "summaryMetrics": '{"acc": 1.5}'}
    other = {"name": "r2", "config": odd, "summaryMetrics": '{"acc": "NaN", "_runtime": 7.5, "_step": 1}'}
    for nodes in ([], [plain], [plain, other, plain], [other, plain | {"summaryMetrics": odd}]):
        assert repr(run_records(nodes)) == repr([run_record(node) for node in nodes])


def test_history_rows_flatten_and_skip_media_and_internal_keys() -> None:
    rows = ['{"_step": 1, "_runtime": 0.5, "train": {"loss": 2}, "img": {"_type": "image-file", "size": 3}, "t": "x"}']
    (point,) = history_points(rows)
    assert (point.step, point.runtime_seconds, point.values) == (1, 0.5, {"train.loss": 2.0})


def test_a_dotted_metric_is_found_in_nested_rows() -> None:
    (point,) = history_points([{"_step": 0, "val": {"acc": 0.25}}], ["val.acc"])
    assert point.values == {"val.acc": 0.25}


def test_agent_commands_are_read_as_w_and_b_sends_them() -> None:
    wire = """[{"type": "run", "run_id": "r1", "program": "train.py",
      "args": {"_wandb": {"value": {}}, "a": {"value": 1}, "b": {"value": null}}},
      {"type": "stop", "run_id": "r2"}, {"type": "exit"}]"""
    expected = [AgentCommand("run", "r1", {"a": 1, "b": None}), AgentCommand("stop", "r2"), AgentCommand("exit")]
    assert agent_commands(wire) == expected
    assert agent_commands(json.loads(wire)) == expected


@pytest.mark.parametrize("wire", [None, "", "[]", "{}", '[{"no": "type"}]', "[null]"])
def test_nothing_to_do_is_no_command(wire: str | None) -> None:
    assert agent_commands(wire) == []


def test_console_lines() -> None:
    line = console_line({"number": 3, "level": "error", "line": "boom\n"}, 0)
    assert (line.number, line.text, line.is_error) == (3, "boom", True)
    assert console_line({}, 7).number == 7


def test_where_a_run_ran_is_read_from_what_its_last_writer_told() -> None:
    told = {
        "a": {"host": "old", "gpu": "Tesla T4", "gpu_count": 1, "startedAt": "2026-11-01T00:00:00Z"},
        "b": {"host": "lab-7", "gpu": "NVIDIA A100", "gpu_count": 2, "startedAt": "2026-11-02T00:00:00Z"},
    }
    run = run_record({"name": "r", "config": json.dumps({"_wandb": {"value": {"e": told}}, "lr": {"value": 1}})})
    assert (run.host, run.gpu, dict(run.config)) == ("lab-7", "2 × NVIDIA A100", {"lr": 1})
    for odd in ({}, {"_wandb": 3}, {"_wandb": {"value": {"e": ["x"]}}}, {"_wandb": {"value": {"e": {"a": 1}}}}):
        run = run_record({"name": "r", "host": "told", "config": json.dumps(odd)})
        assert (run.host, run.gpu) == ("told", "")
