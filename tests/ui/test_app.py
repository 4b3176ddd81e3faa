from __future__ import annotations

from pathlib import Path
from typing import Any

from textual import events
from textual.command import CommandList, CommandPalette
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES
from textual.widgets import Static

from tests.ui.memory_session import MemorySession, make_sweep
from tests.ui.wait_for import wait_for
from trainer.errors import ServerLostError
from tui.app import SweepApp
from tui.looks import SETTINGS_FILE_NAME
from tui.screens.help import HelpScreen
from tui.screens.sweep_builder import SweepBuilderScreen
from tui.screens.sweeps import SweepsScreen
from tui.start import OpenLaunch, OpenSweep
from tui.theme import DARK_THEME_NAME, THEMES


async def test_a_start_that_fails_ends_the_app_with_the_reason() -> None:
    app = SweepApp(MemorySession(failure=ServerLostError("The server is gone.")), OpenSweep("abc"))
    async with app.run_test() as pilot:
        await wait_for(pilot, lambda: app.failure is not None)

    assert app.failure is not None
    assert app.failure.message == "The server is gone."
    assert app.return_code == 1


async def test_a_launch_from_the_command_line_launches_once() -> None:
    session = MemorySession()
    app = SweepApp(session, OpenLaunch({"method": "grid"}, 2))
    async with app.run_test() as pilot:
        await wait_for(pilot, lambda: bool(session.launched))

        assert session.launched == [({"method": "grid"}, 2, None)]


async def test_every_theme_draws_home_and_builder_and_the_chosen_one_is_kept(isolated_home: Path) -> None:
    app = SweepApp(MemorySession([make_sweep()]))
    settings = isolated_home / ".config" / "sweep-tui" / SETTINGS_FILE_NAME
    async with app.run_test() as pilot:
        assert app.theme == DARK_THEME_NAME
        await wait_for(pilot, lambda: isinstance(app.screen, SweepsScreen) and app.screen.table.row_count == 1)
        await pilot.press("ctrl+p")
        await wait_for(
            pilot, lambda: isinstance(app.screen, CommandPalette) and "Screenshot" in labels(app.screen)[-2:]
        )
        # What this screen is for comes first; what every app of Textual's can comes last.
        assert labels(app.screen)[0] == "Filter"
        assert (
            labels(app.screen).index("New sweep") < labels(app.screen).index("Help") < labels(app.screen).index("Theme")
        )
        await pilot.press("escape")
        await wait_for(pilot, lambda: isinstance(app.screen, SweepsScreen))
        app.search_themes()
        await wait_for(pilot, lambda: isinstance(app.screen, CommandPalette) and len(labels(app.screen)) > len(THEMES))
        assert labels(app.screen)[: len(THEMES)] == [theme.name for theme in THEMES]
        await pilot.press("down", "down", "enter")
        await wait_for(pilot, lambda: app.theme == THEMES[2].name and settings.exists())
        await wait_for(pilot, lambda: settings.read_text() == f"theme: {THEMES[2].name}\n")
        await pilot.press("ctrl+n")
        await wait_for(pilot, lambda: isinstance(app.screen, SweepBuilderScreen))
        for theme in (*[theme.name for theme in THEMES], *sorted(BUILTIN_THEMES)[:3]):
            app.theme = theme
            await pilot.pause()


def labels(palette: Screen[Any]) -> list[str]:
    return [str(option.prompt).splitlines()[0] for found in palette.query(CommandList) for option in found.options]


async def test_the_palette_finds_what_a_key_does() -> None:
    app = SweepApp(MemorySession([make_sweep()]))
    async with app.run_test() as pilot:
        await wait_for(pilot, lambda: isinstance(app.screen, SweepsScreen) and app.screen.table.row_count == 1)
        await pilot.press("ctrl+p")
        await wait_for(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"new sweep")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await pilot.pause()
        if isinstance(app.screen, CommandPalette):
            await pilot.press("enter")

        await wait_for(pilot, lambda: isinstance(app.screen, SweepBuilderScreen))


async def test_the_users_keys_replace_the_defaults(isolated_home: Path) -> None:
    folder = isolated_home / ".config" / "sweep-tui"
    folder.mkdir(parents=True)
    (folder / "keymap.yaml").write_text("sweeps.new: n\n")
    app = SweepApp(MemorySession([make_sweep()]))
    async with app.run_test() as pilot:
        await wait_for(pilot, lambda: isinstance(app.screen, SweepsScreen) and app.screen.table.row_count == 1)
        await pilot.press("n")

        await wait_for(pilot, lambda: isinstance(app.screen, SweepBuilderScreen))


async def test_the_help_names_keys_of_widgets_that_do_not_have_the_focus() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test() as pilot:
        await pilot.press("ctrl+n")
        await wait_for(pilot, lambda: isinstance(app.screen, SweepBuilderScreen))
        await pilot.press("f1")
        await wait_for(pilot, lambda: isinstance(app.screen, HelpScreen))

        assert isinstance(app.screen, HelpScreen)
        texts = [line.text for _, lines in app.screen.sections for line in lines]
        assert "Delete this parameter" in texts
        assert "Create and run the sweep" in texts


async def test_keys_typed_ahead_reach_the_screen_they_were_meant_for() -> None:
    app = SweepApp(MemorySession([make_sweep()]))
    async with app.run_test(size=(120, 36)) as pilot:
        await wait_for(pilot, lambda: isinstance(app.screen, SweepsScreen) and app.screen.table.row_count == 1)
        for key, character in [("ctrl+n", None), ("enter", "\r"), ("2", "2"), ("5", "5")]:
            app.post_message(events.Key(key, character))

        await wait_for(pilot, lambda: isinstance(app.screen, SweepBuilderScreen))
        screen = app.screen
        assert isinstance(screen, SweepBuilderScreen)
        await wait_for(pilot, lambda: screen.document.draft.rows[0].entry == {"value": "wine25"})
        assert screen.document.draft.get("name") == "wine-forest"


async def test_a_notice_takes_the_place_of_the_one_before_it_and_a_warning_is_left_its_time() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:

        def shown() -> list[str]:
            return [str(toast.render()) for toast in app.screen.query("Toast").results(Static)]

        for text in ("one", "two", "three"):
            app.screen.notify(text)
            await wait_for(pilot, lambda: text in shown())  # noqa: B023
        assert shown() == ["three"]
        await wait_for(pilot, lambda: app.screen.query("Toast").first().region.height == 1)
        app.notify("look out", severity="warning")
        await wait_for(pilot, lambda: shown() == ["look out"])
        app.notify("four")
        await wait_for(pilot, lambda: shown() == ["look out", "four"])
