from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from trainer.errors import SweepConfigError
from trainer.records import Json, Metric, RunRecord
from trainer.states import RunState
from trainer.tracking.sweep_cursor import SweepCursor
from trainer.tracking.sweep_upsert import creation_variables, with_distributions

START = datetime(2026, 11, 23, 16, 0, 0, 500000, tzinfo=UTC)


def test_distributions_are_filled_in_as_the_sdk_does() -> None:
    config: dict[str, Json] = {
        "parameters": {
            "depth": {"min": 1, "max": 5},
            "lr": {"min": 0.1, "max": 1.0},
            "log": {"min": 1, "max": 5, "distribution": "log_uniform_values"},
            "fixed": {"value": 1},
            "nested": {"parameters": {"x": {"min": 1, "max": 2}}},
        }
    }
    filled = with_distributions(config)["parameters"]
    assert filled["depth"]["distribution"] == "int_uniform"
    assert filled["lr"]["distribution"] == "uniform"
    assert filled["log"]["distribution"] == "log_uniform_values"
    assert filled["nested"] == {"parameters": {"x": {"min": 1, "max": 2}}}
    assert config["parameters"]["depth"] == {"min": 1, "max": 5}  # type: ignore[index,call-overload]


def test_bounds_of_different_kinds_are_refused_with_their_place() -> None:
    with pytest.raises(SweepConfigError, match=r"parameters\.lr: min 0 and max 1\.5"):
        with_distributions({"parameters": {"lr": {"min": 0, "max": 1.5}}})


def test_the_configuration_travels_as_yaml_that_reads_back_the_same() -> None:
    config: dict[str, Json] = {
        "method": "grid",
        "description": "d",
        "parameters": {"zip": {"values": ["008", "0x1f", "1e-3", "on", "null", 1e-05, None, True]}},
    }
    variables = creation_variables(config, "me", "p", ["r1", "r2"])
    assert yaml.safe_load(variables["config"]) == config
    assert "'008'" in variables["config"]
    assert variables["priorRunsFilters"] == '{"$or": [{"name": "r1"}, {"name": "r2"}]}'
    assert (variables["templateVariableValues"], variables["description"]) == ("null", "d")
    assert creation_variables(config, "me", "p")["priorRunsFilters"] is None


def test_a_cursor_remembers_live_runs_and_the_newest() -> None:
    runs = [
        RunRecord("old", "old", RunState.FINISHED, created_at=START),
        RunRecord("new", "new", RunState.RUNNING, created_at=START + timedelta(seconds=60)),
    ]
    cursor = SweepCursor.load(SweepCursor().advanced(runs, Metric("acc")).dump())
    assert (cursor.metric, cursor.live) == ("acc", ("new",))
    filters: Any = cursor.changed_filter("s")
    sweep, candidates = filters["$and"]
    assert sweep == {"sweep": "s"}
    states, names, created = candidates["$or"]
    assert "running" in states["state"]["$in"]
    assert "finished" not in states["state"]["$in"]
    assert names == {"name": {"$in": ["new"]}}
    assert created == {"created_at": {"$gt": "2026-11-23T16:00:55"}}


def test_while_no_run_is_known_every_run_is_new() -> None:
    # A run may begin and end between two polls.
    assert SweepCursor().changed_filter("s") == {"$and": [{"sweep": "s"}]}


def test_a_cursor_never_goes_back() -> None:
    ahead = SweepCursor(newest=START)
    again = ahead.advanced([RunRecord("r", "r", RunState.FINISHED, created_at=START - timedelta(days=1))], None)
    assert again.newest == START


def test_what_is_no_cursor_is_refused() -> None:
    with pytest.raises(ValueError, match="cursor"):
        SweepCursor.load('{"other": 1}')
