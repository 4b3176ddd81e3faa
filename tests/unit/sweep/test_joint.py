"""Joint parameters: taken apart for programs and people, whole for the server."""

from __future__ import annotations

from typing import Any

import pytest

from trainer.agents.run_start import parameter_file
from trainer.records import Json, RunRecord, SweepRecord, SweepReference
from trainer.search.bayes_search import BayesSearch
from trainer.search.plan import make_plan
from trainer.states import RunState, SweepState
from trainer.sweep.command import command_argv
from trainer.sweep.config import dump_sweep_config
from trainer.sweep.joint import is_joint, member_paths, unpacked, with_members
from trainer.sweep.space import SearchSpace
from trainer.sweep.validation import violations, warnings
from trainer.sweep.yaml_text import parse_yaml
from trainer.tracking.leaderboard import best_config, flatten_config, leaderboard_columns
from tui.columns import flat_items, swept_keys

ENTRY: dict[str, Json] = {
    "values": [
        {"optimizer": "sgd", "momentum": 0.9, "model": {"depth": 2}},
        {"optimizer": "adam", "model": {"depth": 4}},
    ]
}
CONFIG: dict[str, Json] = {
    "method": "grid",
    "program": "train.py",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {
        "epochs": {"value": 3},
        "joint__optimizer__momentum__model_depth": ENTRY,
        "model": {"parameters": {"width": {"values": [8, 16]}}},
    },
}
NAME = "joint__optimizer__momentum__model_depth"
POINT: dict[str, Json] = {
    "epochs": 3,
    NAME: {"optimizer": "sgd", "momentum": 0.9, "model": {"depth": 2}},
    "model": {"width": 8},
}


def test_members_stand_in_the_place_of_their_joint_parameter_and_join_the_groups_they_belong_to() -> None:
    assert member_paths(NAME, ENTRY) == [("optimizer",), ("momentum",), ("model", "depth")]
    taken_apart = unpacked(POINT, CONFIG)
    assert taken_apart == {"epochs": 3, "optimizer": "sgd", "momentum": 0.9, "model": {"width": 8, "depth": 2}}
    assert list(taken_apart) == ["epochs", "optimizer", "momentum", "model"]
    assert POINT["model"] == {"width": 8}


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({"joint__a": {"a": 1}, "a": 2}, {"a": 2}),
        ({"a": 2, "joint__a": {"a": 1}}, {"a": 2}),
        ({"joint__a": 5}, {"joint__a": 5}),
        ({"joint__a": {}}, {"joint__a": {}}),
        ({"joint__a": {"joint__a": {"b": 1}}}, {"joint__a": {"b": 1}}),
        ({"joint__a": {"g": {"x": 1}}, "joint__b": {"g": {"y": None}}}, {"g": {"x": 1, "y": None}}),
        ({"g": 1, "joint__b": {"g": {"y": 2}}}, {"g": 1}),
    ],
)
def test_odd_values_are_taken_apart_without_replacing_anything(args: dict[str, Any], expected: dict[str, Any]) -> None:
    assert unpacked(args) == expected
    together = with_members(args)
    assert {name: together[name] for name in args if name != "g"} == {k: v for k, v in args.items() if k != "g"}


def test_a_group_that_is_named_like_a_joint_parameter_is_left_alone_where_the_sweep_is_known() -> None:
    config: dict[str, Json] = {"parameters": {"joint__g": {"parameters": {"x": {"values": [1, 2]}}}}}
    assert unpacked({"joint__g": {"x": 1}}, config) == {"joint__g": {"x": 1}}
    assert not is_joint("joint__g", config["parameters"]["joint__g"])  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    ("macro", "expected"),
    [
        ("${args}", ["--epochs=3", "--optimizer=sgd", "--momentum=0.9", "--model={'width': 8, 'depth': 2}"]),
        ("${args_no_hyphens}", ["epochs=3", "optimizer=sgd", "momentum=0.9", "model={'width': 8, 'depth': 2}"]),
        (
            "${args_json}",
            ['{"epochs": 3, "optimizer": "sgd", "momentum": 0.9, "model": {"width": 8, "depth": 2}}'],
        ),
    ],
)
def test_every_macro_passes_members(macro: str, expected: list[str]) -> None:
    assert command_argv({**CONFIG, "command": [macro]}, POINT) == expected


