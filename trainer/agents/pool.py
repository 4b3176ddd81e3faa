"""Start agent hosts on this machine, find them again, stop them. The hosts do the work; this only looks after them."""

from __future__ import annotations

import dataclasses
import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from trainer.agents.crashed import end_leftovers, folder_prefix, is_at_work
from trainer.agents.devices import DevicePlan
from trainer.agents.early import EarlyStart
from trainer.agents.environment import host_environment, interpreter_folder
from trainer.agents.host_files import HostFiles, HostSpec, RunStarts
from trainer.agents.log_tail import last_line
from trainer.agents.orders import OrderBook
from trainer.agents.policy import RunPolicy
from trainer.agents.requests import HostRequest, Outcome, outcome, submit
from trainer.agents.warm import chosen_fresh
from trainer.errors import AgentError
from trainer.paths import agents_dir
from trainer.process_identity import is_running, process_start, wait_for_end
from trainer.records import LocalAgent, SweepRecord, SweepReference
from trainer.settings import Connection
from trainer.states import AgentState

logger = logging.getLogger(__name__)

_START_SECONDS = 30.0
_KEPT_SECONDS = 7 * 24 * 3600.0
"""Folders of hosts that ended longer ago are removed, with their logs; the runs themselves are on the server."""
_FAILURES_SHOWN_SECONDS = 600.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class AgentHost:
    """A process with one or more agents for one sweep."""

    directory: Path
    pid: int
    reference: SweepReference
    slots: int
    process_start: str = field(default="", repr=False)
    """Tells the host from a later process with its pid."""
    _popen: subprocess.Popen[bytes] | None = field(default=None, repr=False, compare=False)
    """Set in the process that started it, which has to reap it."""

    def agents(self) -> tuple[LocalAgent, ...]:
        """Return what its slots do, or did last."""
        return tuple(status.agent for status in HostFiles(self.directory).read_state())

    def named_agents(self) -> tuple[LocalAgent, ...]:
        """Return its agents with how it starts their runs."""
        starts = self.starts()
        short = starts.short if starts is not None else ""
        return tuple(dataclasses.replace(agent, starts=short) for agent in self.agents())

    def starts(self) -> RunStarts | None:
        """Return how its runs start; None before it has decided."""
        return HostFiles(self.directory).read_starts()

    def policy(self) -> RunPolicy:
        """Return how its runs may go, and what it does when they do not.

        Raises:
            AgentError: If its folder is gone.
        """
        return HostFiles(self.directory).read_spec().policy

    def note(self) -> str:
        """Return why it asks for no more runs; empty while it does."""
        return HostFiles(self.directory).read_note()

    def is_alive(self) -> bool:
        """Return whether the host's process runs."""
        if self._popen is not None and self._popen.poll() is not None:
            return False
        return is_running(self.pid, self.process_start)

    def request_stop(self) -> None:
        """Ask runs to end, and the host to leave after them; it terminates, then kills, what does not.

        Asked again, it skips the next step of waiting. Returns at once; `wait` waits.
        """
        if self.is_alive():
            try:
                os.kill(self.pid, signal.SIGTERM)
            except ProcessLookupError:
                # It ended between the look and the signal.
                return

    @property
    def id(self) -> str:
        """Names the host among those of this machine."""
        return self.directory.name.rpartition("-")[2]

    def ask_and_wait(self, request: HostRequest) -> Outcome:
        """Ask for something else, and return what the host did.

        Raises:
            AgentError: As `ask`, or if the host refused.
        """
        return outcome(self.directory, self.ask(request), self.is_alive)

    def ask(self, request: HostRequest) -> Path:
        """Ask for something else; return the request's file, which is gone when the host has obeyed.

        Raises:
            AgentError: If the host has ended, is of a version that takes no requests, or cannot be told.
        """
        files = HostFiles(self.directory)
        if not self.is_alive():
            raise AgentError(f"The agents of sweep {self.reference} have ended.", hint="Start new ones.")
        if not files.takes_requests():
            raise AgentError(
                f"The agents of sweep {self.reference} (process {self.pid}) are just starting, or of another version.",
                hint="Try again, or stop them and start new ones.",
            )
        path = submit(self.directory, request)
        try:
            os.kill(self.pid, signal.SIGUSR1)
        except ProcessLookupError as error:
            path.unlink(missing_ok=True)
            raise AgentError(f"The agents of sweep {self.reference} have ended.", hint="Start new ones.") from error
        return path

    def working_slots(self) -> int:
        """Return how many of its slots take runs: not those that have left, or leave after their run."""
        agents = self.agents()
        if not agents:
            return self.slots
        return sum(not agent.state.is_terminal and not agent.draining for agent in agents)

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for the host to end; return whether it did in time."""
        ended = wait_for_end(self.pid, self.process_start, timeout_seconds)
        if ended and self._popen is not None:
            self._popen.poll()
        return ended

    @property
    def log_path(self) -> Path:
        """What the host itself prints; a run's log is with its agent."""
        return HostFiles(self.directory).log_path


