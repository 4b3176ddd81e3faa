"""What each half imports at run time, in a fresh interpreter: proof where import-linter sees only the static graph."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def loaded_after(statement: str) -> set[str]:
    """Return the top-level packages in sys.modules after a statement ran in a fresh interpreter."""
    script = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    output = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(output.stdout.split())


def trainer_modules() -> list[str]:
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((ROOT / "trainer").rglob("*.py"))
        if path.name != "__main__.py"
    ]


def test_trainer_never_loads_textual() -> None:
    statement = "; ".join(f"import {module}" for module in trainer_modules())
    assert not loaded_after(statement) & {"textual", "rich", "tui"}


HEAVY = {
    "wandb",
    "sklearn",
    "scipy",
    "optuna",
    "pandas",
    "numpy",
    "xgboost",
    "plotext",
    "starlette",
    "uvicorn",
    "graphql",
}


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("import trainer.cli", set()),
        ("import trainer.sweep.validation, trainer.sweep.space, trainer.sweep.command", set()),
        ("import trainer.headless", set()),
        ("import trainer.agents.host", set()),
        ("import trainer.insight.report", set()),
        ("import tui.cli", set()),
        ("import tui.app, tui.screens.sweeps", set()),
        ("import tui.screens.sweep, tui.screens.run, tui.screens.curves, tui.screens.analysis", set()),
    ],
)
def test_nothing_heavy_is_imported_early(statement: str, allowed: set[str]) -> None:
    assert loaded_after(statement) & (HEAVY - allowed) == set()


def test_first_paint_needs_no_network_library() -> None:
    assert "requests" not in loaded_after("import tui.app, tui.screens.sweeps")
