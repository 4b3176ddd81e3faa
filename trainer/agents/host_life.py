"""What the slots of a host decide together: who may begin a run, what follows a failure, when it is enough.

Any slot's thread may call it. It knows no process and no server.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from trainer.agents.breaker import Breaker, Rest
from trainer.agents.failure_signs import FailureKind
from trainer.agents.failures import Failure
from trainer.agents.policy import Decision, Ending, RunPolicy, decide
from trainer.durations import short_duration
from trainer.records import AgentCommand

EARLY_FAILURE_SECONDS = 30.0
"""A run that fails this soon has most likely not reached its work."""

_ROOMIER_SECONDS = 2.0
"""How long a run that failed on one GPU is left to the slot with the most memory free."""


@dataclass(frozen=True)
class Retry:
    """A run that is to be started over."""

    command: AgentCommand
    life: int
    """Which start it will be, counted from 1."""
    tried: dict[FailureKind, int]
    """How often it was retried because of each class of failure."""
    alone: bool = False
    not_before: float = 0.0
    """By the monotonic clock."""
    needs_room: bool = False
    is_clear: Callable[[], bool] = lambda: True
    """Whether nothing is left of the life before: its memory is wanted, and its processes carry the run's id."""


@dataclass(frozen=True)
class ShelvedRun:
    """A run that waits for a slot other than the one it failed on.

    It keeps its agent: to the server a run belongs to the agent it was given to, so the slot that takes the run goes on
    as that agent.
    """

    retry: Retry
    agent_id: str
    slot: int
    """Where it failed."""
    free_bytes: Mapping[str, int] = field(default_factory=dict)
    """What each GPU had free then, by UUID; empty where that is not known."""
    since: float = field(default_factory=time.monotonic)

    def room(self, uuids: Iterable[str]) -> int:
        """Return what a slot with these GPUs had free, on the fullest of them."""
        return min((self.free_bytes.get(uuid, 0) for uuid in uuids), default=0)


@dataclass(frozen=True)
class Verdict:
    """What follows the end of a run."""

    decision: Decision = field(default_factory=lambda: Decision(False))
    rest: Rest | None = None


