"""The builder's problems: shown one by one with their fixes, gone to, fixed, and unfixed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from tests.ui.memory_session import MemorySession
from tests.ui.wait_for import wait_for
from tui.app import SweepApp
from tui.screens.sweep_builder import SweepBuilderScreen
from tui.widgets.problem_line import FixButton

BROKEN: dict[str, Any] = {
    "name": "broken",
    "method": "random",
    "run_cap": 5,
    "metric": {"name": "accuracy", "goal": "maximise"},
    "program": "tests/ui/wait_for.py",
    "parameters": {"lr": {"min": 0.1, "max": 0.001}, "units": {"values": [8, 16, 8]}},
}


async def opened(pilot: Pilot[None], config: dict[str, Any]) -> SweepBuilderScreen:
    app = pilot.app
    assert isinstance(app, SweepApp)
    screen = SweepBuilderScreen(app.session, config)
    await app.push_screen(screen)
    await wait_for(pilot, lambda: bool(screen.oddities) or bool(text(screen)))
    return screen


def text(screen: SweepBuilderScreen) -> str:
    return str(screen.query_one("#problem-text", Static).render())


def marked(screen: SweepBuilderScreen) -> str:
    index = screen.problems_list.highlighted
    return "" if index is None else str(screen.problems_list.get_option_at_index(index).prompt)


def buttons(screen: SweepBuilderScreen) -> list[str]:
    return [str(button.render()).strip() for button in screen.query(FixButton)]


async def test_one_key_fixes_problem_after_problem_and_undo_brings_them_back() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, BROKEN)
        await wait_for(pilot, lambda: buttons(screen) == ["f4 Swap min and max"])
        assert text(screen).startswith("✗ lr  `min` (0.1) is above `max` (0.001).")

        await pilot.press("f4")
        await wait_for(pilot, lambda: buttons(screen) == ["f4 Write goal: maximize"])
        assert screen.document.config()["parameters"]["lr"] == {"min": 0.001, "max": 0.1}  # type: ignore[call-overload,index]
        assert text(screen).startswith("✗ Search › metric.goal  There is no goal")

        await pilot.press("f4")
        await wait_for(pilot, lambda: buttons(screen) == ["f4 Remove the repetitions"])
        assert text(screen).startswith("! units.values  1 of the values repeat others")
        assert not screen.problems, "what is only odd does not keep the sweep from being launched"

        await pilot.press("f4")
        await wait_for(pilot, lambda: screen.problem_line.has_class("-empty"))
        await pilot.press("f4", "f3")
        for _ in range(3):
            await pilot.press("ctrl+z")
        await wait_for(pilot, lambda: buttons(screen) == ["f4 Swap min and max"])
        assert screen.document.config() == BROKEN


async def test_problems_are_gone_to_and_fixed_with_the_mouse_alone() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot, BROKEN | {"method": "grid"})
        await wait_for(pilot, lambda: len(buttons(screen)) == 1)
        await wait_for(pilot, lambda: screen.problems_list.region.height > 5)
        assert await pilot.click("#problems", offset=(6, 3))
        await wait_for(pilot, lambda: "grid cannot run through" in marked(screen))
        await wait_for(pilot, lambda: text(screen) == "✗ lr  ")
        await screen.show_section("section-search")
        assert await pilot.click("#problem-text")
        await wait_for(pilot, lambda: screen.tabs.front == "section-parameters")
        while not text(screen).startswith("✗ metric.goal"):
            await pilot.press("f3")
            await pilot.pause()
        assert await pilot.click(FixButton)
        await wait_for(pilot, lambda: screen.document.draft.get("metric.goal") == "maximize")
        assert screen.tabs.front == "section-search"


async def test_other_ways_out_stand_beside_the_likeliest_and_what_has_none_says_what_to_do() -> None:
    app = SweepApp(MemorySession())
    config = BROKEN | {"method": "grid", "metric": {"name": "loss", "goal": "minimize"}, "run_cap": 2}
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot, config | {"parameters": {"lr": {"min": 0.0, "max": 1.0}}})
        await wait_for(pilot, lambda: len(buttons(screen)) == 2)
        assert buttons(screen) == ["f4 List 6 values: 0, 0.2 … 1", "or Use method: random"]
        screen.query(FixButton).last().scroll_visible()
        assert await pilot.click(list(screen.query(FixButton))[1])
        await wait_for(pilot, lambda: screen.document.draft.get("method") == "random")

        screen.apply_config(config | {"parameters": {"lr": {"values": []}}}, "break it")
        await wait_for(pilot, lambda: "is empty" in marked(screen))
        assert buttons(screen) == []
        assert "Give at least one value." in marked(screen)
        assert screen.problem_line.has_class("-empty"), "there is nothing to do that the list does not say"
        await pilot.press("f4")
        assert screen.document.draft.get("method") == "grid"


async def test_a_problem_of_a_group_is_gone_to_at_the_line_of_the_group() -> None:
    app = SweepApp(MemorySession())
    inner = {"schedule": {"parameters": {"warmup": {"values": [0, 100]}}}}
    config = {"method": "grid", "parameters": {"data": {"value": "wine"}, "optimizer": {"parameters": inner}}}
    async with app.run_test() as pilot:
        screen = await opened(pilot, config)
        for path in ("parameters.optimizer.parameters.schedule", "parameters.optimizer"):
            await screen.go_to(path)
            name = path.removeprefix("parameters.").replace(".parameters.", "/")
            await wait_for(pilot, lambda name=name: screen.parameters.pane.border_title == name)  # type: ignore[misc]
            assert screen.parameters.parameter_tree.has_focus


@pytest.mark.parametrize("width", [80, 120])
async def test_a_group_that_the_program_refuses_is_marked_and_says_why(tmp_path: Path, width: int) -> None:
    (tmp_path / "train.py").write_text(
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr', type=float)\np.parse_args()\n"
    )
    config = {"method": "grid", "program": "train.py", "parameters": {"lr": {"value": 1.0}}}
    config["parameters"]["optimizer"] = {"parameters": {"beta": {"values": [0.8, 0.9]}}}  # type: ignore[index]
    app = SweepApp(MemorySession(cwd=tmp_path))
    async with app.run_test(size=(width, 36)) as pilot:
        screen = await opened(pilot, config)
        tree = screen.parameters.parameter_tree
        await wait_for(pilot, lambda: "✗ problem" in tree.render_line(1).text)
        assert "✗" not in tree.render_line(0).text + tree.render_line(2).text
        await pilot.press("f3")
        await wait_for(pilot, lambda: screen.parameters.pane.border_title == "optimizer")
        note = str(screen.query_one("#parameter-note", Static).content)
        assert note.startswith("✗ train.py has no option --optimizer")


async def test_where_the_list_is_in_sight_the_line_says_only_what_can_be_done() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(140, 36)) as pilot:
        screen = await opened(pilot, BROKEN)
        await wait_for(pilot, lambda: buttons(screen) == ["f4 Swap min and max"])
        assert text(screen) == "✗ lr  "
        assert screen.problems_list.highlighted == 0
        await pilot.resize_terminal(80, 24)
        await wait_for(pilot, lambda: text(screen).startswith("✗ lr  `min` (0.1) is above `max` (0.001)."))
        await pilot.resize_terminal(140, 36)
        await wait_for(pilot, lambda: text(screen) == "✗ lr  ")
        await pilot.press("f3", "f3")
        await wait_for(pilot, lambda: screen.problems_list.highlighted == 1)
        assert text(screen) == "✗ metric.goal  ", "the section with it is in front by now"


async def test_what_is_solved_is_gone_from_the_line_and_the_list_together_with_the_mark() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(140, 36)) as pilot:
        screen = await opened(pilot, {**BROKEN, "metric": {"name": "accuracy", "goal": "maximize"}})
        await wait_for(pilot, lambda: buttons(screen) == ["f4 Swap min and max"])
        screen.document.draft.rows[0].entry = {"min": 0.001, "max": 0.1}
        screen.judge()
        assert screen.problem_line.has_class("-empty")
        assert str(screen.problems_list.get_option_at_index(0).prompt).startswith("! units.values")
        assert screen.problems_list.option_count == len(screen.oddities)
