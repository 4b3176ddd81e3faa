"""Keeps logs bounded while programs write them: cuts a long one in the middle, removes old ones.

A program writes through its own descriptor, so its log can be neither renamed away nor replaced while it runs. On
Linux the middle is taken out of the file in place (`fallocate` with FALLOC_FL_COLLAPSE_RANGE), which loses nothing that
is being written; where the file system cannot, it is copied shorter and truncated, as logrotate's copytruncate does.
Both need descriptors that append, which all of ours do.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import threading
from collections import OrderedDict
from pathlib import Path

from trainer.agents.host_files import HostFiles

logger = logging.getLogger(__name__)

HEAD_BYTES = 4 * 2**20
"""Kept from the beginning of a log that is cut."""
_HOST_LOG_BYTES = 5 * 2**20
_BLOCK = 4096
_COLLAPSE_RANGE = 0x08
_CUT = "\n[… the middle of this log was cut: it grew beyond {limit} MB …]\n"


def bound_log(path: Path, limit: int) -> bool:
    """Cut a file in the middle if it is longer than `limit` bytes; return whether it was cut.

    Its head and the last half of the limit stay.

    Raises:
        OSError: If it cannot be cut.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return False
    if size <= limit:
        return False
    head = _blocks(min(HEAD_BYTES, limit // 4))
    gone = _blocks(size - limit // 2 - head)
    if gone <= 0:
        return False
    mark = _CUT.format(limit=max(limit // 2**20, 1)).encode()
    with path.open("r+b") as stream:
        if head > len(mark) and _collapse(stream.fileno(), head, gone):
            os.pwrite(stream.fileno(), mark, head - len(mark))
            return True
        stream.seek(0)
        kept_head = stream.read(head)
        stream.seek(head + gone)
        kept_tail = stream.read()
        # What is written from here to the truncation is lost, as with copytruncate.
        stream.truncate(0)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        _write_all(descriptor, kept_head + mark + kept_tail)
    finally:
        os.close(descriptor)
    return True


def bound_host_logs(files: HostFiles) -> None:
    """Cut what a host itself and the process that its runs are forked from have printed."""
    for path in (files.log_path, files.warm_log_path):
        try:
            bound_log(path, _HOST_LOG_BYTES)
        except OSError as error:
            logger.error("%s cannot be cut: %s", path, error)


class RunLogs:
    """The logs of one host's runs. Any thread may call it."""

    def __init__(self, log_bytes: int, total_bytes: int) -> None:
        """Prepare.

        Args:
            log_bytes: The most that one log may have.
            total_bytes: The most that the logs of ended runs may have together.
        """
        self._log_bytes = log_bytes
        self._total_bytes = total_bytes
        self._lock = threading.Lock()
        self._ended: OrderedDict[Path, tuple[int, bool]] = OrderedDict()
        self._total = 0

    def bound(self, path: Path) -> bool:
        """Cut a log that has grown too long; return whether it was cut.

        Raises:
            OSError: If it cannot be cut.
        """
        return bound_log(path, self._log_bytes)

    def ended(self, path: Path, *, failed: bool) -> list[Path]:
        """Hear of a run's end; remove the oldest logs if there is too much of them, and return those.

        Logs of runs that ended well go first; the one that just ended stays.
        """
        try:
            size = path.stat().st_size
        except OSError:
            return []
        removed: list[Path] = []
        with self._lock:
            self._total += size - self._ended.pop(path, (0, failed))[0]
            self._ended[path] = (size, failed)
            for may_have_failed in (False, True):
                for old in [old for old, (_, bad) in self._ended.items() if bad <= may_have_failed and old != path]:
                    if self._total <= self._total_bytes:
                        return removed
                    self._total -= self._ended.pop(old)[0]
                    old.unlink(missing_ok=True)
                    removed.append(old)
        return removed


def set_aside(path: Path, life: int) -> Path | None:
    """Rename the log of a life that has ended, `RUN.log` to `RUN.1.log`; return the new name, None without a log."""
    kept = path.with_name(f"{path.stem}.{life}{path.suffix}")
    try:
        path.rename(kept)
    except FileNotFoundError:
        return None
    return kept


def _blocks(size: int) -> int:
    return size // _BLOCK * _BLOCK


def _collapse(descriptor: int, offset: int, length: int) -> bool:
    """Take a range out of a file; return whether the platform and the file system could."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    fallocate = getattr(libc, "fallocate64", None) or getattr(libc, "fallocate", None)
    if fallocate is None:
        return False
    fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    return bool(fallocate(descriptor, _COLLAPSE_RANGE, offset, length) == 0)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
