"""One run's process: a group of its own, no stdin, output to a file, and a stop that gets firmer with time.

`FreshRun` starts a new program; `trainer.agents.warm` forks one from a process that has its imports done already.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from trainer.errors import ProgramError
from trainer.process_identity import process_start

StopStep = tuple[signal.Signals, float]
"""A signal to the group, and the seconds to wait for it to work."""

ASK, TERMINATE, KILL = signal.SIGINT, signal.SIGTERM, signal.SIGKILL
_FIRMNESS = (ASK, TERMINATE, KILL)
_TAIL_BYTES = 16_384
_LEFTOVER_SECONDS = 5.0
"""How long what a failed or stopped program left in its group may go on: the SDK's uploads end by themselves."""
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_SDK_PREFIX = "wandb:"
"""Begins what the SDK prints around a run: where its page is, where its logs are."""


class RunProcess:
    """A started program, however it was started: its signals, its end, what it printed."""

    pid: int
    start: str
    """Tells it from a later process with its pid."""

    def __init__(self, log_path: Path, on_exit: Callable[[], None]) -> None:
        """Prepare for a program.

        Args:
            log_path: Receives its output; appended to, since a resumed run has one already.
            on_exit: Called once from another thread when the program has ended.
        """
        self.log_path = log_path
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
        if code != 0 or self.stop_requested:
            # Not a daemon: the host waits for it, and it is there before anyone can know that the program ended.
            threading.Thread(target=_end_leftovers, args=(self.pid,), name=f"leftovers-{self.pid}").start()
        self._ended.set()
        self._on_exit()

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
    ) -> None:
        """Start the program.

        Args:
            argv: Program and arguments.
            environ: All of its environment.
            cwd: Folder it starts in.
            log_path: As `RunProcess`.
            on_exit: As `RunProcess`.

        Raises:
            ProgramError: If it cannot be started.
        """
        super().__init__(log_path, on_exit)
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
        self._has_ended(self._popen.wait())


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


def last_line(path: Path) -> str:
    """Return the last line of a file that says something; empty when there is none.

    What the SDK prints counts only where the program printed nothing.
    """
    try:
        with path.open("rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(stream.tell() - _TAIL_BYTES, 0))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    # A carriage return rewrites the line, as progress bars do: what stands is what came last.
    lines = [line.strip() for line in _ESCAPES.sub("", text).replace("\r", "\n").split("\n")]
    said = [line for line in lines if line]
    own = [line for line in said if not line.startswith(_SDK_PREFIX)]
    return (own or said or [""])[-1]


def _end_leftovers(group: int) -> None:
    """Kill what a program that has ended left in its group: it would go on to hold memory and GPUs."""
    deadline = time.monotonic() + _LEFTOVER_SECONDS
    try:
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.1)
        os.killpg(group, KILL)
    except (ProcessLookupError, PermissionError):
        # Nothing of the program is left. (A group keeps its number from others while it has members.)
        return


def describe_exit(code: int) -> str:
    """Return how a program ended, in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"
