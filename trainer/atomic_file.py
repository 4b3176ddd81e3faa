"""Write a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from trainer.errors import InputError


def write_text_atomically(path: Path, text: str) -> None:
    """Write a text file so that a reader, or a crash, meets the old content or the new; folders are made.

    Raises:
        InputError: If the file cannot be written.
    """
    content = text.encode()
    write_atomically(path, lambda file: file.write(content))


def write_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Have a file written so that a reader, or a crash, meets the old content or the new; folders are made.

    Args:
        path: The file. Where a link is, what it points to is replaced, and the link stays.
        write: Writes the content to what it is given; what it raises leaves the old file as it is.

    Raises:
        InputError: If the file cannot be written.
    """
    path = path.resolve()
    temporary: str | None = None
    try:
        if path.exists() and not path.is_file():
            # What cannot be replaced: a pipe, a terminal, /dev/stdout.
            with path.open("wb") as file:
                write(file)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
        with os.fdopen(descriptor, "w+b") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, path.stat().st_mode if path.exists() else 0o666 & ~_umask())
        os.replace(temporary, path)
        temporary = None
        fsync_folder(path.parent)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}.", hint="Choose another place."
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def fsync_folder(folder: Path) -> None:
    """Have the names in a folder on disk: a file that was moved there is found after a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
