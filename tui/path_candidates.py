"""What a typed path may become: the folder's programs and folders. Reads the disk, so it belongs in a worker."""

from __future__ import annotations

import os
from pathlib import Path

from tui.widgets.completing_input import Candidate

_PROGRAMS = {
    ".py": "Python", ".sh": "shell script", ".bash": "shell script", ".ipynb": "notebook", ".jl": "Julia", ".R": "R",
}  # fmt: skip
_MAX_ENTRIES = 5_000


def program_candidates(cwd: Path, typed: str) -> list[Candidate]:
    """Return the programs and folders that a typed path may mean, programs first; empty where nobody can look."""
    folder, _, beginning = typed.rpartition("/")
    prefix = f"{folder}/" if "/" in typed else ""
    try:
        place = (cwd / Path(prefix).expanduser()) if prefix else cwd
        entries = sorted(_entries(place), key=lambda entry: entry.name)
    except (OSError, RuntimeError, ValueError):
        # No such folder, a closed one, no home for `~name`, a NUL: there is nothing to offer.
        return []
    programs: list[Candidate] = []
    folders: list[Candidate] = []
    for entry in entries:
        is_hidden = entry.name.startswith(".") or entry.name == "__pycache__"
        if not entry.name.startswith(beginning) or (is_hidden and not beginning.startswith(".")):
            continue
        kind = _kind(entry)
        if kind == "folder":
            folders.append(Candidate(f"{prefix}{entry.name}/", kind))
        elif kind:
            programs.append(Candidate(f"{prefix}{entry.name}", kind))
    return programs + folders


def _entries(place: Path) -> list[os.DirEntry[str]]:
    found: list[os.DirEntry[str]] = []
    with os.scandir(place) as entries:
        for entry in entries:
            found.append(entry)
            if len(found) >= _MAX_ENTRIES:
                break
    return found


def _kind(entry: os.DirEntry[str]) -> str:
    """Return what an entry is, for people; empty for what is no program."""
    try:
        if entry.is_dir():
            return "folder"
        if known := _PROGRAMS.get(os.path.splitext(entry.name)[1]):
            return known
        return "program" if os.access(entry.path, os.X_OK) else ""
    except OSError:
        # It went away, or its link leads nowhere.
        return ""
