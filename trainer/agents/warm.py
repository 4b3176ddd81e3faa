"""Whether a host's runs start warm, and the process they are forked from: started, replaced, given up with a reason."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from trainer.agents.host_files import RunStarts
from trainer.agents.log_tail import last_line
from trainer.agents.process import RunProcess, open_log
from trainer.agents.python_command import (
    PythonCommand,
    python_command,
    reason_against_warm,
    resolved_interpreter,
)
from trainer.agents.warm_process import RefusedError, WarmProcess, spawn_bootstrap
from trainer.errors import ProgramError
from trainer.records import Json

CHOICE_VARIABLE = "SWEEP_TUI_START"
"""`fresh` or `warm`: for all sweeps in the environment, for one sweep as an assignment behind `${env}`."""
_PREPARE_SECONDS = 300.0
_MAX_LOSSES = 5
_LOSSES_SECONDS = 3600.0
"""A process that was lost is replaced, but not for the fifth time within an hour."""
_LATE_VARIABLES = (
    "WANDB_", "SWEEP_TUI_", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK", "TPU_VISIBLE_",
)  # fmt: skip
"""Variables, by how they begin, that are read when they are needed and not when a library is imported."""


class Reporter(Protocol):
    """Takes an event for the host's record."""

    def __call__(self, event: str, **details: Json) -> None:
        """Append it."""


@dataclass(frozen=True)
class RunRequest:
    """All of one run's start."""

    run_id: str
    argv: tuple[str, ...]
    environ: Mapping[str, str]
    cwd: Path
    log_path: Path
    on_exit: Callable[[], None]


