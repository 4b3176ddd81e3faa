"""What a host that crashed left behind: its runs are ended, and their orders go to another host of the sweep.

Who comes first does it (the crashed host's own guard, a window that looks, the next host), one at a time.
"""

from __future__ import annotations

import dataclasses
import fcntl
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainer.agents.host_files import HostFiles, SlotStatus
from trainer.agents.orders import Inheritance, Order, OrderBook, inheritances
from trainer.errors import AgentError
from trainer.paths import agents_dir
from trainer.process_identity import is_running, signal_group
from trainer.records import SweepReference
from trainer.states import AgentState

CRASHED = "The agents' process ended unexpectedly; its runs were ended."
_LEFTOVER_SECONDS = 10.0
"""Patience with runs that a crashed host left behind, before they are killed."""
_POLL_SECONDS = 0.05


def folder_prefix(reference: SweepReference) -> str:
    """Return how the names of a sweep's host folders begin."""
    return re.sub(r"[^A-Za-z0-9_.]", "_", reference.id) + "--"


def end_leftovers(files: HostFiles) -> bool:
    """Go one step in ending what a host that is gone left behind; return whether nothing is left.

    The host must not run. One caller at a time does it; for the others something is left until that one is done.
    """
    with _turn(files.directory) as is_ours:
        return is_ours and _end_leftovers(files)


def end_all_leftovers(files: HostFiles) -> None:
    """End what a host that is gone left behind, however long it takes."""
    while not end_leftovers(files):
        time.sleep(_POLL_SECONDS)


class Heir:
    """Looks for crashed hosts of a sweep on behalf of a living one, and takes over what they had to do."""

    def __init__(self, reference: SweepReference, files: HostFiles) -> None:
        self._reference = reference
        self._files = files
        self._known: dict[Path, tuple[int, str]] = {}
        self._settled: set[Path] = {files.directory}

    def claim(self) -> list[Inheritance]:
        """Return what was found and is ours now; waits for the runs that are ended for it."""
        found: list[Inheritance] = []
        for directory in sorted(agents_dir().glob(f"{folder_prefix(self._reference)}*")):
            if directory not in self._settled and self._is_gone(directory):
                found += self._claim_from(directory)
        return found

    def _is_gone(self, directory: Path) -> bool:
        if directory not in self._known:
            try:
                spec = HostFiles(directory).read_spec()
            except AgentError:
                return False
            if spec.reference != self._reference:
                self._settled.add(directory)
                return False
            if not spec.pid:  # about to be started
                return False
            self._known[directory] = (spec.pid, spec.process_start)
        return not is_running(*self._known[directory])

    def _claim_from(self, directory: Path) -> list[Inheritance]:
        files, book = HostFiles(directory), OrderBook(directory)
        try:
            if book.is_empty and not any(status.orphaned or is_at_work(status) for status in files.read_state()):
                self._settled.add(directory)
                return []
            with _turn(directory) as is_ours:
                if not is_ours:
                    return []  # somebody is at it: next time
                while not _end_leftovers(files):
                    time.sleep(_POLL_SECONDS)
                statuses = files.read_state()
                orders: list[Order] = OrderBook(self._files.directory).take_from(book)
                agents = [status.agent.agent_id for status in statuses if status.orphaned and status.agent.agent_id]
                files.write_state([dataclasses.replace(status, orphaned=False) for status in statuses])
        except (AgentError, OSError):
            # A folder that cannot be read or written: what is in it is lost to us.
            self._settled.add(directory)
            return []
        self._settled.add(directory)
        return inheritances(orders, agents)


def is_at_work(status: SlotStatus) -> bool:
    """Return whether a slot was last said to have something to do."""
    return not status.agent.state.is_terminal or bool(status.child_pid)


def _end_leftovers(files: HostFiles) -> bool:
    statuses = files.read_state()
    if not any(map(is_at_work, statuses)):
        return True
    is_firm = files.stop_path.exists() and time.time() - files.stop_path.stat().st_mtime > _LEFTOVER_SECONDS
    number = signal.SIGKILL if is_firm else signal.SIGTERM
    left = [status for status in statuses if signal_group(status.child_pid, status.child_start, number)]
    if left:
        if not files.stop_path.exists():
            files.stop_path.touch()
        return False
    files.write_state([_ended(status) for status in statuses])
    return True


def _ended(status: SlotStatus) -> SlotStatus:
    """Return the status of a slot whose host crashed."""
    agent = status.agent
    if agent.state.is_terminal:
        return SlotStatus(agent, orphaned=status.orphaned)
    agent = dataclasses.replace(
        agent,
        state=AgentState.FAILED,
        run_id="",
        run_started_at=None,
        last_line=CRASHED,
        draining=False,
        runs_waiting=0,
        waits_until=None,
        stopping="",
        next_stop_at=None,
    )
    return SlotStatus(agent, orphaned=True)


@contextmanager
def _turn(directory: Path) -> Iterator[bool]:
    """Hold the right to clean up a folder; yields False where another process has it."""
    descriptor = os.open(directory / "cleanup.lock", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)
