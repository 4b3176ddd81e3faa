from __future__ import annotations

import inspect
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input, Static

from tests.ui.memory_session import MemorySession
from tests.ui.wait_for import wait_for
from trainer.records import SweepReference
from trainer.sweep.config import load_sweep_file
from tui.app import SweepApp
from tui.kept_drafts import DraftKeeper, Orphan, adopt_newest, drafts_dir, new_draft
from tui.screens.confirm import ConfirmScreen
from tui.screens.kept_draft import KeptDraftScreen
from tui.screens.program_import import ProgramImportScreen
from tui.screens.sweep_builder import SweepBuilderScreen
from tui.screens.sweeps import SweepsScreen


async def opened(pilot: Pilot[None], path: Path | None = None) -> SweepBuilderScreen:
    app = pilot.app
    assert isinstance(app, SweepApp)
    file = load_sweep_file(path) if path else None
    screen = SweepBuilderScreen(app.session, file.config if file else None, path, file.text if file else None)
    await app.push_screen(screen)
    await wait_for(pilot, lambda: bool(str(screen.query_one("#count", Static).render())))
    return screen


async def renamed(pilot: Pilot[None], screen: SweepBuilderScreen, name: str) -> None:
    await screen.show_section("section-search")
    screen.query_one("#field-name Input", Input).value = name
    await wait_for(pilot, lambda: f"name: {name}" in screen.yaml.text)


def asked(app: SweepApp) -> bool:
    return isinstance(app.screen, KeptDraftScreen) and bool(app.screen.query("Button#open:focus"))


def kept() -> list[Path]:
    return sorted(drafts_dir().glob("*.json"))


async def test_what_was_left_unsaved_is_offered_again_and_opened_as_it_was() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await renamed(pilot, screen, "mine")
        await wait_for(pilot, lambda: len(kept()) == 1)
        assert adopt_newest(drafts_dir()) == (None, 0), "a builder that lives has it"
        await pilot.press("escape")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        assert isinstance(app.screen, ConfirmScreen)
        assert app.screen.detail == "Your changes are kept as a draft; the builder offers them again."
        await pilot.press("y")
        await wait_for(pilot, lambda: isinstance(app.screen, SweepsScreen))

        screen = await opened(pilot)
        await wait_for(pilot, lambda: asked(app))
        assert "(mine, 1 change) was kept. Open it?" in str(app.screen.query(".dialog-text").first(Static).content)
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.screen is screen and screen.document.draft.get("name") == "mine")
        assert screen.unsaved
        await pilot.press("ctrl+z")
        await wait_for(pilot, lambda: screen.document.draft.get("name") == "wine-forest")


async def test_what_is_saved_or_undone_is_not_offered(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("# mine\nname: x\nmethod: grid\nparameters: {a: {values: [1]}}\n")
    app = SweepApp(MemorySession(cwd=tmp_path))
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot, path)
        await renamed(pilot, screen, "y")
        await wait_for(pilot, lambda: len(kept()) == 1)
        await pilot.press("f2", "enter")
        await wait_for(pilot, lambda: not screen.unsaved and not kept())
        assert path.read_text() == "# mine\nname: y\nmethod: grid\nparameters: {a: {values: [1]}}\n"
        await renamed(pilot, screen, "z")
        await wait_for(pilot, lambda: len(kept()) == 1)
        while screen.document.can_undo:
            await pilot.press("ctrl+z")
        await wait_for(pilot, lambda: not kept() or screen.unsaved != "")
        await renamed(pilot, screen, "y")
        await pilot.press("escape")

        await wait_for(pilot, lambda: isinstance(app.screen, SweepsScreen) and not kept())


async def test_each_of_two_builders_keeps_its_own_and_a_file_that_changed_meanwhile_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("name: x\nmethod: grid\n")
    app = SweepApp(MemorySession(cwd=tmp_path))
    async with app.run_test(size=(120, 36)) as pilot:
        first = await opened(pilot, path)
        await renamed(pilot, first, "one")
        await wait_for(pilot, lambda: len(kept()) == 1)
        second = await opened(pilot)
        assert app.screen is second
        await renamed(pilot, second, "two")
        await wait_for(pilot, lambda: len(kept()) == 2)
        for _ in range(2):
            app.pop_screen()
        await wait_for(pilot, lambda: isinstance(app.screen, SweepsScreen))
        path.write_text("name: changed\n")

        # Who opens another file, or derives a sweep, is not asked.
        other = tmp_path / "b.yaml"
        other.write_text("name: y\nmethod: grid\n")
        fourth = await opened(pilot, other)
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app.screen is fourth
        app.pop_screen()
        names = []
        for answer in ("d", "enter"):
            third = await opened(pilot)
            await wait_for(pilot, lambda: asked(app))
            dialog = app.screen
            texts = [str(text.content) for text in dialog.query(Static)]
            names.append("two" if "(two" in " ".join(texts) else "one")
            if names[-1] == "one":
                assert "has changed since then" in " ".join(texts)
            await pilot.press(answer)
            await wait_for(pilot, lambda screen=third: app.screen is screen)  # type: ignore[misc]
            if answer == "d":
                await wait_for(pilot, lambda: len(kept()) == 1)
                await pilot.press("escape")
                await wait_for(pilot, lambda: isinstance(app.screen, SweepsScreen))
        assert sorted(names) == ["one", "two"]


