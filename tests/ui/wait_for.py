"""Wait for a fact about a running app, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot


async def wait_for(pilot: Pilot[Any], fact: Callable[[], bool], seconds: float = 10) -> None:
    """Let the app work until `fact` holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "the fact did not come true in time"
        await pilot.pause(0.02)
