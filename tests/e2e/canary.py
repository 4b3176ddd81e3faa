"""Looks for a key in everything that commands left behind: files as they are, packed ones unpacked, lists of processes.

A key shows in several forms: as it is, and as the Authorization header that carries it.
"""

from __future__ import annotations

import base64
import gzip
import io
import threading
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_ALLOWED = (".netrc", "api_key")
"""wandb's own store of keys, and the embedded server's own key."""


def forms(key: str) -> list[bytes]:
    """Return what a key looks like in files."""
    # In Base64 a text looks different by where it begins; without what the letters beside it change.
    shifted = [base64.b64encode(b"x" * shift + key.encode())[4:-4] for shift in range(3)]
    return [key.encode(), *shifted]


def leaks(folders: Sequence[Path], keys: Sequence[str]) -> list[str]:
    """Return the files under some folders that hold a key."""
    wanted = [form for key in keys for form in forms(key)]
    found = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.name not in _ALLOWED:
                found += [
                    f"{path}{inner}" for inner, data in _contents(path.read_bytes()) if any(f in data for f in wanted)
                ]
    return found


def _contents(data: bytes, name: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield what a file holds: itself, and what is packed in it."""
    yield name, data
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as bundle:
            for inner in bundle.namelist():
                yield from _contents(bundle.read(inner), f"{name}!{inner}")
    elif data[:2] == b"\x1f\x8b":
        yield from _contents(gzip.decompress(data), f"{name}!gz")
    elif data[:1] == b"\x78":
        try:
            yield from _contents(zlib.decompress(data), f"{name}!z")
        except zlib.error:
            return


@contextmanager
def watched_command_lines() -> Iterator[set[str]]:
    """Collect the command lines of all processes there are meanwhile."""
    seen: set[str] = set()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    seen.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
