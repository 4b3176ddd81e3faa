"""The GitHub workflow that runs a sweep: checked by actionlint, every script of it run as a runner's shell would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import BIN, ROOT, User

WORKFLOWS = ROOT / ".github" / "workflows"
KEY = "local-0123456789abcdef0123456789abcdef01234567"


def test_workflows_pass_actionlint() -> None:
    actionlint = shutil.which("actionlint", path=str(BIN)) or shutil.which("actionlint")
    if actionlint is None:
        pytest.skip("there is no actionlint for this machine")
    files = sorted(map(str, WORKFLOWS.glob("*.yml")))
    result = subprocess.run([actionlint, *files], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout


def workflow() -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as true.
    content: dict[Any, Any] = yaml.safe_load((WORKFLOWS / "wandb-sweep.yml").read_text())
    return content | {"on": content.pop(True)}


def test_it_runs_on_the_branch_by_hand_and_for_others() -> None:
    on = workflow()["on"]
    assert on["push"] == {"branches": ["wandb"]}
    inputs = on["workflow_dispatch"]["inputs"]
    assert {name: entry["default"] for name, entry in inputs.items()} == {
        "count": 20,
        "dataset": "wine",
        "sweep_file": "sweeps/wine-bayes.yaml",
        "agents": 0,
    }
    assert inputs["dataset"]["options"] == ["wine", "iris"]
    assert on["workflow_call"]["secrets"] == {"WANDB_API_KEY": {"required": False}}


def test_no_script_holds_an_expression() -> None:
    """Whoever names a branch or an input could run commands with it."""
    for job in workflow()["jobs"].values():
        assert all("${{" not in step.get("run", "") for step in job["steps"])


class Runner:
    """Evaluates the expressions that the workflow uses, and runs its scripts as GitHub's runner does on Linux."""

    def __init__(self, folder: Path, environ: Mapping[str, str], inputs: Mapping[str, Any]) -> None:
        self.folder = folder
        self.inputs = inputs
        self.outputs: dict[str, str] = {}
        self.summary = folder.parent / "summary.md"
        self.output = folder.parent / "output"
        self.environ = dict(environ) | {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "octocat",
            "GITHUB_REF": "refs/heads/wandb",
            "GITHUB_REF_NAME": "wandb",
            "GITHUB_REPOSITORY": "me/wine",
            "GITHUB_RUN_ID": "4242",
            "GITHUB_SHA": "0123456789" * 4,
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }

    def evaluate(self, text: Any) -> str:
        def value_of(match: re.Match[str]) -> str:
            python = match[1].replace("&&", " and ").replace("||", " or ")
            python = re.sub(r"format\('\{0\}', inputs\.(\w+)\)", r"str(inputs('\1'))", python)
            python = re.sub(r"inputs\.(\w+)", r"inputs('\1')", python)
            python = re.sub(r"secrets\.\w+", "''", python)
            python = re.sub(r"steps\.run\.outputs\.([\w-]+)", r"outputs('\1')", python)
            known = {
                "inputs": lambda name: self.inputs.get(name, ""),
                "outputs": lambda name: self.outputs.get(name, ""),
            }
            return str(eval(python, {"__builtins__": {"str": str}}, known))

        return re.sub(r"\$\{\{(.*?)\}\}", value_of, str(text))

    def run_job(self) -> dict[str, subprocess.CompletedProcess[str]]:
        job = workflow()["jobs"]["sweep"]
        shared = {name: self.evaluate(value) for name, value in job["env"].items()}
        results = {}
        for step in job["steps"]:
            if "run" not in step:
                continue
            own = {name: self.evaluate(value) for name, value in step.get("env", {}).items()}
            script = self.folder.parent / "script.sh"
            script.write_text(step["run"])
            results[step["name"]] = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
                cwd=self.folder, env=self.environ | shared | own, stdin=subprocess.DEVNULL, capture_output=True,
                text=True, timeout=240,
            )  # fmt: skip
            if self.output.exists():
                self.outputs = dict(line.split("=", 1) for line in self.output.read_text().splitlines())
        return results


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of this repository."""
    folder = tmp_path / "checkout"
    kept = ("trainer", "tui", "sweeps", "pyproject.toml", "README.md", "LICENSE", "constraints.txt")
    for name in kept:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(source, folder / name)
    return folder


def warm_python(folder: Path) -> Path:
    """Return the `bin` of a virtual environment in which, as in a runner with a warm cache, pip finds all it needs."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=60)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    own = folder / "lib" / version / "site-packages"
    # pip sees what is there; this checkout's sweep-tui is not, for it comes later on the path than the new one.
    (own / "warm.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder / "bin"


def test_every_step_does_its_work_without_the_secret(user: User, checkout: Path, tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="pip needs it to install the checkout without a network")
    bin_folder = warm_python(tmp_path / "venv")
    environ = user.environ | {
        "PATH": f"{bin_folder}{os.pathsep}{user.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_NO_DEPS": "1",
    }
    (checkout / "my sweeps").mkdir()
    shutil.copy(checkout / "sweeps" / "iris-grid.yaml", checkout / "my sweeps" / "iris $(grid).yaml")
    inputs = {"sweep_file": "my sweeps/iris $(grid).yaml", "count": 2, "dataset": "iris", "agents": 2,
              "asserts": "best(accuracy)>=0.5\nbest(accuracy)>1"}  # fmt: skip
    runner = Runner(checkout, environ, inputs)
    results = runner.run_job()

    install, run, take = (results[name] for name in ("Install", "Run the sweep", "Take the results along"))
    assert install.returncode == 0, install.stdout + install.stderr
    assert (bin_folder / "sweep-tui").exists()
    # The second condition cannot hold: exit code 3, with the sentence that says what missed by how much.
    assert run.returncode == 3, run.stdout + run.stderr
    assert "::notice::No secret WANDB_API_KEY" in run.stdout
    assert "project wine-quality-dev" in run.stderr and "branch wandb, commit 0123456" in run.stderr
    assert "Gate missed: best(accuracy) is" in run.stderr and "::error title=sweep iris-grid::" in run.stderr
    assert take.returncode == 0, take.stdout + take.stderr

    report = json.loads((checkout / "sweep-results" / "sweep.json").read_text())
    assert report["states"] == {"finished": 2}
    assert runner.outputs["sweep"] == report["sweep"] and report["sweep"].split("/")[1] == "wine-quality-dev"
    assert float(runner.outputs["best-value"]) == report["best"]["value"]
    for found in report["runs"]:
        assert found["config"]["provenance"]["git_commit"] == "0123456789" * 4
        assert found["config"]["provenance"]["workflow_url"] == "https://github.com/me/wine/actions/runs/4242"
    summary = runner.summary.read_text()
    assert "## Leaderboard" in summary and "✗ missed" in summary and "actions/runs/4242" in summary
    assert zipfile.is_zipfile(checkout / "sweep-results" / "sweep.zip")
    assert yaml.safe_load((checkout / "sweep-results" / "best.yaml").read_text())["dataset"] == "iris"
    header, *rows = (checkout / "sweep-results" / "runs.csv").read_text().splitlines()
    assert len(rows) == 2 and "commit:0123456" in rows[0] and "tags" in header


def test_runs_of_any_program_say_which_job_made_them_and_short_ones_end(user: User, tmp_path: Path) -> None:
    # Runs that end while wandb-core still answers: one of eight never ended when its socket was closed meanwhile.
    (tmp_path / "train.py").write_text("import wandb\nrun = wandb.init()\nrun.log({'x': run.config.a})\n")
    (tmp_path / "sweep.yaml").write_text(
        "program: train.py\nmethod: grid\nmetric: {name: x, goal: maximize}\nparameters:\n  a: {min: 1, max: 20}\n"
        '#: projects: {main: mine-prod, "*": mine-dev}\n'
    )
    job = Runner(tmp_path, {}, {}).environ | {"GITHUB_REF_NAME": "main", "WANDB_TAGS": "mine"}
    result = user.run("run", tmp_path / "sweep.yaml", "-a", "1", "--max-failures", "2", cwd=tmp_path, environ=job)
    assert result.returncode == 0, result.stderr
    outputs = dict(line.split("=", 1) for line in Path(job["GITHUB_OUTPUT"]).read_text().splitlines())
    assert outputs["sweep"].split("/")[1] == "mine-prod"
    rows = user.run("leaderboard", outputs["sweep"], "--format", "csv", "--all-columns").stdout.splitlines()
    assert all("mine" in row and "branch:main" in row and "actor:octocat" in row for row in rows[1:])
