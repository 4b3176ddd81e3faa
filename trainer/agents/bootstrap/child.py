"""Turns a forked child into what a fresh interpreter would be, and runs the program in it.

The child ends as an interpreter ends: by SystemExit at the bottom of the stack, or, with much imported, by `leaving`.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import types
from typing import Any, Dict, FrozenSet, List

from .leaving import QUICK_FROM_MODULES, end_by_interrupt, exit_status, leave
from .readiness import ExitCalls, renew_folders

SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGCHLD", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM")
]
"""Blocked around a fork, so that none meant for the child meets the parent's handlers."""


def become_run(request: Dict[str, Any], exit_calls: ExitCalls, folders: List[Any]) -> None:
    """Make this child the leader of its own group, with the run's output, folder, environment and arguments.

    Raises:
        OSError: If the folder is gone or the log cannot be written.
    """
    os.setpgid(0, 0)
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if log > 2:
        os.close(log)
    os.chdir(request["cwd"])
    # The object stays: libraries that were imported ahead have kept it.
    os.environ.clear()
    os.environ.update(request["environ"])
    exit_calls.renew()
    renew_folders(folders)
    _renew_seeds()
    gc.enable()


def _renew_seeds() -> None:
    """Seed as a fresh interpreter would; the standard `random` does so by itself after a fork."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def run_program(program: Dict[str, Any], arguments: List[str], inherited: FrozenSet[str]) -> None:
    """Run the program as `__main__`, and leave by SystemExit or for good; an exception has been reported by then.

    Args:
        program: What the host said of it.
        arguments: What follows it on the command line.
        inherited: Names of the modules that were imported ahead. From the parent, since to count a reference to each
            in a child would copy a thousand pages.
    """
    main = sys.modules["__main__"]
    quick = len(inherited) > QUICK_FROM_MODULES
    code = 0
    main.__dict__.clear()
    main.__dict__.update({"__name__": "__main__", "__doc__": None, "__package__": None, "__spec__": None})
    main.__dict__.update({"__loader__": None, "__builtins__": sys.modules["builtins"], "__annotations__": {}})
    sys.argv[:] = [program["target"], *arguments]
    if sys.version_info >= (3, 10):
        named = ["-m", program["target"]] if program["kind"] == "module" else [program["target"]]
        # Its last two are the bootstrap's own file and descriptor.
        sys.orig_argv[-2:] = [*named, *arguments]
    try:
        if program["kind"] == "module":
            sys.argv[0] = "-m"
            import runpy

            # What `python -m` itself calls.
            runpy._run_module_as_main(program["target"])  # type: ignore[attr-defined]
        elif os.path.isdir(program["target"]):
            import runpy

            runpy._run_module_as_main("__main__", False)  # type: ignore[attr-defined]
        else:
            _run_file(program["target"], main)
    except SystemExit as request:
        if not quick:
            raise
        code = exit_status(request)
    except BaseException as error:  # noqa: B036  the interpreter's own edge: what it does with an uncaught exception
        _report(error)
        if isinstance(error, KeyboardInterrupt):
            end_by_interrupt()
        code = 1
    if quick:
        leave(code, main, inherited)
    raise SystemExit(code)


def _run_file(target: str, main: types.ModuleType) -> None:
    from importlib.machinery import SourceFileLoader

    # From 3.9 on the interpreter gives `__file__` in full.
    path = os.path.abspath(target) if sys.version_info >= (3, 9) else target
    main.__dict__.update({"__file__": path, "__cached__": None, "__loader__": SourceFileLoader("__main__", path)})
    try:
        with open(path, "rb") as stream:
            text = stream.read()
    except OSError as error:
        sys.stderr.write(f"{sys.executable}: can't open file {path!r}: [Errno {error.errno}] {error.strerror}\n")
        raise SystemExit(2) from None
    exec(compile(text, path, "exec", dont_inherit=True), main.__dict__)


def _report(error: BaseException) -> None:
    """Say what was not caught, without the frames of ours that lie below the program's."""
    here = os.path.dirname(os.path.abspath(__file__))
    trace = error.__traceback__
    while trace is not None and os.path.dirname(os.path.abspath(trace.tb_frame.f_code.co_filename)) == here:
        trace = trace.tb_next
    error.__traceback__ = trace

    try:
        sys.excepthook(type(error), error, trace)
    except Exception as failure:  # a hook of the program's that fails: the interpreter says both
        sys.stderr.write(f"Error in sys.excepthook: {failure!r}\n")
        sys.__excepthook__(type(error), error, trace)
