"""The real app in a pseudo-terminal, driven by keys: builder → launch → live leaderboard, and an unplugged line."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import User


def test_from_builder_to_leaderboard(user: User) -> None:
    with user.open(columns=120, rows=36) as app:
        app.wait_for("No sweeps yet", "embedded server http://127.0.0.1:")
        app.press("ctrl+n")
        app.wait_for("9 runs", "3 × 3 grid", "ready")
        app.press("ctrl+pagedown")
        app.wait_for("stop early")
        app.press("s")
        app.wait_for("name: wine-forests")
        app.press("ctrl+t", "run_cap: 2", "enter")
        app.wait_for("2 runs", "run cap 2 of 9")
        app.press("ctrl+l")
        app.wait_for("Launch wine-forests")
        app.press("enter")
        app.wait_for("2/2 runs", "✓ finished", "n_estimators", timeout=120)

        app.press("enter")
        app.wait_for("random_forest", "trees")
        app.press("escape")
        app.wait_for("2/2 runs")
        app.resize(80, 24)
        app.wait_for("2/2 runs", "1 Runs")
        app.press("escape")
        app.wait_for("1 sweep", "progress", "2/2")
        app.press("q")
        assert app.wait() == 0


def test_a_killed_builder_loses_nothing(user: User, tmp_path: Path) -> None:
    sweep = tmp_path / "mine.yaml"
    text = "# mine\nname: forest\nmethod: grid  # all\nprogram: train.py\nparameters:\n  a: {values: [1, 2]}\n"
    sweep.write_text(text)
    (tmp_path / "train.py").write_text("import wandb\n")
    drafts = user.home / ".local/state/sweep-tui/drafts"
    with user.open(columns=120, rows=36, cwd=tmp_path) as app:
        app.wait_for("No sweeps yet", "embedded server http://127.0.0.1:")
        app.press("o")
        app.wait_for("mine.yaml")
        app.press("enter")
        app.wait_for("2 runs", "ready")
        app.press("ctrl+pagedown")
        app.wait_for("stop early")
        app.press("s")
        app.wait_for("name: forests")
        app.press("ctrl+t", "# typed", "enter")
        app.wait_for("name: forests", "# typed")
        wait_until(lambda: any("# typed\\n# mine" in file.read_text() for file in drafts.glob("*.json")))
        app.process.kill()
        app.process.wait()

    with user.open(columns=80, rows=24, cwd=tmp_path) as app:
        app.wait_for("No sweeps yet", "embedded server http://127.0.0.1:")
        app.press("ctrl+n")
        app.wait_for("An unsaved sweep from", "(forests,", "was kept.", "It belongs to mine.yaml.")
        app.press("enter")
        app.wait_for("mine.yaml · unsaved", "2 runs")
        app.press("f2")
        app.wait_for("mine.yaml", "enter saves")
        app.press("enter")
        app.wait_for("Saved mine.yaml")
        app.press("escape")
        app.wait_for("No sweeps yet")
        app.press("q")
        assert app.wait() == 0

    assert sweep.read_text() == "# typed\n" + text.replace("forest", "forests")
    assert list(drafts.glob("*.json")) == []


def wait_until(fact: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "the fact did not come true in time"
        time.sleep(0.05)


def test_run_in_a_terminal_survives_a_dropped_line(user: User) -> None:
    with user.open("run", "sweeps/iris-grid.yaml", "-a", "2", columns=80, rows=24) as app:
        app.wait_for("/6 runs", "running", timeout=60)
        app.hang_up()
        app.wait()

    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        sweeps = user.run("leaderboard", _only_sweep(user), "--format", "json")
        rows = json.loads(sweeps.stdout)
        if len(rows) == 6 and all(row["state"] == "finished" for row in rows):
            return
    pytest.fail(f"the agents did not finish the sweep: {rows}")


def _only_sweep(user: User) -> str:
    """Return the one sweep that agents of this home work or worked on."""
    folder = next((user.home / ".local/state/sweep-tui/agents").iterdir())
    reference = json.loads((folder / "host.json").read_text())["reference"]
    return "/".join((reference["entity"], reference["project"], reference["id"]))


@pytest.mark.parametrize("size", [(40, 10), (80, 24), (200, 50)])
def test_every_size_opens_and_quits(user: User, size: tuple[int, int]) -> None:
    with user.open(columns=size[0], rows=size[1]) as app:
        app.wait_for("Sweeps")
        app.press("ctrl+n")
        app.wait_for("9 runs")
        app.resize(1, 1)
        app.resize(size[0], size[1])
        app.wait_for("9 runs")
        app.press("escape")
        app.wait_for("sweeps yet")
        app.press("q")
        assert app.wait() == 0


def test_opening_an_unknown_sweep_leaves_the_terminal_with_one_sentence(user: User) -> None:
    with user.open("open", "p/nothere") as app:
        assert app.wait(30) == 2
        assert "nothere" in app.text and "Traceback" not in app.text
