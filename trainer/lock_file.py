"""Work that only one command of this machine does at a time: whoever comes second is told, and does not wait."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainer.errors import InputError


@contextmanager
def alone(path: Path, otherwise: str) -> Iterator[None]:
    """Hold the lock of a file, which is made; the kernel gives it back when the process ends, however it ends.

    Args:
        path: The file.
        otherwise: What another holder is doing, as a sentence.

    Raises:
        InputError: If another one holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(otherwise, hint="Wait for it.") from None
        yield
    finally:
        os.close(descriptor)
