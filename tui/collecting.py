"""When Python looks for garbage among all objects: not while a large sweep is read, and not in what then stays.

With the records of 10,000 runs such a look holds up the event loop for a tenth of a second, with 100,000 for a second.
"""

from __future__ import annotations

import gc
import threading

_lock = threading.Lock()
_waiting = 0


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