def start_agents(
    connection: Connection,
    sweep: SweepRecord,
    slots: int,
    *,
    count: int | None = None,
    cwd: Path,
    fresh: bool | None = None,
    early: EarlyStart | None = None,
    devices: DevicePlan | None = None,
    live: bool = False,
    policy: RunPolicy | None = None,
) -> AgentHost:
    """Start agents for a sweep in the background, and return when they are at work.

    Args:
        connection: The sweep's server.
        sweep: What to work on.
        slots: Agents, each of which runs one run at a time; at least 1.
        count: Runs to start in all; None for as many as the server gives.
        cwd: Folder the runs start in.
        fresh: Whether each run is a new process; None for what the environment says, else warm where it can be.
        early: What `begin_early` began for the same configuration; it is used up.
        devices: What each slot may use; None to leave GPUs and threads as they are.
        live: Whether metrics are to arrive within a second also where the server is not the embedded one.
        policy: How runs may go, and what is done when they do not; None for the defaults.

    Raises:
        AgentError: If they do not start; the message names the sweep.
    """
    if slots < 1:
        raise ValueError(f"{slots} agents cannot be started")
    _remove_old_folders()
    name = f"{folder_prefix(sweep.reference)}{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    files = HostFiles(agents_dir() / name)
    spec = HostSpec(
        reference=sweep.reference,
        config=sweep.config,
        kind=connection.kind,
        base_url=connection.base_url,
        slots=slots,
        count=count,
        cwd=cwd.resolve(),
        interpreter_folder=interpreter_folder(os.environ, cwd.resolve()),
        fresh=chosen_fresh() if fresh is None else fresh,
        devices=devices.slots if devices else (),
        device_wish=devices.wish if devices else None,
        cpu_threads=devices.cpu_threads if devices else 0,
        live=live,
        data_dir=connection.data_dir,
        policy=policy or RunPolicy(),
    )
    try:
        files.directory.mkdir(parents=True, mode=0o700)
        files.write_spec(spec)
        popen = _start_process(files, connection, early)
        spec = dataclasses.replace(spec, pid=popen.pid, process_start=process_start(popen.pid))
        files.write_spec(spec)
    except OSError as error:
        raise AgentError(
            f"Agents for sweep {sweep.reference} could not be started: {error.strerror or error}.",
            hint=f"Check {agents_dir()}.",
        ) from error
    if early is not None:
        early.handed_over()
    host = AgentHost(files.directory, spec.pid, spec.reference, spec.slots, spec.process_start, popen)
    try:
        _wait_until_at_work(host, files)
        if devices is not None:
            devices.release()
    except BaseException:  # an interrupt too: nobody will be told of this host, so nobody could stop it
        host.request_stop()
        raise
    return host


def live_hosts(reference: SweepReference | None = None) -> list[AgentHost]:
    """Return the hosts that run on this machine, oldest first, of one sweep or (None) of all.

    Runs that a crashed host left behind are ended on the way.
    """
    return [host for host in _hosts(reference) if host.is_alive() or _clean_up(host)]


def recent_hosts() -> list[AgentHost]:
    """Return the hosts of the last days, oldest first, alive or not; runs that crashed ones left are ended."""
    live_hosts()
    return [host for host in _hosts(None) if host.pid]


def has_work_left(host: AgentHost) -> bool:
    """Return whether a host that is gone had something to do that no other has taken over."""
    statuses = HostFiles(host.directory).read_state()
    return not OrderBook(host.directory).is_empty or any(status.orphaned or is_at_work(status) for status in statuses)


