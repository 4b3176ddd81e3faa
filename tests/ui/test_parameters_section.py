"""The parameters of the builder: every operation by keys alone and by mouse alone."""

from __future__ import annotations

from typing import Any

from textual import events
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import Static

from tests.ui.memory_session import MemorySession
from tests.ui.wait_for import wait_for
from trainer.records import Json
from trainer.sweep.parameters import DISTRIBUTIONS
from tui.app import SweepApp
from tui.screens.sweep_builder import SweepBuilderScreen

NESTED: dict[str, Json] = {
    "method": "random",
    "run_cap": 5,
    "name": "nested",
    "command": ["${env}", "${args}"],
    "parameters": {
        "a": {"values": [1, 2]},
        "opt": {"parameters": {"lr": {"min": 0.1, "max": 1.0}, "wd": {"value": 0}}},
        "z": {"min": 1, "max": 10},
    },
}


async def opened(pilot: Pilot[None], config: dict[str, Json] | None = NESTED) -> SweepBuilderScreen:
    app = pilot.app
    assert isinstance(app, SweepApp)
    screen = SweepBuilderScreen(app.session, config)
    await app.push_screen(screen)
    await wait_for(pilot, lambda: screen.focused is screen.parameters.parameter_tree)
    return screen


def parameters(screen: SweepBuilderScreen) -> Any:
    return screen.document.config()["parameters"]


def lines(screen: SweepBuilderScreen) -> list[str]:
    """Return what the tree shows."""
    tree = screen.parameters.parameter_tree
    return [tree.render_line(y).text.rstrip() for y in range(len(tree.lines))]


def note(screen: SweepBuilderScreen) -> str:
    return str(screen.parameters.pane.query_one("#parameter-note", Static).render())


async def test_keys_alone_add_edit_move_copy_switch_and_delete() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        assert [line.split()[:2] for line in lines(screen)] == [
            ["●", "a"], ["▾", "opt"], ["●", "lr"], ["●", "wd"], ["●", "z"],
        ]  # fmt: skip
        # Typing edits the values, enter goes on to the next parameter.
        await pilot.press(*"5..7", "enter")
        assert parameters(screen)["a"] == {"min": 5, "max": 7}
        assert screen.parameters.current is not None and screen.parameters.current.name == "opt"
        # Into the group below, and out of it.
        await pilot.press("up", "shift+down")
        assert list(parameters(screen)) == ["opt", "z"]
        assert list(parameters(screen)["opt"]["parameters"]) == ["a", "lr", "wd"]
        await pilot.press("shift+up")
        assert list(parameters(screen)) == ["a", "opt", "z"]
        await pilot.press("f5")
        assert list(parameters(screen)) == ["a", "a_2", "opt", "z"]
        await pilot.press("space")
        assert list(parameters(screen)) == ["a", "opt", "z"]
        assert "○ a_2" in lines(screen)[1] and lines(screen)[1].endswith("off")
        await pilot.press("space", "f8")
        assert list(parameters(screen)) == ["a", "opt", "z"]
        await pilot.press("ctrl+z")
        await wait_for(pilot, lambda: "a_2" in parameters(screen))
        # Folding hides what is in a group; a group is renamed, switched and deleted as one.
        screen.parameters.parameter_tree.select(("opt",))
        await pilot.press("left")
        assert "2 parameters" in lines(screen)[2] and lines(screen)[2].endswith("∞")
        await pilot.press("enter", "end", "s", "enter")
        assert "opts" in parameters(screen)
        await pilot.press("space")
        assert "opts" not in parameters(screen)
        await pilot.press("f8")
        assert [row.name for row in screen.document.draft.rows] == ["a", "a_2", "z"]


async def test_the_mouse_alone_selects_edits_switches_copies_and_deletes() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        tree, pane = screen.parameters.parameter_tree, screen.parameters.pane
        await pilot.click(tree, offset=(8, 4))
        assert screen.parameters.current is not None and screen.parameters.current.name == "z"
        await pilot.click(tree, offset=(1, 0))
        assert "a" not in parameters(screen)
        await pilot.click(tree, offset=(1, 0))
        assert "a" in parameters(screen)
        await pilot.click(tree, offset=(1, 1))
        assert len(tree.lines) == 3
        await pilot.click(tree, offset=(8, 0), times=2)
        await wait_for(pilot, lambda: pane.value_input.has_focus)
        frame = "on/off · copy · delete · ↑ · ↓"
        bottom = "".join(segment.text for segment in pane.render_lines(Region(0, 0, *pane.outer_size))[-1])
        start = bottom.index(frame)
        await pilot.click(pane, offset=(start + frame.index("copy") + 1, pane.outer_size.height - 1))
        await wait_for(pilot, lambda: "a_2" in parameters(screen))
        await pilot.click(pane, offset=(start + frame.index("delete") + 1, pane.outer_size.height - 1))
        await wait_for(pilot, lambda: "a_2" not in parameters(screen))


