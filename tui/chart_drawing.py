"""The thread in which charts are drawn, one after another. Owns no chart, and knows of none.

Six charts that are drawn at once take turns at the interpreter with the event loop, and are then painted all in one go:
that held it up for 30 ms where one chart takes five.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context

APART_SECONDS = 1 / 60
"""Between one picture and the next: Textual paints as often as that."""

_thread = ThreadPoolExecutor(1, thread_name_prefix="charts")
_pause = threading.Event()
"""Never set: something to wait for."""


def draw_in_turn(job: Callable[[], bool]) -> None:
    """Have a job done after those that were asked for before; returns at once.

    Args:
        job: Draws, and returns whether there is now something to paint. It may post messages, and reports what fails.
    """
    _thread.submit(_draw, copy_context(), job)


def _draw(context: Context, job: Callable[[], bool]) -> None:
    if context.run(job):
        _pause.wait(APART_SECONDS)
