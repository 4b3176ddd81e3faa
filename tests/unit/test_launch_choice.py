from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from trainer.commands.running import run
from tui.launch_choice import LaunchChoice, default_agents, memory_path, read_choice, recall, remember

GRID: dict[str, Any] = {"method": "grid", "parameters": {"x": {"values": list(range(27))}}}

NO_NUMBERS = ("x", "-1", "²", "9" * 5000)


def read(**texts: str) -> LaunchChoice:
    choice, problems = read_choice({"agents": "1"} | texts)
    assert choice is not None, problems
    return choice


def test_what_is_typed_is_what_is_launched() -> None:
    choice = read(agents="4", project=" mine ", count="10", budget="2h", timeout="90", max_failures="5")
    request = choice.request({**GRID, "run_cap": 20}, Path("/work"))

    assert (request.agents, request.config["run_cap"], request.cwd) == (4, 10, Path("/work"))
    assert choice.project == "mine"
    assert choice.sentence(GRID, "W&B cloud", 0, "team").startswith(
        "10 runs, 4 at a time, on the W&B cloud, in the project team/mine."
    )
    assert request.policy is not None
    assert (request.policy.budget_seconds, request.policy.timeout_seconds, request.policy.max_failures) == (7200, 90, 5)
    assert read(agents="", gpus="0,1", slots_per_gpu="2").request(GRID, Path()).devices.per_gpu == 2


def test_the_options_of_the_command_line_say_the_same(tmp_path: Path) -> None:
    texts = {
        "agents": "4", "project": "my wine", "gpus": "0,1", "slots_per_gpu": "2", "count": "10", "timeout": "90s",
        "budget": "2h", "max_failures": "5",
    }  # fmt: skip
    options = read(**texts).options()
    context = run.make_context("run", [str(tmp_path / "x.yaml"), *options])

    given = context.params
    assert [str(given[name]) for name in texts] == list(texts.values())
    assert CliRunner().invoke(run, [str(tmp_path / "none.yaml"), *options]).exit_code != 0


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"agents": "4", "project": "wine"}, "27 runs, 4 at a time, on the embedded server, in the project wine."),
        ({"count": "1"}, "1 run, one at a time, on the embedded server, in the project uncategorized."),
        (
            {"agents": "0"},
            "Creates the sweep and starts no agent, on the embedded server, in the project uncategorized.",
        ),
        ({"agents": "", "gpus": "all"}, "27 runs, as many at a time as the GPUs have room for, on the embedded server"),
        ({"agents": "2", "gpus": "0,1"}, "27 runs, 2 at a time on GPU 0,1, on"),
        ({"timeout": "600", "max_failures": "1"}, "longer than 10m is stopped; after 1 failure no run begins."),
        ({"budget": "90m"}, "After 1h30m no run begins."),
    ],
)
def test_the_sentence_says_what_will_happen(texts: dict[str, str], words: str) -> None:
    assert words in read(**texts).sentence(GRID, "embedded server")


def test_points_that_have_run_are_not_launched_again() -> None:
    assert read().sentence(GRID, "server", prior_points=20).startswith("7 runs, one at a time")
    assert read(count="5").sentence(GRID, "server", prior_points=26).startswith("1 run, one at a time")


def test_a_search_without_an_end_is_said_to_have_none() -> None:
    endless: dict[str, Any] = {"method": "random", "parameters": {"x": {"min": 0.0, "max": 1.0}}}
    assert read().sentence(endless, "W&B cloud").startswith("Runs without an end, one at a time, on the W&B cloud")
    assert read(count="8").sentence(endless, "W&B cloud").startswith("8 runs")


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *((name, text) for name in ("agents", "count", "max_failures", "slots_per_gpu") for text in NO_NUMBERS),
        ("agents", ""), ("agents", "257"), ("count", "0"), ("budget", "soon"), ("timeout", "0"), ("gpus", "first"),
        ("gpus", "none,1"), ("project", "a/b"), ("project", "p" * 129), ("gpus_per_run", "65"),
    ],
)  # fmt: skip
def test_nonsense_is_a_problem_of_its_field(field: str, text: str) -> None:
    choice, problems = read_choice({"agents": "1"} | {field: text})
    assert choice is None
    assert list(problems) == [field]


def test_wishes_that_exclude_each_other_are_a_problem() -> None:
    choice, problems = read_choice({"agents": "", "gpus": "all", "slots_per_gpu": "2", "gpus_per_run": "2"})
    assert choice is None
    assert "exclude each other" in problems["gpus"]


def test_the_choices_of_a_launch_are_there_at_the_next_but_not_its_number_of_runs(tmp_path: Path) -> None:
    path = tmp_path / "state" / "launch.json"
    assert recall(path) == {}
    remember(path, {"agents": " 3 ", "budget": "2h", "count": "5", "project": "mine"})
    assert recall(path) == {"agents": "3", "budget": "2h", "project": "mine"}


@pytest.mark.parametrize(
    "text", ["", "[]", '{"version": 2, "texts": {}}', '{"version": 1, "texts": {"agents": 3}}', "\0"]
)
def test_choices_that_cannot_be_read_are_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "launch.json").write_text(text)
    assert recall(tmp_path / "launch.json") == {}


def test_a_state_folder_that_is_closed_keeps_nobody_from_launching(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    remember(tmp_path / "file" / "launch.json", {"agents": "1"})


def test_choices_lie_in_the_state_folder(isolated_home: Path) -> None:
    assert memory_path() == isolated_home / ".local/state/sweep-tui/launch.json"
    assert 1 <= default_agents() <= 4