class WarmStarts:
    """Keeps the process from which a host's runs are forked. Any thread may call it."""

    def __init__(
        self, *, log_path: Path, report: Reporter, on_change: Callable[[], None], platform_reason: str | None = None
    ) -> None:
        """Prepare; `begin` starts something.

        Args:
            log_path: What the bootstrap process prints.
            report: Receives events.
            on_change: Called when `is_settled` or `starts` has changed.
            platform_reason: Why this platform has no warm starts; None to look.
        """
        self._log_path = log_path
        self._report = report
        self._on_change = on_change
        self._platform_reason = reason_against_warm() if platform_reason is None else platform_reason
        self._lock = threading.Lock()
        self._command: PythonCommand | None = None
        self._environ: Mapping[str, str] = {}
        self._cwd = Path()
        self._process: WarmProcess | None = None
        self._starts = RunStarts(mode="fresh")
        self._losses: list[float] = []
        self._closed = False
        self._watchdog: threading.Timer | None = None

    @property
    def starts(self) -> RunStarts:
        """Return how runs start now, with which interpreter, and why not warm."""
        return self._starts

    @property
    def is_settled(self) -> bool:
        """Whether it is decided how the next run starts: not while imports are under way for the first time."""
        return self._starts.mode != "warming"

    def begin(
        self,
        argv: tuple[str, ...],
        environ: Mapping[str, str],
        cwd: Path,
        *,
        fresh: bool,
        adopted: tuple[socket.socket, int] | None = None,
    ) -> None:
        """Decide for the command of a sweep, and start to prepare if its runs can be warm.

        Args:
            argv: The command of any run.
            environ: What all runs share of their environment.
            cwd: Folder the runs start in.
            fresh: Whether the user chose a fresh process for each run.
            adopted: A process that is at it already, made from the same command and environment: socket and pid.
        """
        command = python_command(argv)
        if isinstance(command, str):
            self._settle(RunStarts("fresh", reason=command))
            return
        self._environ = {**environ, **command.variables}
        interpreter = resolved_interpreter(command, self._environ, cwd)
        chosen = command.variables.get(CHOICE_VARIABLE, "fresh" if fresh else "")
        reason = "it was chosen" if chosen == "fresh" else self._platform_reason
        if not interpreter:
            reason = f"{command.interpreter} is not on PATH"
        self._starts = RunStarts("fresh", python=interpreter, reason=reason)
        if reason:
            self._settle(self._starts)
            return
        self._command, self._cwd = command, cwd
        with self._lock:
            if adopted is None:
                self._spawn()
            else:
                self._take(WarmProcess(*adopted, popen=None, on_change=self._process_changed))
        self._on_change()

    def start(self, request: RunRequest) -> RunProcess | None:
        """Fork a run; None when it has to be started fresh.

        Raises:
            ProgramError: If its log cannot be written.
        """
        with self._lock:
            process = self._process
        if process is None or not process.is_ready:
            if self._starts.mode == "warm":
                # One was lost or outdated; the next is at its imports.
                self._report("run_started_fresh", run_id=request.run_id, reason="imports are under way again")
            return None
        command = python_command(request.argv)
        if command != self._command or isinstance(command, str):
            self._report("run_started_fresh", run_id=request.run_id, reason="its command differs from the others")
            return None
        environ = {**request.environ, **command.variables}
        differing = self._differing(environ)
        if differing:
            self._report("run_started_fresh", run_id=request.run_id, reason=f"its {differing} differs")
            return None
        open_log(request.log_path).close()
        try:
            return process.fork(
                request.run_id, command.arguments, environ, request.cwd, request.log_path, request.on_exit
            )
        except RefusedError as error:
            self._report("run_started_fresh", run_id=request.run_id, reason=str(error))
            self._replace(process)
            return None

    def close(self) -> None:
        """Fork no more. A process that still has runs ends after them."""
        with self._lock:
            self._closed = True
            process, self._process = self._process, None
            self._stop_watchdog()
        if process is not None:
            if process.ready is None:
                process.kill()
            else:
                process.retire()

    def _differing(self, environ: Mapping[str, str]) -> str:
        names = {name for name in environ.keys() | self._environ.keys() if not name.startswith(_LATE_VARIABLES)}
        return next((name for name in sorted(names) if environ.get(name) != self._environ.get(name)), "")

    def _spawn(self) -> None:
        """Start a process; the lock is held."""
        assert self._command is not None
        python = self._starts.python
        try:
            popen, connection = spawn_bootstrap(self._command, python, self._environ, self._cwd, self._log_path)
        except (ProgramError, OSError) as error:
            self._process = None
            self._settle(RunStarts("fresh", python=python, reason=str(error)))
            return
        self._take(WarmProcess(connection, popen.pid, popen=popen, on_change=self._process_changed))

    def _take(self, process: WarmProcess) -> None:
        self._process = process
        if self._starts.mode != "warm":
            self._starts = RunStarts("warming", python=self._starts.python)
        process.listen()
        self._watchdog = threading.Timer(_PREPARE_SECONDS, self._took_too_long, [self._process])
        self._watchdog.daemon = True
        self._watchdog.start()

    def _stop_watchdog(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None

    def _took_too_long(self, process: WarmProcess) -> None:
        process.unfit_because = f"its imports took longer than {_PREPARE_SECONDS:g} s"
        process.kill()

    def _replace(self, process: WarmProcess) -> None:
        """Give a process up, and prepare another in the background; until then runs start fresh."""
        with self._lock:
            if self._process is not process or self._closed:
                return
            process.retire()
            self._stop_watchdog()
            self._spawn()

    def _process_changed(self, process: WarmProcess) -> None:
        with self._lock:
            if process is not self._process or self._closed:
                return
            self._stop_watchdog()
            if process.unfit_because:
                self._give_up(process.unfit_because)
            elif not process.has_ended and process.ready is not None:
                details = {
                    name: process.ready[name] for name in ("python", "version", "seconds", "cpu_seconds", "notes")
                }
                # Reported first: whoever sees the state finds the event.
                self._report("warm", pid=process.pid, **details)
                self._starts = RunStarts(
                    "warm", python=str(process.ready["python"]), version=str(process.ready["version"])
                )
            elif process.ready is None:
                said = last_line(self._log_path)
                self._give_up("its preparation ended" + (f": {said}" if said else ""))
            else:
                self._report("warm_process_lost", pid=process.pid)
                now = time.monotonic()
                self._losses = [at for at in self._losses if now - at < _LOSSES_SECONDS] + [now]
                if len(self._losses) < _MAX_LOSSES:
                    self._spawn()
                else:
                    self._give_up(f"the process that runs are forked from was lost {_MAX_LOSSES} times within an hour")
        self._on_change()

    def _give_up(self, reason: str) -> None:
        self._process = None
        self._settle(RunStarts("fresh", python=self._starts.python, version=self._starts.version, reason=reason))

    def _settle(self, starts: RunStarts) -> None:
        self._report("fresh", python=starts.python, reason=starts.reason)
        self._starts = starts


def chosen_fresh(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether the environment asks for fresh processes."""
    return environ.get(CHOICE_VARIABLE) == "fresh"
