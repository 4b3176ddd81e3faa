"""`check --fix`: only the lines of a problem change, and nothing is written where it is only shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from trainer.cli import build_cli

PROGRAM = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--units", type=int)
parser.add_argument("--amp", type=int)
parser.parse_args()
"""
BROKEN = """\
# my sweep, as I like it
method: Grid   # all of them
program: train.py

metric: {name: loss, goal: minimise}
parameters:
  lr:
    values: [0.1, 0.2, 0.1]  # twice
  "unitz": {min: 64, max: 16}
"""
FIXED = """\
# my sweep, as I like it
method: grid   # all of them
program: train.py

metric: {name: loss, goal: minimize}
parameters:
  lr:
    values: [0.1, 0.2]  # twice
  "units": {min: 16, max: 64}
"""


@pytest.mark.parametrize("only_show", [True, False])
def test_obvious_fixes_change_their_lines_and_no_others(tmp_path: Path, only_show: bool) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text(BROKEN)
    (tmp_path / "train.py").write_text(PROGRAM)
    options = ["--fix", "--diff"] if only_show else ["--fix"]
    result = CliRunner().invoke(build_cli(None), ["check", str(file), *options], standalone_mode=False)
    assert file.read_text() == (BROKEN if only_show else FIXED)
    assert "-method: Grid   # all of them\n+method: grid   # all of them" in result.output
    assert "Swap min and max" in result.output
    assert result.return_value == (2 if only_show else 0)
