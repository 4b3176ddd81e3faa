"""When Python looks for garbage among all objects: when nobody is at the keys, and never in what stays anyway.

Such a look holds up the event loop: for a tenth of a second with what an app has imported, every few seconds; with the
records of 100,000 runs for a second. What was looked through once is not looked through again, until a sweep is left,
the user is away for long, or after so many looks that what became garbage since is worth more than the time.
"""

from __future__ import annotations

import gc
import threading

YOUNG_FROM = 5
"""Looks among young objects after which one among all is worth it."""
YOUNG_MOST = 500
"""Looks among young objects after which one among all cannot wait."""
QUIET_SECONDS, AWAY_SECONDS = 0.5, 300.0
"""How long nobody is at the keys when a look is not felt; and one through all that there is.

Every line that Textual 8.2 paints is garbage of this kind in the end, 20 objects each: a look now and then takes 10 ms,
one after a minute of keys would take 300."""
LOOKS_AWAY, LOOKS_QUIET = 30, 300
"""Looks after which everything is looked through again, while the user is away and else: what is on the screen at one
look is garbage at the next, and would pile up where values stream in all night."""
_YOUNG, _NEVER = (700, 10), 1_000_000_000
"""Python's own thresholds for young objects, and one that is not reached."""

_lock = threading.Lock()
_waiting = 0
_before: tuple[int, int, int] | None = None
_is_first, _is_whole = True, False
"""Whether nothing was looked through yet; whether everything was since the user went away."""
_looks = 0
"""Looks since the last one through everything."""


def begin() -> None:
    """Leave it to `collect_at_leisure` to look among all objects: Python itself would do so every few seconds."""
    global _before, _is_first, _is_whole, _looks
    if _before is None:
        _is_first, _is_whole, _looks = True, False, 0
        _before = gc.get_threshold()
        gc.set_threshold(*_YOUNG, _NEVER)


def end() -> None:
    """Leave it to Python again."""
    global _before
    if _before is not None:
        gc.set_threshold(*_before)
        gc.unfreeze()
        _before = None


def keep() -> None:
    """Take everything there is for what stays: the modules that were imported, most of all."""
    if _before is not None:
        gc.freeze()


def collect_at_leisure(idle_seconds: float) -> None:
    """Look through what has come since the last look, if that is worth it and nobody will notice.

    Args:
        idle_seconds: For how long nobody has been at the keys.
    """
    global _is_first, _is_whole, _looks
    if _before is None or _waiting:
        return
    is_away = idle_seconds >= AWAY_SECONDS
    most_looks = LOOKS_AWAY if is_away else LOOKS_QUIET
    is_due = _looks >= most_looks and idle_seconds >= QUIET_SECONDS
    if is_due or (is_away and not _is_whole):
        gc.unfreeze()
        _looks = 0
    elif gc.get_count()[2] < (YOUNG_FROM if idle_seconds >= QUIET_SECONDS else YOUNG_MOST):
        return
    else:
        _looks += 1
    # What an app is made of is there to stay: the first look would find next to nothing in it.
    if is_away or not _is_first:
        gc.collect()
    _is_first, _is_whole = False, is_away
    gc.freeze()


def put_off() -> None:
    """Look for no garbage until `resume` is called as often."""
    global _waiting
    with _lock:
        _waiting += 1
        gc.disable()


def resume(*, keeping: bool = False) -> None:
    """Look for garbage again.

    Args:
        keeping: Whether what there is now stays: it is not looked through again before `let_go`.
    """
    global _waiting
    with _lock:
        _waiting = max(_waiting - 1, 0)
        if keeping:
            gc.freeze()
        if not _waiting:
            gc.enable()


def let_go() -> None:
    """Look through what was to stay, too."""
    gc.unfreeze()
