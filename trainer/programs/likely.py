"""Which files of a folder look like programs that train something, the likeliest first."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

_SKIPPED = {
    "node_modules", "site-packages", "__pycache__", "build", "dist", "wandb", "venv", "env", "tests", "test", "docs",
    "outputs", "multirun",
}  # fmt: skip
_MAX_DEPTH = 3
_MAX_FILES = 400
_HEAD_BYTES = 65_536
_SECONDS = 1.0
_TAKES = re.compile(
    rb"ArgumentParser|import click|import typer|hydra\.main|HfArgumentParser|tyro\.|fire\.Fire|absl import|OmegaConf"
    rb"|draccus|simple_parsing|pyrallis|wandb\.init"
)
_NAMED = re.compile(r"train|main|run|sweep|fit|experiment|finetune|pretrain")


def likely_programs(cwd: Path) -> list[str]:
    """Return the programs below a folder by their paths from there; bounded in depth, number and time."""
    until = time.monotonic() + _SECONDS
    found: list[tuple[int, int, str]] = []
    for path in _python_files(cwd):
        if time.monotonic() > until or len(found) >= _MAX_FILES:
            break
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD_BYTES)
        except OSError:
            # A closed file is no program that can be started.
            continue
        takes = bool(_TAKES.search(head))
        is_started = b"__main__" in head or path.name == "__main__.py"
        if takes or is_started:
            points = 2 * takes + is_started + 2 * bool(_NAMED.search(path.stem))
            name = path.relative_to(cwd)
            found.append((-points, len(name.parts), str(name)))
    return [name for *_, name in sorted(found)]


def _python_files(cwd: Path) -> list[Path]:
    files: list[Path] = []
    for folder, folders, names in os.walk(cwd):
        depth = len(Path(folder).relative_to(cwd).parts)
        kept = [each for each in folders if not each.startswith(".") and each not in _SKIPPED]
        folders[:] = sorted(kept) if depth < _MAX_DEPTH else []
        scripts = sorted(name for name in names if name.endswith(".py") and not name.startswith("test_"))
        files += [Path(folder) / name for name in scripts]
        if len(files) > 4 * _MAX_FILES:
            break
    return files
