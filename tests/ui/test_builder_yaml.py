from __future__ import annotations

import time

from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, Static

from tests.ui.memory_session import MemorySession
from tests.ui.wait_for import wait_for
from trainer.sweep.config import parse_sweep_text
from tui.app import SweepApp
from tui.screens.launch import LaunchScreen
from tui.screens.sweep_builder import SweepBuilderScreen

TEXT = """\
# my sweep
method: grid  # all of it
program: train.py

parameters:
  lr: {values: [0.1, 0.2]}   # rates
  depth:
    values:
    - 1
    - 2  # two
"""


async def opened(pilot: Pilot[None], text: str = TEXT) -> SweepBuilderScreen:
    app = pilot.app
    assert isinstance(app, SweepApp)
    screen = SweepBuilderScreen(app.session, parse_sweep_text(text, "text").config, None, text)
    await app.push_screen(screen)
    await wait_for(pilot, lambda: bool(count(screen)) and screen.yaml.text == text)
    return screen


def count(screen: SweepBuilderScreen) -> str:
    return str(screen.query_one("#count", Static).render())


async def test_typing_yaml_changes_the_form_and_an_edit_of_the_form_only_its_line() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await opened(pilot)
        assert count(screen).startswith("4 runs")
        screen.yaml.go_to_line(10)
        await pilot.press("end", "enter", *"- 3")
        # A dash alone is an item already: six runs, one of them without a value.
        await wait_for(pilot, lambda: [row.entry for row in screen.document.draft.rows][1] == {"values": [1, 2, 3]})
        await wait_for(pilot, lambda: count(screen).startswith("6 runs"))
        assert screen.yaml.cursor_location == (10, 7)

        await pilot.press("escape")
        assert not screen.yaml.has_focus
        await screen.show_section("section-search")
        screen.query_one("#field-name Input", Input).value = "mine"
        await wait_for(pilot, lambda: screen.yaml.text == TEXT + "    - 3\nname: mine\n")
        await pilot.press("ctrl+t")
        assert screen.yaml.has_focus
        assert screen.yaml.cursor_location == (10, 7)


async def test_yaml_that_cannot_be_read_is_marked_at_its_line_and_the_form_keeps_what_was_there() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await opened(pilot)
        screen.yaml.go_to_line(6)
        await pilot.press("end")
        # At once: read in the middle of it, the text would be one that can be read.
        app.post_message(events.Paste("\n  x: [1, 2\n  y: 2"))
        await wait_for(pilot, lambda: screen.document.text_problem is not None)
        await wait_for(
            pilot, lambda: "The YAML cannot be read" in str(screen.query_one("#form-notice", Static).content)
        )

        assert count(screen).startswith("4 runs")
        assert screen.problems[0].line == 8
        assert "✗" in screen.yaml.get_line(7).plain
        shown = "".join(segment.text for segment in screen.yaml.render_line(7))
        assert screen.problems[0].message.rpartition("not valid YAML: ")[2][:20] in shown
        typed = screen.yaml.text
        await pilot.press("ctrl+l")
        assert app.screen is screen
        assert screen.yaml.text == typed

        while screen.document.can_undo:
            await pilot.press("ctrl+z")
        await wait_for(pilot, lambda: screen.yaml.text == TEXT)
        assert not screen.query_one("#form-notice").display
        while screen.document.can_redo:
            await pilot.press("ctrl+y")
        await wait_for(pilot, lambda: screen.yaml.text == typed)


async def test_a_problem_without_a_field_is_gone_to_in_the_yaml() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, TEXT + "metricc: {name: loss}\n")
        await screen.go_to("metricc")

        await wait_for(pilot, lambda: screen.yaml.has_focus)
        assert screen.yaml.cursor_location == (10, 0)
        assert screen.yaml.display and not screen.query_one("#form").display
        await pilot.press("ctrl+t")
        assert screen.query_one("#form").display


async def test_keys_that_are_the_builders_work_in_the_yaml_too() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await opened(pilot)
        bound = {key for key in screen.yaml._bindings.key_to_bindings}

        assert bound & {"f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "ctrl+z", "ctrl+y", "ctrl+s", "ctrl+o"} == set()


async def test_ten_thousand_pasted_lines_are_shown_and_read_within_seconds() -> None:
    lines = ["method: random", "run_cap: 5", "program: train.py", "parameters:", "  p:", "    values:"]
    lines += [f"    - {number}  # number {number}" for number in range(9_994)]
    pasted = "\n".join(lines) + "\n"
    app = SweepApp(MemorySession())
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await opened(pilot)
        screen.yaml.focus()
        screen.yaml.select_all()
        started = time.process_time()
        app.post_message(events.Paste(pasted))
        await wait_for(pilot, lambda: screen.yaml.text == pasted)
        shown = time.process_time() - started
        await wait_for(pilot, lambda: screen.document.config().get("run_cap") == 5, 30)
        print(f"\nshown after {shown:.2f} s, read after {time.process_time() - started:.2f} s of one core")
        started = time.process_time()
        await pilot.press(*"abc")
        print(f"three keys: {time.process_time() - started:.2f} s")


async def test_a_long_sweep_is_launched_as_it_is_typed_once_it_has_been_judged() -> None:
    lines = ["method: random", "run_cap: 5", "command: [echo]", "parameters:", "  p:", "    values:"]
    lines += [f"    - {number}  # a comment on the number {number}" for number in range(1_100)]
    app = SweepApp(MemorySession())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, "\n".join(lines) + "\n")
        assert screen.document.is_large
        await wait_for(pilot, lambda: count(screen).startswith("5 runs"))
        screen.yaml.go_to_line(2)
        await pilot.press("end", "x", "ctrl+l")
        await wait_for(pilot, lambda: screen.is_judged and screen.problems != [])
        assert [problem.path for problem in screen.problems] == ["run_cap"]
        await pilot.pause()
        assert app.screen is screen
        screen.yaml.go_to_line(2)
        await pilot.press("end", "backspace", "ctrl+l")
        await wait_for(pilot, lambda: isinstance(app.screen, LaunchScreen) and app.focused is not None)
        assert (screen.problems, screen.document.config()["run_cap"]) == ([], 5)
