"""The run that a slot has now: its process, its life's number, its timeout, and why it failed if it did."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trainer.agents.failures import ExitFacts, Failure, classify
from trainer.agents.host_life import Retry
from trainer.agents.log_tail import last_line, read_tail
from trainer.agents.memory import kernel_kills, memory_bytes
from trainer.agents.process import RunProcess, StopStep
from trainer.durations import short_duration
from trainer.records import LocalAgent

_ROOM_BYTES = 256 * 2**20
"""A disk with less room than this is taken for full."""


@dataclass(frozen=True)
class RunEnd:
    """How a run ended."""

    exit_code: int
    seconds: float
    failure: Failure | None
    """None if it did not fail: it ended well, or was stopped on purpose."""
    last_line: str


class SlotRun:
    """A started run."""

    def __init__(self, retry: Retry, start: Callable[[], RunProcess], log_path: Path, timeout: float | None) -> None:
        """Start it.

        Args:
            retry: The run, and which life of it this is.
            start: Starts its process; raises what that raises.
            log_path: Where its output will go; what is there already is of other lives.
            timeout: Seconds it may take; None for as long as it likes.
        """
        self.retry = retry
        self._timeout = timeout
        self._kills_before = kernel_kills()
        self._log_start = _size(log_path)
        self.process = start()
        self._started_at = time.monotonic()
        self._timed_out = False

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.retry.command.run_id

    def last_line(self) -> str:
        """Return the last line that this life of it printed."""
        return last_line(self.process.log_path, self._log_start)

    def advance(self, ladder: list[StopStep]) -> float | None:
        """Do what is due of its timeout and of a stop; return the seconds to the next, None when nothing is to come.

        Args:
            ladder: How it is stopped when it has overrun its timeout.
        """
        if self._timeout is None or self.process.stop_requested:
            return self.process.advance_stop()
        left = self._started_at + self._timeout - time.monotonic()
        if left > 0:
            return left
        self._timed_out = True
        self.process.begin_stop(ladder)
        return self.process.advance_stop()

    @property
    def is_overdue(self) -> bool:
        """Whether it was stopped because of its timeout."""
        return self._timed_out

    @property
    def is_stopped(self) -> bool:
        """Whether it was stopped, for whatever reason."""
        return self.process.stop_requested

    def end(self, metric_problem: Callable[[str], str]) -> RunEnd | None:
        """Return how it ended; None while it runs.

        Args:
            metric_problem: Says what is wrong with the metric of a run that ended well, by its id; empty if nothing is.
        """
        code = self.process.exit_code
        if code is None:
            return None
        seconds = time.monotonic() - self._started_at
        stopped = self.process.stop_requested and not self._timed_out
        problem = metric_problem(self.run_id) if code == 0 and not stopped and not self._timed_out else ""
        failed = not stopped and (code != 0 or self._timed_out or bool(problem))
        failure = None
        if failed:
            failure = classify(code, read_tail(self.process.log_path, self._log_start), self._facts(problem))
        return RunEnd(code, seconds, failure, self.last_line())

    def _facts(self, metric_problem: str) -> ExitFacts:
        return ExitFacts(
            run_id=self.run_id,
            timeout=short_duration(self._timeout) if self._timed_out and self._timeout else "",
            kernel_kills=max(kernel_kills() - self._kills_before, 0),
            max_rss_bytes=int(self.process.usage.get("max_rss_kb", 0)) * 1024,
            memory_bytes=memory_bytes(),
            metric_problem=metric_problem,
        )


def with_stop(record: LocalAgent, process: RunProcess | None) -> LocalAgent:
    """Return the record of a slot with how far the stop of its run has come."""
    state = process.stop_state if process is not None else None
    if state is None:
        return record if not record.stopping else replace(record, stopping="", next_stop_step="", next_stop_at=None)
    if state.done == record.stopping and state.next_step == record.next_stop_step:
        return record
    at = datetime.now(UTC) + timedelta(seconds=state.next_at - time.monotonic()) if state.next_step else None
    return replace(record, stopping=state.done, next_stop_step=state.next_step, next_stop_at=at)


def has_room(*folders: Path) -> bool:
    """Return whether the disks of folders have room for a run; a folder that is gone is not looked at."""
    for folder in folders:
        try:
            disk = os.statvfs(folder)
        except OSError:
            continue
        if disk.f_bavail * disk.f_frsize < _ROOM_BYTES:
            return False
    return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
