"""The unmodified wandb SDK and its command line against the server, in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.contract.server_fixtures import Environment, environ, graphql, project, run_program, server
from trainer.server.lifecycle import ServerAddress

__all__ = ["environ", "project", "server"]

_RUN = """
import json, sys, pathlib, wandb
project = sys.argv[1]
assert wandb.login()
run = wandb.init(project=project, name="shown", config={"lr": 0.1, "opt": {"name": "adam"}}, tags=["a", "b"],
                 notes="note", group="g", job_type="train")
for step in range(10):
    run.log({"loss": 1 / (step + 1), "deep": {"x": step}})
print("hello from the run")
print("and from stderr", file=sys.stderr)
run.config.update({"late": True})
run.summary["best"] = 3
pathlib.Path("sub").mkdir()
pathlib.Path("sub/a b%.txt").write_text("saved")
run.save("sub/a b%.txt")
run.alert("title", "text")
run.finish()

failed = wandb.init(project=project, id="fails")
failed.finish(exit_code=3)

api = wandb.Api()
found = api.run(f"local/{project}/{run.id}")
hist = found.history(pandas=False)
found.tags.append("c"); found.summary["extra"] = 5; found.config["added"] = 1; found.update()
again = wandb.Api().run(f"local/{project}/{run.id}")
found.file("sub/a b%.txt").download(root="down", replace=True)
print("RESULT" + json.dumps({
    "state": found.state, "name": found.name, "config": dict(again.config), "tags": again.tags, "notes": found.notes,
    "group": found.group, "job_type": found.job_type,
    "best": found.summary["best"], "extra": again.summary["extra"],
    "history": [(row["_step"], row["loss"]) for row in hist],
    "scan": [(row["_step"], row["loss"]) for row in found.scan_history(keys=["_step", "loss"], min_step=2, max_step=5)],
    "whole": len(list(found.scan_history())),
    "dotted": [row["deep.x"] for row in found.history(keys=["deep.x"], pandas=False)],
    "files": sorted(file.name for file in found.files()),
    "saved": pathlib.Path("down/sub/a b%.txt").read_text(),
    "last_step": found.lastHistoryStep,
    "console": [line.content for line in found.console_logs()],
    "projects": [p.name for p in api.projects("local")],
    "lr": [r.id == run.id for r in api.runs(f"local/{project}", filters={"config.lr": 0.1})],
    "failed": [r.id for r in api.runs(f"local/{project}", filters={"state": "failed"})],
    "order": [r.name for r in api.runs(f"local/{project}", order="-summary_metrics.loss")][0],
}))
"""


def result_of(printed: str) -> Any:
    """Return what a program printed behind RESULT."""
    return json.loads(next(line for line in printed.splitlines() if line.startswith("RESULT"))[6:])


def test_a_run_from_init_to_the_api(tmp_path: Path, environ: Environment, project: str) -> None:
    found = result_of(run_program(_RUN, environ, tmp_path, project))
    assert found["state"] == "finished"
    assert found["name"] == "shown"
    assert found["config"] == {"lr": 0.1, "opt": {"name": "adam"}, "late": True, "added": 1}
    assert found["tags"] == ["a", "b", "c"]
    assert (found["notes"], found["group"], found["job_type"]) == ("note", "g", "train")
    assert (found["best"], found["extra"]) == (3, 5)
    assert found["history"] == [[step, 1 / (step + 1)] for step in range(10)]
    assert [step for step, _ in found["scan"]] in ([2, 3, 4], [2, 3, 4, 5])
    assert found["whole"] == 10
    assert found["dotted"] == list(range(10))
    assert {"sub/a b%.txt", "config.yaml", "output.log", "wandb-summary.json"} <= set(found["files"])
    assert found["saved"] == "saved"
    assert found["last_step"] == 9
    assert {"hello from the run", "and from stderr"} <= set(found["console"])
    assert project in found["projects"]
    assert found["lr"] == [True]
    assert found["failed"] == ["fails"]
    assert found["order"] == "shown"


_ARTIFACTS = """
import json, os, pathlib, sys, wandb
project = sys.argv[1]
pathlib.Path("model.bin").write_bytes(b"x" * 1000)
pathlib.Path("outside.txt").write_text("outside")

def model():
    artifact = wandb.Artifact("model", "model", metadata={"k": 1})
    artifact.add_file("model.bin")
    artifact.add_reference(pathlib.Path("outside.txt").resolve().as_uri())
    return artifact

with wandb.init(project=project, id="logs") as run:
    first = run.log_artifact(model(), aliases=["best"]).wait()
    run.log({"table": wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])})
    pathlib.Path("model.bin").write_bytes(b"y" * 2000)
    second = run.log_artifact(model()).wait()
with wandb.init(project=project, id="uses") as run:
    used = run.use_artifact("model:best")
    folder = used.download(root="down")
    same = run.log_artifact(model()).wait()
