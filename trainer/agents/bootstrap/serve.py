"""The bootstrap's loop: prepare once, then fork a child for every run that the host asks for, and report its end.

Speaks lines of JSON over a socket to the host. When the host is gone, it waits for the runs that are left and ends.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Tuple

from .child import SIGNALS, become_run, run_program
from .class_blocks import QuickClassBlocks
from .leaving import QUICK_FROM_MODULES
from .module_lookup import QuickModuleLookup
from .program_imports import Reading, Step, read_program
from .readiness import ExitCalls, reason_against, temporary_folders
from .wandb_ahead import prepare_wandb

_CHECK_SECONDS = 1.0
"""Files of imported modules are looked at no more often than this, before a fork."""

Message = Dict[str, Any]


class _GoneError(Exception):
    """The host closed its end."""


def serve(descriptor: int) -> Callable[[], None]:
    """Serve the host; return only in forked children, with what runs their program."""
    return _Server(socket.socket(fileno=descriptor)).serve()


class _Server:
    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._received = b""
        self._program: Message = {}
        self._exit_calls = ExitCalls()
        self._folders: List[Any] = []
        self._children: Dict[int, float] = {}
        self._watched: Dict[str, Tuple[float, int]] = {}
        self._inherited: FrozenSet[str] = frozenset()
        self._checked_at = 0.0
        self._wake_reader, self._wake_writer = -1, -1
        self._pid = os.getpid()

    def serve(self) -> Callable[[], None]:
        try:
            self._program = self._next_message()
        except _GoneError:
            os._exit(0)
        started = time.monotonic()
        # Imports make many objects and no garbage: collecting takes a tenth of their time.
        gc.disable()
        notes = _prepare(self._program, self._exit_calls)
        reason = reason_against()
        if reason:
            self._send({"event": "unfit", "reason": reason})
            os._exit(0)
        self._folders = temporary_folders()
        self._watched = _watched_files()
        self._listen_for_children()
        self._inherited = frozenset(sys.modules)
        if len(sys.modules) > QUICK_FROM_MODULES:
            # Collections in the children leave alone what they share. (With less, the interpreter ends a child, and
            # has to find all that it should finalize.)
            gc.freeze()
        self._send(
            {
                "event": "ready",
                "python": sys.executable,
                "version": ".".join(str(part) for part in sys.version_info[:3]),
                "seconds": round(time.monotonic() - started, 3),
                "cpu_seconds": round(time.process_time(), 3),
                "modules": len(sys.modules),
                "notes": notes,
            }
        )
        while True:
            readable = select.select([self._socket.fileno(), self._wake_reader], [], [])[0]
            if self._wake_reader in readable:
                os.read(self._wake_reader, 4096)
            self._reap()
            if self._socket.fileno() in readable:
                try:
                    request = self._next_message()
                except _GoneError:
                    self._outlive_runs()
                run = self._fork(request)
                if run is not None:
                    return run

    def _next_message(self) -> Message:
        while b"\n" not in self._received:
            try:
                data = self._socket.recv(65536)
            except (ConnectionError, InterruptedError):
                data = b""
            if not data:
                raise _GoneError
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        message: Message = json.loads(line.decode("utf-8"))
        return message

    def _send(self, message: Message) -> None:
        try:
            self._socket.sendall(json.dumps(message).encode("utf-8") + b"\n")
        except OSError:
            # The host is gone; the next read says so too.
            return

    def _listen_for_children(self) -> None:
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_reader, False)
        os.set_blocking(self._wake_writer, False)
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        for number in (signal.SIGINT, signal.SIGHUP):
            # What ends it is the end of its host.
            signal.signal(number, lambda _number, _frame: None)

    def _fork(self, request: Message) -> Optional[Callable[[], None]]:
        """Fork for a run; return what the child has to do, None in the parent."""
        changed = self._changed_file()
        if changed:
            self._send({"event": "refused", "run": request["run"], "reason": f"{changed} has changed"})
            return None
        sys.stdout.flush()
        sys.stderr.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                return self._in_child(request)
        except OSError as error:
            self._send({"event": "refused", "run": request["run"], "reason": f"no process: {error}"})
            return None
        finally:
            if os.getpid() == self._pid:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        self._children[pid] = time.monotonic()
        try:
            os.setpgid(pid, pid)
        except OSError:
            # It has done so itself, or it has ended already.
            pass
        self._send({"event": "started", "run": request["run"], "pid": pid})
        return None

    def _in_child(self, request: Message) -> Callable[[], None]:
        signal.set_wakeup_fd(-1)
        os.close(self._wake_reader)
        os.close(self._wake_writer)
        self._socket.close()
        try:
            become_run(request, self._exit_calls, self._folders)
        except OSError as error:
            os.write(2, (f"The run cannot start: {error}\n").encode())
            os._exit(126)
        program, arguments = self._program, list(request["arguments"])
        return lambda: run_program(program, arguments, self._inherited)

    def _reap(self) -> None:
        for pid in list(self._children):
            try:
                ended, status, usage = os.wait4(pid, os.WNOHANG)
            except ChildProcessError:
                ended, status, usage = pid, 0, None
            if ended:
                del self._children[pid]
                self._send({"event": "ended", "pid": pid, "status": status, **_used(usage)})

    def _outlive_runs(self) -> None:
        """Wait for the runs that are left, then end: their wandb-core and their parent must not go before them."""
        while self._children:
            select.select([self._wake_reader], [], [], 60.0)
            self._reap()
        os._exit(0)

    def _changed_file(self) -> str:
        now = time.monotonic()
        if now - self._checked_at < _CHECK_SECONDS:
            return ""
        self._checked_at = now
        for path, seen in self._watched.items():
            if _stamp(path) != seen:
                return path
        return ""


def _prepare(program: Message, exit_calls: ExitCalls) -> List[str]:
    """Import ahead what the program will import; return what is worth knowing about it."""
    sys.argv[:] = [program["target"]]
    folder = program["search_folder"]
    if program["adds_folder"]:
        sys.path.insert(0, folder)
    exit_calls.watch()
    notes: List[str] = []
    try:
        reading = _read(program, folder)
        if reading.ended:
            notes.append(f"{reading.ended}: what it imports after that is imported by each run")
        with QuickModuleLookup(), QuickClassBlocks():
            for step in reading.steps:
                _take(step, notes)
            if "wandb" in sys.modules:
                prepare_wandb(lambda name: _import(name, []))
    finally:
        exit_calls.unwatch()
    return notes


def _read(program: Message, folder: str) -> Reading:
    if program["kind"] == "script":
        path = program["target"]
        return read_program(os.path.join(path, "__main__.py") if os.path.isdir(path) else path, folder)
    path, package = _module_file(program["target"])
    if not path:
        return Reading((), "the module {} is not found ahead".format(program["target"]))
    return read_program(path, folder, package)


def _module_file(name: str) -> Tuple[str, str]:
    """Return the file that `python -m NAME` runs, and its package, without importing a part of the program."""
    from importlib.machinery import PathFinder

    package, search = "", None
    parts = name.split(".")
    for position, part in enumerate(parts):
        full = ".".join(parts[: position + 1])
        spec = PathFinder.find_spec(full if search is None else part, search)
        if spec is None:
            return "", ""
        if spec.submodule_search_locations is None:
            return (spec.origin or "", package) if position == len(parts) - 1 else ("", "")
        search, package = list(spec.submodule_search_locations), full
    for folder in search or []:
        path = os.path.join(folder, "__main__.py")
        if os.path.isfile(path):
            return path, package
    return "", ""


def _take(step: Step, notes: List[str]) -> None:
    if step.kind == "set":
        os.environ[step.name] = step.detail[0]
    elif step.kind == "default":
        os.environ.setdefault(step.name, step.detail[0])
    elif _import(step.name, notes):
        module = sys.modules.get(step.name)
        for name in step.detail:
            if module is not None and hasattr(module, "__path__") and not hasattr(module, name):
                _import(step.name + "." + name, notes)


def _import(name: str, notes: List[str]) -> bool:
    try:
        importlib.import_module(name)
    except Exception as error:  # whatever it is, the program will meet it too, and says it in its own way
        notes.append(f"import {name}: {type(error).__name__}: {error}")
        return False
    except SystemExit as error:
        notes.append(f"import {name}: SystemExit: {error}")
        return False
    return True


def _watched_files() -> Dict[str, Tuple[float, int]]:
    """Return the files of all imported modules but those of the interpreter itself, and the folders of packages."""
    interpreter = os.path.dirname(os.__file__)
    files = {path: _stamp(path) for path in sys.path if path.endswith("-packages")}
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or path.startswith(os.path.dirname(os.path.abspath(__file__))):
            continue
        if os.path.dirname(path).startswith(interpreter) and "-packages" not in path:
            continue
        files[path] = _stamp(path)
    return files


def _used(usage: Any) -> Message:
    if usage is None:
        return {}
    return {"max_rss_kb": usage.ru_maxrss, "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3)}


def _stamp(path: str) -> Tuple[float, int]:
    try:
        status = os.stat(path)
    except OSError:
        return (0.0, -1)
    return (status.st_mtime, status.st_size)
