"""What docs/ says works: every shell command in it is run, every sweep file in it is valid."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml

from tests.e2e.conftest import BIN, ROOT, User
from trainer.sweep.validation import violations

DOCS = sorted((ROOT / "docs").glob("*.md"))
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(path: Path, language: str) -> list[str]:
    return [text for found, text in _BLOCK.findall(path.read_text(encoding="utf-8")) if found == language]


@pytest.mark.parametrize("path", [path for path in DOCS if blocks(path, "sh")], ids=lambda path: path.stem)
def test_every_command_does_what_it_says(user: User, tmp_path: Path, path: Path) -> None:
    """The commands of a page are one session at a shell, each of which must succeed."""
    for name in ("trainer", "sweeps", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    script = tmp_path / "session.sh"
    script.write_text("set -euo pipefail\n" + "\n".join(blocks(path, "sh")))
    environ = {"PATH": f"{BIN}{os.pathsep}{user.environ['PATH']}"}
    result = user.run(str(script), program=("bash", "-x"), cwd=tmp_path, environ=environ, timeout=240)
    assert result.returncode == 0, result.stderr[-3000:]
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("path", [path for path in DOCS if blocks(path, "yaml")], ids=lambda path: path.stem)
def test_every_sweep_file_is_valid(path: Path) -> None:
    for text in blocks(path, "yaml"):
        config = yaml.safe_load(text)
        if isinstance(config, dict) and "method" in config:
            assert violations(config) == []
