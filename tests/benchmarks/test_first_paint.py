"""Budget: first paint ≤ 1.8× a minimal Textual app (DESIGN section 8). Rerun: make benchmarks."""

from __future__ import annotations

import os
import pty
import signal
import statistics
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from fcntl import ioctl
from pathlib import Path

import pytest

ROUNDS = 11
MINIMAL_APP = """
from textual.app import App, ComposeResult
from textual.widgets import Static

class Minimal(App):
    def compose(self) -> ComposeResult:
        yield Static("first-paint-marker")

Minimal().run()
"""


def seconds_to_paint(command: Sequence[str], marker: bytes, home: Path) -> float:
    """Return the seconds from spawning a program in a 120x40 pseudo-terminal until it has written `marker`."""
    master, slave = pty.openpty()
    ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm-256color"}
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=environ, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, close_fds=True
    )
    os.close(slave)
    seen = b""
    try:
        while marker not in seen:
            seen += os.read(master, 65536)
        return time.perf_counter() - start
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(master)


@pytest.mark.benchmark
def test_first_paint(tmp_path: Path) -> None:
    minimal = tmp_path / "minimal.py"
    minimal.write_text(MINIMAL_APP)
    floor, ours = [], []
    sweep_tui = str(Path(sys.executable).with_name("sweep-tui"))
    for round_number in range(ROUNDS + 1):
        a = seconds_to_paint([sys.executable, str(minimal)], b"first-paint-marker", tmp_path)
        b = seconds_to_paint([sweep_tui], b"sweep-tui", tmp_path)
        if round_number:  # the first round warms the disk cache
            floor.append(a)
            ours.append(b)
    ratio = statistics.median(b / a for a, b in zip(floor, ours, strict=True))
    minimal_ms, ours_ms = (statistics.median(times) * 1000 for times in (floor, ours))
    print(f"\nfirst paint: minimal {minimal_ms:.0f} ms, sweep-tui {ours_ms:.0f} ms, ratio {ratio:.2f} (budget 1.8)")
    assert ratio <= 1.8
