from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import yaml

from trainer.records import Json, Metric, RunRecord, SweepRecord, SweepReference
from trainer.run_contents import RunOrigin
from trainer.states import RunState, SweepState
from trainer.tracking.reproduction import reproduction

PARAMETERS: dict[str, Json] = {"lr": {"values": [0.1, 1e-05]}, "note": {"values": ["it's", "b"]}}
RUN = RunRecord("ab12", "kind-sweep-1", RunState.FINISHED, {"lr": 1e-05, "note": "it's", "extra": 3})
ORIGIN = RunOrigin(
    "/lab/src/train.py", ("--lr=1e-05", "--note=it's"), "/lab/.venv/bin/python", "train.py", "src/train.py",
    "git@github.com:me/lab.git", "0a1b2c3d",
)  # fmt: skip


def sweep(**config: Json) -> SweepRecord:
    given: dict[str, Json] = {"method": "grid", "program": "train.py", "parameters": PARAMETERS, **config}
    return SweepRecord(
        SweepReference("me", "lab", "s1"), "first", SweepState.FINISHED, "grid", Metric("loss"), given
    )  # fmt: skip


def test_the_command_is_the_one_that_the_program_saw_in_the_commit_that_it_ran_from() -> None:
    found = reproduction(sweep(), RUN, ORIGIN, base_url="http://10.0.0.1:8080", has_diff=True)
    assert found.is_exact and found.folder == "/lab/src"
    assert [line for line in found.lines if not line.startswith("#")] == [
        "cd /lab",
        "git checkout 0a1b2c3d",
        "git apply diff.patch  # what was not committed: among the run's files",
        "cd /lab/src",
        "export WANDB_BASE_URL=http://10.0.0.1:8080",
        "export WANDB_ENTITY=me WANDB_PROJECT=lab",
        """/lab/.venv/bin/python train.py --lr=1e-05 '--note=it'"'"'s'""",
    ]


def test_without_a_word_of_the_program_the_command_follows_from_the_sweep() -> None:
    found = reproduction(sweep(), RUN, RunOrigin())
    assert not found.is_exact
    assert found.argv == ("python", "train.py", "--lr=1e-05", "--note=it's")


def test_variables_of_the_environment_stay_variables_and_launchers_stay_before_the_program() -> None:
    command: Json = ["${env}", "${interpreter}", "-m", "torch.distributed.run", "--rdzv=${envvar:RDZV}", "${program}",
                     "${args_no_hyphens}"]  # fmt: skip
    found = reproduction(sweep(command=command), RUN, replace(ORIGIN, args=("lr=1e-05", "note=it's")))
    assert found.command.startswith("/lab/.venv/bin/python -m torch.distributed.run --rdzv=${RDZV} train.py lr=1e-05")


def test_values_that_reach_the_program_by_a_file_are_written_to_it_by_the_script(tmp_path: Path) -> None:
    for command, name in ((["cat", "${args_json_file}"], "config-ab12.json"), (["true"], "config-ab12.yaml")):
        listed: list[Json] = list(command)
        script = reproduction(sweep(command=listed), RUN, RunOrigin()).script
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
        text = (tmp_path / name).read_text()
        plain, wrapped = {"lr": 1e-05, "note": "it's"}, {"lr": {"value": 1e-05}, "note": {"value": "it's"}}
        assert (
            json.loads(text) == plain
            if name.endswith("json")
            else yaml.safe_load(text) == {"wandb_version": 1} | wrapped
        )
        assert ("WANDB_SWEEP_PARAM_PATH" in script) == name.endswith("yaml")
        assert done.stderr == ""