async def test_a_new_parameter_is_named_with_a_preset_or_without() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        pane = screen.parameters.pane
        await pilot.press("ctrl+n")
        await wait_for(pilot, lambda: pane.has_class("-choosing"))
        assert pane.menu.option_count == 8
        # A name that stands for a preset is kept, and gets its values.
        await pilot.press(*"lr", "enter")
        await wait_for(pilot, lambda: pane.value_input.has_focus)
        assert parameters(screen)["lr"] == {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1}
        await pilot.press("escape", "ctrl+n", *"drop", "down", "enter")
        await wait_for(pilot, lambda: "dropout" in parameters(screen))
        # A name with its values behind it is taken apart, as when it is pasted.
        await pilot.press("escape", "ctrl+n", *"eps: 0.1..1", "enter")
        await wait_for(pilot, lambda: "eps" in parameters(screen))
        assert parameters(screen)["eps"] == {"min": 0.1, "max": 1.0}
        assert (pane.name_input.value, pane.value_input.value, pane.value_input.has_focus) == ("eps", "0.1..1.0", True)
        await pilot.press("escape", "ctrl+n", *"mine", "enter", *"1, 2", "enter")
        assert parameters(screen)["mine"] == {"values": [1, 2]}
        # Nothing typed, nothing added; and the mouse picks, too.
        before = len(screen.document.draft.rows)
        await pilot.press("ctrl+n", "escape")
        assert len(screen.document.draft.rows) == before
        await pilot.press("ctrl+n")
        await wait_for(pilot, lambda: pane.has_class("-choosing"))
        await pilot.click(pane.menu, offset=(3, 1))
        await wait_for(pilot, lambda: "batch_size" in parameters(screen))


async def test_pasted_lines_become_parameters() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        app.post_message(events.Paste("lr: 1e-5..1e-1 log\nbatch = 16, 32"))
        await wait_for(pilot, lambda: "batch" in parameters(screen))
        assert list(parameters(screen)) == ["a", "lr", "batch", "opt", "z"]
        await pilot.press("ctrl+n")
        app.post_message(events.Paste("x: 1\ny: [3"))
        await wait_for(pilot, lambda: "y" in parameters(screen))
        await wait_for(pilot, lambda: any("parameters.y" == problem.path for problem in screen.problems))
        app.post_message(events.Paste("7, 8"))
        await wait_for(pilot, lambda: parameters(screen)["x"] == {"values": [7, 8]})


async def test_every_distribution_has_its_keys_and_its_picture() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        pane = screen.parameters.pane
        screen.parameters.parameter_tree.select(("z",))
        for name, distribution in DISTRIBUTIONS.items():
            pane.value_input.value = "1..10"
            await pilot.pause()
            pane.kind_select.value = name
            await wait_for(pilot, lambda name=name: pane._facts.kind == name)  # type: ignore[misc]
            fields = distribution.fields if len(distribution.fields) > 1 else ()
            assert pane.labels == ["name", "values", "kind", *(field.name for field in fields)]
            assert [pane.field_input(index).display for index in range(3)] == [
                index < len(fields) for index in range(3)
            ]
            assert str(pane.query_one("#parameter-histogram", Static).render()), name
        pane.kind_select.value = "q_uniform"
        await wait_for(pilot, lambda: pane._facts.kind == "q_uniform")
        box = pane.field_input(2)
        box.focus()
        box.clear()
        await pilot.press(*"0.25")
        assert parameters(screen)["z"]["q"] == 0.25
        assert pane.value_input.value.endswith("step 0.25")


async def test_nonsense_in_any_field_is_said_and_harms_nothing() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        pane, tree = screen.parameters.pane, screen.parameters.parameter_tree
        for text in ["[3, 5", "3:10", "\x00", "{{", "'" * 50, "名前", "9" * 1000]:
            pane.value_input.value = text
            await pilot.pause()
        assert "too long" in note(screen)
        assert "✗" in lines(screen)[0]
        pane.value_input.value = "5"
        for text in ["/", "a/", "", "名前", "x" * 300, "a b", "z"]:
            pane.name_input.value = text
            await pilot.pause()
            assert all(len(line) <= tree.size.width for line in lines(screen))
        await wait_for(pilot, lambda: "there twice" in note(screen))
        tree.select(("z",))
        await pilot.pause()
        pane.field_input(0).value = "many"
        await pilot.pause()
        assert screen.problems
        for size in [(40, 10), (10, 3), (1, 1), (200, 60)]:
            await pilot.resize_terminal(*size)
            await pilot.pause()
        assert lines(screen)


async def test_a_list_of_thousands_and_hundreds_of_parameters_are_at_home() -> None:
    config: dict[str, Json] = {
        **NESTED,
        "parameters": {"long": {"values": list(range(5000))}, **{f"p{n}": {"value": n} for n in range(500)}},
    }
    app = SweepApp(MemorySession())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, config)
        tree = screen.parameters.parameter_tree
        assert lines(screen)[0].endswith("×5,000")
        await pilot.press("end")
        assert tree.cursor == 500
        await wait_for(pilot, lambda: tree.scroll_offset.y > 400)
        await pilot.press("home", "enter", ",", "7")
        await wait_for(pilot, lambda: parameters(screen)["long"]["values"][-1] == 7)


async def test_going_to_a_problem_opens_the_fold_that_hides_it() -> None:
    app = SweepApp(MemorySession())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        screen.parameters.parameter_tree.select(("opt",))
        await pilot.press("left")
        screen.parameters.focus_path("parameters.opt.parameters.lr.min")
        await wait_for(pilot, lambda: screen.parameters.pane.value_input.has_focus)
        assert screen.parameters.pane.name_input.value == "opt/lr"
        # Losing the terminal's focus and getting it back leaves it where it was.
        app.post_message(events.AppBlur())
        await wait_for(pilot, lambda: screen.focused is None)
        app.post_message(events.AppFocus())
        await wait_for(pilot, lambda: screen.parameters.pane.value_input.has_focus)
