"""One slot of a host: an agent in W&B's eyes. Registers, sends heartbeats, obeys run, stop and exit.

Works one run at a time. A server that is away stops nothing: the current run goes on, and the agent goes on trying.
What becomes of its runs when they end is `aftermath`'s; what all slots decide together is `host_life`'s.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from trainer.agents.aftermath import Aftermath
from trainer.agents.devices import SlotDevice
from trainer.agents.duplicates import hands_out_only_duplicates, is_duplicate
from trainer.agents.host_files import SlotStatus
from trainer.agents.host_life import Retry
from trainer.agents.order_queue import OrderQueue
from trainer.agents.process import KILL
from trainer.agents.server_line import ServerLine
from trainer.agents.server_words import tell_of_end
from trainer.agents.slot_run import SlotRun
from trainer.agents.slot_wishes import SlotWishes
from trainer.agents.stopping import RunStopper
from trainer.agents.supervisor import Supervisor
from trainer.agents.taking_over import go_on_with
from trainer.errors import AuthenticationError, NotFoundError, ProgramError, ServerError
from trainer.records import AgentCommand, LocalAgent
from trainer.states import AgentState

_MAX_WAIT_SECONDS = 3600.0
"""Waits are cut to this: what waits for nothing but an event would overflow the clock."""
_NOTHING: dict[str, Any] = {
    "run_id": "", "run_started_at": None, "waits_until": None, "runs_waiting": 0, "draining": False,
}  # fmt: skip


class _GaveUpError(Exception):
    """Ends an agent that cannot go on; the message says why."""


class SlotAgent(threading.Thread):
    """The thread of one slot."""

    def __init__(self, slot: int, host: Supervisor, device: SlotDevice | None = None) -> None:
        super().__init__(name=f"slot-{slot}", daemon=True)
        self.slot = slot
        self._host = host
        self.device = device or SlotDevice()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._lock = threading.Lock()
        self._record = LocalAgent(
            slot=slot,
            state=AgentState.STARTING,
            host_pid=os.getpid(),
            device=self.device.label,
            cpu_threads=host.starter.cpu_threads,
            gpu_uuids=self.device.gpu_uuids or (),
        )
        host.life.set_device(slot, self.device.label if self.device.gpu_uuids else "", self.device.gpu_uuids or ())
        self._run: SlotRun | None = None
        self._aftermath = Aftermath(slot, host, self.device, self._update, self._wake.set)
        self._stopper = RunStopper(slot, host, self._update)
        self._queue = OrderQueue(host)
        self._leaving = False
        self._wishes = SlotWishes()
        self._has_ended_unsaid = False
        self._gives_up_because = ""
        self._stop_level = 0
        self._line = ServerLine(host.pace)

    def status(self) -> SlotStatus:
        """Return what the slot does now."""
        with self._lock:
            run = self._run
            if run is None:
                return SlotStatus(self._record)
            return SlotStatus(self._record, run.process.pid, run.process.start)

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
        return self._run is None and self._aftermath.retry is None

    def refresh_last_line(self) -> None:
        """Read the last line of the current run's log, and keep that short; called by the host now and then."""
        with self._lock:
            run = self._run
        if run is None:
            return
        self._aftermath.bound_log(run)
        if line := run.last_line():
            with self._lock:
                if self._run is run:
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
            self._say_end()
            if self._gives_up_because:
                raise _GaveUpError(self._gives_up_because)
            self._update(state=AgentState.STOPPED, **_NOTHING, last_line=self._host.life.note or self._record.last_line)
        except (_GaveUpError, ProgramError, NotFoundError, AuthenticationError) as error:
            self._fail(str(error))
        except Exception as error:  # the agent's edge: its host and other slots must hear of it and go on
            self._fail(f"internal error: {error!r}")
            raise
        finally:
            self._release()
            self._host.life.slot_left(self.slot)
            self._host.agent_left()

    def _release(self) -> None:
        if self._run is not None:
            self._run.process.send(KILL)
        self._aftermath.drop_retry()
        self._queue.give_back()

    def _fail(self, reason: str) -> None:
        self._update(state=AgentState.FAILED, last_line=reason, **_NOTHING)
        self._host.report("agent_failed", slot=self.slot, reason=reason)

    def _register(self) -> None:
        """Introduce the agent to the server, for as long as that takes."""
        while self._host.stop_level == 0 and self.takes_runs:
            try:
                agent_id = self._create_agent()
            except (NotFoundError, AuthenticationError):
                raise
            except ServerError as error:
                self._server_away(error)
                self._wake.wait(self._line.retry_seconds)
                self._wake.clear()
                continue
            self._line.answered()
            self._host.server_back()
            self._update(state=AgentState.WAITING, agent_id=agent_id, last_line="")
            return
        self._leaving = True

    def _wait_until_prepared(self) -> None:
        """Ask for no run before it can be started: its seconds would count while imports are under way."""
        while not self._host.starter.is_prepared and self._host.stop_level == 0 and self.takes_runs:
            self._wake.wait(_MAX_WAIT_SECONDS)
            self._wake.clear()

    def _is_done(self) -> bool:
        if self._run is not None and (end := self._run.end(self._aftermath.metric_problem)) is not None:
            run = self._run
            with self._lock:
                self._run = None
            self._aftermath.settle(run, end, self._record)
            self._has_ended_unsaid = True
            self._line.beat_now()  # ask for the next at once
            if self._aftermath.is_closed:
                self._gives_up_because = self._record.last_line
                self._leave()
        busy = self._run is not None or bool(self._queue) or self._aftermath.retry is not None
        return not busy and not self._aftermath.has_shelved and self._wishes.is_over(self._leaving)

    def _turn(self) -> float | None:
        """Do what is due; return the seconds until something may be due again, 0 for at once."""
        self._obey_host()
        self._obey_limits()
        if self._run is None:
            if self._begin_next():
                # Confirm the order at once: a run that ends before it was ever listed would be handed out again.
                self._beat()
                return 0
            if not self.takes_runs and self._is_idle and not self._aftermath.has_shelved:
                return 0
            if self._may_beat() and self._is_idle and not self._line.is_away and self._inherit():
                return 0
        self._aftermath.tend_shelved(self._host.pace.heartbeat_seconds)
        next_step = self._stopper.advance(self._run, self._record) if self._run is not None else None
        hurried = self._hurry.is_set() and self._is_idle
        self._hurry.clear()
        if (hurried or time.monotonic() >= self._line.next_beat_at) and self._may_beat():
            self._beat()
            return 0
        beat_in = self._line.next_beat_at - time.monotonic() if self._may_beat() else _MAX_WAIT_SECONDS
        waits = [beat_in, *(wait for wait in (next_step, self._aftermath.seconds_to_wait) if wait is not None)]
        return min(max(min(waits), 0.0), _MAX_WAIT_SECONDS)

    @property
    def _is_idle(self) -> bool:
        return self._run is None and not self._queue and self._aftermath.retry is None

    def _may_beat(self) -> bool:
        """Return whether the server is to hear of this slot now: not of one that wants no run and has none."""
        if not self._is_idle:
            return True
        return self.takes_runs and not self._aftermath.is_resting and self._host.life.may_ask(self.slot)

    def _begin_next(self) -> bool:
        """Begin a run if there is one that may begin now: first those that are to be started over."""
        if (shelved := self._aftermath.take_shelved(own_only=not self._wishes.takes_runs)) is not None:
            self._say_end()  # as the agent that it has been
            self._update(agent_id=shelved.agent_id)
        if self._aftermath.retry is not None:
            retry = self._aftermath.ready_retry()
            if retry is not None:
                self._start(retry)
            return retry is not None
        if self._queue and not self._aftermath.is_resting and self._host.life.begin(self.slot):
            self._start(Retry(self._queue.pop(), 1, {}))
            return True
        return False

    def _obey_limits(self) -> None:
        """Take no more runs once it is enough; end the current one if the budget says so."""
        life = self._host.life
        if self._is_idle and self._aftermath.is_resting and not self._leaving:
            if life.is_sweep_over or self._aftermath.rests_in_vain():
                self._leave()
                self._update(last_line="The sweep is over.")
            else:
                self._say_end()
        if not (reason := life.why_no_more()):
            return
        if not self._leaving:
            self._leave()
            if life.is_failure:
                self._gives_up_because = reason
            else:
                self._update(last_line=reason)
        self._aftermath.drop_retry()
        if life.is_budget_over and life.policy.budget_ends_runs:
            if self._run is not None:
                self._stopper.stop(self._run)

    def _obey_host(self) -> None:
        """Follow the host's stop requests, each firmer than the last, and stop a run that is not wanted any more."""
        level = self._host.stop_level
        if level != self._stop_level:
            self._stop_level = level
            self._leave()
            self._aftermath.drop_retry()
            if self._run is not None:
                self._stopper.obey_host(self._run, level)
        unwanted, self._wishes.unwanted_run = self._wishes.unwanted_run, ""
        if unwanted and self._run is not None and unwanted == self._run.run_id:
            self._stopper.stop(self._run)
        elif unwanted and self._aftermath.retry is not None:
            self._aftermath.drop_retry()

    def _leave(self) -> None:
        self._leaving = True
        self._queue.clear()

    def _inherit(self) -> bool:
        """Go on in the name of an agent whose host crashed; return whether there was one."""
        inheritance = self._host.next_inheritance()
        if inheritance is None:
            return False
        try:
            due = go_on_with(self._host, inheritance, self._queue.reserve_for)
        except ServerError as error:
            self._server_away(error)
            return True
        if due is None:
            return False
        self._say_end()
        self._update(agent_id=inheritance.agent_id)
        self._queue.extend(order.command for order in due)
        self._line.beat_now()
        return True

    def _beat(self) -> None:
        """Send one heartbeat and obey the answer."""
        if self._is_idle and (hands_out_only_duplicates(self._host) or not self._queue.reserve()):
            self._leave()
            return
        # A run that waits to be started over is alive to the server: it is still this agent's.
        waiting = self._aftermath.retry.command.run_id if self._aftermath.retry else ""
        live = [self._run.run_id] if self._run is not None else [waiting] if waiting else []
        try:
            if not self._record.agent_id:
                self._update(agent_id=self._create_agent())
            commands = self._host.client.heartbeat(self._record.agent_id, live + self._queue.run_ids)
        except (NotFoundError, AuthenticationError) as error:
            self._leave()
            self._aftermath.drop_retry()
            self._line.hang_up()
            self._gives_up_because = str(error)
            return
        except ServerError as error:
            self._server_away(error)
            return
        self._has_ended_unsaid = False
        self._line.answered()
        self._host.server_back()
        for command in commands:
            self._obey(command)
        self._line.plan_next(is_idle=self._is_idle, slots=self._host.slots)

    def _say_end(self) -> None:
        """Tell the server of a run's end that no heartbeat is about to tell: others would wait for it."""
        if self._has_ended_unsaid and not self._line.is_away:
            tell_of_end(self._host, self._record.agent_id)
            self._has_ended_unsaid = False

    def _create_agent(self) -> str:
        return self._host.client.create_agent(self._host.reference, socket.gethostname())

    def _server_away(self, error: ServerError) -> None:
        is_idle = self._run is None
        if self._line.is_given_up(is_idle=is_idle):
            raise _GaveUpError(f"{error.message} It has been away for an hour.")
        if is_idle:
            self._update(last_line=f"{error.message} Trying again.")
        self._host.server_away()
        self._host.report("server_away", slot=self.slot, message=error.message)

    def _obey(self, command: AgentCommand) -> None:
        run_id = command.run_id
        if command.type in ("run", "resume"):
            known = {self._record.run_id, *self._queue.run_ids}
            if not run_id or run_id in known or self._leaving or is_duplicate(self._host, command):
                return
            if self._queue.add(command, self._record.agent_id) and self._line.has_waited:
                self._host.have_others_ask(self.slot)
        elif command.type == "stop":
            self._queue.remove(run_id)
            self._obey_stop(run_id, self._host.limits.kill_delay_seconds)
        elif command.type == "exit":
            self._leave()
            if self._host.life.sweep_is_over():
                self._host.have_others_ask(self.slot)  # they wait for this slot's run
            self._obey_stop(self._record.run_id, self._host.limits.ask_seconds)
        else:
            self._host.report("unknown_command", slot=self.slot, type=command.type)

    def _obey_stop(self, run_id: str, patience_seconds: float) -> None:
        """Stop a run that is under way or waits to be started over."""
        if self._run is not None and run_id == self._run.run_id:
            self._stopper.terminate(self._run, patience_seconds)
        elif self._aftermath.retry is not None and run_id == self._aftermath.retry.command.run_id:
            self._aftermath.drop_retry()

    def _start(self, retry: Retry) -> None:
        run = self._aftermath.begin(retry, self.device)
        with self._lock:
            self._run = run
        self._update(
            state=AgentState.RUNNING, run_id=run.run_id, run_started_at=datetime.now(UTC), last_line="",
            log_path=run.process.log_path, life=retry.life, waits_until=None,
        )  # fmt: skip
        self._host.report("run_started", slot=self.slot, run_id=run.run_id, pid=run.process.pid, life=retry.life)

    def _update(self, **changes: Any) -> None:
        with self._lock:
            self._record = replace(self._record, **changes)
        self._host.changed()
