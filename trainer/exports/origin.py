"""Where a run comes from: branch, commit and what else its configuration, tags and server tell. Reads no git."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trainer.records import ORIGIN_KEY, RunRecord


@dataclass(frozen=True, slots=True)
class Origin:
    """The checkout that a run's program was in; empty where nobody told."""

    branch: str = ""
    commit: str = ""


def origin_of(run: RunRecord) -> Origin:
    """Return where a run comes from: its configuration's word, else wandb's, else that of its tags."""
    noted = run.config.get(ORIGIN_KEY)
    told = noted if isinstance(noted, dict) else {}
    tags = dict(tag.split(":", 1) for tag in run.tags if ":" in tag)
    branch, commit = told.get("git_branch"), told.get("git_commit")
    return Origin(
        branch if isinstance(branch, str) else tags.get("branch", ""),
        commit if isinstance(commit, str) else run.commit or tags.get("commit", ""),
    )


def origins_of(runs: Iterable[RunRecord]) -> dict[Origin, int]:
    """Return the origins that runs have and how many have each, the most common first; unknown ones left out."""
    counts: dict[Origin, int] = {}
    for run in runs:
        origin = origin_of(run)
        if origin != Origin():
            counts[origin] = counts.get(origin, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))
