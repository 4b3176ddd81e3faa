"""Where a run comes from: git branch and commit, CI job, data set, model and seed, for its configuration and tags.

In the configuration all of it is nested under `provenance`: W&B's search compares a run's configuration with the
sweep's parameters, so a key of ours beside them could make it serve a point again.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from trainer.ci_job import ci_job
from trainer.training.request import RunRequest


def provenance_of(request: RunRequest, environ: Mapping[str, str], folder: Path) -> dict[str, str | int]:
    """Return what is known of a run's origin; what is not known is absent."""
    job = ci_job(environ)
    known: dict[str, str | int] = dict(job.provenance() if job is not None else _from_git(folder))
    return known | {"dataset": request.dataset, "model": request.model.name, "seed": request.seed}


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
