from __future__ import annotations

from textual.css.styles import RulesMap
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode

from tests.ui.memory_session import MemorySession
from tui.app import SweepApp
from tui.app_stylesheet import AppStylesheet
from tui.screens.help import HelpScreen
from tui.screens.sweep_builder import SweepBuilderScreen


class Recorded:
    """Takes note of what would be applied, and changes nothing."""

    applied: list[tuple[str, dict[str, str]]]

    @classmethod
    def replace_rules(cls, node: DOMNode, rules: RulesMap, animate: bool = False) -> None:
        cls.applied.append(
            (" ".join(map(str, node.css_path_nodes)), {name: repr(value) for name, value in rules.items()})
        )


class RecordedTextual(Recorded, Stylesheet):
    applied = []


class RecordedOurs(Recorded, AppStylesheet):
    applied = []


async def test_every_widget_gets_the_styles_that_textual_would_give_it_and_nothing_is_parsed_twice() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(120, 36)) as pilot:
        screen = SweepBuilderScreen(app.session)
        await app.push_screen(screen)
        await pilot.pause()
        before = list(app.stylesheet.rules)

        help_screen = HelpScreen.of(app.screen)
        await app.push_screen(help_screen)
        await pilot.pause()
        kept = {id(rule) for rule in app.stylesheet.rules}
        assert all(id(rule) in kept for rule in before) and len(kept) > len(before)

        for sheet in (
            RecordedTextual(variables=app.get_css_variables()),
            RecordedOurs(variables=app.get_css_variables()),
        ):
            sheet.source = app.stylesheet.source.copy()
            sheet.reparse()
            assert len(sheet.rules) == len(app.stylesheet.rules)
            for shown in (screen, help_screen):
                sheet.update(shown)
        assert len(RecordedOurs.applied) > 300
        for ours, theirs in zip(RecordedOurs.applied, RecordedTextual.applied, strict=True):
            assert ours == theirs
