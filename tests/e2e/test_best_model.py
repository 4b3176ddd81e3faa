"""The best model of a sweep: marked, promoted, fetched, and as good as it was logged."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.e2e.conftest import User

READ = """
import json, sys, wandb
api = wandb.Api()
collections = api.artifact_type("model", sys.argv[1]).collections()
print(json.dumps({c.name: {a.version: sorted(a.aliases) for a in c.artifacts()} for c in collections}))
"""
SCORE = """
import json, sys, joblib
from trainer.training.datasets import load_split
from trainer.training.metrics import score
facts = json.load(open(sys.argv[1] + "/model.json"))
config = facts["metadata"]["config"]
split = load_split(config["dataset"], None, seed=config["seed"], validation_fraction=config["validation_fraction"])
model = joblib.load(sys.argv[1] + "/model.joblib")
print(json.dumps(score(split.validation_y, model.predict_proba(split.validation_x))))
"""


def python(user: User, program: str, *arguments: str | Path, environ: dict[str, str]) -> Any:
    result = user.run(*arguments, program=(sys.executable, "-c", program), environ=environ)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_the_best_model_is_promoted_and_fetched_as_good_as_it_was(user: User, tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(
        "method: grid\nmetric: {name: accuracy, goal: maximize}\nproject: models\n"
        'command: ["${env}", "${interpreter}", "-m", "trainer", "train", "${args}"]\nprogram: trainer/__main__.py\n'
        "parameters:\n  dataset: {value: iris}\n  validation_fraction: {value: 0.5}\n"
        "  model: {values: [logistic_regression, random_forest]}\n  log_every: {values: [1, 2]}\n"
        "  log_model: {value: true}\n"
    )
    ran = user.run("run", tmp_path / "sweep.yaml", "-a", "2", "--json", tmp_path / "out.json")
    assert ran.returncode == 0, ran.stderr
    report = json.loads((tmp_path / "out.json").read_text())
    sweep, best = report["sweep"], report["best"]
    exported = user.run("env").stdout
    pairs = [shlex.split(line)[1].split("=", 1) for line in exported.splitlines() if line.startswith("export ")]
    environ = dict(pairs)

    promoted = user.run("promote", sweep, "--registry", "iris")
    assert promoted.returncode == 0, promoted.stderr
    name = promoted.stdout.strip()
    assert name.startswith("local/models/iris-") and f"({best['id']})" in promoted.stderr
    assert "wandb-registry-model/iris:v0" in promoted.stderr
    found = python(user, READ, "local/models", environ=environ)
    # Models that are the same byte for byte are each run's own.
    assert [sorted(each) for each in found.values()] == [["v0", "v1"]] * 2
    marked = [(f"local/models/{c}:{v}", a) for c, each in found.items() for v, a in each.items() if "best" in a]
    assert [(one, "production" in aliases) for one, aliases in marked] == [(name, True)]
    assert "Nothing to change" in user.run("promote", sweep).stderr

    folder = tmp_path / "fetched"
    fetched = user.run("fetch-best", sweep, "-o", folder)
    assert fetched.returncode == 0, fetched.stderr
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.yaml",
        "metadata.json",
        "model.joblib",
        "model.json",
    ]
    assert yaml.safe_load((folder / "config.yaml").read_text())["model"] == best["config"]["model"]
    scored = python(user, SCORE, folder, environ={})
    logged = json.loads((folder / "model.json").read_text())["metadata"]["metrics"]
    assert scored == {key: logged[key] for key in scored} and scored["accuracy"] == best["summary"]["accuracy"]

    again = user.run("fetch-best", sweep, "-o", folder)
    assert again.returncode == 0, again.stderr
    (folder / "model.joblib").write_bytes(b"something else")
    refused = user.run("fetch-best", sweep, "-o", folder)
    assert refused.returncode == 2 and "is there already, and is another file" in refused.stderr
    assert user.run("fetch-best", sweep, "-o", folder, "--force").returncode == 0
    # A gate for the next sweep is the file that was fetched.
    gate = ("run", tmp_path / "sweep.yaml", "-a", "0", "--baseline", folder / "config.yaml")
    assert user.run(*gate).returncode == 0


MARKED = """{ project(name: "nets", entityName: "local") { artifactCollections {
  edges { node { name artifactMembership(aliasName: "best") { versionIndex } } } } } }"""
OWN_PROGRAM = """
import wandb
with wandb.init() as run:
    run.log({"x": run.config.a})
    if run.config.a > 1:
        artifact = wandb.Artifact(f"net-{run.config.a}", "model")
        with artifact.new_file("weights.txt") as file: file.write(str(run.config.a))
        run.log_artifact(artifact)
"""


def test_agents_that_end_mark_what_is_best_then_of_any_program(user: User, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(OWN_PROGRAM)
    (tmp_path / "sweep.yaml").write_text(
        "program: train.py\nmethod: grid\nproject: nets\nmetric: {name: x, goal: maximize}\n"
        "parameters:\n  a: {values: [1, 2, 3]}\n"
    )
    user.run("run", tmp_path / "sweep.yaml", "-a", "0", "--json", tmp_path / "out.json", cwd=tmp_path)
    sweep = json.loads((tmp_path / "out.json").read_text())["sweep"]
    environ = dict(shlex.split(line)[1].split("=", 1) for line in user.run("env").stdout.splitlines())

    def best_after_one_more_run() -> list[str]:
        done = user.run("agent", sweep, "-a", "1", "--count", "1", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        reply = requests.post(
            f"{environ['WANDB_BASE_URL']}/graphql",
            json={"query": MARKED},
            auth=("api", environ["WANDB_API_KEY"]),
            timeout=30,
        )
        nodes = [edge["node"] for edge in reply.json()["data"]["project"]["artifactCollections"]["edges"]]
        return [node["name"] for node in nodes if node["artifactMembership"]]

    assert user.run("agent", sweep, "-a", "1", "--count", "1", cwd=tmp_path).returncode == 0
    for command in ("promote", "fetch-best"):
        result = user.run(command, sweep, cwd=tmp_path)
        assert result.returncode == 2 and "logged an artifact of type `model`" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "sweep.yaml", "train.py"]
    assert best_after_one_more_run() == ["net-2"]
    assert best_after_one_more_run() == ["net-3"]
    assert user.run("fetch-best", sweep, "-o", tmp_path / "model", cwd=tmp_path).returncode == 0
    assert (tmp_path / "model" / "weights.txt").read_text() == "3"
