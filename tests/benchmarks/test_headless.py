"""The headless path: how soon it has begun beside `import wandb`, and what a CI run of the smallest sweep takes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainer.server.lifecycle import ensure_running, stop_server

pytestmark = pytest.mark.benchmark

ROOT = Path(__file__).resolve().parents[2]
SWEEP_TUI = str(Path(sys.executable).parent / "sweep-tui")
ROUNDS = 9
START_BUDGET = 1.2
"""Times `import wandb`."""
CI_BUDGET_SECONDS = 20.0


@pytest.fixture(autouse=True)
def server(isolated_home: Path) -> Iterator[None]:
    ensure_running()
    yield
    stop_server()


def seconds_to_first_line(command: list[str]) -> float:
    """Return the seconds until a command says something on stderr; it is ended then."""
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        seconds = time.perf_counter() - started
        process.terminate()
        process.stderr.read()
    assert line.startswith(b"Server:"), line
    return seconds


def seconds_of(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - started


def test_headless_start_beside_import_wandb(capsys: pytest.CaptureFixture[str]) -> None:
    # No agents: the sweep is created, and that is all.
    headless = [SWEEP_TUI, "run", "sweeps/iris-grid.yaml", "--headless", "-a", "0"]
    wandb = [sys.executable, "-c", "import wandb"]
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(seconds_of(wandb))
        ours.append(seconds_to_first_line(headless))
    our_median, their_median, load = statistics.median(ours), statistics.median(theirs), os.getloadavg()[0]
    with capsys.disabled():
        print(
            f"\nfirst line of `run --headless`: {our_median:.3f} s, `import wandb`: {their_median:.3f} s, "
            f"ratio {our_median / their_median:.2f} (budget {START_BUDGET}); load {load:.1f}"
        )


def test_ci_run_of_the_smallest_sweep(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    stop_server()  # a CI job begins with none
    summary = tmp_path / "summary.md"
    command = [SWEEP_TUI, "run", "sweeps/iris-grid.yaml", "--headless", "-a", "2", "--summary", str(summary)]
    seconds = seconds_of([*command, "--assert", "best(accuracy)>=0.9", "--json", str(tmp_path / "out.json")])
    with capsys.disabled():
        print(f"\nCI run of iris-grid: {seconds:.1f} s (budget {CI_BUDGET_SECONDS:.0f}); load {os.getloadavg()[0]:.1f}")
