"""The Program section of the builder: program, command, and the exact command of the first run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Select, Static

from tests.ui.memory_session import MemorySession
from tests.ui.test_sweep_builder import opened
from tests.ui.wait_for import wait_for
from trainer.records import Json
from tui.app import SweepApp
from tui.command_templates import TEMPLATES
from tui.screens.sweep_builder import SweepBuilderScreen
from tui.sweep_draft import SweepDraft
from tui.widgets.completing_field import CompletingField
from tui.widgets.program_section import ProgramSection

CONFIG: dict[str, Json] = {
    "method": "grid",
    "program": "train.py",
    "parameters": {"amp": {"value": True}, "lr": {"values": [0.1, 0.2]}},
}


async def program_of(
    pilot: Pilot[None], config: dict[str, Json] | None = None
) -> tuple[SweepBuilderScreen, ProgramSection]:
    screen = await opened(pilot, CONFIG if config is None else config)
    await pilot.press("ctrl+pagedown", "ctrl+pagedown")
    section = screen.query_one(ProgramSection)
    await wait_for(pilot, lambda: section.has_focus_within and bool(section.editor.items))
    return screen, section


def text_of(section: ProgramSection, selector: str) -> str:
    return str(section.query_one(selector, Static).content)


def focused_item(section: ProgramSection) -> int:
    return next((index for index, item in enumerate(section.editor.items) if item.has_focus_within), -1)


async def test_a_command_is_written_item_by_item_with_the_keyboard_alone(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("")
    app = SweepApp(MemorySession(cwd=tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        screen, section = await program_of(pilot)

        def draft() -> SweepDraft:
            return screen.document.draft

        await wait_for(pilot, lambda: text_of(section, "#interpreter").endswith("/bin/python"))
        assert text_of(section, "#first-command").startswith("/usr/bin/env python train.py --amp=True --lr=0.1")
        assert "underlined" in text_of(section, "#first-command")
        assert draft().get("command") is None

        await pilot.press("down", "down", "down", "down", "down")
        await wait_for(pilot, lambda: focused_item(section) == 3)
        await pilot.press(*["backspace"] * 7, *"$bool")
        box = section.editor.items[3].box
        await wait_for(pilot, lambda: box.is_open)
        await pilot.press("tab")
        command = ["${env}", "${interpreter}", "${program}", "${args_no_boolean_flags}"]
        await wait_for(pilot, lambda: draft().get("command") == command)
        assert text_of(section, "#first-command") == "/usr/bin/env python train.py --amp --lr=0.1 "

        await pilot.press("enter")
        await wait_for(pilot, lambda: focused_item(section) == 4)
        assert draft().get("command") == command
        await pilot.press(*"--fast", "shift+up", "shift+up")
        moved = [*command[:2], "--fast", *command[2:]]
        await wait_for(pilot, lambda: draft().get("command") == moved and focused_item(section) == 2)
        assert "no macro" not in str([item.query_one(".item-meaning", Static).content for item in section.editor.items])

        await pilot.press("f8")
        await wait_for(pilot, lambda: draft().get("command") == command)
        await pilot.press("ctrl+z")
        await wait_for(pilot, lambda: draft().get("command") == moved)
        # How many steps typing was depends on how quick the machine is.
        while screen.document.can_undo:
            await pilot.press("ctrl+z")
        await wait_for(pilot, lambda: screen.document.config() == CONFIG)


async def test_the_mouse_alone_chooses_a_template_adds_moves_and_deletes(tmp_path: Path) -> None:
    app = SweepApp(MemorySession(cwd=tmp_path))
    async with app.run_test(size=(120, 36)) as pilot:
        screen, section = await program_of(pilot)
        select = section.query_one("#template", Select)
        await pilot.click(select)
        await wait_for(pilot, lambda: select.expanded)
        overlay = select.query_one(OptionList)
        index = next(number for number, each in enumerate(TEMPLATES) if each.name == "torchrun")
        overlay.highlighted = index
        await pilot.pause()
        await pilot.click(
            overlay, offset=(4, overlay.virtual_region_with_margin.y + index - overlay.scroll_offset.y + 1)
        )
        await wait_for(pilot, lambda: isinstance(screen.document.draft.get("command"), list))
        before: Any = screen.document.draft.get("command")

        await pilot.click("#command-add")
        await wait_for(pilot, lambda: focused_item(section) == len(before))
        await pilot.press(*"--seed")
        await wait_for(pilot, lambda: screen.document.draft.get("command") == [*before, "--seed"])
        up, _, delete = section.editor.items[-1].query(".item-act")
        await pilot.click(up)
        await wait_for(pilot, lambda: screen.document.draft.get("command") == [*before[:-1], "--seed", before[-1]])
        _, _, delete = section.editor.items[-2].query(".item-act")
        await pilot.click(delete)
        await wait_for(pilot, lambda: screen.document.draft.get("command") == before)


async def test_a_pasted_command_line_becomes_items_and_each_problem_stands_at_its_item(tmp_path: Path) -> None:
    app = SweepApp(MemorySession(cwd=tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        screen, section = await program_of(pilot, {**CONFIG, "command": ["make", "${argz}", "a|b"]})
        assert section.editor.items[1].has_class("-problem")
        await pilot.press("f3")
        await wait_for(pilot, lambda: focused_item(section) == 1)
        await pilot.press("enter")
        await wait_for(pilot, lambda: focused_item(section) == 2)
        app.post_message(events.Paste("python 'my train.py' ${args}"))
        words = ["python", "my train.py", "${args}"]
        await wait_for(pilot, lambda: screen.document.draft.get("command") == ["make", "${argz}", *words, "a|b"])
        await pilot.press("f8", *["backspace"] * 11)
        await wait_for(pilot, lambda: screen.document.draft.get("command") == ["make", "${argz}", "python", "", "a|b"])
        await pilot.press("backspace")
        await wait_for(pilot, lambda: screen.document.draft.get("command") == ["make", "${argz}", "python", "a|b"])


async def test_the_program_is_completed_from_the_disk(tmp_path: Path) -> None:
    for name in ("src/train.py", "src/tune.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    app = SweepApp(MemorySession(cwd=tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        screen, section = await program_of(pilot, {**CONFIG, "program": ""})
        field = section.field("program")
        assert isinstance(field, CompletingField)
        await pilot.press("s")
        await wait_for(pilot, lambda: field.box.is_open)
        await pilot.press("tab")
        await wait_for(pilot, lambda: screen.document.draft.get("program") == "src/")
        await wait_for(pilot, lambda: field.box.is_open)
        await pilot.press("down", "enter")
        await wait_for(pilot, lambda: screen.document.draft.get("program") == "src/tune.py")
        await wait_for(pilot, lambda: not screen.problems)
        assert "src/tune.py --amp" in text_of(section, "#first-command")


@pytest.mark.parametrize("command", ["python train.py", [{"a": 1}, None, 3], [str(number) for number in range(60)]])
async def test_whatever_stands_in_the_file_is_shown_and_stays_until_it_is_edited(command: Any, tmp_path: Path) -> None:
    app = SweepApp(MemorySession(cwd=tmp_path))
    async with app.run_test(size=(60, 16)) as pilot:
        config: dict[str, Json] = {**CONFIG, "command": command}
        screen, section = await program_of(pilot, config)
        assert screen.document.config() == config
        section.editor.items[0].box.input.focus()
        await pilot.press("end", "!", "ctrl+z")
        await wait_for(pilot, lambda: screen.document.config() == config)
        for nonsense in ("\x00", "${", "9" * 500):
            section.editor.items[0].query_one(Input).value = nonsense
            await pilot.pause()
        for size in [(40, 10), (10, 3), (200, 60)]:
            await pilot.resize_terminal(*size)
            await pilot.pause()
