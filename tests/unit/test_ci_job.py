from __future__ import annotations

import json
from pathlib import Path

from trainer.ci_job import ci_job, run_variables, tags_of

PUSH = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_REF_NAME": "main",
    "GITHUB_SHA": "0123456789" * 4,
    "GITHUB_ACTOR": "octocat",
    "GITHUB_RUN_ID": "4242",
    "GITHUB_REPOSITORY": "me/wine",
}


def test_a_push_is_told_by_branch_commit_actor_and_addresses() -> None:
    job = ci_job(PUSH)
    assert job is not None
    assert (job.branch, job.commit, job.actor, job.pull_request) == ("main", "0123456789" * 4, "octocat", "")
    assert job.run_url == "https://github.com/me/wine/actions/runs/4242"
    assert job.commit_url == f"https://github.com/me/wine/commit/{job.commit}"
    assert tags_of(job.provenance()) == ["branch:main", "commit:0123456", "actor:octocat", "workflow:4242"]
    assert job.note() == f"CI: branch main, commit 0123456, by octocat. {job.commit_url} {job.run_url}"


def test_a_pull_request_is_its_head_not_the_merge_that_is_tried(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 12, "head": {"sha": "f" * 40}}}))
    request = PUSH | {"GITHUB_REF": "refs/pull/12/merge", "GITHUB_REF_NAME": "12/merge", "GITHUB_HEAD_REF": "topic"}
    job = ci_job(request | {"GITHUB_EVENT_PATH": str(event)})
    assert job is not None
    assert (job.branch, job.commit, job.pull_request) == ("topic", "f" * 40, "12")
    event.write_text("[not json")
    without_event = ci_job(request | {"GITHUB_EVENT_PATH": str(event)})
    assert without_event is not None
    assert (without_event.commit, without_event.pull_request) == (PUSH["GITHUB_SHA"], "12")


def test_outside_ci_there_is_no_job_and_nothing_to_tell_runs() -> None:
    assert ci_job({"PATH": "/bin", "GITHUB_TOKEN": "x", "GITHUB_REPOSITORY": "me/wine"}) is None
    assert run_variables({"WANDB_TAGS": "mine"}) == {}
    assert "WANDB_TAGS" not in run_variables({"GITHUB_ACTIONS": "true"}), "no tags, and not an empty one"


def test_runs_are_tagged_beside_the_user_s_own_tags_and_notes() -> None:
    told = run_variables(PUSH | {"WANDB_TAGS": "mine, branch:main", "WANDB_NOTES": "why"})
    assert told["WANDB_TAGS"] == "mine,branch:main,commit:0123456,actor:octocat,workflow:4242"
    assert (told["WANDB_JOB_TYPE"], told["WANDB_NOTES"]) == ("ci", "why")
    assert run_variables(PUSH | {"WANDB_JOB_TYPE": "nightly"})["WANDB_JOB_TYPE"] == "nightly"


def test_tags_hold_no_comma_and_at_most_64_characters() -> None:
    tags = tags_of({"git_branch": "a,b" + "x" * 99, "workflow_url": "https://example.org"})
    assert tags == ["branch:a-b" + "x" * 54]
