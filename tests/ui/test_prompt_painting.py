"""A key in the builder is painted at once, in one go, and the terminal shows what Textual would show."""

from __future__ import annotations

import inspect
from pathlib import Path

from rich.console import RenderableType
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Static

from tests.ui.memory_session import MemorySession
from tests.ui.wait_for import wait_for
from tui.app import SweepApp
from tui.prompt_painting import runs_of
from tui.screens.sweep_builder import SweepBuilderScreen
from tui.sweep_draft import FRESH_CONFIG

Cells = list[tuple[str, Style | None]]


def cells_of(strip: Strip) -> Cells:
    return [(character, segment.style) for segment in strip for character in segment.text]


class TerminalApp(SweepApp):
    """Keeps what the terminal would show, and how often it was written to."""

    CSS_PATH = str(Path(inspect.getfile(SweepApp)).with_name("app.tcss"))

    def __init__(self) -> None:
        super().__init__(MemorySession())
        self.lines: list[Cells] = []
        self.spans: list[list[tuple[int, int, int]]] = []

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        if isinstance(renderable, LayoutUpdate):
            self.lines = [cells_of(Strip.join(strips)) for strips in renderable.strips]
        elif isinstance(renderable, ChopsUpdate):
            self.spans.append(renderable.spans)
            for y, left, right in renderable.spans:
                line = self.lines[y]
                for x, strip in renderable.chops[y].items():
                    for at, cell in enumerate(cells_of(strip) if strip else [], start=x):
                        if left <= at < right:
                            line[at] = cell

    def text(self) -> list[str]:
        return ["".join(character for character, _ in line) for line in self.lines]


def shown(screen: SweepBuilderScreen) -> list[Cells]:
    """Return the screen as Textual paints it whole."""
    return [cells_of(strip) for strip in screen._compositor.render_strips()]


async def builder_of(app: TerminalApp, pilot: Pilot[None]) -> SweepBuilderScreen:
    screen = SweepBuilderScreen(app.session, FRESH_CONFIG, None)
    await app.push_screen(screen)
    await wait_for(pilot, lambda: screen.parameters.current is not None and "9 runs" in "".join(app.text()))
    await pilot.pause(0.5)
    return screen


async def test_what_is_painted_piece_by_piece_is_what_is_painted_whole() -> None:
    app = TerminalApp()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await builder_of(app, pilot)
        screen.parameters.parameter_tree.focus()
        for key in ("down", "up", "enter", "comma", "7", "backspace", "escape", "space", "ctrl+n", "x", "escape"):
            await pilot.press(key)
            await pilot.pause()
            await wait_for(pilot, lambda: app.lines == shown(screen))
        assert app.spans


async def test_a_key_is_painted_once_with_all_that_it_changes_and_nothing_between() -> None:
    app = TerminalApp()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await builder_of(app, pilot)
        screen.parameters.parameter_tree.select(("max_depth",))
        screen.parameters.pane.value_input.focus()
        await pilot.press("end", "comma", "space")
        await pilot.pause(0.5)
        app.spans.clear()

        await pilot.press("7")
        await wait_for(pilot, lambda: "12 runs" in app.text()[screen.query_one("#count", Static).region.y])

        count, value = screen.query_one("#count").region, screen.parameters.pane.value_input.region
        written = {y for y, _, _ in app.spans[0]}
        assert len(app.spans) == 1
        assert {count.y, value.y} <= written
        tabs = screen.tabs.region
        assert not written & set(range(tabs.y, tabs.bottom))


def test_lines_that_change_are_put_together_to_runs() -> None:
    regions = [Region(5, 9, 3, 2), Region(0, 1, 4, 1), Region(2, 2, 9, 1), Region(1, 9, 1, 1)]
    assert runs_of(regions) == [(1, 3), (9, 11)]
    assert runs_of([]) == []
