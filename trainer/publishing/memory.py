"""Which sweep was published as which, kept on this machine; and that one command at a time is at it.

A loss of it doubles nothing: runs that are there say themselves what they were made of.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import AbstractContextManager
from pathlib import Path

from trainer.atomic_file import write_text_atomically
from trainer.lock_file import alone
from trainer.paths import state_dir
from trainer.records import SweepReference


class Memory:
    """What is remembered of one sweep and one project of another server."""

    def __init__(self, source_url: str, source: SweepReference, target_url: str, entity: str, project: str) -> None:
        self._source = source
        self._words = {
            "source": f"{source_url}/{source}",
            "target": f"{target_url}/{entity}/{project}",
        }
        name = hashlib.blake2b(json.dumps(self._words, sort_keys=True).encode(), digest_size=12).hexdigest()
        self.path: Path = state_dir() / "published" / f"{name}.json"

    def sweep_id(self) -> str | None:
        """Return the id of the sweep there; None where none is known."""
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        sweep = found.get("sweep") if isinstance(found, dict) else None
        return sweep if isinstance(sweep, str) else None

    def keep(self, sweep_id: str) -> None:
        """Remember the id of the sweep there."""
        write_text_atomically(self.path, json.dumps({**self._words, "sweep": sweep_id}, indent=1) + "\n")

    def alone(self) -> AbstractContextManager[None]:
        """Keep two commands of this machine from publishing the same at once.

        Raises:
            InputError: If another one is at it, when it is entered.
        """
        return alone(self.path.with_suffix(".lock"), f"{self._source} is being published there by another command.")
