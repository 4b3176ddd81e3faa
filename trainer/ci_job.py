"""The CI job that this process runs in: what GitHub Actions tells of it in the environment. Pure but for its event.

Variables: https://docs.github.com/actions/reference/workflows-and-actions/variables (read 2026-11).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_LONGEST_TAG = 64
"""wandb 0.31 refuses longer tags."""
_SHORT = 7
JOB_TYPE = "ci"
"""What runs say their job type is."""
_MAX_EVENT_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CiJob:
    """A job of GitHub Actions; what it does not tell is empty."""

    branch: str = ""
    """Of a pull request, its head's."""
    commit: str = ""
    """Full SHA; of a pull request, its head's and not that of the merge that is tried."""
    pull_request: str = ""
    """Its number."""
    actor: str = ""
    run_id: str = ""
    """Of the workflow run."""
    repository_url: str = ""

    @property
    def run_url(self) -> str:
        """Return the address of the workflow run."""
        return f"{self.repository_url}/actions/runs/{self.run_id}" if self.repository_url and self.run_id else ""

    @property
    def commit_url(self) -> str:
        """Return the address of the commit."""
        return f"{self.repository_url}/commit/{self.commit}" if self.repository_url and self.commit else ""

    def provenance(self) -> dict[str, str]:
        """Return what a run's configuration says of it, under `provenance`."""
        told = {
            "git_branch": self.branch,
            "git_commit": self.commit,
            "pull_request": self.pull_request,
            "actor": self.actor,
            "workflow_run": self.run_id,
            "workflow_url": self.run_url,
            "commit_url": self.commit_url,
        }
        return {name: text for name, text in told.items() if text}

    def words(self) -> str:
        """Return branch, commit, pull request and actor in words."""
        parts = [
            f"branch {self.branch}" if self.branch else "",
            f"commit {self.commit[:_SHORT]}" if self.commit else "",
            f"pull request {self.pull_request}" if self.pull_request else "",
            f"by {self.actor}" if self.actor else "",
        ]
        return ", ".join(filter(None, parts)) or "of an unknown commit"

    def note(self) -> str:
        """Return the sentence that a run's notes and a sweep's description get: words and both addresses."""
        return " ".join(filter(None, [f"CI: {self.words()}.", self.commit_url, self.run_url]))


def ci_job(environ: Mapping[str, str]) -> CiJob | None:
    """Return the job that the environment describes; None outside CI."""
    branch = environ.get("GITHUB_HEAD_REF") or environ.get("GITHUB_REF_NAME") or ""
    commit = environ.get("GITHUB_SHA") or ""
    if environ.get("GITHUB_ACTIONS") != "true" and not (branch and commit):
        return None
    server, repository = environ.get("GITHUB_SERVER_URL") or "https://github.com", environ.get("GITHUB_REPOSITORY")
    event = _pull_request(environ.get("GITHUB_EVENT_PATH") or "")
    number = event.get("number") or _number_in(environ.get("GITHUB_REF") or "")
    head = event.get("head")
    head_commit = head.get("sha") if isinstance(head, dict) else None
    return CiJob(
        branch=branch,
        commit=head_commit if isinstance(head_commit, str) and head_commit else commit,
        pull_request=str(number or ""),
        actor=environ.get("GITHUB_ACTOR") or "",
        run_id=environ.get("GITHUB_RUN_ID") or "",
        repository_url=f"{server.rstrip('/')}/{repository}" if repository else "",
    )


def tags_of(provenance: Mapping[str, str | int]) -> list[str]:
    """Return the tags of a run's provenance, such as `branch:main` and, short, `commit:1a2b3c4`.

    Addresses are no tags: wandb 0.31 takes 64 characters at most.
    """
    short = {"git_branch": "branch", "git_commit": "commit", "pull_request": "pr", "workflow_run": "workflow"}
    tags = []
    for name, value in provenance.items():
        if name.endswith("_url"):
            continue
        text = str(value)
        text = text[:_SHORT] if name == "git_commit" else os.path.basename(text) if name == "dataset" else text
        # A comma divides the tags in WANDB_TAGS.
        tags.append(f"{short.get(name, name)}:{text}".replace(",", "-")[:_LONGEST_TAG])
    return tags


def run_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which the wandb SDK tags the runs of any program with the job; none outside CI.

    What the user set stays: tags are added to theirs, job type and notes are only given where there are none.
    """
    job = ci_job(environ)
    if job is None:
        return {}
    given = [tag.strip() for tag in environ.get("WANDB_TAGS", "").split(",") if tag.strip()]
    told = {
        "WANDB_TAGS": ",".join(dict.fromkeys([*given, *tags_of(job.provenance())])),
        "WANDB_JOB_TYPE": environ.get("WANDB_JOB_TYPE") or JOB_TYPE,
        "WANDB_NOTES": environ.get("WANDB_NOTES") or job.note(),
    }
    # wandb (SDK 0.31) fails on tags that are none.
    return {name: text for name, text in told.items() if text}


def _pull_request(event_path: str) -> dict[str, object]:
    """Return what the event says of the pull request; nothing where the event is none of one, or cannot be read."""
    if not event_path:
        return {}
    try:
        with Path(event_path).open(encoding="utf-8") as file:
            event = json.loads(file.read(_MAX_EVENT_BYTES))
    except (OSError, ValueError):
        # The commit of the environment is as good, but for pull requests.
        return {}
    found = event.get("pull_request") if isinstance(event, dict) else None
    return found if isinstance(found, dict) else {}


def _number_in(ref: str) -> str:
    """Return the number in `refs/pull/12/merge`; empty for any other ref."""
    parts = ref.split("/")
    return parts[2] if len(parts) == 4 and parts[:2] == ["refs", "pull"] and parts[2].isdecimal() else ""
