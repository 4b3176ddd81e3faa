"""The unmodified wandb SDK and CLI on the embedded server, pointed there by `sweep-tui env` alone."""

from __future__ import annotations

import re
from pathlib import Path

from tests.e2e.conftest import BIN, ROOT, User

WANDB = (str(BIN / "wandb"),)
PYTHON = (str(BIN / "python"), "-c")


def exported(user: User) -> dict[str, str]:
    lines = user.run("env").stdout.splitlines()
    pairs = dict(line.removeprefix("export ").split("=", 1) for line in lines)
    return pairs | {"PATH": f"{BIN}:{user.environ['PATH']}", "PYTHONPATH": str(ROOT)}


def test_wandb_sweep_and_wandb_agent(user: User, tmp_path: Path) -> None:
    environ = exported(user)
    created = user.run("sweep", ROOT / "sweeps/iris-grid.yaml", program=WANDB, cwd=tmp_path, environ=environ)
    assert created.returncode == 0, created.stderr
    assert "Malformed" not in created.stderr + created.stdout
    found = re.search(r"wandb agent (\S+)", created.stderr + created.stdout)
    assert found, created.stderr
    sweep = found[1]

    agent = user.run("agent", "--count", "2", sweep, program=WANDB, cwd=tmp_path, timeout=180, environ=environ)
    assert agent.returncode == 0, agent.stderr

    script = f"""
import wandb
sweep = wandb.Api().sweep("{sweep}")
runs = list(sweep.runs)
assert len(runs) == 2, runs
assert all(run.state == "finished" for run in runs), [run.state for run in runs]
assert sweep.best_run().summary["accuracy"] == max(run.summary["accuracy"] for run in runs)
assert all(len(run.history(keys=["accuracy"], pandas=False)) > 1 for run in runs)
print("fine")
"""
    read = user.run(script, program=PYTHON, cwd=tmp_path, environ=environ)
    assert read.stdout.strip().endswith("fine"), read.stderr

    # Our own agents take over where the stock one stopped, and do the remaining four points.
    rest = user.run("agent", sweep, "-a", "2", timeout=180)
    assert rest.returncode == 0, rest.stderr
    assert "6/6 done" in rest.stderr


RULED = """\
# a hand-written line
method: grid
metric: {name: accuracy, goal: maximize}
project: ruled
command: ["${env}", "${interpreter}", "-m", "trainer", "train", "${args}"]
parameters:
  dataset: {value: iris}
  model: {value: random_forest}
  #: n_estimators and max_depth in one: 3 of 4 combinations, by this rule:
  #: rule: max_depth only if n_estimators > 2
  #: of n_estimators: {values: [2, 3]}
  #: of max_depth: {values: [2, 4]}
  joint__n_estimators__max_depth:
    values:
    - {n_estimators: 2}
    - {n_estimators: 3, max_depth: 2}
    - {n_estimators: 3, max_depth: 4}
"""


def test_a_sweep_with_rules_is_created_and_run_by_stock_wandb_and_gone_on_with_by_our_agents(
    user: User, tmp_path: Path
) -> None:
    environ = exported(user)
    file = tmp_path / "ruled.yaml"
    file.write_text(RULED)
    assert user.run("check", file).returncode == 0
    plan = user.run("plan", file).stdout
    assert "3 runs" in plan
    assert "joint__" not in plan
    created = user.run("sweep", file, program=WANDB, cwd=tmp_path, environ=environ)
    assert created.returncode == 0, created.stderr
    assert "Malformed" not in created.stderr + created.stdout
    found = re.search(r"wandb agent (\S+)", created.stderr + created.stdout)
    assert found, created.stderr
    agent = user.run("agent", "--count", "1", found[1], program=WANDB, cwd=tmp_path, timeout=180, environ=environ)
    assert agent.returncode == 0, agent.stderr
    rest = user.run("agent", found[1], timeout=180)
    assert rest.returncode == 0, rest.stderr
    assert "3/3 done" in rest.stderr
    board = user.run("leaderboard", found[1], "--format", "csv").stdout.splitlines()
    assert "joint__" not in board[0]
    column = board[0].split(",")
    rows = [dict(zip(column, line.split(","), strict=True)) for line in board[1:]]
    # The program's own default, none, holds where the rule gives no depth.
    seen = sorted((row["n_estimators"], row["max_depth"]) for row in rows)
    assert seen == [("2", "None"), ("3", "2"), ("3", "4")]
    best = user.run("best", found[1], "--format", "args").stdout
    assert "--n_estimators=" in best
    assert "joint__" not in best
