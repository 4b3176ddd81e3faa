"""Start the bootstrap: `python …/bootstrap/__main__.py DESCRIPTOR`, where the descriptor is a socket to the host.

`__main__` holds as little as can be: it becomes the program's own `__main__` in each forked child.
"""

import importlib
import importlib.util
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def _serve() -> "Callable[[], None]":
    folder = os.path.dirname(os.path.abspath(__file__))
    if sys.path and os.path.abspath(sys.path[0]) == folder:
        del sys.path[0]
    name = "_sweep_tui_bootstrap"
    spec = importlib.util.spec_from_file_location(
        name, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    package = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    sys.modules[name] = package
    spec.loader.exec_module(package)  # type: ignore[union-attr]
    program: Callable[[], None] = importlib.import_module(name + ".serve").serve(int(sys.argv[1]))
    return program


def _check() -> None:
    """Leave, with the reason told, where the rest would not run. Python 2 has read this far."""
    reason = ""
    if sys.version_info < (3, 8):
        reason = "Python %d.%d is older than 3.8" % sys.version_info[:2]
    elif sys.implementation.name != "cpython":
        reason = "%s is not CPython" % sys.implementation.name
    if reason:
        os.write(int(sys.argv[1]), ('{"event": "unfit", "reason": "%s"}\n' % reason).encode("ascii"))
        sys.exit(0)


if __name__ == "__main__":
    _check()
    # Returns in forked children only. They run the program from here, at the bottom of the stack, so that the
    # interpreter itself ends them: waits for threads, calls exit handlers, flushes, sets the exit status.
    _serve()()
