"""Follow a sweep: everything first, then only what changed, through outages. Owns no thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator

from trainer.errors import AuthenticationError, NotFoundError, ServerBusyError, ServerError, TrainerError
from trainer.events import (
    AgentsChanged,
    ClockRead,
    PaceChanged,
    RunsChanged,
    RunsGone,
    ServerBack,
    ServerLost,
    SweepChanged,
    SweepEvent,
)
from trainer.records import LocalAgent, RateBudget, RunRecord, SweepRecord, SweepReference
from trainer.settings import ServerKind
from trainer.states import RunState
from trainer.tracking.client import SweepSnapshot, TrackingClient
from trainer.tracking.rate_budget import wait_of

CLOUD_INTERVAL_SECONDS = 5.0
"""Fastest polling of a server that other people use too."""
FIRST_RETRY_SECONDS = 0.5
MAX_RETRY_SECONDS = 5.0
"""Who is back is noticed within this."""
GONE_RETRY_SECONDS = 10.0
"""A sweep that is not there any more is looked for this often: its server may have been another one for a while."""
_CLOCK_SECONDS = 5.0
_PATIENT_POLLS = 3
"""Polls in which a sweep has fewer runs than are known, until they are read anew: counts may lag."""
_TICK_SECONDS = 0.5
"""Local agents are looked at this often while the server is not."""
_HURRY_SECONDS = 0.04
"""Whoever is in a hurry is noticed within this."""
_PENDING_PATIENCE_SECONDS = 30.0
"""A run of a sweep that is over and that nobody starts for this long never will be."""


class _Known:
    """What has been reported so far."""

    def __init__(self, agents: Callable[[], tuple[LocalAgent, ...]] | None) -> None:
        self.sweep: SweepRecord | None = None
        self.runs: dict[str, RunRecord] = {}
        self.alive: dict[str, RunRecord] = {}
        self.agents: tuple[LocalAgent, ...] | None = None
        self._read_agents = agents
        self._changed_at = time.monotonic()
        self._answered_at: float | None = None
        self._fewer = 0
        self._clock = 0.0
        self._looked_for: tuple[int, int] | None = None

    @property
    def silent_seconds(self) -> float | None:
        """Seconds since the server answered; None where it has not yet."""
        return None if self._answered_at is None else time.monotonic() - self._answered_at

    def fold(self, snapshot: SweepSnapshot) -> Iterator[SweepEvent]:
        """Yield what is new in an answer of the server."""
        self._answered_at = time.monotonic()
        changed = tuple(run for run in snapshot.runs if self.runs.get(run.id) != run)
        if snapshot.sweep != self.sweep or changed:
            self._changed_at = time.monotonic()
        for run in changed:
            self.runs[run.id] = run
            self.alive.pop(run.id, None)
            if not run.state.is_terminal:
                self.alive[run.id] = run
        # Runs before the sweep: whoever sees a sweep end has then seen every run of it.
        first = self.sweep is None
        if first:
            self.sweep = snapshot.sweep
            yield SweepChanged(snapshot.sweep)
        if changed or first:
            yield RunsChanged(changed)
        if snapshot.sweep != self.sweep:
            self.sweep = snapshot.sweep
            yield SweepChanged(snapshot.sweep)

    def fold_clock(self, ahead_seconds: float | None) -> Iterator[SweepEvent]:
        """Yield how far the server's clock is off, where that is new; within a few seconds nobody minds."""
        if ahead_seconds is not None and abs(ahead_seconds - self._clock) > _CLOCK_SECONDS:
            self._clock = ahead_seconds
            yield ClockRead(ahead_seconds)

    def fold_gone(self, run_ids: Iterable[str]) -> Iterator[SweepEvent]:
        """Yield the runs among these that were known, and are no more."""
        gone = tuple(run_id for run_id in run_ids if self.runs.pop(run_id, None) is not None)
        for run_id in gone:
            self.alive.pop(run_id, None)
        if gone:
            yield RunsGone(gone)

    def missing(self, client: TrackingClient, sweep: SweepRecord) -> list[str]:
        """Return runs that the server has no more, read anew where it has had fewer than are known for long enough.

        Raises:
            ServerError: As `client.poll_sweep`.
        """
        counts = (sweep.run_count, len(self.runs))
        self._fewer = self._fewer + 1 if counts[0] < counts[1] and counts != self._looked_for else 0
        if self._fewer < _PATIENT_POLLS:
            return []
        self._looked_for = counts
        there = {run.id for run in client.poll_sweep(sweep.reference, curves=False).runs}
        return [run_id for run_id in self.runs if run_id not in there]

    def fold_agents(self) -> Iterator[SweepEvent]:
        """Yield the local agents if they changed."""
        if self._read_agents is None:
            return
        agents = self._read_agents()
        if agents != self.agents:
            self.agents = agents
            yield AgentsChanged(agents)

    @property
    def is_over(self) -> bool:
        """Whether the sweep hands out nothing more and no run of it is alive, or about to be started over here."""
        if self.sweep is None or not self.sweep.state.is_terminal:
            return False
        if any((agent.run_id and agent.life > 1) or agent.runs_waiting for agent in self.agents or ()):
            return False
        if all(run.state is RunState.PENDING for run in self.alive.values()):
            return not self.alive or time.monotonic() - self._changed_at > _PENDING_PATIENCE_SECONDS
        return False


