"""Where a run comes from: git branch and commit, data set, model and seed, for its configuration and tags.

In the configuration all of it is nested under `provenance`: W&B's search compares a run's configuration with the
sweep's parameters, so a key of ours beside them could make it serve a point again.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from trainer.training.request import RunRequest

KEY = "provenance"
_LONGEST_TAG = 64
"""wandb 0.31 refuses longer tags."""


def provenance_of(request: RunRequest, environ: Mapping[str, str], folder: Path) -> dict[str, str | int]:
    """Return what is known of a run's origin; what is not known is absent."""
    known: dict[str, str | int] = dict(_from_github(environ) or _from_git(folder))
    return known | {"dataset": request.dataset, "model": request.model.name, "seed": request.seed}


def tags_of(provenance: Mapping[str, str | int]) -> list[str]:
    """Return the tags, such as `dataset:wine` and, short, `commit:1a2b3c4`."""
    short = {"git_branch": "branch", "git_commit": "commit"}
    tags = []
    for name, value in provenance.items():
        text = str(value)[:7] if name == "git_commit" else Path(str(value)).name if name == "dataset" else str(value)
        tags.append(f"{short.get(name, name)}:{text}"[:_LONGEST_TAG])
    return tags


def _from_github(environ: Mapping[str, str]) -> dict[str, str]:
    """Return branch and commit as GitHub Actions tells them; a pull request's branch is its head, not the merge."""
    branch = environ.get("GITHUB_HEAD_REF") or environ.get("GITHUB_REF_NAME")
    commit = environ.get("GITHUB_SHA")
    return {name: value for name, value in (("git_branch", branch), ("git_commit", commit)) if value}


def _from_git(folder: Path) -> dict[str, str]:
    """Return branch and commit of the checkout that holds `folder`; nothing where there is none, or no git."""
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD", "--abbrev-ref", "HEAD"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        # A run outside a checkout, in an empty one, or on a machine without git is as good a run.
        return {}
    commit, _, branch = answer.stdout.strip().partition("\n")
    # git says HEAD where no branch is checked out.
    return {"git_commit": commit} | ({"git_branch": branch} if branch not in ("", "HEAD") else {})
