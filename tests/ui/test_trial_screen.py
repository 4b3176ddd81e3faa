"""Trying a program from the builder: its output, its report, its end with the screen. Real programs and server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from tests.ui.memory_session import MemorySession
from tests.ui.wait_for import wait_for
from trainer.process_identity import process_start
from trainer.records import Json
from trainer.run_times import remember
from trainer.search.cost import RunTime
from trainer.server.lifecycle import stop_server
from trainer.trial.scratch import trials_dir
from tui.app import SweepApp
from tui.screens.launch import LaunchScreen
from tui.screens.preview import PreviewScreen
from tui.screens.sweep_builder import SweepBuilderScreen
from tui.screens.trial import TrialScreen

QUICK = "import sys\nprint('hello', sys.argv[1:])\nif '--x=3' in sys.argv: raise ValueError('three is too many')"
HUNG = "import os, time\nopen('pid', 'w').write(str(os.getpid()))\nprint('waiting', flush=True)\ntime.sleep(600)"


@pytest.fixture
def cwd(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stop_server()


def config(program: str) -> dict[str, Json]:
    return {
        "name": "tried",
        "program": program,
        "method": "grid",
        "metric": {"name": "acc", "goal": "maximize"},
        "parameters": {"x": {"values": [1, 2, 3]}},
    }


def text_of(screen: Any, selector: str) -> str:
    return str(screen.query_one(selector, Static).render())


async def opened(pilot: Pilot[None], sweep: dict[str, Json]) -> SweepBuilderScreen:
    app = pilot.app
    assert isinstance(app, SweepApp)
    screen = SweepBuilderScreen(app.session, sweep)
    await app.push_screen(screen)
    await wait_for(pilot, lambda: "3 runs" in text_of(screen, "#count"))
    return screen


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_a_program_is_tried_and_the_failing_extreme_is_named(cwd: Path, size: tuple[int, int]) -> None:
    (cwd / "quick.py").write_text(QUICK)
    app = SweepApp(MemorySession(cwd=cwd))
    async with app.run_test(size=size) as pilot:
        await opened(pilot, config("quick.py"))
        await pilot.press("f7")
        await wait_for(pilot, lambda: isinstance(app.screen, TrialScreen) and app.screen.report is not None, 30)
        screen = app.screen
        assert isinstance(screen, TrialScreen) and screen.report is not None
        assert "hello ['--x=1']" in screen.output.lines
        await wait_for(pilot, lambda: "never called wandb.init" in text_of(screen, "#trial-words"))
        assert "✗ The program does not do what the sweep needs." in text_of(screen, "#trial-state")
        await pilot.press("e")
        await wait_for(pilot, lambda: screen.report is not None and len(screen.report.runs) == 2, 30)
        await wait_for(pilot, lambda: "three is too many" in text_of(screen, "#trial-words"))
        assert "2 of 2 configurations do not work" in text_of(screen, "#trial-state")
        assert "2  x=3" in text_of(screen, "#trial-words")
        await pilot.press("escape")
        assert isinstance(app.screen, SweepBuilderScreen)
    assert not list(trials_dir().glob("*"))


async def test_leaving_the_screen_ends_the_program_at_once(cwd: Path) -> None:
    (cwd / "hung.py").write_text(HUNG)
    app = SweepApp(MemorySession(cwd=cwd))
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot, config("hung.py"))
        await pilot.press("f6")
        await wait_for(pilot, lambda: isinstance(app.screen, PreviewScreen) and app.screen.rows is not None)
        await pilot.press("down", "t")
        await wait_for(pilot, lambda: isinstance(app.screen, TrialScreen) and "waiting" in app.screen.output.lines, 30)
        screen = app.screen
        assert "configuration 2" in text_of(screen, "#trial-state")
        pid = int((cwd / "pid").read_text())
        assert process_start(pid)
        await pilot.press("escape")
        await wait_for(pilot, lambda: not process_start(pid))
        await wait_for(pilot, lambda: not list(trials_dir().glob("*")))


async def test_a_stop_asks_first_and_a_program_that_is_missing_is_told(cwd: Path) -> None:
    (cwd / "hung.py").write_text(HUNG)
    app = SweepApp(MemorySession(cwd=cwd))
    async with app.run_test(size=(120, 36)) as pilot:
        screen = TrialScreen(app.session, config("hung.py"))
        await app.push_screen(screen)
        await wait_for(pilot, lambda: "waiting" in screen.output.lines, 30)
        await pilot.press("s")
        await wait_for(pilot, lambda: screen.report is not None)
        assert "stopped by you" in text_of(screen, "#trial-words")
        (cwd / "hung.py").unlink()
        await pilot.press("r")
        await wait_for(pilot, lambda: "does not exist" in text_of(screen, "#trial-words"))
        assert "It could not be tried" in text_of(screen, "#trial-state")


async def test_the_cost_stands_beside_the_count_and_follows_the_program(cwd: Path) -> None:
    (cwd / "quick.py").write_text(QUICK)
    remember(config("quick.py"), cwd, RunTime(59.0, 59.0, 59.0, 1, "a trial", time.time(), start_seconds=1.0))
    app = SweepApp(MemorySession(cwd=cwd))
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot, config("quick.py"))
        await wait_for(pilot, lambda: "about 3 min with 1 agent, done " in text_of(screen, "#count"))
        screen.apply_config(
            {**config("quick.py"), "early_terminate": {"type": "hyperband", "min_iter": 3}}, "stop early"
        )
        await wait_for(pilot, lambda: "up to 3 min with 1 agent, done by " in text_of(screen, "#count"))
        screen.apply_config({**config("quick.py"), "method": "bayes"}, "search")
        await wait_for(pilot, lambda: "⚠ bayes on 3 points: a grid runs them all" in text_of(screen, "#count"))
        await pilot.press("ctrl+l")
        await wait_for(pilot, lambda: isinstance(app.screen, LaunchScreen) and app.focused is not None)
        await pilot.press("3")
        await wait_for(
            pilot, lambda: "Takes about 60 s with 3 agents, done " in text_of(app.screen, "#launch-sentence")
        )
        app.screen.query_one("#field-budget Input", Input).value = "30s"
        app.screen.query_one("#field-agents Input", Input).value = "1"
        enough = "its budget of 30s is enough for 1 of 3 runs"
        await wait_for(pilot, lambda: enough in text_of(app.screen, "#launch-sentence"))
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.screen is screen)
        await wait_for(pilot, lambda: enough in text_of(screen, "#count"))
        screen.apply_config(config("other.py"), "another program")
        await wait_for(pilot, lambda: "try one (f7) to know how long" in text_of(screen, "#count"))
