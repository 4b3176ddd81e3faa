"""Who may talk to the server: the API key, signed file addresses, and the Host header."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from urllib.parse import quote

from trainer.atomic_file import fsync_folder
from trainer.errors import ServerError

KEY_FILE = "api_key"
MIN_KEY_LENGTH = 40
"""wandb refuses shorter keys on its own (SDK 0.31)."""


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
    if scheme.lower() != "basic":
        return False
    try:
        user, separator, password = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    given = f"{user}:{password}" if separator else ""
    return hmac.compare_digest(given.encode(), f"api:{key}".encode())


def is_allowed_host(header: str | None, port: int) -> bool:
    """Return whether a Host header names this server by a loopback name, so that no web page can (DNS rebinding)."""
    return (header or "").lower() in {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}


class FileSigner:
    """Makes and checks file addresses that need no other credential: wandb-core sends none to them."""

    def __init__(self, key: str) -> None:
        self._secret = hashlib.sha256(b"sweep-tui file addresses" + key.encode()).digest()

    def path(self, file_id: int, name: str) -> str:
        """Return the signed path and query of a file; the name is there for people, the id counts."""
        return f"/storage/{file_id}/{quote(name)}?signature={self.signature(file_id)}"

    def signature(self, file_id: int) -> str:
        """Return the signature of a file id."""
        return hmac.new(self._secret, str(file_id).encode(), hashlib.sha256).hexdigest()[:40]

    def accepts(self, file_id: int, signature: str) -> bool:
        """Return whether the signature is this file's."""
        return hmac.compare_digest(signature.encode(), self.signature(file_id).encode())