api = wandb.Api()
logged = list(api.run(f"local/{project}/logs").logged_artifacts())
table = next(a for a in logged if a.type == "run_table")
best = api.artifact(f"local/{project}/model:best")
best.aliases.append("prod"); best.save()
api.artifact(f"local/{project}/model:v1").delete(delete_aliases=True)
print("RESULT" + json.dumps({
    "versions": [first.version, second.version, same.version],
    "down": sorted(os.listdir(folder)), "size": os.path.getsize("down/model.bin"),
    "logged": sorted(a.name for a in logged),
    "used": [a.name for a in api.run(f"local/{project}/uses").used_artifacts()],
    "used_by": [r.id for r in best.used_by()], "logged_by": best.logged_by().id,
    "table": table.get("table").data, "metadata": best.metadata,
    "prod": api.artifact(f"local/{project}/model:prod").version,
    "left": [a.version for a in api.artifacts("model", f"local/{project}/model")],
    "types": sorted(t.name for t in api.artifact_types(f"local/{project}")),
}))
"""


def test_artifacts_and_tables(tmp_path: Path, environ: Environment, project: str) -> None:
    found = result_of(run_program(_ARTIFACTS, environ, tmp_path, project))
    assert found["versions"] == ["v0", "v1", "v1"]
    assert found["down"] == ["model.bin", "outside.txt"]
    assert found["size"] == 1000
    assert found["logged"] == ["model:v0", "model:v1", "run-logs-table:v0"]
    assert (found["used"], found["used_by"], found["logged_by"]) == (["model:v0"], ["uses"], "logs")
    assert found["table"] == [[1, "x"], [2, "y"]]
    assert found["metadata"] == {"k": 1}
    assert found["prod"] == "v0"
    assert found["left"] == ["v0"]
    assert found["types"] == ["model", "run_table"]


_RESUME = """
import json, sys, wandb
project = sys.argv[1]
with wandb.init(project=project, id="r", config={"a": 1}) as run:
    run.log({"x": 0}); run.log({"x": 1})
with wandb.init(project=project, id="r", resume="allow") as run:
    assert run.resumed and run.starting_step == 2, (run.resumed, run.starting_step)
    run.log({"x": 2})
resumed = [row["x"] for row in wandb.Api().run(f"local/{project}/r").scan_history()]
with wandb.init(project=project, id="r") as run:
    run.log({"x": 9})
print("RESULT" + json.dumps({
    "resumed": resumed, "again": [row["x"] for row in wandb.Api().run(f"local/{project}/r").scan_history()],
}))
"""


def test_resume_goes_on_and_a_plain_init_starts_over(tmp_path: Path, environ: Environment, project: str) -> None:
    found = result_of(run_program(_RESUME, environ, tmp_path, project))
    assert found == {"resumed": [0, 1, 2], "again": [9]}


def test_a_wrong_key_is_told_at_login(tmp_path: Path, environ: Environment) -> None:
    source = "import wandb\ntry:\n    wandb.login()\nexcept Exception as error:\n    print(type(error).__name__)\n"
    printed = run_program(source, environ | {"WANDB_API_KEY": "0" * 40}, tmp_path)
    assert printed.strip().splitlines()[-1] == "AuthenticationError"


_TRAIN = """
import wandb
with wandb.init() as run:
    for step in range(3):
        run.log({"acc": run.config.x + step / 10})
"""
_SWEEP = """
program: train.py
method: grid
metric: {name: acc, goal: maximize}
parameters:
  x: {values: [1, 2, 3]}
"""
_READ_SWEEP = """
import json, sys, wandb
sweep = wandb.Api().sweep(sys.argv[1])
best = sweep.best_run()
print("RESULT" + json.dumps({
    "state": sweep.state, "x": sorted(run.config["x"] for run in sweep.runs), "best": best.config["x"],
    "states": sorted({run.state for run in sweep.runs}), "expected": sweep.expected_run_count,
    "agents": len(list(sweep.agents())), "bestLoss": best.summary["acc"],
    "project": [s.id for s in wandb.Api().project(sweep.project, sweep.entity).sweeps()] == [sweep.id],
}))
"""


def test_sweep_and_agents_of_the_command_line(tmp_path: Path, environ: Environment, project: str) -> None:
    (tmp_path / "train.py").write_text(_TRAIN, encoding="utf-8")
    (tmp_path / "sweep.yaml").write_text(_SWEEP, encoding="utf-8")
    wandb = [sys.executable, "-m", "wandb"]
    done = subprocess.run(
        [*wandb, "sweep", "--project", project, "sweep.yaml"],
        cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    path = (done.stdout + done.stderr).split("wandb agent ")[1].split()[0]
    agents = [
        subprocess.Popen(
            [*wandb, "agent", path], cwd=tmp_path, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(2)
    ]
    assert [agent.wait(timeout=150) for agent in agents] == [0, 0]
    found = result_of(run_program(_READ_SWEEP, environ, tmp_path, path))
    assert found == {
        "state": "FINISHED", "x": [1, 2, 3], "best": 3, "states": ["finished"], "expected": 3, "agents": 2,
        "bestLoss": 3.2, "project": True,
    }  # fmt: skip


_STOPPED = """
import sys, time, wandb
run = wandb.init(project=sys.argv[1], id="r", settings=wandb.Settings(x_file_stream_transmit_interval=1))
try:
    for step in range(10000):
        run.log({"x": step})
        if step == 3:
            wandb.Api().run(f"local/{sys.argv[1]}/r").stop()
        time.sleep(0.05)
except KeyboardInterrupt:
    run.finish(exit_code=255)
"""


def test_a_stopped_run_is_killed(tmp_path: Path, environ: Environment, server: ServerAddress, project: str) -> None:
    run_program(_STOPPED, environ, tmp_path, project)
    found = graphql(server, 'query Q($p: String) { project(name: $p) { run(name: "r") { state } } }', p=project)
    assert found["project"]["run"]["state"] == "killed"
