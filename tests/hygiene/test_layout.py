"""The rules about files that no linter knows."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SWEEP_FILES = sorted((ROOT / "sweeps").glob("*"))
FORBIDDEN_NAMES = {"utils.py", "helpers.py", "common.py", "misc.py"}


def test_sweeps_holds_yaml_only() -> None:
    assert SWEEP_FILES
    assert [path.name for path in SWEEP_FILES if path.suffix != ".yaml" and path.name != "__pycache__"] == []


@pytest.mark.parametrize("path", SWEEP_FILES, ids=lambda path: path.name)
def test_every_sweep_file_is_clean(path: Path) -> None:
    from trainer.sweep.config import load_sweep_file
    from trainer.sweep.validation import violations

    sweep_file = load_sweep_file(path)
    assert violations(sweep_file.config, sweep_file.positions) == []


def modules() -> list[Path]:
    return [path for half in ("trainer", "tui") for path in (ROOT / half).rglob("*.py")]


def test_no_dumping_ground() -> None:
    assert [path for path in modules() if path.name in FORBIDDEN_NAMES] == []


def test_no_module_is_long() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules()}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_every_module_says_what_it_owns() -> None:
    assert [path for path in modules() if not path.read_text().lstrip().startswith('"""')] == []


def test_workers_that_are_given_something_have_a_description() -> None:
    """Textual makes one of the `repr` of all that they are given: megabytes, on the event loop."""
    without = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef) or len(node.args.args) + len(node.args.kwonlyargs) < 2:
                continue
            calls = [each for each in node.decorator_list if isinstance(each, ast.Call)]
            works = [each for each in calls if isinstance(each.func, ast.Name) and each.func.id == "work"]
            if any("description" not in {keyword.arg for keyword in each.keywords} for each in works):
                without.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert without == []
