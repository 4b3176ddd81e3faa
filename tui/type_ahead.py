"""TypeAheadApp: keys typed ahead reach the screen they were meant for. Owns the order of keys, not their meaning.

Textual hands a key to what has the focus at the moment it arrives. Who types `ctrl+n tab tab 2` without waiting would
see the last keys go to the screen that is being left. Here a key waits until what the key before it caused has
happened: the screen it opened is mounted, the focus it moved has arrived.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress

from textual import events
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget

from tui.crash_report import CrashReportingApp

LONGEST_WAIT_SECONDS = 2.0
"""After this long a key is delivered whatever the one before it is still doing."""
_SLICE_SECONDS = 0.05


class TypeAheadApp(CrashReportingApp):
    """An app that delivers keys and pastes one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[events.Event] = deque()
        self._settling: asyncio.Task[None] | None = None

    async def on_event(self, event: events.Event) -> None:
        """Keep keys and pastes back while an earlier one is at work; everything else goes on at once."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif self._settling is not None:
            self._typed.append(event)
        else:
            await self._deliver(event)

    async def _deliver(self, event: events.Event) -> None:
        # Set before the event is handled: what handles it may wait, and other keys must not overtake it.
        self._settling = asyncio.create_task(self._settle())
        await super().on_event(event)

    async def _settle(self) -> None:
        """Wait for the effects of the key just delivered, then have the next one delivered by the app's own loop."""
        try:
            await self._wait_for_effects(time.monotonic() + LONGEST_WAIT_SECONDS)
        finally:
            self._settling = None
            if self._typed:
                self.call_later(self._deliver_next)

    async def _deliver_next(self) -> None:
        if self._typed and self._settling is None:
            await self._deliver(self._typed.popleft())

    async def _wait_for_effects(self, deadline: float) -> None:
        """Pass through the queues on the key's way up to the app, until the focus stays where it is.

        At least twice: an action may post a message to its screen that only the app handles.
        """
        seen: list[tuple[Screen[object], Widget | None]] = []
        while len(seen) < 3 or seen[-1] != seen[-2]:
            if not self.screen_stack or time.monotonic() > deadline:
                return
            screen, focused = self.screen, self.focused
            seen.append((screen, focused))
            for node in (focused or screen).ancestors_with_self:
                await _pass_queue(node, deadline)


async def _pass_queue(node: DOMNode, deadline: float) -> None:
    """Wait until a node has handled the messages it has now; a node that goes away is not waited for."""
    passed = asyncio.Event()
    if not node.call_later(passed.set):
        return
    while not passed.is_set() and node.is_running and time.monotonic() < deadline:
        with suppress(TimeoutError):
            await asyncio.wait_for(passed.wait(), _SLICE_SECONDS)
