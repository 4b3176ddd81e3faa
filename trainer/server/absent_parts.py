"""Which parts of W&B are no part of this server, so that an error can say why an operation is missing."""

from __future__ import annotations

import re

_PARTS = (
    (r"runqueue|launchagent|defaultresourceconfig", "launch queues: run programs with `wandb agent`"),
    (r"team|invite|user|serviceaccount|apikey|organization", "accounts and teams: it has one user, `local`"),
    (r"trigger|integration", "automations"),
    (r"registr|portfolio", "the management of registries: `Artifact.link` to one makes it"),
    (r"accesstoken", "links for people without its key"),
    (r"chart", "custom chart definitions"),
)


def part_of_wandb(operation: str) -> str:
    """Return the words that end "This server has no operation …", such as "; there are no automations here"."""
    for pattern, part in _PARTS:
        if re.search(pattern, operation.lower()):
            return f"; it is without {part}"
    return ""
