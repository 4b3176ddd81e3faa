"""What a run leaves behind when its program has ended: found, ended, and told. It would go on to hold memory and GPUs.

Looked for in the program's process group, and (on Linux) by the run's id in the environment: a child that made a
session of its own has left the group. A child forked from a warm run without a new program (`os.fork` and `setsid`, no
`exec`) has neither: /proc shows the environment that its program was started with.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trainer.process_identity import is_running, process_start

_PROC = Path("/proc")
GRACE_SECONDS = 5.0
"""How long leftovers may go on by themselves: the SDK's uploads end when they are done."""
UPLOAD_SECONDS = 30.0
"""The same for wandb-core after a run that ended well."""
TERMINATE_SECONDS = 5.0
"""Between SIGTERM and SIGKILL."""
_POLL_SECONDS = 0.1
_UPLOADER = "wandb-core"


@dataclass(frozen=True)
class Leftover:
    """A process that outlived its run."""

    pid: int
    start: str
    name: str

    @property
    def is_there(self) -> bool:
        """Whether it still runs."""
        return is_running(self.pid, self.start)

    def __str__(self) -> str:
        return f"{self.name} ({self.pid})"


def group_members(group: int) -> list[Leftover]:
    """Return what runs in a process group; where that cannot be looked up, nothing."""
    return [found for found in _processes() if _group(found.pid) == group] if _group_exists(group) else []


def carriers(run_id: str) -> list[Leftover]:
    """Return the processes that were started for a run, by their environment. Linux only."""
    needle = b"\0WANDB_RUN_ID=" + run_id.encode() + b"\0"
    found = []
    for pid in _pids():
        try:
            environ = b"\0" + (_PROC / str(pid) / "environ").read_bytes() + b"\0"
        except OSError:
            continue  # another user's, or just gone
        if needle in environ and (start := process_start(pid)):
            found.append(Leftover(pid, start, _name(pid)))
    return found


def find_leftovers(group: int, run_id: str) -> list[Leftover]:
    """Return what is left of a run whose program has ended."""
    own = os.getpid()
    found = {left.pid: left for left in group_members(group) + (carriers(run_id) if run_id else [])}
    return [left for left in found.values() if left.pid not in (own, group)]


def end_leftovers(group: int, found: Iterable[Leftover], *, ended_well: bool) -> str:
    """Give leftovers time to end, then terminate them, then kill them; return how it went, empty if by themselves.

    Args:
        group: The process group, which may hold what was not found by name (macOS).
        found: What `find_leftovers` said.
        ended_well: Whether the program ended by itself and without an error.
    """
    left = [each for each in found if each.is_there]
    # What it uploads may take a while; what failed or was stopped has nothing that must be waited for so long.
    patient = [each for each in left if ended_well and each.name == _UPLOADER]
    impatient = [each for each in left if each not in patient]
    how = _end(impatient, group if not patient else 0, GRACE_SECONDS)
    return how or _end(patient, group, UPLOAD_SECONDS - GRACE_SECONDS if impatient else UPLOAD_SECONDS)


def _end(left: list[Leftover], group: int, grace: float) -> str:
    if _wait(left, group, grace):
        return ""
    _signal(left, group, signal.SIGTERM)
    if _wait(left, group, TERMINATE_SECONDS):
        return "terminated"
    _signal(left, group, signal.SIGKILL)
    return "killed"


def _wait(left: list[Leftover], group: int, seconds: float) -> bool:
    """Wait for processes and a group to end; return whether they did."""
    deadline = time.monotonic() + seconds
    while any(each.is_there for each in left) or (group and _group_exists(group)):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _signal(left: list[Leftover], group: int, number: signal.Signals) -> None:
    try:
        if group:
            # A group keeps its number from others while it has members.
            os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass
    for each in left:
        if each.is_there:
            try:
                os.kill(each.pid, number)
            except (ProcessLookupError, PermissionError):
                continue


def _group_exists(group: int) -> bool:
    """Return whether a group has a member; zombies count, they are about to go."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _processes() -> list[Leftover]:
    return [Leftover(pid, start, _name(pid)) for pid in _pids() if (start := process_start(pid))]


def _pids() -> list[int]:
    try:
        return [int(entry) for entry in os.listdir(_PROC) if entry.isdecimal()]
    except OSError:
        return []


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except (ProcessLookupError, PermissionError):
        return 0


def _name(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "process"
