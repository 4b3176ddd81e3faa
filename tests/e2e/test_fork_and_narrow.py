"""A sweep that has run is forked without its points, and narrowed to its best runs: by the commands, for real."""

from __future__ import annotations

import json
import re
from pathlib import Path
from subprocess import CompletedProcess

import yaml

from tests.e2e.conftest import BIN, User

PROGRAM = """\
import sys, wandb
x, y = (int(word.split("=")[1]) for word in sorted(sys.argv[1:]))
open("seen.txt", "a").write(f"{x},{y} ")
with wandb.init() as run:
    run.log({"loss": (x - 4) ** 2 + y / 100})
"""
SWEEP = """\
# what I know so far
name: peaks
project: peaks
method: grid
metric: {name: loss, goal: minimize}
program: peak.py
command: [PYTHON, peak.py, "${args}"]
parameters:
  x: {values: [1, 2, 3, 4, 5, 6, 7, 8]}
  y: {values: [1, 2]}
"""


def seen(folder: Path) -> list[str]:
    path = folder / "seen.txt"
    points = path.read_text().split() if path.exists() else []
    path.unlink(missing_ok=True)
    return sorted(points)


def test_a_fork_runs_only_new_points_and_narrowing_finds_the_region_of_the_best(user: User, tmp_path: Path) -> None:
    (tmp_path / "peak.py").write_text(PROGRAM)
    (tmp_path / "first.yaml").write_text(SWEEP.replace("PYTHON", str(BIN / "python")))

    def command(*words: str) -> CompletedProcess[str]:
        return user.run("--server", "local", *words, cwd=tmp_path)

    done = command("run", "first.yaml", "--headless", "--agents", "2")
    assert done.returncode == 0, done.stderr
    assert len(seen(tmp_path)) == 16
    match = re.search(r"\b(\w+/peaks/\w+)", done.stderr)
    assert match, done.stderr
    sweep = match[1]

    # Fork: the same space, with a note; two values more, and the points that ran do not run again.
    forked = command("fork", sweep, "-o", "fork.yaml")
    assert forked.returncode == 0, forked.stderr
    assert "0 left of 16 · 16 already run" in forked.stderr
    text = (tmp_path / "fork.yaml").read_text()
    assert f"#: reuse the runs of {sweep}" in text
    wider = text.replace("[1, 2, 3, 4, 5, 6, 7, 8]", "[3, 4, 5, 9]").replace("[1, 2]", "[2, 3]")
    assert wider != text, text
    (tmp_path / "fork.yaml").write_text(wider)
    missing = command("fork", sweep, "--only-missing", "--like", "fork.yaml")
    grids = list(yaml.safe_load_all(missing.stdout))
    sizes = [[len(entry.get("values", [0])) for entry in grid["parameters"].values()] for grid in grids]
    assert sum(x * y for x, y in sizes) == 5
    done = command("run", "fork.yaml", "--headless")
    assert done.returncode == 0, done.stderr
    assert seen(tmp_path) == ["3,3", "4,3", "5,3", "9,2", "9,3"]

    # Insight: x makes the difference, y does not.
    said = command("insight", sweep, "--group", "y")
    assert said.returncode == 0, said.stderr
    assert re.search(r"^x +█+", said.stdout, re.MULTILINE), said.stdout
    assert "Few runs: 16 for 2 parameters" in said.stdout and "By y" in said.stdout
    told = json.loads(command("insight", sweep, "--format", "json").stdout)
    assert [row["name"] for row in told["importance"]["parameters"]] == ["x", "y"]
    assert told["runs"] == 16 and "each run logged it once" in told["early_stop"]["problem"]

    # Narrow: a diff on stdout, its reasons beside it; with -o a file that is clean.
    diff = command("narrow", sweep, "--top", "25%")
    assert diff.returncode == 0, diff.stderr
    assert "~ x: the best 5 of 16 runs have" in diff.stderr
    assert re.search(r"^-.*values", diff.stdout, re.MULTILINE) and re.search(r"^\+\s+max: ", diff.stdout, re.MULTILINE)
    written = command("narrow", sweep, "--top", "25%", "-o", "narrow.yaml")
    assert written.returncode == 0, written.stderr
    assert command("check", "narrow.yaml").returncode == 0
    narrowed = yaml.safe_load((tmp_path / "narrow.yaml").read_text())
    assert narrowed["name"] == "peaks (narrowed)"
    assert 1 <= narrowed["parameters"]["x"]["min"] <= 3 and 5 <= narrowed["parameters"]["x"]["max"] < 8
    again = command("narrow", sweep, "-o", "narrow.yaml")
    assert again.returncode == 2 and "is there already" in again.stderr