class HostLife:
    """The common part of the slots' decisions."""

    def __init__(
        self,
        policy: RunPolicy,
        slots: int,
        *,
        max_initial_failures: int = 5,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare.

        Args:
            policy: What the user wants.
            slots: How many there are, counted from 1.
            max_initial_failures: Give up when this many first runs all fail at once, on every slot; 0 for never.
            on_change: Called when a slot that waited may go on, or all are to stop asking.
        """
        self.policy = policy
        self._max_initial_failures = max_initial_failures
        self._on_change = on_change
        self._lock = threading.RLock()
        self._began_at = time.monotonic()
        self._working = set(range(1, slots + 1))
        self._resting: set[int] = set()
        self._running: dict[int, float] = {}
        self._alone: int | None = None
        self._shelf: list[ShelvedRun] = []
        self._breakers = {slot: Breaker(policy) for slot in self._working}
        self._last_success: dict[int, float] = {}
        self._failing_since: dict[int, float] = {}
        self._alike: dict[str, int] = {}
        self._initial: dict[int, int] | None = {}
        self._failed = 0
        self._devices: dict[int, str] = {}
        self._uuids: dict[int, tuple[str, ...]] = {}
        self.note = ""
        """Why no more runs are asked for; empty while they are."""
        self.is_failure = False
        """Whether that is something to mend."""
        self.stops_sweep = False
        """Whether the sweep is to be stopped on the server too."""
        self.is_sweep_over = False
        """Whether the server sent one of the slots home: there is nothing to come back to after a rest."""

    def sweep_is_over(self) -> bool:
        """Hear that the server has nothing more to do, ever; return whether that is news."""
        with self._lock:
            is_news, self.is_sweep_over = not self.is_sweep_over, True
        self._on_change()
        return is_news

    def set_device(self, slot: int, device: str, uuids: tuple[str, ...] = ()) -> None:
        """Hear what a slot's runs use; a run that failed for want of memory goes to a slot with another device."""
        with self._lock:
            self._devices[slot] = device
            self._uuids[slot] = uuids

    def add_slot(self, slot: int) -> None:
        """Hear of a new slot."""
        with self._lock:
            self._working.add(slot)
            self._breakers[slot] = Breaker(self.policy)

    def slot_left(self, slot: int) -> None:
        """Hear that a slot is done for good."""
        with self._lock:
            self._working.discard(slot)
            self._resting.discard(slot)
            self._running.pop(slot, None)
            if self._alone == slot:
                self._alone = None
        self._on_change()

    def why_no_more(self) -> str:
        """Return why no more runs are to be begun; empty while there is no reason."""
        with self._lock:
            if not self.note and self.is_budget_over:
                budget = short_duration(self.policy.budget_seconds or 0.0)
                ends = "those under way are stopped" if self.policy.budget_ends_runs else "those under way go on"
                self._stop_asking(f"The budget of {budget} is used up: no more runs are begun, {ends}.", failure=False)
            return self.note

    @property
    def is_budget_over(self) -> bool:
        """Whether the time for all runs together is over."""
        return self.seconds_left() == 0.0

    def seconds_left(self) -> float | None:
        """Return what is left of the time budget; None without one."""
        if self.policy.budget_seconds is None:
            return None
        return max(self._began_at + self.policy.budget_seconds - time.monotonic(), 0.0)

    def may_ask(self, slot: int) -> bool:
        """Return whether a slot may ask for a run: not while another one needs the machine to itself."""
        with self._lock:
            return self._alone in (None, slot)

    def begin(self, slot: int, *, alone: bool = False) -> bool:
        """Note that a slot begins a run; return False if it has to wait, until `on_change` is called."""
        with self._lock:
            if not self.may_ask(slot):
                return False
            if alone:
                self._alone = slot
                if self._running.keys() - {slot}:
                    return False
            self._running[slot] = time.monotonic()
            return True

    def give_way(self, slot: int) -> None:
        """Note that a slot which waited to run alone does not want to any more."""
        with self._lock:
            if self._alone != slot:
                return
            self._alone = None
        self._on_change()

    def ended(self, slot: int, seconds: float, failure: Failure | None, tried: int = 0) -> Verdict:
        """Hear how a slot's run ended, and decide what follows.

        Args:
            slot: The slot.
            seconds: How long the run took.
            failure: Why it failed; None if it did not.
            tried: How often the run was retried because of this class of failure.
        """
        with self._lock:
            self._running.pop(slot, None)
            was_alone, self._alone = self._alone is not None, None if self._alone == slot else self._alone
            verdict = self._well(slot) if failure is None else self._failure(slot, seconds, failure, tried)
        if was_alone or self.note:
            self._on_change()
        return verdict

    def rests(self, slot: int, resting: bool) -> None:
        """Hear that a slot begins or ends a rest."""
        with self._lock:
            (self._resting.add if resting else self._resting.discard)(slot)

    def others_work(self, slot: int) -> bool:
        """Return whether another slot takes runs."""
        with self._lock:
            return bool(self._working - self._resting - {slot})

    def shelve(self, shelved: ShelvedRun) -> None:
        """Offer a run to the other slots."""
        with self._lock:
            self._shelf.append(shelved)
        self._on_change()

    def take(self, slot: int, *, own_only: bool = False) -> ShelvedRun | None:
        """Take a run that waits for a slot like this one; None if there is none.

        Args:
            slot: The slot.
            own_only: Whether to take nothing but what failed here and finds no other slot: one that drains.
        """
        with self._lock:
            for shelved in self._shelf:
                if self._suits(slot, shelved, own_only):
                    self._shelf.remove(shelved)
                    return shelved
        return None

    def _suits(self, slot: int, shelved: ShelvedRun, own_only: bool) -> bool:
        """Return whether a slot is the one to start a run over that waits for another."""
        if shelved.slot == slot:
            return not self._has_other(slot)
        device = self._devices.get(slot, "")
        is_no_better = bool(device) and device == self._devices.get(shelved.slot) and self._has_other(shelved.slot)
        return not (own_only or is_no_better or self._has_roomier(slot, shelved))

    def shelved(self) -> list[ShelvedRun]:
        """Return the runs that wait for another slot."""
        with self._lock:
            return list(self._shelf)

    def drop(self, shelved: ShelvedRun) -> bool:
        """Give up a run that waits; return whether it still did."""
        with self._lock:
            if shelved in self._shelf:
                self._shelf.remove(shelved)
                return True
        return False

    def _well(self, slot: int) -> Verdict:
        self._initial = None
        self._alike.clear()
        self._breakers[slot].ended_well()
        self._failing_since.pop(slot, None)
        self._last_success[slot] = time.monotonic()
        return Verdict()

    def _failure(self, slot: int, seconds: float, failure: Failure, tried: int) -> Verdict:
        now = time.monotonic()
        since = self._failing_since.setdefault(slot, now - seconds)
        self._alike[failure.fingerprint] = self._alike.get(failure.fingerprint, 0) + 1
        rule = self.policy.rule(failure.kind)
        decision = decide(
            rule,
            tried=tried,
            in_a_row=self._alike[failure.fingerprint],
            has_other_slot=self._has_other(slot),
        )
        if self.note:
            decision = Decision(False)  # it would begin a run
        if not decision.retries:
            self._failed += 1
        if decision.ending is not Ending.SKIP:
            self.stops_sweep = self.stops_sweep or decision.ending is Ending.STOP_SWEEP
            many = f"{rule.in_a_row} runs in a row failed alike" if rule.in_a_row > 1 else "A run failed"
            self._stop_asking(f"{many}: {failure.summary}", failure=True)
        elif self.policy.max_failures is not None and self._failed >= self.policy.max_failures:
            runs = "run" if self._failed == 1 else "runs"
            self._stop_asking(
                f"{self._failed} {runs} failed, as many as were allowed; the last: {failure.summary}", failure=True
            )
        else:
            self._count_initial(slot, seconds, failure)
        rest = self._breakers[slot].failed(failure, others_get_on=self._others_get_on(slot, since, seconds, now))
        return Verdict(decision, rest)

    def _others_get_on(self, slot: int, since: float, seconds: float, now: float) -> bool:
        """Return whether another slot had a run end well since this one's fail, or has one that got further."""
        well = any(at >= since for other, at in self._last_success.items() if other != slot)
        return well or any(now - at > max(seconds * 2, 1.0) for other, at in self._running.items() if other != slot)

    def _count_initial(self, slot: int, seconds: float, failure: Failure) -> None:
        """Give up when the program fails at once, every time, on every slot, from the first run on."""
        if self._initial is None:
            return
        if seconds > EARLY_FAILURE_SECONDS:
            self._initial = None
            return
        self._initial[slot] = self._initial.get(slot, 0) + 1
        total, limit = sum(self._initial.values()), self._max_initial_failures
        if limit and total >= limit and not self._working - self._initial.keys():
            self._stop_asking(f"The first {total} runs all failed at once: {failure.summary}", failure=True)

    def _has_roomier(self, slot: int, shelved: ShelvedRun) -> bool:
        """Return whether another slot that has nothing to do had more memory free for a run that waits.

        It counts for a moment: it may have something to do that is not known here.
        """
        if time.monotonic() - shelved.since > _ROOMIER_SECONDS:
            return False
        idle = self._working - self._resting - self._running.keys() - {slot, shelved.slot}
        room = shelved.room(self._uuids.get(slot, ()))
        return any(shelved.room(self._uuids.get(other, ())) > room for other in idle)

    def _has_other(self, slot: int) -> bool:
        own = self._devices.get(slot, "")
        others = self._working - self._resting - {slot}
        return any(not own or self._devices.get(other, "") != own for other in others)

    def _stop_asking(self, reason: str, *, failure: bool) -> None:
        if not self.note:
            self.note, self.is_failure = reason, failure
