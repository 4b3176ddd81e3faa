"""What is copied out of a sweep, pasted: by bash with the stock `wandb`, and by Python."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.conftest import BIN, User

SWEEP = """\
# one point; it's quick
name: "it's $HOME"
project: my project
method: grid
program: note.py
parameters:
  x: {value: 1}
"""
PROGRAM = "import sys, wandb\nwith wandb.init(): open('seen.txt', 'a').write(sys.argv[1] + ' ')\n"
READ = """
import json, wandb
sweeps = wandb.Api().project("my project", entity=wandb.Api().default_entity).sweeps()
print(json.dumps(sorted([s.config["name"], s.config["parameters"], len(s.runs)] for s in sweeps)))
"""


def test_the_copied_texts_create_and_run_the_sweep_where_they_are_pasted(user: User, tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    (tmp_path / "note.py").write_text(PROGRAM)
    environ = {"PATH": f"{BIN}:{user.environ['PATH']}"}
    shell = user.run("export", "sweep.yaml", cwd=tmp_path).stdout
    done = user.run("-c", shell, program=("bash",), cwd=tmp_path, environ=environ)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "seen.txt").read_text() == "--x=1 "

    lines = user.run("env", "--server", "local").stdout.splitlines()
    environ |= dict(line.removeprefix("export ").split("=", 1) for line in lines)
    source = user.run("export", "sweep.yaml", "--as", "python", "--server", "local", cwd=tmp_path).stdout
    python = (str(BIN / "python"), "-c")
    done = user.run(source, program=python, cwd=tmp_path, environ=environ)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "seen.txt").read_text() == "--x=1 " * 2

    command = user.run("export", "sweep.yaml", "--as", "run", "--server", "local", cwd=tmp_path).stdout
    done = user.run("-c", command.rstrip() + " --headless --agents 0", program=("bash",), cwd=tmp_path, environ=environ)
    assert done.returncode == 0, done.stderr
    seen = user.run(READ, program=python, cwd=tmp_path, environ=environ)
    sweeps = json.loads(seen.stdout.splitlines()[-1])
    assert [sweep[:2] for sweep in sweeps] == [["it's $HOME", {"x": {"value": 1}}]] * 3
    assert sorted(sweep[2] for sweep in sweeps) == [0, 1, 1]
