from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.command import CommandList, CommandPalette
from textual.pilot import Pilot
from textual.widgets import Footer, Input, Static
from textual.widgets._footer import FooterKey

from tests.ui.memory_session import MemorySession
from tests.ui.wait_for import wait_for
from trainer.records import Json
from trainer.sweep.config import load_sweep_file
from tui.app import SweepApp
from tui.screens.confirm import ConfirmScreen
from tui.screens.file_dialogs import OpenFileScreen
from tui.screens.launch import LaunchScreen
from tui.screens.save_sweep import SaveSweepScreen
from tui.screens.sweep_builder import SweepBuilderScreen
from tui.screens.sweeps import SweepsScreen
from tui.sweep_draft import FRESH_CONFIG
from tui.widgets.form_field import FormField


async def opened(
    pilot: Pilot[None], config: dict[str, Json] | None = None, path: Path | None = None
) -> SweepBuilderScreen:
    app = pilot.app
    assert isinstance(app, SweepApp)
    screen = SweepBuilderScreen(app.session, config, path)
    await app.push_screen(screen)
    await wait_for(pilot, lambda: bool(count(screen)) and screen.parameters.current is not None)
    return screen


def count(screen: SweepBuilderScreen) -> str:
    return str(screen.query_one("#count", Static).render())


def parameters(screen: SweepBuilderScreen) -> Any:
    return screen.document.draft.config()["parameters"]


async def type_values(pilot: Pilot[None], screen: SweepBuilderScreen, name: str, text: str) -> None:
    screen.parameters.parameter_tree.select((name,))
    await pilot.pause()
    box = screen.parameters.pane.value_input
    box.focus()
    box.clear()
    await pilot.press(*text)
    await pilot.pause()


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_a_fresh_sweep_is_ready_and_counted(size: tuple[int, int]) -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=size) as pilot:
        screen = await opened(pilot)

        assert count(screen).startswith("9 runs   3 × 3 grid")
        assert "ready" in str(screen.query_one("#readiness", Static).render())
        assert screen.unsaved == ""


def footer_keys(screen: SweepBuilderScreen) -> list[str]:
    keys = screen.query_one(Footer).query(FooterKey)
    return [f"{key.key_display} {key.description}" for key in keys if key.display]


async def test_every_action_is_reached_with_the_mouse_in_the_narrowest_terminal() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await wait_for(pilot, lambda: len(footer_keys(screen)) > 7)
        assert "f9 From program" not in footer_keys(screen)
        assert footer_keys(screen)[-1] == "^p more"
        await wait_for(pilot, lambda: bool(screen.query("FooterKey.-command-palette").last().region))
        assert await pilot.click("FooterKey.-command-palette")
        await wait_for(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"From pro")
        hits = app.screen.query_one(CommandList)
        await wait_for(pilot, lambda: hits.option_count > 0 and "From program" in str(hits.options[0].prompt))
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.screen_stack[-1] is screen)

        keys = list(screen.query(FooterKey))
        await pilot.resize_terminal(120, 36)
        assert list(screen.query(FooterKey)) == keys, "a click between two sizes is not lost"
        await wait_for(pilot, lambda: "f9 From program" in footer_keys(screen))
        await wait_for(pilot, lambda: bool(screen.query("FooterKey.-command-palette").last().region))
        assert footer_keys(screen)[-1] == "^p more"
        assert all(key.region.right <= 120 for key in screen.query(FooterKey))


async def test_the_most_wanted_keys_are_in_the_footer_of_a_narrow_terminal_and_a_question_mark_can_be_typed() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        footer = screen.query_one(Footer)
        await wait_for(pilot, lambda: len(footer.query(FooterKey)) > 7)
        wanted = ["^l Launch", "^n Add", "f6 Preview", "f7 Try one", "^t YAML", "f2 Save", "? Help"]
        assert footer_keys(screen)[:7] == wanted
        await wait_for(pilot, lambda: bool(screen.query("FooterKey.-command-palette").last().region))
        assert all(key.region.right <= 80 for key in footer.query(FooterKey)), "no key is cut"
        screen.parameters.pane.value_input.focus()
        await pilot.press("?")
        assert screen.parameters.pane.value_input.value.endswith("?")
        assert app.screen is screen


