"""What the server's contract tests share: a real server process, and programs that use the real SDK against it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from trainer.server.lifecycle import ServerAddress, ensure_running, stop_server

Environment = dict[str, str]


def wandb_environ(address: ServerAddress, home: Path) -> Environment:
    """Return the environment of a program that uses the SDK on a server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "XDG_"))}
    return kept | {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "WANDB_BASE_URL": address.base_url,
        "WANDB_API_KEY": address.api_key,
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_CONSOLE": "wrap",
        "WANDB_INIT_TIMEOUT": "60",
    }


def run_program(source: str, environ: Environment, folder: Path, *arguments: str, timeout: float = 150) -> str:
    """Run a Python program in a folder and return what it printed; its failure is the test's."""
    path = folder / f"program_{uuid.uuid4().hex[:8]}.py"
    path.write_text(source, encoding="utf-8")
    return run_command([sys.executable, str(path), *arguments], environ, folder, timeout)


def run_command(argv: list[str], environ: Environment, folder: Path, timeout: float = 150) -> str:
    """Run a command in a folder and return what it printed to stdout; its failure is the test's."""
    done = subprocess.run(
        argv,
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def graphql(address: ServerAddress, document: str, **variables: Any) -> Any:
    """Execute an operation over HTTP and return its data."""
    reply = requests.post(
        f"{address.base_url}/graphql",
        json={"query": document, "variables": variables},
        auth=("api", address.api_key),
        timeout=30,
    )
    body = reply.json()
    assert reply.status_code == 200, body
    assert "errors" not in body, body
    return body["data"]


def eventually(check: Callable[[], Any], seconds: float = 60) -> Any:
    """Return the first true value of `check`; fail when there was none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := check():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerAddress]:
    """Return a server that the tests of this process share; each takes a project of its own."""
    folder = tmp_path_factory.mktemp("shared_server")
    yield ensure_running(folder, timeout_seconds=60)
    stop_server(folder)


@pytest.fixture
def environ(server: ServerAddress, isolated_home: Path) -> Environment:
    """Return the environment of programs that use the SDK on the shared server."""
    return wandb_environ(server, isolated_home)


@pytest.fixture
def project() -> str:
    """Return a project name that no other test has."""
    return f"p-{uuid.uuid4().hex[:10]}"