def local_agents(reference: SweepReference) -> tuple[LocalAgent, ...]:
    """Return the agents of a sweep on this machine; without live ones, those that failed not long ago."""
    hosts = _hosts(reference)
    alive = [host for host in hosts if host.is_alive() or _clean_up(host)]
    if alive:
        return tuple(agent for host in alive for agent in host.named_agents())
    recent = [host for host in hosts if _seconds_since_written(host) < _FAILURES_SHOWN_SECONDS]
    return tuple(agent for host in recent for agent in host.agents() if agent.state is AgentState.FAILED)


def known_agents(reference: SweepReference) -> tuple[LocalAgent, ...]:
    """Return what `local_agents` does, how they start runs, and those of ended hosts that know why runs failed."""
    working = local_agents(reference)
    pids = {agent.host_pid for agent in working}
    told: list[LocalAgent] = []
    for host in _hosts(reference):
        try:
            told += [agent for agent in host.agents() if agent.failures] if host.pid not in pids else []
        except AgentError as error:
            # What a host that has ended left behind is worth a look, and no more.
            logger.debug("%s", error)
    return (*told, *working)


def _start_process(files: HostFiles, connection: Connection, early: EarlyStart | None) -> subprocess.Popen[bytes]:
    # From the folder that holds the package, `-m` finds it whether it is installed or a checkout, without a
    # PYTHONPATH that the runs would inherit. The runs' own folder is in host.json.
    descriptors = [early.connection.fileno()] if early else []
    adopted = [str(descriptors[0]), str(early.popen.pid)] if early else []
    if early is not None:
        early.log_path.replace(files.warm_log_path)
    with files.log_path.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "trainer.agents.host", str(files.directory), *adopted],
            pass_fds=descriptors,
            cwd=Path(__file__).resolve().parents[2],
            env=host_environment(os.environ, connection.api_key),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_until_at_work(host: AgentHost, files: HostFiles) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not files.state_path.exists():
        if not host.is_alive() or time.monotonic() >= deadline:
            if files.state_path.exists():  # it was at work, and has ended, since it was looked at
                return
            raise AgentError(
                f"Agents for sweep {host.reference} could not be started: {last_line(files.log_path) or 'no answer'}",
                hint=f"See {files.log_path}.",
            )
        time.sleep(_POLL_SECONDS)


def _hosts(reference: SweepReference | None) -> list[AgentHost]:
    pattern = f"{folder_prefix(reference)}*" if reference else "*--*"
    hosts = []
    for directory in sorted(agents_dir().glob(pattern)):
        try:
            spec = HostFiles(directory).read_spec()
        except AgentError as error:
            # Half-made by a starter that crashed: no host ever ran there.
            logger.debug("%s", error)
            continue
        if reference in (None, spec.reference):
            hosts.append(AgentHost(directory, spec.pid, spec.reference, spec.slots, spec.process_start))
    return hosts


def _clean_up(host: AgentHost) -> bool:
    """End what a host that is gone left behind, and note the end; always return False: it is not alive."""
    if host.pid and _seconds_since_written(host) < _KEPT_SECONDS:
        files = HostFiles(host.directory)
        if any(map(is_at_work, files.read_state())):
            end_leftovers(files)
    return False


def _seconds_since_written(host: AgentHost) -> float:
    try:
        return time.time() - HostFiles(host.directory).state_path.stat().st_mtime
    except OSError:
        return float("inf")


def _remove_old_folders() -> None:
    for directory in agents_dir().glob("*--*"):
        if _KEPT_SECONDS < _seconds_since_changed(directory) and not _is_at_work(directory):
            shutil.rmtree(directory, ignore_errors=True)


def _seconds_since_changed(directory: Path) -> float:
    """Return the age of the state, or of the folder where no host ever came so far as to write one."""
    for path in (HostFiles(directory).state_path, directory):
        try:
            return time.time() - path.stat().st_mtime
        except OSError:
            continue
    return 0.0


def _is_at_work(directory: Path) -> bool:
    try:
        spec = HostFiles(directory).read_spec()
    except AgentError:
        return False
    return is_running(spec.pid, spec.process_start)
