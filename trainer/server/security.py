"""What proves that a request may be answered: the API key, and signatures of file addresses."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from trainer.atomic_file import fsync_folder
from trainer.errors import ServerError

KEY_FILE = "api_key"
MIN_KEY_LENGTH = 40
"""wandb refuses shorter keys on its own (SDK 0.31)."""
_DAY = 86_400
_DAYS_VALID = 7


def load_or_create_key(data_dir: Path) -> str:
    """Return the data folder's API key; make it once, readable by its owner only. Call it with the folder locked.

    Raises:
        ServerError: If the key file cannot be read, or holds no key.
        OSError: If a new one cannot be written.
    """
    path = data_dir / KEY_FILE
    try:
        is_there = path.stat().st_size > 0
    except FileNotFoundError:
        is_there = False
    if is_there:
        return read_key(data_dir)
    # Whole or not at all: half a key, after a crash or on a full disk, would keep every later server from starting.
    partial = path.with_name(f"{KEY_FILE}.part")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        key = "local-" + secrets.token_hex(20)
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    fsync_folder(data_dir)
    return key


def read_key(data_dir: Path) -> str:
    """Return the API key that a data folder holds.

    Raises:
        ServerError: If there is none, or it cannot be read.
    """
    path = data_dir / KEY_FILE
    try:
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ServerError(f"The server's key {path} cannot be read: {error}.", hint="Mend its permissions.") from error
    if len(key) < MIN_KEY_LENGTH:
        raise ServerError(f"The server's key {path} is too short.", hint="Delete the file; a new key is made.")
    return key


def is_authorized(header: str | None, key: str) -> bool:
    """Return whether an Authorization header carries the key: Basic, user `api`, password the key."""
    scheme, _, encoded = (header or "").partition(" ")
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except ValueError:  # not base64, or not even ASCII
        given = b""
    is_same = hmac.compare_digest(given, f"api:{key}".encode())
    return is_same and scheme.lower() == "basic"


class FileSigner:
    """Makes and checks file addresses that need no other credential: wandb-core sends none to them.

    An address is for reading, or for writing and reading; it holds for seven days: the SDK asks for addresses right
    before it uses them, and retries a transfer for hours.
    """

    def __init__(self, key: str, clock: Callable[[], float] = time.time) -> None:
        self._secret = hashlib.sha256(b"sweep-tui file addresses" + key.encode()).digest()
        self._clock = clock

    def path(self, file_id: int, name: str, *, is_writable: bool = False) -> str:
        """Return the signed path and query of a file; the name is there for people, the id counts."""
        # Whole days, so that an address asked for twice is the same one, and caches work.
        last_day = int(self._clock() // _DAY) + _DAYS_VALID
        return f"/storage/{file_id}/{quote(name)}?signature={self._signature(file_id, last_day, is_writable)}"

    def accepts(self, file_id: int, signature: str, *, to_write: bool = False) -> bool:
        """Return whether a signature is this file's, is not too old, and allows what is asked."""
        mode, day, _ = (signature.split(".") + ["", ""])[:3]
        if not (day.isascii() and day.isdigit() and len(day) < 9) or mode not in ("r", "w"):
            return False
        expected = self._signature(file_id, int(day), mode == "w")
        is_genuine = hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode())
        return is_genuine and int(day) >= self._clock() // _DAY and (mode == "w" or not to_write)

    def _signature(self, file_id: int, last_day: int, is_writable: bool) -> str:
        head = f"{'w' if is_writable else 'r'}.{last_day}"
        return f"{head}.{hmac.new(self._secret, f'{head}.{file_id}'.encode(), hashlib.sha256).hexdigest()[:40]}"