async def test_the_count_and_the_yaml_follow_what_is_typed() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await type_values(pilot, screen, "n_estimators", "1..100")

        assert count(screen).startswith("300 runs")
        assert parameters(screen)["n_estimators"] == {"min": 1, "max": 100}
        await wait_for(pilot, lambda: "max: 100" in screen.yaml.text)


async def test_problems_stand_at_their_field_and_keep_the_sweep_from_being_launched() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        pane = screen.parameters.pane
        await type_values(pilot, screen, "max_depth", "0.1..1")
        assert "grid cannot run through" in str(pane.query_one("#parameter-note", Static).render())
        assert count(screen).startswith("? runs")
        await screen.show_section("section-search")
        field = screen.query_one("#field-run_cap", FormField)
        field.query_one(Input).value = "many"
        await pilot.pause()
        assert field.has_class("-problem")
        await pilot.press("ctrl+l")
        await pilot.pause()

        assert app.screen is screen
        await wait_for(pilot, lambda: screen.focused is pane.value_input)
        # The second problem with the parameter is that the program takes whole numbers only.
        await wait_for(pilot, lambda: "Parameters ✗2   Search ✗1" in str(screen.tabs.render()))
        await pilot.press("f3")
        await wait_for(pilot, lambda: screen.focused is field.query_one(Input))


async def test_text_that_cannot_be_read_is_a_problem_and_the_last_entry_stays() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test() as pilot:
        screen = await opened(pilot)
        await type_values(pilot, screen, "max_depth", "[3, 5")

        assert screen.parameters.pane.has_class("-problem")
        assert screen.problems
        assert parameters(screen)["max_depth"] == {"values": [2, 4, 8]} or parameters(screen)["max_depth"] == {}


async def test_choices_are_made_with_arrows_and_letters() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test() as pilot:
        screen = await opened(pilot)
        await pilot.press("ctrl+pagedown")
        await wait_for(pilot, lambda: screen.query_one("#field-name Input").has_focus)
        screen.query_one("#field-method ChoiceStrip").focus()
        await pilot.press("b")
        assert screen.document.draft.get("method") == "bayes"
        await pilot.press("left")
        assert screen.document.draft.get("method") == "random"
        screen.query_one("#field-early_terminate ChoiceStrip").focus()
        await pilot.press("right")

        assert screen.document.draft.get("early_terminate") == {"type": "hyperband", "min_iter": 3}
        assert screen.query_one("#hyperband").display


async def test_the_sections_are_reached_by_keys_and_by_mouse() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pilot.press("ctrl+pageup")
        assert screen.tabs.front == "section-rules"
        await pilot.click(screen.tabs, offset=(15, 0))
        await wait_for(pilot, lambda: screen.tabs.front == "section-search")
        assert screen.query_one("#field-name").display
        await pilot.press("ctrl+pagedown")
        await wait_for(pilot, lambda: screen.tabs.front == "section-program")
        screen.tabs.focus()
        await pilot.press("left", "left", "left")

        assert screen.tabs.front == "section-parameters"
        readiness = screen.query_one("#readiness", Static)
        assert str(readiness.render()) == "✓ ready"
        await pilot.click(readiness, offset=(4, 0))
        await wait_for(pilot, lambda: isinstance(app.screen, LaunchScreen) and app.focused is not None)


