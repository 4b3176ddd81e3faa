"""The Rules section of the builder: rules typed, checked and counted by keys and by mouse."""

from __future__ import annotations

from textual.pilot import Pilot
from textual.widgets import Input, Static

from tests.ui.memory_session import MemorySession
from tests.ui.wait_for import wait_for
from trainer.records import Json
from tui.app import SweepApp
from tui.screens.sweep_builder import SweepBuilderScreen
from tui.widgets.rule_row import RuleRow, RuleSwitch
from tui.widgets.rules_section import RulesSection, TemplateButton

CONFIG: dict[str, Json] = {
    "name": "ruled",
    "method": "grid",
    "metric": {"name": "accuracy", "goal": "maximize"},
    "command": ["${env}", "${interpreter}", "-m", "trainer", "train", "${args}"],
    "parameters": {
        "dataset": {"value": "iris"},
        "n_estimators": {"values": [4, 8, 16]},
        "max_depth": {"values": [2, 4, 8]},
        "criterion": {"values": ["gini", "entropy"]},
    },
}


async def opened(pilot: Pilot[None]) -> tuple[SweepBuilderScreen, RulesSection]:
    app = pilot.app
    assert isinstance(app, SweepApp)
    screen = SweepBuilderScreen(app.session, CONFIG)
    await app.push_screen(screen)
    await wait_for(pilot, lambda: bool(count(screen)))
    await screen.show_section("section-rules")
    section = screen.query_one(RulesSection)
    section.focus_path("")
    await pilot.pause()
    return screen, section


def count(screen: SweepBuilderScreen) -> str:
    return str(screen.query_one("#count", Static).render())


def said(row: RuleRow) -> tuple[str, str]:
    texts = row.query_one(".rule-effect", Static), row.query_one(".field-problem", Static)
    return str(texts[0].render()), str(texts[1].render())


def texts(screen: SweepBuilderScreen) -> list[str]:
    return [line.text for line in screen.document.draft.rules]


async def test_rules_are_typed_counted_switched_and_deleted_by_keys_alone() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(80, 24)) as pilot:
        screen, section = await opened(pilot)
        assert count(screen).startswith("18 runs")
        assert isinstance(screen.focused, TemplateButton)

        await pilot.press("ctrl+n", *"n_estimators * max")
        assert said(section.rows[0])[0] == "✗ not kept"
        assert [problem.path for problem in screen.problems] == ["rules[0]"]
        # The word is completed by the key that completes it everywhere in Textual.
        await wait_for(pilot, lambda: section.rows[0].query_one(Input)._suggestion.endswith("max_depth"))
        await pilot.press("right", *" <= 24")
        await pilot.pause()
        assert texts(screen) == ["n_estimators * max_depth <= 24"]
        assert said(section.rows[0]) == ("3 of 9 left", "")
        assert screen.problems == []
        assert count(screen).startswith("6 runs")
        assert "6 of 18 by 1 rule" in count(screen)

        await pilot.press("f5", "shift+tab", "space")
        await pilot.pause()
        assert [line.is_on for line in screen.document.draft.rules] == [True, False]
        assert said(section.rows[1])[0] == "off"
        await pilot.press("f8")
        await pilot.pause()
        assert texts(screen) == ["n_estimators * max_depth <= 24"]
        assert section.rows[0].has_focus_within

        await pilot.press("down", "tab", "enter")
        await pilot.pause()
        assert texts(screen)[1] == 'max_depth only if criterion == "gini"'
        assert count(screen).endswith("6 of 18 by 2 rules")
        await pilot.press("up")
        assert section.rows[0].has_focus_within
        await pilot.press("ctrl+z")
        await pilot.pause()
        assert len(texts(screen)) == 1
        await pilot.press("ctrl+y")
        await pilot.pause()
        assert len(section.rows) == 2


async def test_templates_switches_and_problems_answer_the_mouse_and_the_yaml_says_the_rules() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(120, 36)) as pilot:
        screen, section = await opened(pilot)
        for button in section.query(TemplateButton):
            await pilot.click(button)
            await pilot.pause()
        assert texts(screen) == [
            "zip n_estimators, max_depth",
            'max_depth only if criterion == "gini"',
            "n_estimators * max_depth <= 16",
            "seeds 5",
        ]
        assert [said(row)[0] for row in section.rows] == ["3 of 9 left", "4 of 6 left", "3 of 9 left", "5 times each"]
        assert "#: rule: zip n_estimators, max_depth" in screen.document.text
        assert "joint__n_estimators__max_depth__criterion" in str(section.query_one("#rule-groups", Static).render())

        await pilot.click(section.rows[2].query_one(RuleSwitch))
        await pilot.pause()
        assert screen.document.draft.rules[2].is_on is False
        # A rule broken in the YAML is shown, marked on its tab, and gone to.
        screen.document.replace_text(
            screen.document.text.replace("parameters:\n", "#: rule: zip x, y\nparameters:\n", 1)
        )
        await screen.show_document()
        await screen.show_section("section-parameters")
        await screen.action_next_problem()
        await pilot.pause()
        await wait_for(pilot, lambda: section.has_focus_within)
        assert section.current is not None
        assert section.current.line.text == "zip x, y"
