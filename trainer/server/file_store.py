"""Bytes on disk: one file per row of `files`, named by its number. Whole or not there, and fsynced before it counts.

Knows no database. Which numbers are still needed is `leftovers`' concern.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from trainer.atomic_file import fsync_folder

_PARTIAL = ".part"


class IncomingFile:
    """Bytes that arrive for a file, kept beside its final place until all are here. Use as a context manager."""

    def __init__(self, folder: Path, number: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._target = folder / str(number)
        self._partial = folder / f"{number}.{os.urandom(6).hex()}{_PARTIAL}"
        self._file = self._partial.open("wb", buffering=0)
        self._digest = hashlib.md5(usedforsecurity=False)
        self.size = 0

    def __enter__(self) -> IncomingFile:
        return self

    def append(self, data: bytes) -> None:
        """Add bytes.

        Raises:
            OSError: If they cannot be written.
        """
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._digest.update(data)
        self.size += len(data)

    @property
    def md5(self) -> str:
        """The digest of what came so far, as artifact manifests write it: base64."""
        return base64.b64encode(self._digest.digest()).decode()

    def keep(self) -> None:
        """Move the bytes to their place; when this returns, they are on disk under their number.

        Raises:
            OSError: If that fails; what was there before stays.
        """
        os.fsync(self._file.fileno())
        self._partial.replace(self._target)
        fsync_folder(self._target.parent)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._partial.unlink(missing_ok=True)


def discard(folder: Path, numbers: Iterable[int]) -> None:
    """Remove the bytes of files whose rows are gone."""
    for number in numbers:
        (folder / str(number)).unlink(missing_ok=True)


def remove_partials(folder: Path) -> int:
    """Remove what uploads left that broke off; only before the server takes requests. Return how many there were."""
    broken = list(folder.glob(f"*{_PARTIAL}"))
    for path in broken:
        path.unlink(missing_ok=True)
    return len(broken)


def stored_numbers(folder: Path) -> list[int]:
    """Return the numbers of all files whose bytes are here."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return [int(name) for name in names if name.isascii() and name.isdigit()]
