"""Which sweep was published as which, kept on this machine; and that one command at a time is at it.

A loss of it doubles nothing: runs that are there say themselves what they were made of.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainer.atomic_file import write_text_atomically
from trainer.errors import InputError
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

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep two commands of this machine from publishing the same at once.

        Raises:
            InputError: If another one is at it.
        """
        path = self.path.with_suffix(".lock")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"{self._source} is being published there by another command.", hint="Wait for it."
                ) from None
            yield
        finally:
            os.close(descriptor)
