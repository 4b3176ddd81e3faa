"""The thread in which charts are drawn, one after another. Owns no chart, and knows of none.

Six charts that are drawn at once take turns at the interpreter with the event loop, and are then painted all in one go:
that held it up for 30 ms where one chart takes five.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context

MOST_SECONDS = 0.2
"""How long the next picture waits for one to be painted that nobody sees."""

_thread = ThreadPoolExecutor(1, thread_name_prefix="charts")


def draw_in_turn(job: Callable[[], threading.Event | None]) -> None:
    """Have a job done after those that were asked for before, and after what they drew was painted; returns at once.

    Args:
        job: Draws, and returns what is set once that was painted; None where there is nothing new. It may post
            messages, and reports what fails.
    """
    _thread.submit(_draw, copy_context(), job)


def _draw(context: Context, job: Callable[[], threading.Event | None]) -> None:
    painted = context.run(job)
    if painted is not None:
        painted.wait(MOST_SECONDS)
