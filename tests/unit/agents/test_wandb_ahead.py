"""What is done ahead for a run's wandb gives it the answers that it would find by itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SOURCE = """
import importlib, os, platform, subprocess, sys
import wandb
import wandb.util
from wandb.sdk.lib.gitlib import GitCommandError, GitRepo
from trainer.agents.bootstrap.wandb_ahead import prepare_wandb

packages = sorted((each.key, each.version) for each in wandb.util.working_set())
prepare_wandb(importlib.import_module)
assert sorted((each.key, each.version) for each in wandb.util.working_set()) == packages
assert wandb.util.working_set().__next__() and packages, "each run asks anew"
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    pass
else:
    raise AssertionError("a process is left")

started = []
popen = subprocess.Popen
class Counted(popen):
    def __init__(self, argv, *rest, **named):
        started.append(argv[0])
        super().__init__(argv, *rest, **named)
subprocess.Popen = Counted
platform.platform(), platform.processor()
assert started == []
repository, bare = os.path.join(os.getcwd(), "repository"), os.path.join(os.getcwd(), "bare")
for _ in range(3):
    assert GitRepo(root=repository).root_dir == os.path.realpath(repository)
    assert GitRepo(root=bare).root_dir is None
assert started == ["git"] * 2
if os.fork():
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
else:
    subprocess.run(["git", "init", "-q", bare], check=True)
    assert GitRepo(root=bare).root_dir == os.path.realpath(bare), "a run asks for itself"
"""


def test_wandb_finds_by_itself_what_was_looked_up_ahead(tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    subprocess.run(["git", "init", "-q", str(tmp_path / "repository")], check=True)
    root = Path(__file__).resolve().parents[3]
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(root), "HOME": str(tmp_path)}
    environ |= {"GIT_CEILING_DIRECTORIES": str(tmp_path), "WANDB_ERROR_REPORTING": "false"}
    told = subprocess.run(
        [sys.executable, "-c", SOURCE], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
