"""The server's log: bounded, and without secrets. What is written to it is each module's own."""

from __future__ import annotations

import logging
import re
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from trainer.server.data_folder import LOG_FILE

_MAX_BYTES = 2_000_000
_KEPT = 3
"""Older files beside the current one: `server.log.1` and so on."""
_LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_SECRETS = re.compile(r"(signature=|\b(?:basic|bearer)\s+|\blocal-)[0-9a-zA-Z+/=_.-]{8,}", re.IGNORECASE)


class _WithoutSecrets(logging.Formatter):
    """Leaves out keys, credentials and signatures of file addresses, wherever they stand; tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


def without_secrets(text: str) -> str:
    """Return a text with what looks like a key, a credential or a signature replaced."""
    return _SECRETS.sub(r"\1***", text)


def log_to(folder: Path, *, on_terminal: bool) -> None:
    """Write this process's log to the data folder's file.

    Args:
        folder: The data folder; made already.
        on_terminal: Whether warnings are shown on stderr too.
    """
    handlers: list[logging.Handler] = []
    try:
        handlers.append(
            RotatingFileHandler(folder / LOG_FILE, maxBytes=_MAX_BYTES, backupCount=_KEPT, encoding="utf-8")
        )
        (folder / LOG_FILE).chmod(0o600)
    except OSError as error:
        print(f"The server's log {folder / LOG_FILE} cannot be written: {error.strerror}.", file=sys.stderr)
    if on_terminal:
        handlers.append(logging.StreamHandler(sys.stderr))
        handlers[-1].setLevel(logging.WARNING)
    for handler in handlers:
        handler.setFormatter(_WithoutSecrets(_LINE))
    # A full disk must not fill stderr, which is this very file, with tracebacks about the log.
    logging.raiseExceptions = False
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
