"""One slot of a host: an agent in W&B's eyes. Registers, sends heartbeats, obeys run, stop and exit.

Works one run at a time. A server that is away stops nothing: the current run goes on, and the agent goes on trying.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from trainer.agents.devices import SlotDevice
from trainer.agents.duplicates import hands_out_only_duplicates, is_duplicate, note_end
from trainer.agents.host_files import SlotStatus
from trainer.agents.orders import Order
from trainer.agents.pace import MAX_AWAY_SECONDS, Absence, FirstRuns
from trainer.agents.process import ASK, KILL, TERMINATE, RunProcess, StopStep, describe_exit
from trainer.agents.server_words import say_goodbye, tell_of_stop
from trainer.agents.slot_wishes import SlotWishes
from trainer.agents.supervisor import Supervisor
from trainer.agents.taking_over import go_on_with, keep_order
from trainer.errors import AuthenticationError, NotFoundError, ProgramError, ServerError
from trainer.records import AgentCommand, LocalAgent
from trainer.states import AgentState

_MAX_WAIT_SECONDS = 3600.0
"""Waits are cut to this: what waits for nothing but an event would overflow the clock."""


class _GaveUpError(Exception):
    """Ends an agent that cannot go on; the message says why."""


class SlotAgent(threading.Thread):
    """The thread of one slot."""

    def __init__(self, slot: int, host: Supervisor, device: SlotDevice | None = None) -> None:
        super().__init__(name=f"slot-{slot}", daemon=True)
        self.slot = slot
        self._host = host
        self._device = device or SlotDevice()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._lock = threading.Lock()
        self._record = LocalAgent(
            slot=slot, state=AgentState.STARTING, host_pid=os.getpid(), device=self._device.label,
            gpu_uuids=self._device.gpu_uuids or (),
        )  # fmt: skip
        self._process: RunProcess | None = None
        self._started_at = 0.0
        self._queue: deque[AgentCommand] = deque()
        self._reserved = 0
        self._leaving = False
        self._wishes = SlotWishes()
        self._has_ended_unsaid = False
        self._gives_up_because = ""
        self._stop_level = 0
        self._next_heartbeat_at = 0.0
        self._wait_seconds = 0.0
        self._absence = Absence()
        self._first_runs = FirstRuns(host.limits.max_initial_failures)

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

    def drain(self) -> None:
        """Have the agent leave when it has done what it was given; called from other threads."""
        if self._wishes.drain():
            self._update(draining=True)
            self._wake.set()

    def go_on(self) -> bool:
        """Take back `drain`; return whether that was in time. Called from other threads."""
        if in_time := self._wishes.go_on():
            self._update(draining=False)
        return in_time

    def stop_run(self, run_id: str) -> bool:
        """Have the current run stopped if it is this one; return whether it is. Called from other threads."""
        if not run_id or self._record.run_id != run_id:
            return False
        self._wishes.unwanted_run = run_id
        self._wake.set()
        return True

    @property
    def takes_runs(self) -> bool:
        """Whether it may ask for another run."""
        return not self._leaving and self._wishes.takes_runs

    @property
    def is_idle(self) -> bool:
        """Whether it has no run."""
        return self._process is None

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
            if self._has_ended_unsaid and not self._absence.retry_seconds and not self._gives_up_because:
                say_goodbye(self._host, self._record.agent_id)
            if self._gives_up_because:
                raise _GaveUpError(self._gives_up_because)
            self._update(state=AgentState.STOPPED, run_id="", run_started_at=None, draining=False)
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
        self._update(state=AgentState.FAILED, last_line=reason, run_id="", run_started_at=None, draining=False)
        self._host.report("agent_failed", slot=self._record.slot, reason=reason)

    def _register(self) -> None:
        """Introduce the agent to the server, for as long as that takes."""
        while self._host.stop_level == 0 and self.takes_runs:
            try:
                agent_id = self._host.client.create_agent(self._host.reference, socket.gethostname())
            except (NotFoundError, AuthenticationError):
                raise
            except ServerError as error:
                self._server_away(error)
                self._wake.wait(self._absence.retry_seconds)
                self._wake.clear()
                continue
            self._server_back()
            self._update(state=AgentState.WAITING, agent_id=agent_id, last_line="")
            return
        self._leaving = True

    def _wait_until_prepared(self) -> None:
        """Ask for no run before it can be started: its seconds would count while imports are under way."""
        while not self._host.starter.is_prepared and self._host.stop_level == 0 and self.takes_runs:
            self._wake.wait(_MAX_WAIT_SECONDS)
            self._wake.clear()

    def _is_done(self) -> bool:
        self._reap()
        return self._process is None and not self._queue and self._wishes.is_over(self._leaving)

    def _turn(self) -> float | None:
        """Do what is due; return the seconds until something may be due again, 0 for at once."""
        self._obey_host()
        if self._process is None and self._queue:
            self._start(self._queue.popleft())
            # Confirm the order at once: a run that ends before it was ever listed would be handed out again.
            self._beat()
            return 0
        self._stop_unwanted_run()
        next_signal = self._process.advance_stop() if self._process else None
        if self._process is None and not self.takes_runs:
            return 0
        if self._process is None and self._absence.retry_seconds == 0.0 and self._inherit():
            return 0
        hurried = self._hurry.is_set() and self._process is None
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
                tell_of_stop(self._host, self._record.run_id)
            self._process.begin_stop(self._ladder()[level - 1 :])

    def _stop_unwanted_run(self) -> None:
        run_id, self._wishes.unwanted_run = self._wishes.unwanted_run, ""
        if self._process is not None and run_id == self._record.run_id and not self._process.stop_requested:
            self._update(state=AgentState.STOPPING)
            tell_of_stop(self._host, run_id)
            self._process.begin_stop(self._ladder())

    def _ladder(self) -> list[StopStep]:
        limits = self._host.limits
        return [(ASK, limits.ask_seconds), (TERMINATE, limits.ask_seconds), (KILL, 0.0)]

    def _leave(self) -> None:
        self._leaving = True
        for command in self._queue:
            note_end(self._host, command.run_id, is_done=False)
        self._queue.clear()

    def _inherit(self) -> bool:
        """Go on in the name of an agent whose host crashed; return whether there was one."""
        inheritance = self._host.next_inheritance()
        if inheritance is None:
            return False
        try:
            due = go_on_with(self._host, inheritance, self._reserve_for)
        except ServerError as error:
            self._server_away(error)
            self._next_heartbeat_at = time.monotonic() + self._absence.retry_seconds
            return True
        if due is None:
            return False
        self._update(agent_id=inheritance.agent_id)
        self._queue.extend(order.command for order in due)
        self._next_heartbeat_at = 0.0
        return True

    def _reserve_for(self, orders: Sequence[Order]) -> bool:
        while self._reserved < len(orders):
            if not self._host.reserve_run():
                return False
            self._reserved += 1
        return True

    def _beat(self) -> None:
        """Send one heartbeat and obey the answer."""
        idle = self._process is None
        if idle and (hands_out_only_duplicates(self._host) or not self._reserve()):
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
            self._next_heartbeat_at = time.monotonic() + self._absence.retry_seconds
            return
        self._has_ended_unsaid = False
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
        self._absence.end()
        self._host.server_back()

    def _server_away(self, error: ServerError) -> None:
        away_seconds = self._absence.go_on()
        if self._process is None and away_seconds > MAX_AWAY_SECONDS:
            raise _GaveUpError(f"{error.message} It has been away for an hour.")
        if self._process is None:
            self._update(last_line=f"{error.message} Trying again.")
        self._host.server_away()
        self._host.report("server_away", slot=self._record.slot, message=error.message)

    def _obey(self, command: AgentCommand) -> None:
        if command.type in ("run", "resume"):
            known = {self._record.run_id} | {queued.run_id for queued in self._queue}
            if not command.run_id or command.run_id in known or self._leaving or is_duplicate(self._host, command):
                return
            if self._reserved <= len(self._queue):
                if not self._host.reserve_run():
                    return
                self._reserved += 1
            keep_order(self._host, command, self._record.agent_id)
            self._queue.append(command)
            if self._wait_seconds > self._host.pace.first_wait_seconds:
                self._host.work_arrived(self._record.slot)
        elif command.type == "stop":
            if any(queued.run_id == command.run_id for queued in self._queue):
                self._queue = deque(queued for queued in self._queue if queued.run_id != command.run_id)
                note_end(self._host, command.run_id, is_done=False)
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
        note_end(self._host, run_id, is_done=code == 0 and not process.stop_requested)
        self._has_ended_unsaid = True
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
        if self._first_runs.have_all_failed(failed, seconds):
            said = f": {line}" if line else ""
            count = self._host.limits.max_initial_failures
            raise _GaveUpError(f"The first {count} runs all failed at once ({describe_exit(code)}){said}")

    def _update(self, **changes: Any) -> None:
        with self._lock:
            self._record = replace(self._record, **changes)
        self._host.changed()
