"""One slot of a host: an agent in W&B's eyes. Registers, sends heartbeats, obeys run, stop and exit.

Works one run at a time. A server that is away stops nothing: the current run goes on, and the agent goes on trying.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from trainer.agents.devices import SlotDevice
from trainer.agents.host_files import SlotStatus
from trainer.agents.pace import AgentLimits, AgentPace
from trainer.agents.process import ASK, KILL, TERMINATE, RunProcess, StopStep, describe_exit
from trainer.agents.run_start import RunStarter
from trainer.errors import AuthenticationError, NotFoundError, ProgramError, ServerError
from trainer.records import AgentCommand, Json, LocalAgent, SweepReference
from trainer.states import AgentState
from trainer.tracking.client import TrackingClient

EARLY_FAILURE_SECONDS = 30.0
"""A run that fails this soon has most likely not reached its work."""
MAX_RETRY_SECONDS = 10.0
MAX_AWAY_SECONDS = 3600.0
"""An agent without a run gives up on a server that has been away for this long."""
_MAX_WAIT_SECONDS = 3600.0
"""Waits are cut to this: what waits for nothing but an event would overflow the clock."""


class Supervisor(Protocol):
    """What an agent needs of the host around it."""

    reference: SweepReference
    client: TrackingClient
    starter: RunStarter
    pace: AgentPace
    limits: AgentLimits

    @property
    def stop_level(self) -> int:
        """0 to work, 1 to ask runs to end, 2 to terminate them, 3 to kill them."""

    def reserve_run(self) -> bool:
        """Take one of the runs the host may still start; False when none is left."""

    def return_run(self) -> None:
        """Give back a run that was reserved and not started."""

    def changed(self) -> None:
        """Have the state written."""

    def agent_left(self) -> None:
        """Hear that one slot is done for good."""

    @property
    def slots(self) -> int:
        """How many slots the host has."""

    def work_arrived(self, slot: int) -> None:
        """Hear that a slot which had waited got a run: there may be more."""

    def report(self, event: str, **details: Json) -> None:
        """Append an event to the host's record."""


class _GaveUpError(Exception):
    """Ends an agent that cannot go on; the message says why."""


