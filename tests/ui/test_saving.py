"""Taking the sweep of the builder along: the save dialog, its files and what it copies."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList, Static

from tests.ui.memory_session import MemorySession
from tests.ui.test_sweep_builder import opened
from tests.ui.wait_for import wait_for
from trainer.sweep.config import load_sweep_file, parse_sweep_text
from tui.app import SweepApp
from tui.launch_choice import memory_path, remember
from tui.screens.confirm import ConfirmScreen
from tui.screens.save_sweep import CopyForm, SaveSweepScreen
from tui.sweep_draft import FRESH_CONFIG


async def test_each_form_is_shown_before_it_is_copied_and_means_the_sweep(tmp_path: Path) -> None:
    remember(memory_path(), {"agents": "3", "budget": "2h", "project": "mine"})
    app = SweepApp(MemorySession(cwd=tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await app.workers.wait_for_complete()
        await pilot.pause()
        copied: list[str] = []
        for steps in range(1, 5):
            await pilot.press("ctrl+s")
            await wait_for(pilot, lambda: isinstance(app.screen, SaveSweepScreen))
            await pilot.press(*["down"] * steps)
            shown = str(app.screen.query_one("#copy-text", Static).content)
            await pilot.press("enter")
            await wait_for(pilot, lambda: app.screen is screen)
            copied.append(app.clipboard)
            assert app.clipboard.rstrip("\n") == shown
        yaml, commands, python, run = copied

        assert parse_sweep_text(yaml, "x").config == FRESH_CONFIG
        assert "wandb sweep --project mine" in commands and "seq 3" in commands
        assigned = next(node for node in ast.parse(python).body if isinstance(node, ast.Assign))
        assert ast.literal_eval(assigned.value) == FRESH_CONFIG
        assert run.endswith('sweep-tui run "$file" --agents 3 --project mine --budget 2h\n')


async def test_a_saved_sweep_is_saved_again_without_a_question_and_copied_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("# keep me\nmethod: grid\nprogram: mine.yaml\nparameters: {x: {values: [1, 2]}}\n")
    app = SweepApp(MemorySession(cwd=tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        file = load_sweep_file(path)
        screen = await opened(pilot, file.config, path)
        for _ in range(2):
            # The text of the file is the caller's to hand over; the first save writes the one that is shown.
            await pilot.press("f2", "enter")
            await wait_for(pilot, lambda: app.screen is screen or isinstance(app.screen, ConfirmScreen))
            if isinstance(app.screen, ConfirmScreen):
                await pilot.press("y")
            await wait_for(pilot, lambda: app.screen is screen and not screen.unsaved)
        await pilot.press("f2")
        await wait_for(pilot, lambda: isinstance(app.screen, SaveSweepScreen))
        await pilot.click(OptionList, offset=(3, 1))
        await wait_for(pilot, lambda: app.screen is screen)
        assert "wandb sweep mine.yaml 2>&1" in app.clipboard

        path.write_text("method: random\n")
        await pilot.press("f2", "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        assert "changed by somebody else" in str(app.screen.query_one(".dialog-text", Static).content)
        await pilot.press("n")
        assert path.read_text() == "method: random\n"


@pytest.mark.parametrize(("term", "text"), [("linux", "short\n"), ("xterm", "long " * 20_000)])
async def test_what_the_terminal_does_not_take_goes_to_a_file_that_was_not_there(
    term: str, text: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text("taken")
    app = SweepApp(MemorySession())
    async with app.run_test() as pilot:
        home = app.screen
        forms = [CopyForm("Python", ".py", lambda: text)]
        await app.push_screen(SaveSweepScreen(tmp_path, "x", "sweeps/mine.yaml", forms, environ={"TERM": term}))
        await pilot.press("down", "enter")
        await wait_for(pilot, lambda: app.screen is home)

        assert (tmp_path / "mine-2.py").read_text() == text
        assert (tmp_path / "mine.py").read_text() == "taken"


async def test_w_writes_the_marked_text_and_is_a_letter_in_the_path(tmp_path: Path) -> None:
    app = SweepApp(MemorySession(cwd=tmp_path))
    async with app.run_test(size=(40, 12)) as pilot:
        screen = await opened(pilot)
        await pilot.press("f2", "w")
        await wait_for(pilot, lambda: isinstance(app.screen, SaveSweepScreen))
        box = app.screen.query_one("#path", Input)
        assert box.value == "sweeps/wine-forest.yamlw"
        box.value = "/dev/null/x.yaml"
        await pilot.press("enter")
        problem = app.screen.query_one("#file-problem", Static)
        await wait_for(pilot, lambda: "cannot be written" in str(problem.content))
        await pilot.press("down", "down", "w")
        await wait_for(pilot, lambda: app.screen is screen)

        assert "wandb sweep" in (tmp_path / "wine-forest.sh").read_text()
