from __future__ import annotations

import ast
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.cli import build_cli
from trainer.settings import ServerKind
from trainer.sweep.config import load_sweep_file, parse_sweep_text
from trainer.sweep.exports import EXPORT_FORMS, ExportTarget, as_python, as_run_command, as_wandb_commands, as_yaml
from trainer.sweep.python_literal import python_literal

ROOT = Path(__file__).resolve().parents[3]
SWEEPS = sorted((ROOT / "sweeps").glob("*.yaml"))

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
    max_leaves=30,
)


@given(values)
@settings(max_examples=150, deadline=None)
def test_a_python_literal_evaluates_to_the_value(value: Any) -> None:
    assert eval(python_literal(value), {"float": float}) == value


def test_a_literal_has_what_python_writes_as_a_call() -> None:
    assert python_literal(float("inf")) == 'float("inf")'
    assert math.isnan(eval(python_literal([float("nan")]))[0])


def test_python_is_laid_out_as_the_formatter_lays_it_out(tmp_path: Path) -> None:
    odd: dict[str, Any] = {
        "method": "grid",
        "description": "it's a \"quoted\" text\nwith 'both' kinds, " + "long " * 30,
        "name": "it's",
        "parameters": {
            "empty": {"value": []},
            "none": {"value": {}},
            "a" * 50: {"values": ["b" * 20, 1e-05, None, True]},
            "lists": {"values": [[1, 2], [[0.1] * 12, ["x"] * 30]]},
            "just": {"values": list(range(1000, 1011))},
        },
    }
    target = ExportTarget(ServerKind.EMBEDDED, project="p" * 40, entity="ignored")
    long = ExportTarget(ServerKind.CLOUD, project="p" * 60, entity="e" * 60)
    for number, config in enumerate([odd, *(load_sweep_file(path).config for path in SWEEPS)]):
        for place in (target, long):
            (tmp_path / f"s{number}{place.kind.name}.py").write_text(as_python(config, place), encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--diff", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.name)
def test_yaml_and_python_mean_the_sweep_they_came_from(path: Path) -> None:
    config = load_sweep_file(path).config
    tree = ast.parse(as_python(config))
    assigned = next(node for node in tree.body if isinstance(node, ast.Assign))

    assert parse_sweep_text(as_yaml(config), "x").config == config
    assert ast.literal_eval(assigned.value) == config


def test_a_sweep_written_into_commands_reaches_the_file_byte_for_byte(tmp_path: Path) -> None:
    text = 'name: |\n  it\'s $HOME `date` \\ !! "x"\n\n  END_OF_SWEEP\nEND_OF_SWEEP\nEND_OF_SWEEP_\n# ü\n'
    commands = as_wandb_commands({"name": "x"}, text=text)
    # Everything up to the commands that need a server.
    written = commands.partition("\nsweep=$(")[0] + '\ncat "$file"; rm "$file"\n'
    for shell in (["bash"], ["sh"]):
        done = subprocess.run(shell, input=written, capture_output=True, text=True, cwd=tmp_path, check=True)
        assert done.stdout == text


def test_names_that_a_shell_would_take_apart_are_quoted() -> None:
    config: dict[str, Any] = {"project": "mine; rm -rf /", "entity": "me too"}
    commands = as_wandb_commands(config, ExportTarget(agents=3), file="my sweep.yaml")

    assert "wandb sweep --entity 'me too' --project 'mine; rm -rf /' 'my sweep.yaml'" in commands
    assert 'for agent in $(seq 3); do wandb agent "$sweep" & done; wait' in commands
    assert as_run_command(config, ["--project", "a b"], file="-x.yaml") == "sweep-tui run ./-x.yaml --project 'a b'\n"


def test_each_kind_of_server_is_pointed_at_without_its_key() -> None:
    config: dict[str, Any] = {"entity": "me", "project": "p", "scheduler": {"engine": "optuna"}}
    config["controller"] = {"type": "local"}
    embedded = as_wandb_commands(config, ExportTarget(ServerKind.EMBEDDED, "http://127.0.0.1:1", "q", "me"))
    hosted = as_wandb_commands(config, ExportTarget(ServerKind.SELF_HOSTED, "https://w&b.example"))

    assert embedded.startswith('eval "$(sweep-tui env --server local)"\n')
    assert "--entity" not in embedded and "--project q" in embedded
    assert hosted.startswith("export WANDB_BASE_URL='https://w&b.example'\n")
    assert 'wandb sweep-scheduler "$sweep" &\nwandb controller "$sweep" &\nwandb agent' in hosted
    assert "wandb sweep" in as_wandb_commands(config).splitlines()[-4]


@pytest.mark.parametrize("form", sorted(EXPORT_FORMS))
def test_the_command_line_exports_every_form(form: str) -> None:
    path = ROOT / "sweeps" / "wine-grid.yaml"
    result = CliRunner().invoke(build_cli(None), ["export", str(path), "--as", form, "--server", "local", "-p", "q"])

    assert result.exit_code == 0, result.output
    marks = {
        "yaml": "method: grid",
        "wandb": "--project q",
        "python": 'project="q"',
        "run": "--server local --project q",
    }
    assert marks[form] in result.output


def test_a_sweep_with_problems_is_not_exported(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("method: grid\n")
    result = CliRunner().invoke(build_cli(None), ["export", str(path)])

    assert result.exit_code != 0
    assert result.stdout == ""
