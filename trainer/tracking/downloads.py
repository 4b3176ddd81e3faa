"""Files of runs brought here: to a file, whole or not at all, or as a text to look at. Blocks as long as it takes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from trainer.atomic_file import write_atomically
from trainer.errors import InputError, ServerError
from trainer.run_contents import RunFile

_HASHED_AT_ONCE = 1 << 20


class FileSource(Protocol):
    """What has files: a server, or a bundle."""

    def stream_file(self, file: RunFile) -> Iterator[bytes]:
        """Yield the bytes of a file as they arrive."""


class DownloadStoppedError(InputError):
    """Somebody stopped it; the file that was under way is not there."""


def target_path(folder: Path, name: str) -> Path:
    """Return where a file of a run goes within a folder.

    Raises:
        InputError: If its name leads out of the folder: names come from programs, and from whoever wrote to the server.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or name.startswith(("/", "\\")) or ".." in parts or "\0" in name or ":" in parts[0]:
        raise InputError(f"{name[:100]!r} would be written outside of {folder}.", hint="It is left out.")
    return folder.joinpath(*parts)


def is_here(file: RunFile, path: Path) -> bool:
    """Return whether a path holds just the bytes of a file already; False where that cannot be told."""
    wanted = _md5(file.md5)
    try:
        if wanted is None or not path.is_file() or path.stat().st_size != file.size:
            return False
        digest = hashlib.md5(usedforsecurity=False)
        with path.open("rb") as stream:
            while block := stream.read(_HASHED_AT_ONCE):
                digest.update(block)
    except OSError:
        return False
    return digest.digest() == wanted


def check_room(folder: Path, size: int) -> None:
    """Check that a disk has room for so many bytes.

    Raises:
        InputError: If it has not.
    """
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        free = shutil.disk_usage(place).free
    except OSError:
        return
    if size > free:
        raise InputError(
            f"The disk of {place} has {free / 2**20:,.0f} MiB left, and this takes {size / 2**20:,.0f} MiB.",
            hint="Make room, or choose another folder.",
        )


def save_file(
    source: FileSource,
    file: RunFile,
    path: Path,
    *,
    replace: bool = False,
    on_bytes: Callable[[int], object] = lambda count: None,
    stop: threading.Event | None = None,
) -> None:
    """Write a file of a run to a path, whole or not at all; folders are made.

    Args:
        source: Where it is.
        file: The file.
        path: Where it goes.
        replace: Whether what is there may be replaced.
        on_bytes: Is told how many bytes have come with each part of it.
        stop: Ends it soon after it is set.

    Raises:
        InputError: If something is there, or the disk does not take it.
        DownloadStoppedError: If it was stopped.
        ServerError, NotFoundError: If it cannot be had.
    """
    if not replace and os.path.lexists(path):
        raise InputError(f"{path} is there already, and is another file.", hint="Choose another folder.")
    check_room(path.parent, file.size)

    def write(out: IO[bytes]) -> None:
        digest = hashlib.md5(usedforsecurity=False)
        for part in source.stream_file(file):
            if stop is not None and stop.is_set():
                raise DownloadStoppedError(f"{file.name} was stopped.")
            out.write(part)
            digest.update(part)
            on_bytes(len(part))
        wanted = _md5(file.md5)
        if wanted is not None and digest.digest() != wanted:
            raise ServerError(f"{file.name} arrived damaged: its checksum is another.", hint="Try it again.")

    write_atomically(path, write)


def read_text(source: FileSource, file: RunFile, limit: int) -> tuple[str, bool]:
    """Return a file of a run as a text, and whether it was cut after `limit` bytes.

    Raises:
        InputError: If it is no text.
        ServerError, NotFoundError: If it cannot be had.
    """
    read = bytearray()
    for part in source.stream_file(file):
        read += part
        if len(read) > limit:
            break
    is_cut = len(read) > limit
    try:
        if b"\0" in read[:limit]:
            raise UnicodeDecodeError("utf-8", bytes(read[:1]), 0, 1, "zero")
        # A character may have been cut in half.
        return bytes(read[:limit]).decode("utf-8", errors="ignore" if is_cut else "strict"), is_cut
    except UnicodeDecodeError:
        raise InputError(f"{file.name} is no text.", hint="w downloads it.") from None


def _md5(text: str) -> bytes | None:
    """Return the 16 bytes of an MD5 in base64; None for anything else, such as the digest of parts."""
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if len(found) == 16 else None
