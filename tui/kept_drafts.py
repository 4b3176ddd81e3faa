"""Drafts of sweeps that were not saved: written as they are typed, offered again after a crash. Knows no widget.

Each builder keeps one file, whole or not at all, and holds a lock beside it as long as it lives. The system lets the
lock go whichever way a process ends; a draft whose lock can be had has nobody, and may be offered.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from trainer.atomic_file import write_text_atomically
from trainer.errors import TrainerError
from trainer.paths import state_dir

_VERSION = 1
_MAX_BYTES = 32 * 1024 * 1024


def drafts_dir() -> Path:
    """Return the folder of drafts that were not saved."""
    return state_dir() / "drafts"


@dataclass(frozen=True, slots=True)
class KeptDraft:
    """A sweep as it was when it was last written down."""

    text: str
    """The YAML, also where it cannot be read."""
    path: str
    """The file it came from; empty for none."""
    saved_text: str | None
    """What that file held then; None for no file."""
    name: str
    changes: int
    """Steps that could have been undone."""
    kept_at: str
    """When, in ISO 8601, UTC."""

    @property
    def summary(self) -> str:
        """Say what it is: `An unsaved sweep from 14:32 (wine-forest, 3 changes)`."""
        when = datetime.fromisoformat(self.kept_at).astimezone()
        today = when.date() == datetime.now().astimezone().date()
        changes = f"{self.changes} change{'' if self.changes == 1 else 's'}"
        facts = ", ".join(part for part in (self.name, changes) if part)
        return f"An unsaved sweep from {when:%H:%M}{'' if today else f' of {when:%-d %B}'} ({facts})"


def new_draft(text: str, path: Path | None, saved_text: str | None, name: str, changes: int) -> KeptDraft:
    """Return a draft that is kept now."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return KeptDraft(text, str(path) if path else "", saved_text, name, changes, now)


class DraftKeeper:
    """Keeps the draft of one builder. Thread-safe; makes its files when there is something to keep."""

    def __init__(self, folder: Path, draft_id: str | None = None, lock: int | None = None) -> None:
        """Create a keeper in a folder; `adopt` hands over the id and the lock of a draft that is there."""
        self._folder = folder
        self._id = draft_id or uuid.uuid4().hex
        self._lock = lock
        self._guard = threading.Lock()
        self._is_closed = False

    def keep(self, draft: KeptDraft) -> None:
        """Write a draft in the place of the one before it; blocks. Does nothing once the keeper is closed.

        Raises:
            InputError: If it cannot be written.
            OSError: If there can be no lock.
        """
        with self._guard:
            if self._is_closed:
                return
            if self._lock is None:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._lock = _locked(_lock_file(self._folder, self._id))
            write_text_atomically(
                _draft_file(self._folder, self._id), json.dumps({"version": _VERSION, **asdict(draft)})
            )

    def forget(self) -> None:
        """Remove what is kept: it is saved, launched or not wanted. More can be kept later."""
        with self._guard:
            if self._lock is not None:
                _remove(self._folder, self._id)
                os.close(self._lock)
                self._lock = None

    def leave(self) -> None:
        """Leave what is kept to whoever asks for it next; this keeper keeps nothing more."""
        with self._guard:
            self._is_closed = True
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None


@dataclass(frozen=True, slots=True)
class Orphan:
    """A draft that has no builder, and its keeper, which has the lock."""

    draft: KeptDraft
    keeper: DraftKeeper


def adopt_newest(folder: Path, path: Path | None = None) -> tuple[Orphan | None, int]:
    """Take over the newest draft that has no builder; blocks.

    Args:
        folder: Where drafts are kept.
        path: The file whose drafts are looked for; None for all.

    Returns:
        The draft, None if there is none, and how many others wait.
    """
    found: list[Orphan] = []
    for orphan in _orphans(folder):
        if path is None or orphan.draft.path == str(path):
            found.append(orphan)
        else:
            orphan.keeper.leave()
    found.sort(key=lambda orphan: orphan.draft.kept_at, reverse=True)
    for other in found[1:]:
        other.keeper.leave()
    return (found[0] if found else None), max(len(found) - 1, 0)


def _orphans(folder: Path) -> Iterator[Orphan]:
    for file in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        draft_id = file.stem
        try:
            lock = _locked(_lock_file(folder, draft_id))
        except OSError:
            # Its builder lives, or another one looks at it just now.
            continue
        draft = _read(file)
        if draft is None:
            os.close(lock)
            continue
        yield Orphan(draft, DraftKeeper(folder, draft_id, lock))


def _read(file: Path) -> KeptDraft | None:
    """Return a draft; None for a file of another kind, or of a version to come, which is left alone."""
    try:
        if file.stat().st_size > _MAX_BYTES:
            return None
        content = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.pop("version", None) != _VERSION:
            return None
        draft = KeptDraft(**content)
        datetime.fromisoformat(draft.kept_at)
    except (OSError, ValueError, TypeError):
        return None
    return draft if isinstance(draft.text, str) and isinstance(draft.changes, int) else None


def _locked(path: Path) -> int:
    """Return an open file with the lock.

    Raises:
        OSError: If somebody else has it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _remove(folder: Path, draft_id: str) -> None:
    for file in (_draft_file(folder, draft_id), _lock_file(folder, draft_id)):
        file.unlink(missing_ok=True)


def _draft_file(folder: Path, draft_id: str) -> Path:
    return folder / f"{draft_id}.json"


def _lock_file(folder: Path, draft_id: str) -> Path:
    return folder / f"{draft_id}.lock"


def warn_of(error: Exception) -> str:
    """Say that a draft could not be kept."""
    reason = error.message if isinstance(error, TrainerError) else str(error)
    return f"Unsaved changes cannot be kept for a restart: {reason.rstrip('.')}. Save the sweep (f2) to be safe."
