from __future__ import annotations

import subprocess
from pathlib import Path

from trainer.ci_job import tags_of
from trainer.training.provenance import provenance_of
from trainer.training.request import make_request


def test_branch_and_commit_come_from_git_outside_ci(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q", "-b", "topic")
    git("commit", "-q", "--allow-empty", "-m", "first")
    commit = git("rev-parse", "HEAD")
    request = make_request({"seed": "7"})
    known = provenance_of(request, {}, tmp_path)
    assert known == {
        "git_branch": "topic",
        "git_commit": commit,
        "dataset": "wine",
        "model": "random_forest",
        "seed": 7,
    }
    git("checkout", "-q", "--detach")
    assert "git_branch" not in provenance_of(request, {}, tmp_path)


def test_outside_a_checkout_they_are_absent(tmp_path: Path) -> None:
    assert provenance_of(make_request({}), {}, tmp_path).keys() == {"dataset", "model", "seed"}


def test_tags_are_short_enough_for_wandb(tmp_path: Path) -> None:
    request = make_request({"dataset": "/somewhere/far/fruit.csv", "target": "kind"})
    tags = tags_of(provenance_of(request, {"GITHUB_REF_NAME": "b" * 99, "GITHUB_SHA": "0123456789"}, tmp_path))
    assert "dataset:fruit.csv" in tags and "commit:0123456" in tags
    assert max(map(len, tags)) == 64


def test_in_ci_they_come_from_its_variables_and_a_pull_request_s_branch_is_its_head(tmp_path: Path) -> None:
    ci = {"GITHUB_REF_NAME": "12/merge", "GITHUB_HEAD_REF": "topic", "GITHUB_SHA": "0" * 40}
    known = provenance_of(make_request({}), ci, tmp_path)
    assert (known["git_branch"], known["git_commit"]) == ("topic", "0" * 40)
    assert provenance_of(make_request({}), {**ci, "GITHUB_HEAD_REF": ""}, tmp_path)["git_branch"] == "12/merge"