def follow_sweep(
    client: TrackingClient,
    reference: SweepReference,
    *,
    stop: threading.Event,
    interval_seconds: float = 1.0,
    agents: Callable[[], tuple[LocalAgent, ...]] | None = None,
    forever: bool = False,
    hurry: threading.Event | None = None,
    first: Callable[[], SweepSnapshot] | None = None,
) -> Iterator[SweepEvent]:
    """Yield a sweep, its runs and its local agents, then every change, until it is over or `stop` is set.

    A server that does not answer, or answers with an error, is reported once per attempt as `ServerLost` and
    tried again, at longer and longer intervals up to ten seconds; `ServerBack` follows when it answers. One that
    asks for it, or whose budget is nearly spent, is asked less often: `PaceChanged` says so.

    Args:
        client: The server; called from the thread that iterates, which waits at most for one request of its.
        reference: The sweep.
        stop: Ends following when set; noticed within half a second.
        interval_seconds: Seconds between polls; at least `CLOUD_INTERVAL_SECONDS` on the W&B cloud.
        agents: Reads the local agents; None leaves `AgentsChanged` out.
        forever: Whether to go on when the sweep is over, for one that may be resumed.
        hurry: Has the server asked at once when set, once; whoever sets it knows that something has ended.
        first: Returns the first answer, or raises as `client.poll_sweep`, where the server was asked already.

    A sweep that was deleted meanwhile, or whose server is another one now, is told as a `ServerLost` that says so, and
    looked for now and then, where following goes on forever; else it ends following.

    Raises:
        NotFoundError: If the server has no such sweep.
        AuthenticationError: If the server refuses the key.
    """
    if client.connection.kind is ServerKind.CLOUD:
        interval_seconds = max(interval_seconds, CLOUD_INTERVAL_SECONDS)
    known, pace, cursor = _Known(agents), _Pacing(interval_seconds), ""
    with client.polling():
        while not stop.is_set():
            try:
                asked, first = first, None
                snapshot = asked() if asked else client.poll_sweep(reference, cursor)
                gone = [*snapshot.gone, *known.missing(client, snapshot.sweep)]
            except AuthenticationError:
                raise
            except (NotFoundError, ServerError) as error:
                if isinstance(error, NotFoundError) and not (forever and known.sweep):
                    raise
                events, wait = pace.trouble(error, known.silent_seconds)
                yield from events
                yield from _wait(known, stop, wait)
                continue
            cursor = snapshot.cursor
            yield from pace.well(snapshot.budget)
            yield from known.fold_clock(snapshot.clock_ahead_seconds)
            yield from known.fold(snapshot)
            yield from known.fold_gone(gone)
            yield from known.fold_agents()
            if known.is_over and not forever:
                return
            yield from _wait(known, stop, pace.wait_seconds, hurry)


class _Pacing:
    """How often a server is asked, and what is said of that."""

    def __init__(self, interval_seconds: float) -> None:
        self.wait_seconds = self._interval_seconds = interval_seconds
        self._retry = FIRST_RETRY_SECONDS
        self._budget: RateBudget | None = None
        self._is_lost = self._is_slowed = False

    def trouble(self, error: TrainerError, silent_seconds: float | None) -> tuple[list[SweepEvent], float]:
        """Return what to report of a request that failed, and how long to wait."""
        retry, self._retry = self._retry, min(self._retry * 2, MAX_RETRY_SECONDS)
        if isinstance(error, ServerBusyError):
            self._is_slowed = True
            wait = max(error.retry_in_seconds or retry, self._interval_seconds)
            if error.budget_left is not None:
                self._budget = RateBudget(error.budget_left, error.budget_reset_seconds)
            # Who refuses is there.
            back: list[SweepEvent] = [ServerBack()] if self._is_lost else []
            self._is_lost = False
            return [*back, PaceChanged(wait, was_refused=True, budget=self._budget)], wait
        self._is_lost = True
        is_gone = isinstance(error, NotFoundError)
        wait = GONE_RETRY_SECONDS if is_gone else retry
        return [ServerLost(error.message, wait, silent_seconds, is_gone=is_gone)], wait

    def well(self, budget: RateBudget | None) -> Iterator[SweepEvent]:
        """Yield what to report before an answer."""
        if self._is_lost:
            self._is_lost = False
            yield ServerBack()
        self._retry, self._budget = FIRST_RETRY_SECONDS, budget
        self.wait_seconds = wait_of(budget, self._interval_seconds)
        is_slow = self.wait_seconds > self._interval_seconds
        if self._is_slowed or is_slow:
            self._is_slowed = is_slow
            yield PaceChanged(self.wait_seconds if is_slow else 0.0, budget=budget)


def _wait(
    known: _Known, stop: threading.Event, seconds: float, hurry: threading.Event | None = None
) -> Iterator[SweepEvent]:
    """Wait for `stop` or `hurry` at most `seconds`, reporting local agents meanwhile."""
    now = time.monotonic()
    deadline, agents_at = now + seconds, now + _TICK_SECONDS
    pause = _TICK_SECONDS if hurry is None else _HURRY_SECONDS
    while (left := deadline - time.monotonic()) > 0 and not stop.wait(min(left, pause)):
        if hurry is not None and hurry.is_set():
            hurry.clear()
            return
        if time.monotonic() >= agents_at:
            agents_at += _TICK_SECONDS
            yield from known.fold_agents()
