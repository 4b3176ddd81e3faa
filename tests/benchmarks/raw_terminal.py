"""A program in a pseudo-terminal whose output is counted and searched, not drawn: the clock is the program's."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

_CODES = re.compile(rb"\x1b(?:\[[0-9;:?<>=]*[A-Za-z]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()=>].?)")


class RawTerminal:
    """Runs one program; everything it writes is kept, with the time."""

    def __init__(self, command: Sequence[str], home: Path, columns: int, rows: int) -> None:
        self.bytes = 0
        self.pieces: list[tuple[float, str]] = []
        """What was written, and when by the clock of `time`."""
        self._text = ""
        self._from = 0
        """Where the search for the next text begins."""
        self._changed = threading.Condition()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environ = {
            "PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor",
            "LANG": "C.UTF-8",
        }  # fmt: skip
        self._start = time.perf_counter()
        self._found_at = self._start
        self.process = subprocess.Popen(
            command, env=environ, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, close_fds=True
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> RawTerminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join(5)
        os.close(self._master)

    def _read(self) -> None:
        kept = b""
        while True:
            try:
                if not select.select([self._master], [], [], 0.2)[0]:
                    if self.process.poll() is not None:
                        return
                    continue
                data = os.read(self._master, 65536)
            except OSError:
                return
            with self._changed:
                self.bytes += len(data)
                # A code that is cut in two is completed by the next piece.
                whole, cut, rest = (kept + data).rpartition(b"\x1b")
                kept = cut + rest
                if _CODES.match(kept) or len(kept) > 4096:
                    whole, kept = whole + kept, b""
                piece = _CODES.sub(b"\0", whole).decode(errors="replace")
                self._text += piece
                self.pieces.append((time.time(), piece))
                self._changed.notify_all()

    def wait_for(self, text: str, seconds: float = 30) -> None:
        """Wait until a text is written after what was waited for before."""
        pattern = re.compile("\0*".join(map(re.escape, text)))
        deadline = time.perf_counter() + seconds
        with self._changed:
            while (found := pattern.search(self._text, self._from)) is None:
                left = deadline - time.perf_counter()
                assert left > 0, f"{text!r} was not written; last was {self._text[-800:]!r}"
                self._changed.wait(left)
            self._from = found.end()
            self._found_at = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds from the start until what was last waited for was written."""
        return self._found_at - self._start

    @property
    def memory_mb(self) -> float:
        """The memory of the program, all that it has mapped, in MB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024

    def send(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())
