"""What is taken along of a sweep that the unmodified SDK logged, read back by other programs."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pandas as pd
import yaml

from tests.e2e.conftest import User

SWEEP = """\
name: taken along
project: exports
method: grid
program: note.py
command: ["${interpreter}", "${program}", "${args}"]
metric: {name: acc, goal: maximize}
parameters:
  lr: {values: [0.1, 0.5]}
  bad: {values: [0, 1]}
  note: {value: "=1+1, it's"}
"""
PROGRAM = """\
import argparse, os, wandb
parser = argparse.ArgumentParser()
for name, kind in (("lr", float), ("bad", int), ("note", str)):
    parser.add_argument("--" + name, type=kind)
given = parser.parse_args()
with wandb.init(tags=["nightly"], group="g1", notes="by hand") as run:
    print("the key is", os.environ["WANDB_API_KEY"], "and", os.environ["CANARY_TOKEN"])
    for step in range(5):
        run.log({"acc": given.lr * (1 - abs(step - 3) / 10), "loss": 1 / (step + 1)})
    if given.bad:
        raise ValueError(f"bad is {given.bad}")
"""


def test_a_sweep_is_taken_along_in_every_form_and_opens_with_no_server(user: User, tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    (tmp_path / "note.py").write_text(PROGRAM)
    canary = {"CANARY_TOKEN": "canary-0123456789"}
    local = ("--server", "local")
    done = user.run(
        "run", "sweep.yaml", "-a", "1", *local, "--headless", "--json", "r.json", cwd=tmp_path, environ=canary
    )
    assert done.returncode == 1, done.stderr
    sweep = json.loads((tmp_path / "r.json").read_text())["sweep"]

    assert user.run("leaderboard", sweep, *local, "-o", "runs.csv", cwd=tmp_path).returncode == 0
    frame = pd.read_csv(tmp_path / "runs.csv")
    assert list(frame["state"].value_counts().sort_index()) == [2, 2]
    first = frame.iloc[0]
    assert (first["best.acc"], first["last.acc"], first["group"], first["notes"]) == (0.5, 0.45, "g1", "by hand")
    assert first["config.note"] == "'=1+1, it's" and first["tags"] == "nightly"
    hydra = user.run("best", sweep, *local, "--format", "hydra").stdout
    assert hydra == """bad=0 lr=0.5 'note="=1+1, it'"'"'s"'\n"""

    # The bundle, read on another machine: with no server, no key and no environment of ours.
    written = user.run("bundle", sweep, *local, "-o", "s.sweep.zip", cwd=tmp_path, environ=canary)
    assert written.returncode == 0, written.stderr
    key = next(line for line in user.run("env", *local).stdout.splitlines() if "WANDB_API_KEY" in line).split("=", 1)[1]
    with zipfile.ZipFile(tmp_path / "s.sweep.zip") as archive:
        inside = "".join(archive.read(name).decode() for name in archive.namelist())
    assert key not in inside and canary["CANARY_TOKEN"] not in inside and inside.count("[key removed]") == 8
    user.run("server", "stop")
    bundle = tmp_path / "s.sweep.zip"
    away = {"WANDB_BASE_URL": "http://127.0.0.1:9", "HOME": str(tmp_path / "elsewhere")}
    assert yaml.safe_load(user.run("best", bundle, environ=away).stdout) == {"lr": 0.5, "bad": 0, "note": "=1+1, it's"}
    rows = json.loads(user.run("leaderboard", bundle, "--format", "json", environ=away).stdout)
    assert [row["value"] for row in rows] == [0.5, 0.5, 0.1, 0.1]
    report = user.run("report", bundle, environ=away)
    assert "| 2 | ValueError at note.py" in report.stdout, report.stdout + report.stderr
    refused = user.run("report", tmp_path / "note.zip", environ=away)
    assert refused.returncode == 2 and "There is no file" in refused.stderr
    with user.open("open", bundle) as terminal:
        terminal.wait_for("bundle s.sweep.zip, no server")
        terminal.wait_for("0.5000")
        terminal.press("q")
        assert terminal.wait() == 0
    assert not (tmp_path / "elsewhere" / ".local").exists()
