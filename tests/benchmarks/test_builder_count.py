"""Budget: keystroke in the builder → count shown ≤ 50 ms, spaces up to 10^18 (DESIGN section 8).

Rerun: make benchmarks. The clock runs from the moment the key is given to the app until what is sent to the terminal
holds the new count.
"""

from __future__ import annotations

import asyncio
import inspect
import statistics
import time
from pathlib import Path

import pytest
from rich.console import RenderableType
from textual import events
from textual.screen import Screen
from textual.widgets import Static

from trainer.records import Json
from trainer.settings import ServerKind, Settings
from tui.app import SweepApp
from tui.screens.sweep_builder import SweepBuilderScreen
from tui.session import Session
from tui.sweep_draft import FRESH_CONFIG

KEYSTROKES = 20
BUDGET_SECONDS = 0.050
HUGE_PARAMETERS: dict[str, Json] = {
    **{f"p{number}": {"distribution": "int_uniform", "min": 1, "max": 1000} for number in range(5)},
    "first": {"values": list(range(100))},
    "last": {"values": list(range(10, 21))},
}
"""10^15 × 100 × 11, about 10^18 combinations."""
HUGE_SPACE: dict[str, Json] = {**FRESH_CONFIG, "parameters": HUGE_PARAMETERS}


class WatchedApp(SweepApp):
    """Notes when what it sends to the terminal holds another count."""

    CSS_PATH = str(Path(inspect.getfile(SweepApp)).with_name("app.tcss"))

    def __init__(self, home: Path) -> None:
        super().__init__(Session(Settings(ServerKind.EMBEDDED, ""), home))
        self.painted = asyncio.Event()
        self.awaited_text = ""

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        # A headless app does not write: what it would have written is put together here, so that this counts, too.
        render = getattr(renderable, "render_segments", None)
        written = render(self.console) if render else ""
        if self.awaited_text and self.awaited_text in written:
            self.painted.set()


def count_of(screen: SweepBuilderScreen) -> str:
    return str(screen.query_one("#count", Static).render()).split()[0]


async def seconds_of_a_key(app: WatchedApp, event: events.Key, expected: str) -> float:
    """Return the seconds from a key until the terminal is sent the expected count."""
    app.painted.clear()
    app.awaited_text = expected
    start = time.perf_counter()
    app.post_message(event)
    await asyncio.wait_for(app.painted.wait(), 10)
    return time.perf_counter() - start


async def keystrokes(config: dict[str, Json], parameter: str, home: Path) -> list[float]:
    """Type and delete the last of a parameter's values, again and again; each key changes the count."""
    app = WatchedApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = SweepBuilderScreen(app.session, config, None)
        await app.push_screen(screen)
        await pilot.pause()
        row = next(row for row in screen.parameters.editor.rows if row.draft.name == parameter)
        row.focus_column("parameter-text")
        await pilot.press("end", "comma", "space")
        counts: list[str] = []
        for key in ("7", "backspace"):
            await pilot.press(key)
            await pilot.pause(0.3)
            counts.insert(0, count_of(screen))
        without, with_one_more = counts
        assert without != with_one_more
        seconds = []
        for _ in range(KEYSTROKES // 2 + 1):
            for event, expected in ((events.Key("7", "7"), with_one_more), (events.Key("backspace", None), without)):
                seconds.append(await seconds_of_a_key(app, event, expected))
                await pilot.pause(0.2)
    return seconds[2:]  # the first two warm up


@pytest.mark.benchmark
@pytest.mark.parametrize(
    ("name", "config", "parameter"),
    [("9 runs", FRESH_CONFIG, "max_depth"), ("10^18 runs", HUGE_SPACE, "last")],
)
async def test_builder_count(name: str, config: dict[str, Json], parameter: str, tmp_path: Path) -> None:
    seconds = await keystrokes(config, parameter, tmp_path)
    median, slowest = statistics.median(seconds), max(seconds)
    print(f"\nkeystroke → count, {name}: median {median * 1000:.1f} ms, max {slowest * 1000:.1f} ms (budget 50)")
    assert median <= BUDGET_SECONDS
