"""End-to-end fixtures: the installed commands as a user runs them, in a home of their own, cleaned up afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.e2e.terminal import Terminal
from trainer.agents.pool import live_hosts
from trainer.server.lifecycle import stop_server

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@dataclass
class User:
    """Somebody with an empty home at a shell in the repository."""

    home: Path

    @property
    def environ(self) -> dict[str, str]:
        """What their shell exports: nothing about W&B, no activated environment, a bare `python` or none at all."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return kept | {"HOME": str(self.home), "TERM": "xterm-256color", "PYTHONUNBUFFERED": "1"}

    def run(
        self,
        *arguments: str | Path,
        program: Sequence[str] = (str(BIN / "sweep-tui"),),
        timeout: float = 120,
        cwd: Path = ROOT,
        environ: Mapping[str, str] = MappingProxyType({}),
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end without a terminal."""
        return subprocess.run(
            [*program, *map(str, arguments)],
            cwd=cwd,
            env=self.environ | dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def open(self, *arguments: str | Path, columns: int = 120, rows: int = 36, cwd: Path = ROOT) -> Terminal:
        """Start `sweep-tui` in a pseudo-terminal."""
        return Terminal([str(BIN / "sweep-tui"), *map(str, arguments)], self.environ, cwd, columns, rows)


@pytest.fixture
def user(isolated_home: Path) -> Iterator[User]:
    """A user whose background processes end with the test."""
    yield User(isolated_home)
    for host in live_hosts():
        host.request_stop()
        host.wait(20)
    stop_server()
