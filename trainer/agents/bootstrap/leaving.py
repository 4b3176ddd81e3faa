"""How a forked child ends: with everything that CPython does for the program, without taking the libraries apart.

To tear down 2,000 imported modules takes an interpreter 0.1 s of CPU, a third of a short run's; the kernel frees them
in no time. What the program could notice is done in CPython's order: threads are waited for, exit handlers called, the
program's own objects finalized, streams flushed, and the C library's exit handlers run. Objects that only a library
holds are not finalized.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import threading
import types
from typing import Any, FrozenSet, List

QUICK_FROM_MODULES = 400
"""With fewer modules imported ahead, the interpreter ends itself: that takes no time then."""
_KEPT_TO_THE_END = (types.ModuleType, types.FunctionType, type)
_LOOKED_BEYOND = 20
_FLUSH_FAILED = 120
"""CPython's exit status when the program ended well and its output could not be written."""


def exit_status(request: SystemExit) -> int:
    """Return the exit status that CPython makes of a SystemExit; print what it would print."""
    code = request.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code
    _flush()
    if sys.stderr is None:
        os.write(2, f"{code}\n".encode("utf-8", "backslashreplace"))
    else:
        sys.stderr.write(f"{code}\n")
    return 1


def leave(code: int, main: types.ModuleType, inherited: FrozenSet[str]) -> None:
    """End the process; return only where the interpreter has to end it after all.

    Args:
        code: Exit status.
        main: The program's `__main__`.
        inherited: Names of the modules that were imported before the program began.
    """
    try:
        from ctypes import PyDLL
    except ImportError:
        return
    _finish_runs_before_teardown()
    _run_exit_handlers()
    flushed = _flush()
    _finalize([main, *_imported_since(inherited)])
    if not (_flush() and flushed) and code == 0:
        code = _FLUSH_FAILED
    # With the lock held, so that no daemon thread runs on while libraries close.
    PyDLL(None).exit(code & 0xFF)


def _imported_since(inherited: FrozenSet[str]) -> List[types.ModuleType]:
    """Return the modules that the program imported, last first, without touching the others."""
    modules: List[types.ModuleType] = []
    passed = 0
    for name in reversed(sys.modules):
        if name not in inherited:
            modules.append(sys.modules[name])
        elif passed < _LOOKED_BEYOND:
            # One that the program took out and imported again stands among its own.
            passed += 1
        else:
            break
    return modules


def _finish_runs_before_teardown() -> None:
    """Have wandb's exit handler finish the run that the program left open, before it takes its service down.

    The handler of SDK 0.31 sends "tear down" to wandb-core, closes the socket and waits for the process without end. A
    wandb-core that is answering something at that moment meets the closed socket and never reads the message. Where
    everything is imported ahead, a short program is at its end that soon: it was seen in one of eight of them.
    """
    connection = getattr(sys.modules.get("wandb.sdk.lib.service.service_connection"), "ServiceConnection", None)
    teardown = getattr(connection, "teardown", None)
    if connection is None or teardown is None:
        return

    def in_order(self: Any, exit_code: int) -> Any:
        run = getattr(sys.modules.get("wandb"), "run", None)
        if run is not None:
            try:
                run.finish(exit_code=exit_code)
            except Exception:  # wandb has told of it; what is left to do, the teardown does
                pass
        return teardown(self, exit_code)

    connection.teardown = in_order


def _run_exit_handlers() -> None:
    shutdown = getattr(threading, "_shutdown", None)
    if shutdown is not None:
        shutdown()
    try:
        atexit._run_exitfuncs()
    except BaseException:  # noqa: B036  CPython has told of it, and goes on whatever it is
        return


def _finalize(modules: List[types.ModuleType]) -> None:
    """Let go of a program's objects: first what it made, last first, then its functions, classes and modules."""
    # CPython lets no daemon thread run any more by now; one that did would miss the names that are taken from it.
    sys.setswitchinterval(1000.0)
    libraries = os.path.dirname(os.__file__)
    dictionaries = [
        module.__dict__
        for module in modules
        if isinstance(module, types.ModuleType)
        and not (getattr(module, "__file__", None) or "").startswith(libraries)
        and "-packages" not in (getattr(module, "__file__", None) or "")
    ]
    for dictionary in dictionaries:
        for name in reversed(list(dictionary)):
            if not isinstance(dictionary.get(name), _KEPT_TO_THE_END) and not name.startswith("__"):
                dictionary.pop(name, None)
    gc.collect()
    for dictionary in dictionaries:
        for name in reversed(list(dictionary)):
            if name != "__builtins__":
                dictionary.pop(name, None)
    gc.collect()


def _flush() -> bool:
    well = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not getattr(stream, "closed", False):
                stream.flush()
        except Exception:  # a stream of the program's own may raise anything
            well = stream is not sys.stdout and well
    return well


def end_by_interrupt() -> None:
    """End the process by SIGINT after everything else, as CPython does after an uncaught KeyboardInterrupt."""
    _run_exit_handlers()
    _flush()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)