def test_the_parameter_file_holds_members_beside_what_the_server_gave_out() -> None:
    written = parse_yaml(parameter_file(POINT, CONFIG), "file").value
    assert isinstance(written, dict)
    values = {name: entry["value"] for name, entry in written.items() if isinstance(entry, dict)}
    assert values == {**unpacked(POINT), NAME: POINT[NAME]}
    # What wandb.config then holds is recognised as the point that was given out, by stock and by our grid alike.
    assert SearchSpace.from_config(CONFIG).index_of(values) == SearchSpace.from_config(CONFIG).index_of(POINT) == 0


def test_a_plan_and_every_view_show_members_by_their_own_names() -> None:
    plan = make_plan(CONFIG)
    assert plan.unique_count == 4
    assert plan.configurations[2] == {"epochs": 3, "optimizer": "adam", "model": {"width": 8, "depth": 4}}
    assert not any("joint__" in item for argv in plan.argv for item in argv)
    runs = [
        RunRecord(id=str(index), name=f"run-{index}", state=RunState.FINISHED, config=with_members(point))
        for index, point in enumerate(SearchSpace.from_config(CONFIG).points())
    ]
    sweep = SweepRecord(SweepReference("e", "p", "s"), "s", SweepState.FINISHED, "grid", None, CONFIG)
    assert leaderboard_columns(sweep, runs) == ["optimizer", "momentum", "model.width", "model.depth"]
    assert flatten_config(runs[0].config) == dict(flat_items(runs[0].config))
    assert swept_keys(CONFIG) == ["optimizer", "momentum", "model.depth", "model.width"]
    assert best_config(sweep, runs[0]) == unpacked(POINT)


def test_bayes_and_random_draw_joint_values_as_they_are_written() -> None:
    search = BayesSearch({**CONFIG, "method": "bayes"}, seed=1)
    assert all(suggestion.config[NAME] in ENTRY["values"] for suggestion in search.ask(5) or [])  # type: ignore[operator]
    assert make_plan({**CONFIG, "method": "random", "run_cap": 3}).run_count == 3


def test_check_names_what_is_wrong_with_joint_parameters() -> None:
    def found(parameters: dict[str, Json]) -> list[str]:
        config: dict[str, Json] = {**CONFIG, "parameters": parameters}
        assert parse_yaml(dump_sweep_config(config), "file").value == config
        return [f"{item.path}: {item.message}" for item in violations(config)]

    assert found(CONFIG["parameters"]) == []  # type: ignore[arg-type]
    assert found({"joint__a": {"values": [{"a": 1}]}, "a": {"values": [1, 2]}}) == [
        "parameters.joint__a: Its member a is set by a too."
    ]
    assert found({"joint__a": {"values": [{"a": 1}]}, "joint__b": {"values": [{"a": 1}]}}) == [
        "parameters.joint__b: Its member a is set by joint__a too."
    ]
    assert found({"joint__a": {"values": [{"a": 1}]}, "a": {"parameters": {"x": {"value": 1}}}}) == [
        "parameters.joint__a: Its member a is set by a.x too."
    ]
    assert found({"joint__a": {"values": [{"a b": 1}]}}) == ["parameters.joint__a: W&B takes no parameter named 'a b'."]
    odd = warnings({**CONFIG, "parameters": {"joint__a": {"values": [{"a": 1}, 3]}}})
    assert "3 names no members, so programs get joint__a as it is." in [item.message for item in odd]
    whole = warnings({**CONFIG, "parameters": {"joint__a": {"values": [{"a": 1, "b": [2.0]}, {"a": 2.5}]}}})
    assert any("1.0 becomes 1" in item.message for item in whole)
