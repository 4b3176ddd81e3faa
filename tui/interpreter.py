"""How Python runs while an app does: what holds the event loop up without being on it. Owns no thread."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tui import collecting

SWITCH_SECONDS = 0.001
"""How long a worker that calculates keeps the interpreter from the event loop: 5 ms by default, for each of them."""


@contextmanager
def set_for_an_app() -> Iterator[None]:
    """Have workers and the search for garbage give way to the event loop."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    collecting.begin()
    try:
        yield
    finally:
        collecting.end()
        sys.setswitchinterval(before)
