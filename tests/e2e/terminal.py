"""A program in a pseudo-terminal, with a terminal emulator that keeps what a person would see."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import pyte

KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "backspace": "\x7f",
    "space": " ",
    "f2": "\x1bOQ",
    "ctrl+pagedown": "\x1b[6;5~",
} | {f"ctrl+{letter}": chr(ord(letter) - 96) for letter in "abcdefghijklmnopqrstuvwxyz"}


class _Screen(pyte.Screen):
    """Takes the private form of SGR (modifyOtherKeys, queries) for what it is: no colours. pyte 0.8 fails on it."""

    def select_graphic_rendition(self, *attributes: int, private: bool = False) -> None:
        if not private:
            super().select_graphic_rendition(*attributes)


class Terminal:
    """Runs one program; `screen` is what it shows now."""

    def __init__(
        self, command: Sequence[str], environ: Mapping[str, str], cwd: Path, columns: int = 80, rows: int = 24
    ) -> None:
        self._screen = _Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self._master, slave = pty.openpty()
        self._set_size(columns, rows)
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(environ),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:
                return
            if not data:
                return
            with self._lock:
                # pyte 0.8 does not know the form with `>`; the one with `?` it hands on as private.
                self._stream.feed(data.replace(b"\x1b[>", b"\x1b[?"))

    @property
    def text(self) -> str:
        """The screen as lines of text."""
        with self._lock:
            return "\n".join(line.rstrip() for line in self._screen.display)

    def wait_for(self, *texts: str, timeout: float = 30) -> str:
        """Wait until the screen shows every text, and return the screen.

        Raises:
            AssertionError: If the deadline passes; the message holds the screen.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            shown = self.text
            if all(text in shown for text in texts):
                return shown
            if self.process.poll() is not None:
                break
            threading.Event().wait(0.05)
        raise AssertionError(f"waited {timeout} s for {texts}; exit {self.process.poll()}; the screen:\n{self.text}")

    def press(self, *keys: str) -> None:
        """Press keys by name (`enter`, `ctrl+n`) or type text."""
        for key in keys:
            os.write(self._master, KEYS.get(key, key).encode())

    def resize(self, columns: int, rows: int) -> None:
        """Resize the window, as tmux does when a pane is dragged."""
        with self._lock:
            self._screen.resize(rows, columns)
        self._set_size(columns, rows)
        os.killpg(self.process.pid, signal.SIGWINCH)

    def wait(self, timeout: float = 15) -> int:
        """Wait until the program ends and return its exit code.

        Raises:
            AssertionError: If it does not end; the message holds the screen.
        """
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s; the screen:\n{self.text}") from None

    def hang_up(self) -> None:
        """Close the terminal, as a dropped SSH line does."""
        os.close(self._master)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
