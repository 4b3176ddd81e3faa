"""Pictures of screens as text, at three sizes in one app; what depends on the clock is left out of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from textual.pilot import Pilot

from tests.ui.wait_for import wait_for
from tui.widgets.history_chart import HistoryChart

SIZES = ((80, 24), (120, 36), (200, 50))
_TIMES = re.compile(
    r"(?:\d+[dhm])?\d+[dhms] ago|\b(?:\d+[dhm])?\d+[hms]\b|\b\d+\.\d runs/min|\d\d:\d\d(?::\d\d)?|20\d\d-\d\d-\d\d"
)
STILL_SECONDS = 0.12


class TextPicture(SingleFileSnapshotExtension):
    """A file of text for each picture."""

    _file_extension = "txt"
    _write_mode = WriteMode.TEXT


def text_of(pilot: Pilot[Any]) -> str:
    """Return what the screen shows; what depends on the clock as signs of the same length."""
    lines = (strip.text.rstrip() for strip in pilot.app.screen._compositor.render_strips())
    return _TIMES.sub(lambda found: "#" * len(found.group()), "\n".join(lines)) + "\n"


def is_drawing(pilot: Pilot[Any]) -> bool:
    """Return whether a worker still draws what the screen will show."""
    screen = pilot.app.screen
    charts = (chart for chart in screen.query(HistoryChart) if chart.region)
    return bool(getattr(screen, "_is_shaping", False)) or any(chart._is_drawing for chart in charts)


async def look(
    pilot: Pilot[Any],
    pictures: SnapshotAssertion,
    name: str,
    shows: Callable[[], bool],
    sizes: Sequence[tuple[int, int]] = SIZES,
) -> None:
    """Compare the screen at each size with the picture of it."""
    await wait_for(pilot, shows, 20)
    pilot.app.clear_notifications()
    for width, height in sizes:
        await pilot.resize_terminal(width, height)
        seen, now = "", text_of(pilot)
        while now != seen or is_drawing(pilot):
            await pilot.pause(STILL_SECONDS)
            seen, now = now, text_of(pilot)
        assert now == pictures(name=f"{name}-{width}x{height}")
