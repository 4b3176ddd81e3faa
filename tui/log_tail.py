"""LogTail: what a growing log file has new, in bounded memory. Blocks on the disk: for workers; owns no widget."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tui.agent_lines import plain_line

START_BYTES = 4 * 2**20
"""Of a file that is longer only the end is read."""
READ_BYTES = 2**20
"""Read at a time, so that a long file shows at once and a fast writer leaves room for the screen."""
MAX_OPEN_BYTES = 65_536
"""A line that has no end is cut here."""


@dataclass(frozen=True, slots=True)
class LogNews:
    """What is new."""

    lines: Sequence[str] = ()
    """Lines that have ended, as one may show them."""
    open_line: str = ""
    """The last line, which has not ended yet."""
    begins_anew: bool = False
    """Whether what was read before is no longer in the file: the run was started over."""
    skipped: bool = False
    """Whether lines before these were left out."""
    is_missing: bool = False
    has_more: bool = False
    """Whether there is more to read at once."""


class LogTail:
    """Reads one file from near its end on."""

    def __init__(self, path: Path) -> None:
        """Remember the file; it need not exist yet."""
        self.path = path
        self._inode = 0
        self._offset = 0
        self._open = b""

    def read(self) -> LogNews | None:
        """Return what is new since the last call; None if nothing is."""
        try:
            with self.path.open("rb") as stream:
                status = os.fstat(stream.fileno())
                begins_anew = bool(self._inode) and (status.st_ino != self._inode or status.st_size < self._offset)
                is_first = not self._inode or begins_anew
                if not is_first and status.st_size == self._offset:
                    return None
                if is_first:
                    self._inode, self._open, self._offset = status.st_ino, b"", 0
                skipped = status.st_size - self._offset > START_BYTES
                if skipped:
                    self._offset, self._open = status.st_size - START_BYTES, b""
                stream.seek(self._offset)
                data = stream.read(READ_BYTES)
        except OSError:
            return LogNews(is_missing=True)
        self._offset += len(data)
        lines = self._lines(data, starts_within=skipped)
        return LogNews(lines, _shown(self._open), begins_anew, skipped, has_more=self._offset < status.st_size)

    def _lines(self, data: bytes, *, starts_within: bool) -> list[str]:
        *ended, self._open = (self._open + data).split(b"\n")
        if starts_within and ended:
            ended = ended[1:]
        if len(self._open) > MAX_OPEN_BYTES:
            # A progress bar rewrites its line; what came last is what stands.
            self._open = self._open[-MAX_OPEN_BYTES:]
        return [_shown(line) for line in ended]


def _shown(line: bytes) -> str:
    """Return a line as a terminal would have left it: what follows the last carriage return stands."""
    last = line.rstrip(b"\r").rpartition(b"\r")[2]
    text = last.decode("utf-8", errors="replace")
    indent = len(text) - len(text.lstrip(" "))
    return " " * min(indent, 40) + plain_line(text, keeps_spaces=True).strip()
