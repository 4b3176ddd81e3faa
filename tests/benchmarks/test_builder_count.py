"""Budget: keystroke in the builder → count shown ≤ 50 ms, spaces up to 10^18 (DESIGN section 8).

Rerun: make benchmarks. The clock runs from the moment the key is given to the app until what is sent to the terminal
holds the new count.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import RenderableType
from textual import events
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from tests.ui.wait_for import wait_for
from trainer.records import Json
from trainer.settings import ServerKind, Settings
from tui.app import SweepApp
from tui.screens.sweep_builder import SweepBuilderScreen
from tui.session import Session
from tui.sweep_draft import FRESH_CONFIG

KEYSTROKES = 40
BUDGET_SECONDS = 0.050
PERCENTILE = 0.95
HUGE_PARAMETERS: dict[str, Json] = {
    **{f"p{number:02}": {"distribution": "int_uniform", "min": 1, "max": 1000} for number in range(5)},
    "first": {"values": list(range(100))},
    "last": {"values": list(range(10, 21))},
    **{f"constant_{number:02}": {"value": number} for number in range(20)},
    **{f"group_{number}": {"parameters": {"a": {"value": 0.5}, "b": {"value": "x"}}} for number in range(6)},
    "flag": {"value": True},
}
"""40 parameters; 10^15 × 100 × 11, about 10^18 combinations."""
HUGE_SPACE: dict[str, Json] = {**FRESH_CONFIG, "parameters": HUGE_PARAMETERS}
MANY: dict[str, Json] = {**FRESH_CONFIG, "parameters": {f"p{n:03}": {"min": 1, "max": n + 2} for n in range(100)}}
GAPS_SECONDS = (0.05, 0.12, 0.2, 0.5)
"""Between keys, in turn: of quick and of slow typists, and a pause in which everything else is brought in line."""


_CODES = re.compile(r"\x1b\[[0-9;:?]*[A-Za-z]")


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
        if self.awaited_text and self.awaited_text in _CODES.sub("", written):
            self.painted.set()


def count_of(screen: SweepBuilderScreen) -> str:
    return str(screen.query_one("#count", Static).render()).split()[0]


@dataclass(frozen=True, slots=True)
class KeyTime:
    """From a key until the terminal is sent the expected text."""

    seconds: float
    cpu_seconds: float


async def time_of_a_key(app: WatchedApp, event: events.Key, expected: str) -> KeyTime:
    app.painted.clear()
    app.awaited_text = expected
    start, cpu_start = time.perf_counter(), time.process_time()
    app.post_message(event)
    await asyncio.wait_for(app.painted.wait(), 10)
    return KeyTime(time.perf_counter() - start, time.process_time() - cpu_start)


async def opened(app: WatchedApp, pilot: Pilot[None], config: dict[str, Json]) -> SweepBuilderScreen:
    screen = SweepBuilderScreen(app.session, config, None)
    await app.push_screen(screen)
    await wait_for(pilot, lambda: screen.parameters.current is not None and bool(count_of(screen)))
    await pilot.pause(0.5)
    return screen


async def timed(app: WatchedApp, pilot: Pilot[None], keys: Sequence[tuple[events.Key, str]]) -> list[KeyTime]:
    """Return the time from each key until the terminal is sent what it is to change, again and again."""
    times = []
    for number in range(KEYSTROKES // len(keys) + 1):
        for event, expected in keys:
            # A new event each time: it knows whether it was handled.
            times.append(await time_of_a_key(app, events.Key(event.key, event.character), expected))
            await pilot.pause(GAPS_SECONDS[number % len(GAPS_SECONDS)])
    return times[len(keys) :]  # the first ones warm up


async def counts_with(pilot: Pilot[None], screen: SweepBuilderScreen, keys: Sequence[str]) -> list[str]:
    """Return the count after each key."""
    counts = []
    for key in keys:
        before = count_of(screen)
        await pilot.press(key)
        await wait_for(pilot, lambda before=before: count_of(screen) != before)  # type: ignore[misc]
        await pilot.pause(0.3)
        counts.append(count_of(screen))
    return counts


def percentile_of(seconds: list[float]) -> float:
    return sorted(seconds)[math.ceil(PERCENTILE * len(seconds)) - 1]


def report(name: str, times: list[KeyTime]) -> None:
    """Print median, 95th percentile and maximum; fail where the percentile is beyond the budget.

    The time of the processor is told besides: where others work on the machine, it says what the app itself takes.
    """
    seconds, cpu_seconds = [each.seconds for each in times], [each.cpu_seconds for each in times]
    high = percentile_of(seconds)
    print(
        f"\n{name}: median {statistics.median(seconds) * 1000:.1f} ms, 95th percentile {high * 1000:.1f} ms, "
        f"max {max(seconds) * 1000:.1f} ms (budget {BUDGET_SECONDS * 1000:.0f}); of the processor "
        f"{statistics.median(cpu_seconds) * 1000:.1f} and {percentile_of(cpu_seconds) * 1000:.1f} ms"
    )
    assert high <= BUDGET_SECONDS


@pytest.mark.benchmark
@pytest.mark.parametrize(
    ("name", "config", "parameter"),
    [("9 runs", FRESH_CONFIG, "max_depth"), ("10^18 runs, 40 parameters", HUGE_SPACE, "last")],
)
async def test_a_key_typed_into_the_values_is_counted_at_once(
    name: str, config: dict[str, Json], parameter: str, tmp_path: Path
) -> None:
    app = WatchedApp(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot, config)
        screen.parameters.parameter_tree.select((parameter,))
        await pilot.pause()
        screen.parameters.pane.value_input.focus()
        await pilot.press("end", "comma", "space")
        with_one_more, without = await counts_with(pilot, screen, ("7", "backspace"))
        times = await timed(
            app, pilot, [(events.Key("7", "7"), with_one_more), (events.Key("backspace", None), without)]
        )
    report(f"keystroke in the values → count, {name}", times)


@pytest.mark.benchmark
async def test_a_key_typed_into_a_bound_is_counted_at_once(tmp_path: Path) -> None:
    app = WatchedApp(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot, HUGE_SPACE)
        screen.parameters.parameter_tree.select(("p00",))
        await pilot.pause()
        screen.parameters.pane.field_input(1).focus()
        await pilot.press("end")
        with_one_more, without = await counts_with(pilot, screen, ("7", "backspace"))
        times = await timed(
            app, pilot, [(events.Key("7", "7"), with_one_more), (events.Key("backspace", None), without)]
        )
    report("keystroke in a bound → count, 10^18 runs", times)


@pytest.mark.benchmark
async def test_a_key_typed_into_a_name_is_shown_at_once(tmp_path: Path) -> None:
    app = WatchedApp(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot, HUGE_SPACE)
        screen.parameters.parameter_tree.select(("flag",))
        await pilot.pause()
        screen.parameters.pane.name_input.focus()
        await pilot.press("end")
        times = await timed(
            app, pilot, [(events.Key("z", "z"), "─ flagz ─"), (events.Key("backspace", None), "─ flag ─")]
        )
    report("keystroke in a name → shown, 10^18 runs", times)


@pytest.mark.benchmark
@pytest.mark.parametrize(
    ("name", "config", "top", "below"), [("40", HUGE_SPACE, "p01", "p02"), ("100", MANY, "p001", "p002")]
)
async def test_going_up_and_down_is_shown_at_once(
    name: str, config: dict[str, Json], top: str, below: str, tmp_path: Path
) -> None:
    app = WatchedApp(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot, config)
        screen.parameters.parameter_tree.select((top,))
        screen.parameters.parameter_tree.focus()
        await pilot.pause(0.3)
        times = await timed(
            app, pilot, [(events.Key("down", None), f"─ {below} ─"), (events.Key("up", None), f"─ {top} ─")]
        )
    report(f"up and down → shown, {name} parameters", times)
