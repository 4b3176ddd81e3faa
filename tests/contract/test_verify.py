"""`wandb verify`, W&B's own check of a server, to its end. The slowest test: its sweep's agent polls every 5 s."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.contract.server_fixtures import Environment, environ, server
from trainer.server.lifecycle import ServerAddress

__all__ = ["environ", "server"]

_WITHOUT_HTTPS = {"Checking requests to base url", "Checking requests made over signed URLs"}
"""What cannot be green on http://127.0.0.1, where nobody listens on the way."""


def test_verify_is_green_but_for_https(tmp_path: Path, environ: Environment, server: ServerAddress) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wandb", "verify", "--host", server.base_url],
        cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    lines = (done.stdout + done.stderr).splitlines()
    checks = {line.split("...")[0]: "✅" in line for line in lines if line.startswith("Checking ")}
    assert len(checks) == 10, done.stdout + done.stderr
    assert {name for name, is_green in checks.items() if not is_green} == _WITHOUT_HTTPS, done.stdout + done.stderr
