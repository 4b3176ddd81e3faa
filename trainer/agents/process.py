"""One run's process: a group of its own, no stdin, output to a file, and a stop that gets firmer with time.

`FreshRun` starts a new program; `trainer.agents.warm` forks one from a process that has its imports done already.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from trainer.agents.leftovers import end_leftovers, find_leftovers
from trainer.agents.log_tail import last_line
from trainer.errors import ProgramError
from trainer.process_identity import process_start

StopStep = tuple[signal.Signals, float]
"""A signal to the group, and the seconds to wait for it to work."""

ASK, TERMINATE, KILL = signal.SIGINT, signal.SIGTERM, signal.SIGKILL
_FIRMNESS = (ASK, TERMINATE, KILL)
_DONE = {ASK: "asked", TERMINATE: "terminated", KILL: "killed"}
_TO_COME = {ASK: "asks", TERMINATE: "terminates", KILL: "kills"}


@dataclass(frozen=True)
class StopState:
    """How far a stop has come."""

    done: str
    """The last step: `asked`, `terminated`, `killed`."""
    next_step: str = ""
    """The step after it: `terminates`, `kills`; empty for none."""
    next_at: float = 0.0
    """When that is due, by the monotonic clock."""


@dataclass(frozen=True)
class LeftoverReport:
    """What a run left behind, and what became of it."""

    names: tuple[str, ...] = ()
    how: str = ""
    """`terminated` or `killed`; empty where it ended by itself, `kept` where it may go on."""


class RunProcess:
    """A started program, however it was started: its signals, its end, what it printed."""

    pid: int
    start: str
    """Tells it from a later process with its pid."""

    def __init__(self, log_path: Path, on_exit: Callable[[], None], run_id: str = "") -> None:
        """Prepare for a program.

        Args:
            log_path: Receives its output; appended to, since a resumed run has one already.
            on_exit: Called once from another thread when the program has ended.
            run_id: What its processes have as WANDB_RUN_ID; empty if nothing.
        """
        self.log_path = log_path
        self.keeps_leftovers = False
        """Whether what it leaves behind may go on; looked at when that has had some time to end by itself."""
        self.leftovers: Future[LeftoverReport] = Future()
        """What it left behind; set when that has ended."""
        self._run_id = run_id
        self._on_exit = on_exit
        self._steps: list[StopStep] = []
        self._next_step_at = 0.0
        self._last_sent: signal.Signals | None = None
        self._code: int | None = None
        self.usage: Mapping[str, float] = {}
        """What it used, once it has ended, where that is known: `max_rss_kb`, `cpu_seconds`."""
        self._ended = threading.Event()

    def _has_ended(self, code: int) -> None:
        """Take note of the end; called once, by what waited for it."""
        self._code = code
        # Not a daemon, as the thread that starts it is: the host waits for it. It is there before anyone can know that
        # the program ended.
        threading.Thread(target=self._end_leftovers, name=f"leftovers-{self.pid}", daemon=False).start()
        self._ended.set()
        self._on_exit()

    def _end_leftovers(self) -> None:
        found, how = find_leftovers(self.pid, self._run_id), ""
        if not self.keeps_leftovers:
            ended_well = self._code == 0 and not self.stop_requested
            how = end_leftovers(self.pid, found, ended_well=ended_well)
        elif any(each.is_there for each in found):
            how = "kept"
        self.leftovers.set_result(LeftoverReport(tuple(map(str, found)), how))

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self._code if self._ended.is_set() else None

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for the end; return whether it came in time."""
        return self._ended.wait(timeout_seconds)

    @property
    def stop_requested(self) -> bool:
        """Whether it was told to stop, however it ends."""
        return self._last_sent is not None or bool(self._steps)

    def begin_stop(self, steps: Sequence[StopStep]) -> None:
        """Start to stop it; a stop under way gives place only to one that begins with a firmer signal."""
        if self._last_sent and _FIRMNESS.index(steps[0][0]) <= _FIRMNESS.index(self._last_sent):
            return
        self._steps = list(steps)
        self._next_step_at = 0.0

    def advance_stop(self) -> float | None:
        """Send the next signal if it is due; return the seconds until the one after, None when there is none."""
        if self.exit_code is not None or not self._steps:
            return None
        now = time.monotonic()
        if now >= self._next_step_at:
            number, patience = self._steps.pop(0)
            self._last_sent = number
            self.send(number)
            self._next_step_at = now + patience
            if not self._steps:
                return None
        return self._next_step_at - now

    @property
    def stop_state(self) -> StopState | None:
        """How far a stop has come; None before its first step."""
        if self._last_sent is None:
            return None
        if not self._steps:
            return StopState(_DONE[self._last_sent])
        return StopState(_DONE[self._last_sent], _TO_COME[self._steps[0][0]], self._next_step_at)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the group, if the program still runs."""
        if self.exit_code is None:
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                # It ended between the look and the signal; the waiting thread is about to say so.
                return

    def last_line(self) -> str:
        """Return the last line it printed that is not blank."""
        return last_line(self.log_path)


class FreshRun(RunProcess):
    """A program started anew. Its own thread waits for it, so that its end is noticed at once and costs nothing."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        environ: Mapping[str, str],
        cwd: Path,
        log_path: Path,
        on_exit: Callable[[], None],
        run_id: str = "",
    ) -> None:
        """Start the program.

        Args:
            argv: Program and arguments.
            environ: All of its environment.
            cwd: Folder it starts in.
            log_path: As `RunProcess`.
            on_exit: As `RunProcess`.
            run_id: As `RunProcess`.

        Raises:
            ProgramError: If it cannot be started.
        """
        super().__init__(log_path, on_exit, run_id)
        if not argv:
            raise ProgramError("The sweep's command is empty.", hint="Name a program, or a command that starts one.")
        log = open_log(log_path)
        try:
            with log:
                self._popen = subprocess.Popen(
                    list(argv),
                    env=dict(environ),
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    process_group=0,
                )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise ProgramError(
                f"{argv[0]!r} cannot be started in {cwd}: {reason}.", hint="Check the sweep's `command`."
            ) from error
        self.pid = self._popen.pid
        self.start = process_start(self.pid)
        threading.Thread(target=self._wait, name=f"wait-{self.pid}", daemon=True).start()

    def _wait(self) -> None:
        _, status, used = os.wait4(self.pid, 0)
        code = self._popen.returncode = os.waitstatus_to_exitcode(status)
        rss_kb = used.ru_maxrss // 1024 if sys.platform == "darwin" else used.ru_maxrss
        self.usage = {"max_rss_kb": rss_kb, "cpu_seconds": round(used.ru_utime + used.ru_stime, 3)}
        self._has_ended(code)


def open_log(path: Path) -> BinaryIO:
    """Open a run's log for appending.

    Raises:
        ProgramError: If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab")
    except OSError as error:
        raise ProgramError(
            f"The run's log {path} cannot be written: {error.strerror or error}.", hint="Check the disk and its rights."
        ) from error
