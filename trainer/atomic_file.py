"""Write a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from trainer.errors import InputError


def write_text_atomically(path: Path, text: str) -> None:
    """Write a text file so that a reader, or a crash, meets the old content or the new; folders are made.

    Raises:
        InputError: If the file cannot be written.
    """
    # The file a link points to is replaced, and the link stays.
    path = path.resolve()
    if path.exists() and not path.is_file():
        _write_to_device(path, text)
        return
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, path.stat().st_mode if path.exists() else 0o666 & ~_umask())
        os.replace(temporary, path)
        fsync_folder(path.parent)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}.", hint="Choose another place."
        ) from error


def fsync_folder(folder: Path) -> None:
    """Have the names in a folder on disk: a file that was moved there is found after a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_to_device(path: Path, text: str) -> None:
    """Write to what cannot be replaced: a pipe, a terminal, /dev/stdout."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}.", hint="Choose another place."
        ) from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
