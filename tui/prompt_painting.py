"""PromptScreen: a screen that paints as soon as something has changed, all of it at once, and nothing else.

Textual 8.2 paints the first change at once, and what a key changes besides it up to 33 ms later, at the next beat but
one of a clock; and it renders every line of every widget that touches the rectangle around all changes, which is half
the screen where the first line and a field at the bottom change. Both are put right here, with what is private to
Textual, and nowhere else; a Textual that does it in another way leaves these methods unused.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Generic

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.screen import Screen, ScreenResultType
from textual.scrollbar import ScrollBar
from textual.strip import Strip
from textual.widget import Widget

MAX_GAP_SECONDS = 1 / 60
"""Between two paints; less where painting takes less: at most half of the time goes into it."""
SETTLING_ROUNDS = 8
"""Rounds of the event loop between a change and its painting: what else changes with it is told by messages on their
way, each of which takes a round from widget to widget."""


def runs_of(regions: Iterable[Region]) -> list[tuple[int, int]]:
    """Return the runs of lines that regions take up, from top to bottom: the first line, and the one after the last."""
    runs: list[tuple[int, int]] = []
    for top, bottom in sorted((region.y, region.bottom) for region in regions):
        if runs and top <= runs[-1][1]:
            runs[-1] = (runs[-1][0], max(runs[-1][1], bottom))
        else:
            runs.append((top, bottom))
    return runs


class ChangesCompositor(Compositor):
    """Renders, of what lies around changes, the lines in which they are, and nothing that is hidden there."""

    _changed: Iterable[Region] = ()

    def update_widgets(self, widgets: set[Widget]) -> None:
        """Take note that widgets have changed."""
        # Of a scrollbar without room nothing is seen; Textual would take it for a new widget, and lay out everything.
        super().update_widgets({each for each in widgets if not (isinstance(each, ScrollBar) and not each.size)})

    def render_partial_update(self) -> ChopsUpdate | None:
        """Return what is to be written of what has changed."""
        self._changed = tuple(self._dirty_regions)
        try:
            return super().render_partial_update()
        finally:
            self._changed = ()

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        changed = list(self._changed)
        if not changed:
            yield from super()._get_renders(crop)
            return
        # From front to back: what lies behind a widget that takes up all of a change is not seen there.
        for widget, (region, clip) in self.visible_widgets.items():
            seen = region.intersection(clip)
            touched = [seen.intersection(each) for each in changed if seen.overlaps(each)]
            for top, bottom in runs_of(touched):
                # As wide as it is seen: lines are put together from pieces that end where widgets do.
                lines = Region(seen.x, top, seen.width, bottom - top)
                yield region, lines, widget.render_lines(lines.translate(-region.offset))
            if touched:
                changed = [each for each in changed if not seen.contains_region(each)]
                if not changed:
                    return


class PromptTimer:
    """Calls once what it was resumed for, as soon as may be. Stands in for the timer that paints a screen."""

    def __init__(self, callback: Callable[[], None]) -> None:
        """Create the timer; it waits until it is resumed."""
        self._callback = callback
        self._handle: asyncio.Handle | None = None
        self._ready_at = 0.0

    def resume(self) -> None:
        """Call it soon."""
        if self._handle is None:
            wait = self._ready_at - time.perf_counter()
            self._handle = asyncio.get_running_loop().call_later(max(wait, 0.0), self._settle, SETTLING_ROUNDS)

    def pause(self) -> None:
        """Do not call it."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _settle(self, rounds: int) -> None:
        if rounds:
            self._handle = asyncio.get_running_loop().call_soon(self._settle, rounds - 1)
            return
        self._handle = None
        start = time.perf_counter()
        self._callback()
        end = time.perf_counter()
        self._ready_at = end + min(end - start, MAX_GAP_SECONDS)


class PromptScreen(Screen[ScreenResultType], Generic[ScreenResultType]):
    """Paints at once, and only what has changed."""

    def __init__(self, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(name, id, classes)
        self._compositor = ChangesCompositor()
        self._prompt_timer = PromptTimer(self._paint)

    @property
    def _update_timer(self) -> PromptTimer:  # type: ignore[override]
        return self._prompt_timer

    def _paint(self) -> None:
        if self._pruning or not self.app._running:
            # What is to be called after the painting would not find its widgets any more.
            return
        try:
            self._on_timer_update()
        except Exception as error:
            self.app._handle_exception(error)
