"""How much memory runs have, and whether the kernel has killed a process for want of it. Linux; elsewhere not known."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path("/")
_CGROUP_LIMITS = ("memory.max", "memory.limit_in_bytes")
_CGROUP_EVENTS = ("memory.events", "memory.oom_control")


def kernel_kills(root: Path = _ROOT) -> int:
    """Return how many processes the kernel has killed for want of memory, in our cgroup or on the machine."""
    counts = [_counter(path / name, "oom_kill") for path in _cgroups(root) for name in _CGROUP_EVENTS]
    return max([*counts, _counter(root / "proc/vmstat", "oom_kill")])


def memory_bytes(root: Path = _ROOT) -> int:
    """Return the memory that there is for runs: the machine's, or less where a cgroup limits it; 0 if not known."""
    total = _counter(root / "proc/meminfo", "MemTotal:") * 1024
    limits = [_number(path / name) for path in _cgroups(root) for name in _CGROUP_LIMITS]
    return min([limit for limit in (total, *limits) if limit > 0], default=0)


def _cgroups(root: Path) -> list[Path]:
    """Return the folders of our memory cgroup and of those above it, of either version."""
    found: list[Path] = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers not in ("", "memory"):
            continue
        base = root / "sys/fs/cgroup" / controllers
        folder = base / path.strip().lstrip("/")
        # In a container the path may be the host's, of which only the root is mounted.
        found += [parent for parent in (folder, *folder.parents) if parent == base or base in parent.parents]
    return list(dict.fromkeys(found))


def _counter(path: Path, name: str) -> int:
    for line in _text(path).splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == name and words[1].isdecimal():
            return int(words[1])
    return 0


def _number(path: Path) -> int:
    text = _text(path).strip()
    return int(text) if text.isdecimal() else 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
