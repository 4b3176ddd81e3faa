"""The Search section of the builder: how the sweep searches, what it aims at, when it stops runs."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from tests.ui.memory_session import MemorySession, make_sweep
from tests.ui.test_sweep_builder import opened
from tests.ui.wait_for import wait_for
from trainer.records import Json, Metric
from tui.app import SweepApp
from tui.screens.sweep_builder import SweepBuilderScreen
from tui.widgets.choice_strip import ChoiceStrip
from tui.widgets.completing_field import CompletingField
from tui.widgets.form_field import FormField
from tui.widgets.search_section import SearchSection

HYPERBAND: dict[str, Json] = {
    "method": "random",
    "program": "x.py",
    "run_cap": 27,
    "metric": {"name": "loss", "goal": "minimize"},
    "early_terminate": {"type": "hyperband", "min_iter": 3},
    "scheduler": {"engine": "wandb"},
    "parameters": {"epochs": {"value": 81}, "lr": {"min": 0.0, "max": 1.0}},
}


async def search_of(pilot: Pilot[None], config: dict[str, Json] | None = None) -> tuple[SweepBuilderScreen, Any]:
    screen = await opened(pilot, config)
    await pilot.press("ctrl+pagedown")
    section = screen.query_one(SearchSection)
    await wait_for(pilot, lambda: section.has_focus_within)
    return screen, section


def text_of(section: SearchSection, selector: str) -> str:
    return str(section.query_one(selector, Static).content)


async def test_everything_of_the_search_is_typed_with_the_keyboard_alone_and_explained() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(80, 24)) as pilot:
        screen, section = await search_of(pilot)
        texts = {
            "name": "mine",
            "description": "why",
            "project": "p",
            "metric.name": "loss",
            "run_cap": "5",
            "metric.target": "0.5",
        }
        helped: list[str] = []
        first = screen.focused
        while True:
            field = next(each for each in screen.focused.ancestors if isinstance(each, FormField))  # type: ignore[union-attr]
            await wait_for(pilot, lambda: text_of(section, ".section-help") not in ("", *helped[-1:]))
            helped.append(text_of(section, ".section-help"))
            if field.path in texts:
                await pilot.press("home", *["delete"] * 30, *texts[field.path])
            elif field.path == "method":
                await pilot.press("b")
            elif field.path == "metric.impute":
                await pilot.press("right")
            elif field.path == "early_terminate":
                await pilot.press("h")
            before = screen.focused
            await pilot.press(
                "escape" if field.path == "metric.name" else "tab", "tab" if field.path == "metric.name" else "home"
            )
            await wait_for(pilot, lambda before=before: screen.focused is not before)  # type: ignore[misc]
            if not section.has_focus_within or screen.focused is first:
                break

        config = screen.document.config()
        assert {key: config[key] for key in ("name", "description", "project", "method", "run_cap")} == {
            "name": "mine", "description": "why", "project": "p", "method": "bayes", "run_cap": 5,
        }  # fmt: skip
        assert config["metric"] == {"name": "loss", "goal": "maximize", "target": 0.5, "impute": "best"}
        assert config["early_terminate"] == {"type": "hyperband", "min_iter": 3}
        assert len(set(helped)) == len(helped) == 16


async def test_the_bands_are_drawn_for_what_is_typed_and_keys_without_a_field_are_named() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(120, 36)) as pilot:
        screen, section = await search_of(pilot, HYPERBAND)
        await wait_for(pilot, lambda: "27" in text_of(section, "#bands"))
        lines = text_of(section, "#bands").splitlines()
        assert lines[1].split() == ["runs", "27", "10", "4", "2"]
        assert lines[2].split() == ["logged", "0", "3", "9", "27", "81"]
        assert "scheduler: engine" in text_of(section, "#yaml-keys")
        assert "job, image_uri" in text_of(section, "#yaml-keys")

        box = section.field("early_terminate.min_iter").query_one(Input)
        for text, words in (("40", "40"), ("9", "9"), ("100", "No run is ever judged")):
            box.value = text
            await wait_for(pilot, lambda: screen.document.draft.get("early_terminate.min_iter") == int(text))  # noqa: B023
            shown = (
                text_of(section, "#bands")
                if len(text) < 3
                else str([each.message for each in screen.document.oddities()])
            )
            assert words in shown
        box.value = "soon"
        await wait_for(pilot, lambda: not section.query_one("#bands").display)
        await wait_for(pilot, lambda: section.field("early_terminate.min_iter").has_class("-problem"))


async def test_metrics_are_suggested_and_a_known_one_brings_its_goal_by_keys_and_by_mouse() -> None:
    sweeps = [
        make_sweep("a", metric=Metric("val/loss", "minimize")),
        make_sweep("b", metric=Metric("val/acc", "maximize")),
    ]
    app = SweepApp(MemorySession(sweeps))
    async with app.run_test(size=(80, 24)) as pilot:
        screen, section = await search_of(pilot)
        await wait_for(pilot, lambda: bool(section.logged_metrics))
        field = section.field("metric.name")
        assert isinstance(field, CompletingField)
        box = field.box
        box.input.focus()
        box.input.value = ""
        await pilot.press("ctrl+@")
        await wait_for(pilot, lambda: box.is_open)
        options = box.query_one(OptionList)
        names = [str(options.get_option_at_index(index).prompt).split()[0] for index in range(options.option_count)]
        assert names[:2] == ["accuracy", "precision"] and names[-2:] == ["val/loss", "val/acc"]
        await pilot.press("escape")
        assert app.screen is screen and not box.is_open
        await pilot.press(*"log", "down", "enter")
        await wait_for(pilot, lambda: screen.document.draft.get("metric") == {"name": "log_loss", "goal": "minimize"})
        assert section.field("metric.goal").query_one(ChoiceStrip).value == "minimize"

        await pilot.press("home", *["delete"] * 20, *"val")
        await wait_for(pilot, lambda: box.is_open and box.query_one(OptionList).option_count == 2)
        await pilot.click(options, offset=(2, 1))
        await wait_for(pilot, lambda: screen.document.draft.get("metric.name") == "val/acc")
        await pilot.press("tab")
        assert not section.field("metric.name").has_focus_within
        await pilot.press("ctrl+z")
        await wait_for(pilot, lambda: screen.document.draft.get("metric.name") == "val")


@pytest.mark.parametrize("nonsense", ["[1", "9" * 400])
async def test_nonsense_in_every_field_breaks_nothing_and_can_be_undone(nonsense: str) -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(80, 24)) as pilot:
        screen, section = await search_of(pilot, HYPERBAND)
        fields = [field for field in section.query(FormField) if field.query(Input) and field.display]
        for field in fields:
            field.query_one(Input).value = nonsense
        await wait_for(pilot, lambda: screen.document.draft.get("early_terminate.eta") is not None)
        await pilot.pause()
        assert screen.problems
        while screen.document.can_undo:
            await pilot.press("ctrl+z")
        await wait_for(pilot, lambda: screen.document.config() == HYPERBAND)
