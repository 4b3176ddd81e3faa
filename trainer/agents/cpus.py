"""How many cores this process may use: not what the machine has, but what affinity and the cgroup's quota leave."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path


def usable_cores(root: Path = Path("/")) -> int:
    """Return the cores that the processes we start can keep busy; at least 1.

    A container with a quota of two cores on a machine with 64 shows 64 to `os.cpu_count()`; so does a Slurm job that
    was given eight.

    Args:
        root: Where `proc` and `sys` are.
    """
    quotas = [math.ceil(quota) for quota in _quotas(root)]
    return max(1, min([seen_cores(), *quotas]))


def seen_cores() -> int:
    """Return the cores that a program takes for its own: those of its affinity."""
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        # macOS has no affinity.
        return os.cpu_count() or 1


def _quotas(root: Path) -> Iterator[float]:
    """Yield the quotas of our cgroup and of those it is in, in cores; a limit above binds those below."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            yield from _walk(root / "sys/fs/cgroup", path, _quota_v2)
        elif "cpu" in controllers.split(","):
            for name in (controllers, "cpu"):
                yield from _walk(root / "sys/fs/cgroup" / name, path, _quota_v1)


def _walk(mount: Path, path: str, read: Callable[[Path], float | None]) -> Iterator[float]:
    folder = mount / path.strip("/")
    while True:
        quota = read(folder)
        if quota is not None:
            yield quota
        if folder == mount or mount not in folder.parents:
            return
        folder = folder.parent


def _quota_v2(folder: Path) -> float | None:
    try:
        quota, _, period = (folder / "cpu.max").read_text(encoding="utf-8").partition(" ")
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _quota_v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text(encoding="utf-8"))
        period = int((folder / "cpu.cfs_period_us").read_text(encoding="utf-8"))
        return quota / period if quota > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