async def test_what_was_changed_is_undone_and_done_again_with_its_name() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await type_values(pilot, screen, "max_depth", "1..4")
        await screen.show_section("section-search")
        screen.query_one("#field-name Input", Input).value = "mine"
        await pilot.pause()
        await pilot.press("ctrl+z")
        assert screen.query_one("#field-name Input", Input).value == "wine-forest"
        while screen.document.can_undo:
            await pilot.press("ctrl+z")
        await wait_for(pilot, lambda: screen.section is screen.parameters and count(screen).startswith("9 runs"))
        await wait_for(pilot, lambda: screen.parameters.pane.value_input.value == "2, 4, 8")
        assert screen.document.config() == FRESH_CONFIG
        while screen.document.can_redo:
            await pilot.press("ctrl+y")
        await wait_for(pilot, lambda: screen.document.config()["name"] == "mine")

        assert parameters(screen)["max_depth"] == {"min": 1, "max": 4}
        assert "Did again: edit name" in [notification.message for notification in app._notifications]


async def test_a_configuration_from_elsewhere_is_one_step_to_undo() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        screen.apply_config({**FRESH_CONFIG, "method": "random", "run_cap": 5}, "search at random")
        await wait_for(pilot, lambda: count(screen).startswith("5 runs"))
        await pilot.press("ctrl+z")

        await wait_for(pilot, lambda: count(screen).startswith("9 runs"))


async def test_a_sweep_is_saved_and_opened_again_as_it_was(tmp_path: Path) -> None:
    app = SweepApp(MemorySession(cwd=tmp_path))
    async with app.run_test() as pilot:
        screen = await opened(pilot)
        await type_values(pilot, screen, "max_depth", "1..4")
        assert screen.unsaved
        await pilot.press("f2")
        await wait_for(pilot, lambda: isinstance(app.screen, SaveSweepScreen))
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.screen is screen)
        assert screen.unsaved == ""
        written = tmp_path / "sweeps" / "wine-forest.yaml"
        assert load_sweep_file(written).config == screen.document.draft.config()
        await pilot.press("ctrl+o")
        await wait_for(pilot, lambda: isinstance(app.screen, OpenFileScreen) and bool(app.screen.names))
        await pilot.press(*"forest", "enter")
        await wait_for(pilot, lambda: app.screen is screen)

        assert screen.document.draft.config() == load_sweep_file(written).config
        assert screen.path == written


async def test_a_file_that_is_no_yaml_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("a: [1\nb: 2")
    app = SweepApp(MemorySession(cwd=tmp_path))
    async with app.run_test() as pilot:
        await opened(pilot)
        await pilot.press("ctrl+o")
        await wait_for(pilot, lambda: isinstance(app.screen, OpenFileScreen) and bool(app.screen.names))
        await pilot.press("enter")

        await wait_for(pilot, lambda: "line 2" in str(app.screen.query_one("#file-problem", Static).render()))


async def test_leaving_with_changes_asks_and_without_does_not() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test() as pilot:
        screen = await opened(pilot)
        await type_values(pilot, screen, "max_depth", "1..4")
        await pilot.press("escape", "escape")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("n")
        await wait_for(pilot, lambda: app.screen is screen)
        await pilot.press("ctrl+q")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("n", "escape", "y")

        await wait_for(pilot, lambda: isinstance(app.screen, SweepsScreen))


async def test_what_the_form_does_not_know_is_kept() -> None:
    config: dict[str, Json] = {**FRESH_CONFIG, "description": "mine", "controller": {"type": "local"}}
    app = SweepApp(MemorySession())
    async with app.run_test() as pilot:
        screen = await opened(pilot, config)
        await type_values(pilot, screen, "max_depth", "7")

        changed = screen.document.draft.config()
        assert (changed["description"], changed["controller"]) == ("mine", {"type": "local"})


async def test_a_huge_space_is_counted_and_tiny_terminals_do_no_harm() -> None:
    app = SweepApp(MemorySession())
    config: dict[str, Json] = {"method": "grid", "parameters": {f"p{i}": {"min": 1, "max": 10**6} for i in range(3)}}
    async with app.run_test() as pilot:
        screen = await opened(pilot, config)
        assert count(screen).startswith(f"{10**18:,} runs")
        for size in [(40, 10), (10, 3), (1, 1), (200, 60)]:
            await pilot.resize_terminal(*size)
            await pilot.pause()

        assert count(screen).startswith(f"{10**18:,} runs")
