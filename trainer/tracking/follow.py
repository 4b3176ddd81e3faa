"""Follow a sweep: everything first, then only what changed, through outages. Owns no thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from trainer.errors import AuthenticationError, NotFoundError, ServerBusyError, ServerError
from trainer.events import AgentsChanged, PaceChanged, RunsChanged, ServerBack, ServerLost, SweepChanged, SweepEvent
from trainer.records import LocalAgent, RateBudget, RunRecord, SweepRecord, SweepReference
from trainer.settings import ServerKind
from trainer.states import RunState
from trainer.tracking.client import SweepSnapshot, TrackingClient
from trainer.tracking.rate_budget import wait_of

CLOUD_INTERVAL_SECONDS = 5.0
"""Fastest polling of a server that other people use too."""
FIRST_RETRY_SECONDS = 0.5
MAX_RETRY_SECONDS = 10.0
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

    def fold(self, snapshot: SweepSnapshot) -> Iterator[SweepEvent]:
        """Yield what is new in an answer of the server."""
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

    Raises:
        NotFoundError: If the server has no such sweep, also when it was deleted meanwhile.
        AuthenticationError: If the server refuses the key.
    """
    if client.connection.kind is ServerKind.CLOUD:
        interval_seconds = max(interval_seconds, CLOUD_INTERVAL_SECONDS)
    known = _Known(agents)
    cursor, retry, lost, slowed = "", FIRST_RETRY_SECONDS, False, False
    budget: RateBudget | None = None
    while not stop.is_set():
        try:
            asked, first = first, None
            snapshot = asked() if asked else client.poll_sweep(reference, cursor)
        except (NotFoundError, AuthenticationError):
            raise
        except ServerBusyError as error:
            slowed = True
            wait = max(error.retry_in_seconds or retry, interval_seconds)
            yield PaceChanged(wait, was_refused=True, budget=budget)
            yield from _wait(known, stop, wait)
            retry = min(retry * 2, MAX_RETRY_SECONDS)
            continue
        except ServerError as error:
            lost = True
            yield ServerLost(error.message, retry)
            yield from _wait(known, stop, retry)
            retry = min(retry * 2, MAX_RETRY_SECONDS)
            continue
        if lost:
            lost = False
            yield ServerBack()
        retry, cursor, budget = FIRST_RETRY_SECONDS, snapshot.cursor, snapshot.budget
        wait = wait_of(budget, interval_seconds)
        if slowed or wait > interval_seconds:
            slowed = wait > interval_seconds
            yield PaceChanged(wait if slowed else 0.0, budget=budget)
        yield from known.fold(snapshot)
        yield from known.fold_agents()
        if known.is_over and not forever:
            return
        yield from _wait(known, stop, wait, hurry)


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