async def test_typing_that_is_no_yaml_yet_is_kept_too() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        screen.yaml.go_to_line(1)
        await pilot.press(*"[[[")
        await wait_for(pilot, lambda: len(kept()) == 1 and "[[[" in kept()[0].read_text())
        app.pop_screen()
        await wait_for(pilot, lambda: isinstance(app.screen, SweepsScreen))
        found: list[Orphan] = []

        def adopted() -> bool:
            orphan, _ = adopt_newest(drafts_dir())
            found.extend([orphan] if orphan is not None else [])
            return bool(found)

        await wait_for(pilot, adopted)
        assert "[[[name: wine-forest" in found[0].draft.text
        found[0].keeper.leave()

        screen = await opened(pilot)
        await wait_for(pilot, lambda: asked(app))
        await pilot.press("o")
        await wait_for(pilot, lambda: app.screen is screen and screen.yaml.text.startswith("[[["))
        assert screen.document.text_problem is not None


async def test_a_draft_that_is_found_when_the_builder_has_gone_waits_for_the_next() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await renamed(pilot, screen, "mine")
        await app.pop_screen()
        assert len(kept()) == 1
        inspect.unwrap(SweepBuilderScreen.look_for_orphans)(screen)
        orphan, _ = adopt_newest(drafts_dir())
        assert orphan is not None
        orphan.keeper.leave()


async def test_a_folder_that_takes_no_drafts_is_said_once_and_hinders_nothing() -> None:
    drafts_dir().parent.mkdir(parents=True)
    drafts_dir().write_text("a file where the folder should be")
    app = SweepApp(MemorySession())
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await renamed(pilot, screen, "one")
        await wait_for(pilot, lambda: screen._has_warned)
        await renamed(pilot, screen, "two")
        await pilot.press("escape")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        assert isinstance(app.screen, ConfirmScreen)
        assert app.screen.detail == "Your changes would be lost."
        await pilot.press("y")

        await wait_for(pilot, lambda: isinstance(app.screen, SweepsScreen))


def leave_a_draft(name: str = "left") -> None:
    keeper = DraftKeeper(drafts_dir())
    keeper.keep(new_draft(f"name: {name}\n", None, None, name, 1))
    keeper.leave()


async def test_a_draft_waits_for_the_dialog_that_is_open_and_is_no_answer_to_what_is_typed() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("f9")
        await wait_for(pilot, lambda: isinstance(app.screen, ProgramImportScreen))
        leave_a_draft()
        inspect.unwrap(SweepBuilderScreen.look_for_orphans)(screen)
        await pilot.press("d")
        assert isinstance(app.screen, ProgramImportScreen)
        await pilot.press("escape")
        await wait_for(pilot, lambda: asked(app))
        await pilot.press("n")
        await wait_for(pilot, lambda: app.screen is screen)

        await pilot.press("ctrl+n")
        await wait_for(pilot, lambda: screen.parameters.pane.name_input.has_focus)
        inspect.unwrap(SweepBuilderScreen.look_for_orphans)(screen)
        await pilot.press("d")
        assert app.screen_stack[-1] is screen
        assert any("name: left" in path.read_text() for path in kept())


async def test_what_was_typed_while_it_was_launched_is_kept_and_what_runs_is_not() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(120, 36)) as pilot:
        for typed_after, number in (("", 0), ("another", 1)):
            screen = await opened(pilot)
            await renamed(pilot, screen, "runs")
            await wait_for(pilot, lambda: len(kept()) == 1)
            screen.launching_text = screen.current_text
            if typed_after:
                await renamed(pilot, screen, typed_after)
            screen.post_message(SweepBuilderScreen.Launched(SweepReference("local", "wine", "launched")))
            await wait_for(pilot, lambda: screen not in app.screen_stack and not screen.is_running)  # noqa: B023
            assert len(kept()) == number
        assert "another" in kept()[0].read_text()
