"""What becomes of a slot after its run has ended: the failure told, the run started over, the slot rested."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from trainer.agents.breaker import Rest
from trainer.agents.devices import SlotDevice
from trainer.agents.duplicates import note_end
from trainer.agents.failure_signs import FailureKind
from trainer.agents.failures import Failure
from trainer.agents.gpu_memory import GpuMemoryWatch, Held
from trainer.agents.host_life import Retry, ShelvedRun
from trainer.agents.policy import Decision, Place
from trainer.agents.process import LeftoverReport
from trainer.agents.run_logs import set_aside
from trainer.agents.slot_run import RunEnd, SlotRun, has_room
from trainer.agents.supervisor import Supervisor
from trainer.durations import short_duration
from trainer.errors import AuthenticationError, NotFoundError, ServerError, TrainerError
from trainer.records import AgentCommand, FailureGroup, Json, LocalAgent
from trainer.states import AgentState, SweepState

logger = logging.getLogger(__name__)

_MAX_GROUPS = 50
"""Different failures told of one slot; a message that differs each time would have no end."""
_ROOM_POLL_SECONDS = 5.0


class Aftermath:
    """One slot's retry and rest. Used by the slot's thread only, but for `bound_log`."""

    def __init__(
        self, slot: int, host: Supervisor, device: SlotDevice, update: Callable[..., None], wake: Callable[[], None]
    ) -> None:
        """Prepare.

        Args:
            slot: The slot.
            host: What is around it.
            device: What its runs use.
            update: Changes the slot's record.
            wake: Has the slot look around; from any thread.
        """
        self.retry: Retry | None = None
        """The run that this slot starts over next."""
        self._slot = slot
        self._host = host
        self._update = update
        self._wake = wake
        self._rest_until = 0.0
        self._next_shelf_beat = 0.0
        self._next_look_at = 0.0
        self._told_shelved = 0
        self._gpus_before: Held = {}
        self._gpu_memory = GpuMemoryWatch(device.gpu_uuids or ())

    def settle(self, run: SlotRun, end: RunEnd, record: LocalAgent) -> None:
        """Take note of a run's end and decide what follows.

        Args:
            run: The run.
            end: How it ended.
            record: The slot's record so far.
        """
        failure = end.failure
        self._host.report("run_ended", **_details(self._slot, run, end))
        held = self._gpus_before
        run.process.leftovers.add_done_callback(lambda future: self._tell_leftovers(run.run_id, future.result(), held))
        tried = run.retry.tried.get(failure.kind, 0) if failure is not None else 0
        verdict = self._host.life.ended(self._slot, end.seconds, failure, tried)
        changes: dict[str, Any] = {
            "state": AgentState.WAITING, "run_started_at": None, "stopping": "", "next_stop_step": "",
            "next_stop_at": None,
        }  # fmt: skip
        if failure is not None and verdict.decision.retries:
            said = self._start_over(run, failure, verdict.decision, record.agent_id, rests=verdict.rest is not None)
            changes |= {"last_line": said, "runs_retried": record.runs_retried + 1}
            if self.retry is None:
                # It is on the shelf with its agent: this slot gets another one.
                changes |= {"run_id": "", "agent_id": "", "runs_waiting": self._told_shelved + 1}
        else:
            note_end(self._host, run.run_id, is_done=failure is None and end.exit_code == 0 and not run.is_stopped)
            changes |= {"run_id": "", "runs_done": record.runs_done + 1, "last_line": end.last_line}
            if failure is not None:
                changes |= {
                    "runs_failed": record.runs_failed + 1,
                    "last_line": f"{run.run_id} {failure.summary}",
                    "failures": _added(record.failures, failure, run.run_id),
                }
            for removed in self._host.logs.ended(run.process.log_path, failed=failure is not None):
                self._host.report("log_removed", log=removed.name)
        if verdict.rest is not None:
            changes["last_line"] = self._begin_rest(verdict.rest)
        self._update(**changes, waits_until=self._waits_until())
        if self._host.life.stops_sweep:
            self._stop_sweep()

    @property
    def is_resting(self) -> bool:
        """Whether the slot is to take no run now."""
        if self._rest_until and time.monotonic() >= self._rest_until:
            self._rest_until = 0.0
            self._host.life.rests(self._slot, resting=False)
            self._host.report("slot_tries_again", slot=self._slot)
            self._update(waits_until=None)
        return self._rest_until > 0.0

    def rests_in_vain(self) -> bool:
        """Look now and then whether the sweep is over, while no slot of the host asks for runs and would be told."""
        now = time.monotonic()
        if self._host.life.others_work(self._slot) or now < self._next_look_at:
            return False
        self._next_look_at = now + self._host.pace.look_seconds
        try:
            is_over = self._host.client.read_sweep(self._host.reference).state.is_terminal
        except (ServerError, NotFoundError, AuthenticationError):
            return False  # the heartbeat after the rest says what is wrong
        if is_over:
            self._host.life.sweep_is_over()
        return is_over

    @property
    def seconds_to_wait(self) -> float | None:
        """Seconds until a rest is over or a retry is due; None when it waits for neither."""
        now = time.monotonic()
        waits = [min(self._rest_until - now, self._host.pace.look_seconds)] if self._rest_until else []
        if self.retry is not None:
            due = self.retry.not_before - now
            # Woken by others when the machine is free or leftovers are gone; of room on the disk nobody tells.
            waits.append(due if due > 0 else _ROOM_POLL_SECONDS)
        if self._own_shelved():
            waits.append(self._next_shelf_beat - now)
        budget = self._host.life.seconds_left()
        if budget:
            waits.append(budget)
        return max(min(waits), 0.01) if waits else None

    def ready_retry(self) -> Retry | None:
        """Return the run to start over if it may begin now, and note that it does."""
        retry = self.retry
        if retry is None or self.is_resting or time.monotonic() < retry.not_before or not retry.is_clear():
            return None
        if retry.needs_room and not has_room(*self._host.starter.folders):
            self._update(last_line=f"{retry.command.run_id} waits until the disk has room.")
            return None
        if not self._host.life.begin(self._slot, alone=retry.alone):
            return None
        self.retry = None
        return retry

    def begin(self, retry: Retry, device: SlotDevice) -> SlotRun:
        """Start a run.

        Raises:
            ProgramError: If it cannot be started.
        """
        self._gpus_before = self._gpu_memory.before_run()
        return begin_run(self._host, retry, self._wake, device)

    def drop_retry(self) -> None:
        """Give up starting a run over, here or on another slot."""
        dropped = [self.retry] if self.retry is not None else []
        dropped += [shelved.retry for shelved in self._own_shelved() if self._host.life.drop(shelved)]
        self.retry = None
        if dropped:
            self._host.life.give_way(self._slot)
            self._update(run_id="", waits_until=None)
        for retry in dropped:
            note_end(self._host, retry.command.run_id, is_done=False)
            self._host.report("retry_dropped", slot=self._slot, run_id=retry.command.run_id)

    @property
    def has_shelved(self) -> bool:
        """Whether a run that failed here waits for another slot."""
        return bool(self._own_shelved())

    def take_shelved(self, *, own_only: bool) -> ShelvedRun | None:
        """Take over a run that failed on another slot, to be started over here as its agent; None if there is none.

        Args:
            own_only: Whether the slot drains: it takes back what found no other slot, and nothing else.
        """
        if self.retry is not None or self.is_resting:
            return None
        shelved = self._host.life.take(self._slot, own_only=own_only)
        if shelved is not None:
            self.retry = shelved.retry
            self._update(run_id=shelved.retry.command.run_id, life=shelved.retry.life)
            self._host.report("run_moved", slot=self._slot, run_id=shelved.retry.command.run_id, came_from=shelved.slot)
        return shelved

    def tend_shelved(self, beat_seconds: float) -> None:
        """Keep the runs that wait for another slot alive on the server, as their agents."""
        own = self._own_shelved()
        if len(own) != self._told_shelved:
            self._told_shelved = len(own)
            self._update(runs_waiting=len(own))
        if own and self.is_closed and not self._host.life.others_work(self._slot):
            self.drop_retry()
            return
        if not own or time.monotonic() < self._next_shelf_beat:
            return
        self._next_shelf_beat = time.monotonic() + beat_seconds
        for shelved in own:
            run_id = shelved.retry.command.run_id
            try:
                orders = self._host.client.heartbeat(shelved.agent_id, [run_id])
            except (NotFoundError, AuthenticationError):
                orders = [AgentCommand("exit")]
            except ServerError:
                continue  # the next beat comes soon
            ended = any(order.type == "exit" or (order.type, order.run_id) == ("stop", run_id) for order in orders)
            if ended and self._host.life.drop(shelved):
                note_end(self._host, run_id, is_done=False)
                self._host.report("retry_dropped", slot=self._slot, run_id=run_id)

    def bound_log(self, run: SlotRun) -> None:
        """Cut the log of a run that has printed too much."""
        try:
            if self._host.logs.bound(run.process.log_path):
                self._host.report("log_cut", slot=self._slot, run_id=run.run_id)
        except OSError as error:
            logger.error("a log cannot be cut: %s", error)

    def metric_problem(self, run_id: str) -> str:
        """Return what is wrong with the metric of a run that ended well, if the policy asks for that."""
        metric = self._host.starter.metric_name
        if FailureKind.NAN_METRIC not in self._host.life.policy.rules or not metric:
            return ""
        reference = self._host.reference
        try:
            run = self._host.client.read_run(reference.entity, reference.project, run_id)
        except TrainerError as error:
            self._host.report("metric_not_read", slot=self._slot, run_id=run_id, message=error.message)
            return ""
        return metric_problem(run.summary.get(metric), metric)

    def _start_over(self, run: SlotRun, failure: Failure, decision: Decision, agent_id: str, *, rests: bool) -> str:
        tried = {**run.retry.tried, failure.kind: run.retry.tried.get(failure.kind, 0) + 1}
        retry = Retry(
            run.retry.command,
            run.retry.life + 1,
            tried,
            alone=decision.place is Place.ALONE,
            not_before=time.monotonic() + decision.wait_seconds,
            needs_room=decision.needs_room,
            is_clear=run.process.leftovers.done,
        )
        where = {Place.OTHER: " on another slot", Place.ALONE: " with the machine to itself"}.get(decision.place, "")
        wait = f" in {short_duration(math.ceil(decision.wait_seconds))}" if decision.wait_seconds else ""
        self._host.report(
            "run_retried", slot=self._slot, run_id=run.run_id, life=retry.life, kind=failure.kind, place=decision.place,
            wait_seconds=decision.wait_seconds,
        )  # fmt: skip
        if decision.place is Place.OTHER or (rests and self._host.life.others_work(self._slot)):
            self._host.life.shelve(ShelvedRun(retry, agent_id, self._slot, self._gpu_memory.free()))
        else:
            self.retry = retry
        return f"{run.run_id} starts over{where}{wait}: {failure.summary}"

    def _begin_rest(self, rest: Rest) -> str:
        self._host.life.rests(self._slot, resting=True)
        if rest.closes and self._host.life.others_work(self._slot):
            self._rest_until = math.inf
            self._host.report("slot_closed", slot=self._slot, reason=rest.reason)
            return f"This slot is closed: {rest.reason}"
        self._rest_until = time.monotonic() + rest.seconds
        self._host.report("slot_rests", slot=self._slot, seconds=rest.seconds, reason=rest.reason)
        return f"This slot rests for {short_duration(rest.seconds)}: {rest.reason}"

    @property
    def is_closed(self) -> bool:
        """Whether the slot is to take no run ever again."""
        return self._rest_until == math.inf

    def _waits_until(self) -> datetime | None:
        until = max(self._rest_until, self.retry.not_before if self.retry else 0.0)
        seconds = until - time.monotonic()
        return datetime.now(UTC) + timedelta(seconds=seconds) if 0 < seconds < 1e8 else None

    def _own_shelved(self) -> list[ShelvedRun]:
        return [shelved for shelved in self._host.life.shelved() if shelved.slot == self._slot]

    def _tell_leftovers(self, run_id: str, left: LeftoverReport, held_before: Held) -> None:
        """Hear, in another thread, what a run left behind, and look what is left of it on GPUs."""
        if left.names:
            how = left.how or "ended by themselves"
            self._host.report("leftovers", slot=self._slot, run_id=run_id, processes=list(left.names), how=how)
            self._update(left_behind=f"Run {run_id} left {', '.join(left.names)} behind: {how}.")
        self._wake()
        if held := self._gpu_memory.after_run(run_id, held_before):
            self._host.report("gpu_memory_held", slot=self._slot, run_id=run_id, message=held)
            self._update(left_behind=held)

    def _stop_sweep(self) -> None:
        try:
            self._host.client.set_sweep_state(self._host.reference, SweepState.FINISHED)
        except TrainerError as error:
            self._host.report("sweep_not_stopped", message=error.message)


def begin_run(host: Supervisor, retry: Retry, wake: Callable[[], None], device: SlotDevice) -> SlotRun:
    """Start a run; the log of its life before is kept under a name of its own.

    Raises:
        ProgramError: If it cannot be started.
    """
    command, policy = retry.command, host.life.policy
    log_path = host.starter.log_path(command)
    if retry.life > 1:
        try:
            set_aside(log_path, retry.life - 1)
        except OSError as error:
            logger.error("the log of an earlier life cannot be kept: %s", error)
    run = SlotRun(retry, lambda: host.starter.start(command, wake, device), log_path, policy.timeout_seconds)
    run.process.keeps_leftovers = policy.keeps_leftovers
    return run


def metric_problem(value: Json, metric: str) -> str:
    """Return what is wrong with the last value of a metric; empty if it is a finite number."""
    if isinstance(value, dict):
        value = next((value[name] for name in ("last", "best", "min", "max", "mean") if name in value), None)
    if value is None:
        return f"the metric {metric} was never logged"
    if isinstance(value, int | float) and math.isfinite(value):
        return ""
    shown = "NaN" if isinstance(value, float) and math.isnan(value) else str(value)[:40]
    return f"the metric {metric} ended as {shown}"


def _details(slot: int, run: SlotRun, end: RunEnd) -> dict[str, Json]:
    failure = end.failure
    told: dict[str, Json] = {}
    if failure is not None:
        told = {"kind": failure.kind, "summary": failure.summary, "fingerprint": failure.fingerprint}
    return {
        "slot": slot, "run_id": run.run_id, "life": run.retry.life, "exit_code": end.exit_code,
        "seconds": round(end.seconds, 3), "failed": failure is not None, **told, **run.process.usage,
    }  # fmt: skip


def _added(groups: tuple[FailureGroup, ...], failure: Failure, run_id: str) -> tuple[FailureGroup, ...]:
    """Return groups of failures with one more."""
    new = FailureGroup(failure.fingerprint, failure.kind, failure.title, failure.summary, run_id)
    for index, group in enumerate(groups):
        if group.fingerprint == failure.fingerprint:
            return (*groups[:index], replace(new, count=group.count + 1), *groups[index + 1 :])
    if len(groups) < _MAX_GROUPS:
        return (*groups, new)
    rest = (
        groups[-1] if groups[-1].kind == "various" else FailureGroup("various", "various", "other reasons", "", "", 0)
    )
    kept = groups[:-1] if rest is groups[-1] else groups
    return (*kept, replace(rest, summary=failure.summary, run_id=run_id, count=rest.count + 1))
