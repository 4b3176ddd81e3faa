"""Tell one process from another that was later given the same pid. Linux and macOS, without dependencies."""

from __future__ import annotations

import math
import os
import select
import signal
import subprocess
import time
from pathlib import Path

_PROC = Path("/proc")
_POLL_SECONDS = 0.02


def process_start(pid: int) -> str:
    """Return when a process started, as an opaque text; empty when there is no such process, or it is a zombie."""
    if pid <= 0:
        return ""
    if (_PROC / "self" / "stat").exists():
        return _linux_start(pid)
    return _ps_start(pid)


def is_running(pid: int, start: str) -> bool:
    """Return whether the process that started at `start` still runs under `pid`."""
    return bool(start) and process_start(pid) == start


def wait_for_end(pid: int, start: str, timeout_seconds: float) -> bool:
    """Wait until the process that started at `start` has ended; return whether it did in time.

    Args:
        pid: The process; need not be a child of this one.
        start: What `process_start` said of it.
        timeout_seconds: `math.inf` to wait for as long as it takes.
    """
    deadline = time.monotonic() + timeout_seconds
    descriptor = _process_descriptor(pid)
    try:
        while is_running(pid, start):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if descriptor is None:
                time.sleep(min(left, _POLL_SECONDS))
            else:
                # Tells the end the moment it comes, and costs nothing until then.
                poll = select.poll()
                poll.register(descriptor, select.POLLIN)
                poll.poll(None if left == math.inf else math.ceil(left * 1000))
    finally:
        if descriptor is not None:
            os.close(descriptor)
    return True


def _process_descriptor(pid: int) -> int | None:
    """Return a descriptor that is readable when a process has ended; None where there is none (macOS, Linux < 5.3)."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def signal_group(pid: int, start: str, number: signal.Signals) -> bool:
    """Send a signal to the process group that a process leads; return False when that process is gone."""
    if not is_running(pid, start):
        return False
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _linux_start(pid: int) -> str:
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The name in parentheses may hold spaces; state and start time follow it (proc_pid_stat(5), fields 3 and 22).
    fields = text.rpartition(")")[2].split()
    return "" if len(fields) < 20 or fields[0] in "ZX" else fields[19]


def _ps_start(pid: int) -> str:
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath)},
    )
    status, _, started = answer.stdout.strip().partition(" ")
    return "" if not status or status.startswith("Z") else started.strip()
