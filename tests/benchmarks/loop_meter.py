"""What the event loop of a running app does: how long each of its callbacks takes, and how late it is.

Two clocks: of the wall, which is what the user feels, and of the thread's processor, which is what the app can be
blamed for while others work on the machine.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from asyncio.events import Handle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import RenderableType
from textual.screen import Screen

from tui.app import SweepApp


class PaintingApp(SweepApp):
    """Puts together what it would send to the terminal, which a headless app leaves out: so that it counts, too."""

    CSS_PATH = str(Path(inspect.getfile(SweepApp)).with_name("app.tcss"))
    painted = 0
    """Characters that would have been sent."""

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        render = getattr(renderable, "render_segments", None)
        self.painted += len(render(self.console)) if render else 0


@dataclass
class LoopTimes:
    """Milliseconds of every callback of an event loop while it was watched."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    """How much later than asked for a timer of 5 ms went off: also what holds the interpreter elsewhere is in it."""
    dearest: str = ""
    """What the callback was that took most of the processor."""
    longest: float = 0.0
    """Milliseconds of the processor that the longest callback took."""

    @property
    def busy(self) -> float:
        """Milliseconds of the processor that all callbacks took together."""
        return sum(self.cpu)

    def __str__(self) -> str:
        late = max(self.late, default=0.0)
        return (
            f"{self.busy:.1f} ms of the processor on the event loop, longest callback {self.longest:.1f} ms "
            f"({max(self.wall, default=0.0):.1f} by the clock), latest timer {late:.1f} ms"
        )


@contextmanager
def watched_loop(*, timers: bool = False) -> Iterator[LoopTimes]:
    """Measure every callback of the running event loop.

    Args:
        timers: Whether to see how late a timer is, too: costs 200 callbacks a second.
    """
    times = LoopTimes()
    run = Handle._run

    def measured(self: Handle) -> None:
        wall, cpu = time.perf_counter(), time.thread_time()
        run(self)
        took = (time.thread_time() - cpu) * 1000
        if took > times.longest:
            times.longest, times.dearest = took, repr(self)
        times.wall.append((time.perf_counter() - wall) * 1000)
        times.cpu.append(took)

    async def look() -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(0.005)
            times.late.append((time.perf_counter() - start) * 1000 - 5)

    task = asyncio.get_running_loop().create_task(look()) if timers else None
    Handle._run = measured  # type: ignore[method-assign]
    try:
        yield times
    finally:
        Handle._run = run  # type: ignore[method-assign]
        if task:
            task.cancel()