class SlotAgent(threading.Thread):
    """The thread of one slot."""

    def __init__(self, slot: int, host: Supervisor, device: SlotDevice | None = None) -> None:
        super().__init__(name=f"slot-{slot}", daemon=True)
        self._host = host
        self._device = device or SlotDevice()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._lock = threading.Lock()
        self._record = LocalAgent(
            slot=slot,
            state=AgentState.STARTING,
            host_pid=os.getpid(),
            device=self._device.label,
            gpu_uuids=self._device.gpu_uuids or (),
        )
        self._process: RunProcess | None = None
        self._started_at = 0.0
        self._queue: deque[AgentCommand] = deque()
        self._reserved = 0
        self._leaving = False
        self._gives_up_because = ""
        self._stop_level = 0
        self._next_heartbeat_at = 0.0
        self._wait_seconds = 0.0
        self._retry_seconds = 0.0
        self._away_since: float | None = None
        self._initial_failures: int | None = 0

    def status(self) -> SlotStatus:
        """Return what the slot does now."""
        with self._lock:
            process = self._process
            return SlotStatus(self._record, process.pid if process else 0, process.start if process else "")

    def wake(self) -> None:
        """Have the agent look around now."""
        self._wake.set()

    def hurry(self) -> None:
        """Have the agent ask for a run now, if it waits for one; called from other threads."""
        self._hurry.set()
        self._wake.set()

    def refresh_last_line(self) -> None:
        """Read the last line of the current run's log; called by the host now and then."""
        with self._lock:
            process = self._process
        if process is not None and (line := process.last_line()):
            with self._lock:
                if self._process is process:
                    self._record = replace(self._record, last_line=line)

    def run(self) -> None:
        """Work until the server, the host or a limit says it is enough."""
        try:
            self._host.starter.check()
            self._register()
            self._wait_until_prepared()
            while not self._is_done():
                self._wake.clear()
                self._wake.wait(self._turn())
            if self._gives_up_because:
                raise _GaveUpError(self._gives_up_because)
            self._update(state=AgentState.STOPPED, run_id="", run_started_at=None)
        except (_GaveUpError, ProgramError, NotFoundError, AuthenticationError) as error:
            self._fail(str(error))
        except Exception as error:  # the agent's edge: its host and other slots must hear of it and go on
            self._fail(f"internal error: {error!r}")
            raise
        finally:
            self._release()
            self._host.agent_left()

    def _release(self) -> None:
        if self._process is not None:
            self._process.send(KILL)
        while self._reserved:
            self._reserved -= 1
            self._host.return_run()

    def _fail(self, reason: str) -> None:
        self._update(state=AgentState.FAILED, last_line=reason, run_id="", run_started_at=None)
        self._host.report("agent_failed", slot=self._record.slot, reason=reason)

    def _register(self) -> None:
        """Introduce the agent to the server, for as long as that takes."""
        while self._host.stop_level == 0:
            try:
                agent_id = self._host.client.create_agent(self._host.reference, socket.gethostname())
            except (NotFoundError, AuthenticationError):
                raise
            except ServerError as error:
                self._server_away(error)
                self._wake.wait(self._retry_seconds)
                self._wake.clear()
                continue
            self._server_back()
            self._update(state=AgentState.WAITING, agent_id=agent_id, last_line="")
            return
        self._leaving = True

    def _wait_until_prepared(self) -> None:
        """Ask for no run before it can be started: its seconds would count while imports are under way."""
        while not self._host.starter.is_prepared and self._host.stop_level == 0:
            self._wake.wait(_MAX_WAIT_SECONDS)
            self._wake.clear()

    def _is_done(self) -> bool:
        self._reap()
        return self._leaving and self._process is None and not self._queue

    def _turn(self) -> float | None:
        """Do what is due; return the seconds until something may be due again, 0 for at once."""
        self._obey_host()
        if self._process is None and self._queue:
            self._start(self._queue.popleft())
            # Confirm the order at once: a run that ends before it was ever listed would be handed out again.
            self._beat()
            return 0
        next_signal = self._process.advance_stop() if self._process else None
        if self._process is None and self._leaving:
            return 0
        hurried = self._hurry.is_set() and self._process is None and self._retry_seconds == 0.0
        self._hurry.clear()
        if hurried or time.monotonic() >= self._next_heartbeat_at:
            self._beat()
            return 0
        waits = [self._next_heartbeat_at - time.monotonic()] + ([next_signal] if next_signal is not None else [])
        return min(max(min(waits), 0.0), _MAX_WAIT_SECONDS)

    def _obey_host(self) -> None:
        """Follow the host's stop requests, each firmer than the last."""
        level = self._host.stop_level
        if level == self._stop_level:
            return
        self._stop_level = level
        self._leave()
        if self._process is not None:
            self._update(state=AgentState.STOPPING)
            if level == 1:
                self._tell_server_of_stop()
            self._process.begin_stop(self._ladder()[level - 1 :])

    def _ladder(self) -> list[StopStep]:
        limits = self._host.limits
        return [(ASK, limits.ask_seconds), (TERMINATE, limits.ask_seconds), (KILL, 0.0)]

    def _tell_server_of_stop(self) -> None:
        """Mark the run as one that was asked to stop, so that it counts as killed and not as failed."""
        reference = self._host.reference
        try:
            self._host.client.stop_run(reference.entity, reference.project, self._record.run_id)
        except (ServerError, NotFoundError, AuthenticationError) as error:
            # The run is ended all the same; a server that did not hear of it will call it failed or crashed.
            self._host.report("stop_not_told", slot=self._record.slot, message=error.message)

    def _leave(self) -> None:
        self._leaving = True
        self._queue.clear()

    def _beat(self) -> None:
        """Send one heartbeat and obey the answer."""
        idle = self._process is None
        if idle and not self._reserve():
            self._leave()
            return
        live = [] if idle else [self._record.run_id]
        try:
            commands = self._host.client.heartbeat(self._record.agent_id, live + [run.run_id for run in self._queue])
        except (NotFoundError, AuthenticationError) as error:
            self._leave()
            self._next_heartbeat_at = float("inf")
            self._gives_up_because = str(error)
            return
        except ServerError as error:
            self._server_away(error)
            self._next_heartbeat_at = time.monotonic() + self._retry_seconds
            return
        self._server_back()
        for command in commands:
            self._obey(command)
        self._next_heartbeat_at = time.monotonic() + self._seconds_to_next_beat()

    def _seconds_to_next_beat(self) -> float:
        pace = self._host.pace
        if self._process is not None or self._queue:
            self._wait_seconds = 0.0
            return pace.heartbeat_seconds
        longest = pace.longest_wait(self._host.slots)
        self._wait_seconds = min(max(self._wait_seconds * 2, pace.first_wait_seconds), longest)
        return self._wait_seconds

    def _reserve(self) -> bool:
        if self._reserved == 0 and self._host.reserve_run():
            self._reserved = 1
        return self._reserved > 0

    def _server_back(self) -> None:
        self._retry_seconds, self._away_since = 0.0, None

    def _server_away(self, error: ServerError) -> None:
        now = time.monotonic()
        self._away_since = now if self._away_since is None else self._away_since
        if self._process is None and now - self._away_since > MAX_AWAY_SECONDS:
            raise _GaveUpError(f"{error.message} It has been away for an hour.")
        self._retry_seconds = min(max(self._retry_seconds * 2, 0.5), MAX_RETRY_SECONDS)
        if self._process is None:
            self._update(last_line=f"{error.message} Trying again.")
        self._host.report("server_away", slot=self._record.slot, message=error.message)

    def _obey(self, command: AgentCommand) -> None:
        if command.type in ("run", "resume"):
            known = {self._record.run_id} | {queued.run_id for queued in self._queue}
            if not command.run_id or command.run_id in known or self._leaving:
                return
            if self._reserved <= len(self._queue):
                if not self._host.reserve_run():
                    return
                self._reserved += 1
            self._queue.append(command)
            if self._wait_seconds > self._host.pace.first_wait_seconds:
                self._host.work_arrived(self._record.slot)
        elif command.type == "stop":
            self._queue = deque(queued for queued in self._queue if queued.run_id != command.run_id)
            if self._process is not None and command.run_id == self._record.run_id:
                self._terminate(self._host.limits.kill_delay_seconds)
        elif command.type == "exit":
            self._leave()
            self._terminate(self._host.limits.ask_seconds)
        else:
            self._host.report("unknown_command", slot=self._record.slot, type=command.type)

    def _terminate(self, patience_seconds: float) -> None:
        # What is being stopped already gets firmer by itself. The server repeats the stop that the host told it of;
        # to terminate at that would cut off a run that is still sending its last rows.
        if self._process is not None and not self._process.stop_requested:
            self._update(state=AgentState.STOPPING)
            self._process.begin_stop([(TERMINATE, patience_seconds), (KILL, 0.0)])

    def _start(self, command: AgentCommand) -> None:
        self._reserved -= 1
        process = self._host.starter.start(command, self._wake.set, self._device)
        self._started_at = time.monotonic()
        with self._lock:
            self._process = process
        self._update(
            state=AgentState.RUNNING,
            run_id=command.run_id,
            run_started_at=datetime.now(UTC),
            last_line="",
            log_path=process.log_path,
        )
        self._host.report("run_started", slot=self._record.slot, run_id=command.run_id, pid=process.pid)

    def _reap(self) -> None:
        """Note the end of the current run, if it has ended, and ask for the next at once."""
        process = self._process
        if process is None or (code := process.exit_code) is None:
            return
        seconds = time.monotonic() - self._started_at
        run_id, line = self._record.run_id, process.last_line()
        failed = code != 0 and not process.stop_requested
        self._host.report(
            "run_ended",
            slot=self._record.slot,
            run_id=run_id,
            exit_code=code,
            seconds=round(seconds, 3),
            failed=failed,
            **process.usage,
        )
        with self._lock:
            self._process = None
        self._update(
            state=AgentState.WAITING,
            run_id="",
            run_started_at=None,
            runs_done=self._record.runs_done + 1,
            runs_failed=self._record.runs_failed + failed,
            last_line=f"{run_id} {describe_exit(code)}" + (f": {line}" if line else "") if failed else line,
        )
        if self._next_heartbeat_at != float("inf"):
            self._next_heartbeat_at = 0.0
        self._count_initial_failure(failed, seconds, code, line)

    def _count_initial_failure(self, failed: bool, seconds: float, code: int, line: str) -> None:
        """Give up when the program fails at once, every time, from the first run on."""
        if self._initial_failures is None:
            return
        if not failed or seconds > EARLY_FAILURE_SECONDS:
            self._initial_failures = None
            return
        self._initial_failures += 1
        limit = self._host.limits.max_initial_failures
        if limit and self._initial_failures >= limit:
            said = f": {line}" if line else ""
            raise _GaveUpError(f"The first {limit} runs all failed at once ({describe_exit(code)}){said}")

    def _update(self, **changes: Any) -> None:
        with self._lock:
            self._record = replace(self._record, **changes)
        self._host.changed()
