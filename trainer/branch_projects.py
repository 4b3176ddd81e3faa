"""Which project a CI job's sweeps go to, by branch: `pyproject.toml`, or a note in the sweep file, says so.

In `pyproject.toml`, of the folder or of one above it:

    [tool.sweep-tui.projects]
    main = "wine-quality-prod"
    "*" = "wine-quality-dev"

In a sweep file, where it wins:

    #: projects: {main: wine-quality-prod, "release/*": wine-quality-prod, "*": wine-quality-dev}

The first pattern that a branch matches counts. Outside CI neither is asked: there the sweep file's `project` holds.
"""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import yaml

from trainer.errors import InputError

TABLE = "tool.sweep-tui.projects"
_NOTE = re.compile(r"^[ \t]*#:[ \t]*projects:[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_WAY_OUT = 'Map branches, or patterns of them, to projects: {main: my-prod, "*": my-dev}.'
_NAME = re.compile(r"[^/\\#?%:]{1,128}")
"""What W&B takes for a project's name (SDK 0.31)."""


def project_for(branch: str, sweep_text: str, source: str, folder: Path) -> str | None:
    """Return the project of a branch; None where nothing is said of it.

    Args:
        branch: Its name.
        sweep_text: The sweep file.
        source: What messages call the sweep file.
        folder: Where `pyproject.toml` is looked for, and above.

    Raises:
        InputError: If what is said cannot be used.
    """
    for projects in (_in_sweep_file(sweep_text, source), _in_pyproject(folder)):
        for pattern, project in projects.items():
            if fnmatch.fnmatchcase(branch, pattern):
                return project
    return None


def _in_sweep_file(text: str, source: str) -> Mapping[str, str]:
    found = _NOTE.search(text)
    if found is None:
        return {}
    place = f"{source}:{text.count(chr(10), 0, found.start()) + 1}: projects"
    try:
        value = yaml.safe_load(found[1])
    except yaml.YAMLError as error:
        raise InputError(f"{place}: {found[1]!r} is no mapping.", hint=_WAY_OUT) from error
    return _checked(value, place)


def _in_pyproject(folder: Path) -> Mapping[str, str]:
    for parent in (folder.resolve(), *folder.resolve().parents):
        path = parent / "pyproject.toml"
        if path.is_file():
            break
    else:
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.", hint="Mend it, or name a --project.") from error
    value: object = content
    for key in TABLE.split("."):
        value = value.get(key, {}) if isinstance(value, dict) else {}
    return _checked(value, f"{path}: [{TABLE}]")


def _checked(value: object, place: str) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise InputError(f"{place}: {value!r} is no mapping.", hint=_WAY_OUT)
    for pattern, project in value.items():
        if not isinstance(pattern, str) or not isinstance(project, str) or not _NAME.fullmatch(project.strip()):
            raise InputError(f"{place}: {pattern!r}: {project!r} is no name of a project.", hint=_WAY_OUT)
    return {pattern: project.strip() for pattern, project in value.items()}
