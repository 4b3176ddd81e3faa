"""The main job without a terminal: file → agents → real wandb runs → report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.e2e.conftest import User


def test_wine_grid_runs_every_point_once(user: User, tmp_path: Path) -> None:
    result = user.run("run", "sweeps/wine-grid.yaml", "-a", "2", "--json", tmp_path / "out.json", timeout=180)

    assert result.returncode == 0, result.stderr
    assert result.stderr.startswith("Server: embedded server http://127.0.0.1:")
    assert "9/9 done" in result.stderr
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["run_count"] == 9
    assert report["states"] == {"finished": 9}
    points = {(run["config"]["n_estimators"], run["config"]["max_depth"]) for run in report["runs"]}
    assert points == {(trees, depth) for trees in (50, 100, 200) for depth in (3, 5, None)}
    assert all(0.8 < run["summary"]["accuracy"] <= 1 for run in report["runs"])
    assert all(run["seconds"] > 0 for run in report["runs"])
    best = max(run["summary"]["best_accuracy"] for run in report["runs"])
    assert report["best"]["value"] == best
    assert "n_estimators" in result.stdout and "accuracy" in result.stdout

    sweep = report["sweep"]
    rows = json.loads(user.run("leaderboard", sweep, "--format", "json").stdout)
    assert len(rows) == 9
    arguments = user.run("best", sweep, "--format", "args").stdout
    assert f"--n_estimators={report['best']['config']['n_estimators']}" in arguments
    assert "API" not in result.stderr and not any(len(word) >= 40 and word.isalnum() for word in result.stderr.split())


def test_count_dataset_and_seed_bound_and_change_the_sweep(user: User, tmp_path: Path) -> None:
    options = ("--count", "3", "--dataset", "iris", "--seed", "7", "--project", "elsewhere", "--name", "three")
    result = user.run("run", "sweeps/wine-random.yaml", "-a", "2", *options, "--json", tmp_path / "out.json")

    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["sweep"].split("/")[1] == "elsewhere"
    assert report["run_count"] == 3
    assert len(report["runs"]) == 3
    assert {run["config"]["dataset"] for run in report["runs"]} == {"iris"}
    assert {run["config"]["seed"] for run in report["runs"]} == {7}

    again = user.run("run", "sweeps/wine-random.yaml", "-a", "2", *options, "--json", tmp_path / "again.json")
    assert again.returncode == 0, again.stderr
    assert points(json.loads((tmp_path / "again.json").read_text())) == points(report), "the seed decides the search"


def points(report: dict[str, Any]) -> set[str]:
    return {json.dumps(run["config"] | {"provenance": None}, sort_keys=True) for run in report["runs"]}


def test_failing_program_is_told_and_exits_1(user: User, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import sys\nprint('no such device')\nsys.exit(3)\n")
    (tmp_path / "sweep.yaml").write_text("program: broken.py\nmethod: grid\nparameters:\n  a: {values: [1, 2]}\n")

    result = user.run("run", tmp_path / "sweep.yaml", "-a", "1", "--json", tmp_path / "out.json", cwd=tmp_path)

    assert result.returncode == 1, result.stderr
    report = json.loads((tmp_path / "out.json").read_text())
    assert set(report["states"]) <= {"failed", "crashed"}
    assert "Traceback" not in result.stderr


def test_steering_from_the_shell(user: User) -> None:
    created = user.run("run", "sweeps/iris-grid.yaml", "-a", "1", "--json", user.home / "out.json")
    assert created.returncode == 0, created.stderr
    sweep = json.loads((user.home / "out.json").read_text())["sweep"]
    assert user.run("stop", sweep).stdout.split()[-1] == "FINISHED"
    exported = user.run("env").stdout
    assert "export WANDB_BASE_URL=http://127.0.0.1:" in exported
