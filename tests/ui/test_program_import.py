from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input, Static

from tests.ui.memory_session import MemorySession
from tests.ui.wait_for import wait_for
from trainer.records import Json
from tui.app import SweepApp
from tui.screens.program_import import OptionsList, ProgramImportScreen
from tui.screens.sweep_builder import SweepBuilderScreen

PROGRAM = """
import argparse
import wandb

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.001, help="step size")
parser.add_argument("--optimizer", choices=["sgd", "adam"], default="adam")
parser.add_argument("--amp", action="store_true")
parser.add_argument("--layers", type=int, default=2)
args = parser.parse_args()
wandb.init(config=args)
wandb.log({"epoch": 1, "val_accuracy": 0.5})
"""
CONFIG: dict[str, Json] = {
    "program": "train.py",
    "method": "grid",
    "metric": {"name": "val_accuracy", "goal": "maximize"},
    "parameters": {"learning_rate": {"values": [0.1]}, "lrs": {"values": [0.1]}, "amp": {"values": [True, False]}},
}


async def opened(pilot: Pilot[None], config: dict[str, Json] | None = None) -> SweepBuilderScreen:
    app = pilot.app
    assert isinstance(app, SweepApp)
    screen = SweepBuilderScreen(app.session, config)
    await app.push_screen(screen)
    await wait_for(pilot, lambda: screen.document.program is not None)
    return screen


def said(screen: ProgramImportScreen, name: str) -> str:
    return str(screen.query_one(f"#{name}", Static).render())


async def test_parameters_are_taken_from_a_program_as_one_step(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    (tmp_path / "broken.py").write_text("import argparse\nparser = (\n")
    app = SweepApp(MemorySession(cwd=tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        builder = await opened(pilot)
        before = builder.document.config()
        await pilot.press("f9")
        await wait_for(pilot, lambda: isinstance(app.screen, ProgramImportScreen) and len(app.screen.names) > 0)
        dialog = app.screen
        assert isinstance(dialog, ProgramImportScreen)
        dialog.query_one("#path", Input).value = "broken.py"
        await pilot.press("enter")
        await wait_for(pilot, lambda: "broken.py:2 is not valid Python" in said(dialog, "file-problem"))
        dialog.query_one("#path", Input).value = "tra"
        await pilot.press("enter")
        await wait_for(pilot, lambda: dialog.query_one(OptionsList).option_count == 4)
        await wait_for(pilot, lambda: "step size" in said(dialog, "option-facts"))
        assert dialog.chosen == {"lr", "optimizer", "layers"}
        assert "removes 5 it does not take: dataset, model" in said(dialog, "outcome")
        # A filter shows less and forgets nothing; the box is taken by space, and by the mouse.
        await pilot.press("slash", *"amp", "enter", "space")
        assert dialog.query_one(OptionsList).option_count == 1
        assert dialog.chosen == {"lr", "optimizer", "layers", "amp"}
        assert "${args_no_boolean_flags}" in said(dialog, "outcome")
        await pilot.click("#options", offset=(3, 0))
        assert dialog.chosen == {"lr", "optimizer", "layers"}
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.screen is builder)
        await wait_for(pilot, lambda: builder.document.config() != before)
        assert builder.document.config() == {
            "name": "wine-forest",
            "method": "random",
            "metric": {"name": "val_accuracy", "goal": "maximize"},
            "program": "train.py",
            "parameters": {
                "lr": {"distribution": "log_uniform_values", "min": 0.0001, "max": 0.01},
                "optimizer": {"values": ["sgd", "adam"]},
                "layers": {"min": 1, "max": 4},
            },
            "run_cap": 20,
        }
        await wait_for(pilot, lambda: builder.problems == [])
        await pilot.press("ctrl+z")
        await wait_for(pilot, lambda: builder.document.config() == before)


async def test_what_the_program_would_refuse_is_marked_as_one_builds_and_when_it_changes(tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text(PROGRAM)
    app = SweepApp(MemorySession(cwd=tmp_path))
    async with app.run_test(size=(120, 36)) as pilot:
        builder = await opened(pilot, CONFIG)

        def problems() -> dict[str, str]:
            return {each.path: each.code for each in builder.problems}

        expected = {
            "parameters.learning_rate": "program-unknown-name",
            "parameters.lrs": "program-unknown-name",
            "parameters.amp": "program-flag-value",
        }
        await wait_for(pilot, lambda: problems() == expected)
        fixed: dict[str, Json] = {**CONFIG, "parameters": {"amp": {"values": [True, False]}}}
        builder.apply_config(fixed, "less")
        await wait_for(pilot, lambda: problems() == {"parameters.amp": "program-flag-value"})
        await pilot.press("f4")
        await wait_for(pilot, lambda: problems() == {})
        assert builder.document.config()["command"] == [
            "${env}", "${interpreter}", "${program}", "${args_no_boolean_flags}"
        ]  # fmt: skip
        program.write_text(PROGRAM.replace("--amp", "--mixed"))
        builder.show_preview()
        await wait_for(pilot, lambda: problems() == {"parameters.amp": "program-unknown-name"})


async def test_the_program_section_says_what_the_program_takes_and_a_click_takes_it_over(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    app = SweepApp(MemorySession(cwd=tmp_path))
    async with app.run_test(size=(120, 36)) as pilot:
        builder = await opened(pilot, CONFIG)
        await builder.show_section("section-program")
        line = builder.query_one("#program-accepts", Static)

        words = "takes 4 parameters (argparse): f9 takes them over"
        await wait_for(pilot, lambda: words in str(line.render()))
        await wait_for(pilot, lambda: line.region.height == 1)
        await pilot.pause()
        await pilot.click(line, offset=(13 + words.index("f9") + 1, 0))
        await wait_for(pilot, lambda: isinstance(app.screen, ProgramImportScreen))
