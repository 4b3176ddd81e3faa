"""Whether this process, with everything imported, may be forked for runs; and what of it must not be shared.

Knows Linux's /proc. Where something cannot be looked at, it is taken to be as it should be.
"""

from __future__ import annotations

import atexit
import os
import sys
import tempfile
import threading
import weakref
from typing import Any, Callable, List, Tuple

_ACCELERATORS = ("/dev/nvidia", "/dev/kfd", "/dev/dri/render", "/dev/accel", "/dev/habanalabs")
_SAFE_THREADS = ("jemalloc_bg_thd",)
"""Native threads that look after forks. jemalloc, which pyarrow (and so pandas, where it finds it) brings along, gives
unused memory back by one: its own handlers of fork have a child do that itself (jemalloc 5.3, background_thread.c)."""
ExitCall = Tuple[Callable[..., Any], Tuple[Any, ...], "dict[str, Any]"]


def reason_against() -> str:
    """Return why no run should be forked from this process; empty when nothing speaks against it."""
    reason = _accelerator_reason()
    if reason:
        return reason
    others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if others:
        return "its imports start threads ({}), which a fork would lose".format(", ".join(sorted(others)[:3]))
    try:
        pid = os.fork()
    except OSError as error:
        return f"a fork fails: {error}"
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    # OpenBLAS ends its threads when the process forks, and starts them again where they are needed. What is left
    # after that fork belongs to a library that does not look after forks.
    threads = _native_threads()
    if threads:
        return "its imports start threads of their own ({}), which a fork would lose".format(", ".join(threads[:3]))
    if _children():
        return "its imports start processes, which belong to one run"
    return ""


def _accelerator_reason() -> str:
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    try:
        if cuda is not None and cuda.is_initialized():
            return "its imports initialise CUDA, which does not survive a fork"
    except Exception:  # whatever a half-imported library does, the descriptors below are looked at
        pass
    if _cuda_is_at_work():
        return "its imports initialise CUDA, which does not survive a fork"
    for descriptor in _listed("/proc/self/fd"):
        try:
            target = os.readlink("/proc/self/fd/" + descriptor)
        except OSError:
            continue
        if target.startswith(_ACCELERATORS):
            return f"its imports open {target}: an accelerator's state does not survive a fork"
    return ""


def _cuda_is_at_work() -> bool:
    """Return whether the CUDA driver's library is loaded here and was initialised: it says so, and stays as it is.

    Whoever it was that did so: torch is one of many, and most import the library without initialising it.

    Source: CUDA Driver API 12.9, cuDeviceGetCount: CUDA_ERROR_NOT_INITIALIZED before cuInit.
    """
    try:
        with open("/proc/self/maps") as stream:
            paths = {line.split(None, 5)[5].strip() for line in stream if "/libcuda.so" in line}
    except (OSError, IndexError):
        return False
    for path in paths:
        try:
            from ctypes import CDLL, byref, c_int

            if CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_NOW).cuDeviceGetCount(byref(c_int())) == 0:
                return True
        except (ImportError, OSError, AttributeError):
            continue
    return False


def _native_threads() -> List[str]:
    names = []
    for task in _listed("/proc/self/task"):
        if task != str(os.getpid()):
            try:
                with open(f"/proc/self/task/{task}/comm") as stream:
                    name = stream.read().strip()
            except OSError:
                continue
            if name not in _SAFE_THREADS:
                names.append(name)
    return sorted(names)


def _children() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def _listed(folder: str) -> List[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


class ExitCalls:
    """What imports register with `atexit`, so that a child can have it too, less what is another process's."""

    def __init__(self) -> None:
        self.calls: List[ExitCall] = []
        self._register, self._unregister = atexit.register, atexit.unregister

    def watch(self) -> None:
        """Note registrations from now on."""
        atexit.register = self._noted  # type: ignore[assignment]
        atexit.unregister = self._struck

    def unwatch(self) -> None:
        """Give `atexit` back."""
        atexit.register, atexit.unregister = self._register, self._unregister

    def _noted(self, function: Callable[..., Any], *args: Any, **named: Any) -> Callable[..., Any]:
        self.calls.append((function, args, named))
        self._register(function, *args, **named)
        return function

    def _struck(self, function: Callable[..., Any]) -> None:
        self.calls = [call for call in self.calls if call[0] != function]
        self._unregister(function)

    def renew(self) -> None:
        """In a child: keep plain functions; drop what is bound to objects or arguments that siblings share.

        A folder for temporary files that a library made when it was imported would else be removed by whichever run
        ends first. CPython's own multiprocessing drops all of them in a forked child.
        """
        atexit._clear()
        weakref.finalize._registered_with_atexit = False  # type: ignore[attr-defined]
        for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
            finalizer.atexit = False
        for function, args, named in self.calls:
            plain = not hasattr(function, "__self__") or isinstance(function.__self__, type(sys))
            if plain and not args and not named and not getattr(function, "__closure__", None):
                atexit.register(function)


def temporary_folders() -> List[Any]:
    """Return the temporary folders that imports have made."""
    finalizers = weakref.finalize._registry.values()  # type: ignore[attr-defined]
    objects = [finalizer.weakref() for finalizer in finalizers]
    return [item for item in objects if isinstance(item, tempfile.TemporaryDirectory)]


def renew_folders(folders: List[Any]) -> None:
    """In a child: give each of these objects a folder of the child's own."""
    for folder in folders:
        try:
            parent, prefix = os.path.split(folder.name)
            folder._finalizer.detach()
            folder.__init__(prefix=prefix[:12] + "-", dir=parent)
        except (AttributeError, OSError, TypeError):
            # Another Python keeps it otherwise; then it stays shared, and nobody removes it before the host ends.
            continue
