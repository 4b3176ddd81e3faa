"""The preview: what would run, by number, filtered, copied; whatever the size of the sweep."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from tests.ui.memory_session import MemorySession
from tests.ui.wait_for import wait_for
from trainer.records import Json
from trainer.search.plan import make_plan
from tui.app import SweepApp
from tui.screens.preview import PreviewScreen

SMALL: dict[str, Json] = {
    "name": "small",
    "program": "train.py",
    "method": "grid",
    "parameters": {
        "data": {"value": "wine"},
        "lr": {"values": [0.1, 0.01, 0.001]},
        "model": {"values": ["forest", "tree"]},
    },
}
HUGE: dict[str, Json] = {
    "program": "train.py",
    "method": "grid",
    "parameters": {"a": {"min": 1, "max": 10**9}, "b": {"min": 1, "max": 10**9}, "seed": {"value": 1}},
}


async def opened(pilot: Pilot[None], config: dict[str, Json]) -> PreviewScreen:
    screen = PreviewScreen(config, "embedded server", "wine")
    await pilot.app.push_screen(screen)
    await wait_for(pilot, lambda: screen.rows is not None and screen.table.rows is screen.rows)
    await pilot.pause()
    return screen


def text_of(screen: PreviewScreen, selector: str) -> str:
    return str(screen.query_one(selector, Static).render())


def lines(screen: PreviewScreen) -> list[str]:
    table = screen.table
    return [table.render_line(y).text.rstrip(" █│") for y in range(table.size.height)]


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
async def test_it_shows_what_plan_shows_the_varying_parameters_first(size: tuple[int, int]) -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=size) as pilot:
        screen = await opened(pilot, SMALL)
        plan = make_plan(SMALL)
        assert lines(screen)[0].split() == ["#", "lr", "model", "data"]
        assert lines(screen)[1].split() == ["1", "0.1", "forest", "wine"]
        assert lines(screen)[6].split() == ["6", "0.001", "tree", "wine"]
        assert "6 runs" in text_of(screen, "#plan-facts")
        await pilot.press("down", "down")
        assert text_of(screen, "#argv") == " ".join(plan.argv[2])
        await pilot.press("c")
        assert app.clipboard == " ".join(plan.argv[2])
        await pilot.click("#plan", offset=(5, 5))
        assert text_of(screen, "#argv") == " ".join(plan.argv[4])
        await pilot.press("y")
        assert app.clipboard == " ".join(plan.argv[4])


async def test_a_grid_of_a_quintillion_is_scrolled_and_every_number_is_reached() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await opened(pilot, HUGE)
        await pilot.press("end")
        assert screen.table.cursor == 10**18 - 1
        assert lines(screen)[-1].split() == ["1,000,000,000,000,000,000", "1000000000", "1000000000", "1"]
        await pilot.press("up", "pageup")
        assert screen.table.cursor == 10**18 - 2 - (screen.table.size.height - 1)
        await pilot.press("g", *"123456789012345679", "enter")
        assert screen.table.cursor == 123456789012345678
        assert "--a=123456790 --b=12345679 " in text_of(screen, "#argv")
        await pilot.press("g", *"99", "enter", "k", "home", "j")
        assert screen.table.cursor == 1
        await pilot.press("g", *"nonsense", "enter")
        assert screen.table.cursor == 1
        await pilot.click("#plan", offset=(screen.table.size.width - 1, screen.table.size.height - 1))
        assert screen.table.cursor == 10**18 - 1


async def test_the_filter_of_the_live_view_works_and_says_how_far_it_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.screens.preview.SCAN_LIMIT", 5_000)
    app = SweepApp(MemorySession())
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot, SMALL)
        await pilot.press("slash", *"lr>=1e-2 -forest", "enter")
        await wait_for(pilot, lambda: "among all" in text_of(screen, "#plan-facts"))
        assert [line.split()[:3] for line in lines(screen)[1:3]] == [["2", "0.1", "tree"], ["4", "0.01", "tree"]]
        assert "2 matches" in text_of(screen, "#plan-facts")
        await pilot.press("escape")
        assert screen.table.count == 6
        await pilot.press("slash", *"lr=7", "enter")
        await wait_for(pilot, lambda: "No configuration matches." in "".join(lines(screen)))
        await pilot.press("escape", "escape")
        await wait_for(pilot, lambda: app.screen is not screen)

        screen = await opened(pilot, HUGE)
        await pilot.press("slash", *"b=77", "enter")
        await wait_for(pilot, lambda: "the first 5,000 of" in text_of(screen, "#plan-facts"))
        assert "1 match" in text_of(screen, "#plan-facts")


async def test_draws_are_called_a_sample_and_an_outside_scheduler_is_named() -> None:
    app = SweepApp(MemorySession())
    drawn: Any = {**SMALL, "method": "random", "parameters": {"lr": {"min": 0.0, "max": 1.0}}}
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot, drawn)
        assert "a sample: 200 of what random may draw" in text_of(screen, "#plan-facts")
        assert screen.table.count == 200
        await pilot.press("escape")
        custom = await opened(pilot, {**SMALL, "method": "custom", "scheduler": {"engine": "optuna"}})
        assert "A program outside chooses the configurations." in "".join(lines(custom))


async def test_a_configuration_is_chosen_to_be_tried_and_wide_tables_scroll_by_columns() -> None:
    app = SweepApp(MemorySession())
    many: Any = {f"parameter_{number:02}": {"values": ["x" * 30, "y"]} for number in range(30)}
    answers: list[int | None] = []
    async with app.run_test(size=(80, 24)) as pilot:
        screen = PreviewScreen({**SMALL, "parameters": many}, "embedded server", "wine")
        await app.push_screen(screen, answers.append)
        await wait_for(pilot, lambda: screen.rows is not None and screen.table.rows is screen.rows)
        await pilot.press("right", "right")
        assert lines(screen)[0].split()[1] == "parameter_02"
        await pilot.press(*["right"] * 40)
        assert "parameter_29" in lines(screen)[0]
        await pilot.press("slash", "escape", "down", "t")
    assert answers == [2]
