"""Folds what the headless half reports about a sweep into one view model; pure, tested without an app.

The road: a thread worker puts every event into an `EventInbox`; the screen drains it in one message handler at most
ten times a second and gives the batch to `SweepFeed`. An inbox, and not batches cut in the worker, because an
iterator that blocks for the next event would hold back the ones that came before it.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

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
from trainer.records import LocalAgent, Ranking, RunRecord, SweepRecord
from trainer.states import AgentState, RunState, SweepState
from trainer.sweep.seed_names import declared_seeds
from tui.best_so_far import BestSoFar
from tui.columns import swept_keys
from tui.leaderboard_model import LeaderboardModel
from tui.sweep_pace import WINDOW, Pace, ended_at, pace_of

DRAIN_INTERVAL_SECONDS = 0.1
"""Ten repaints a second are plenty."""
_MANY = 500
"""Changed runs from which the order of all is made anew: cheaper than moving each."""


class EventInbox:
    """A thread-safe box between the worker that reads events and the screen that shows them."""

    def __init__(self, wake: Callable[[], object]) -> None:
        """Create the box.

        Args:
            wake: Called, in the writer's thread, when the box stops being empty.
        """
        self._wake = wake
        self._lock = threading.Lock()
        self._events: list[SweepEvent] = []

    def put(self, event: SweepEvent) -> None:
        """Add one event and wake the reader unless it was woken already."""
        with self._lock:
            self._events.append(event)
            is_first = len(self._events) == 1
        if is_first:
            self._wake()

    def drain(self) -> list[SweepEvent]:
        """Return and forget everything in the box, oldest first."""
        with self._lock:
            events, self._events = self._events, []
        return events


@dataclass(slots=True)
class FeedChange:
    """What a batch of events changed, so that only the panels concerned are drawn again."""

    sweep: bool = False
    run_ids: frozenset[str] = frozenset()
    columns: bool = False
    agents: bool = False
    connection: bool = False
    new_best: bool = False
    clock: bool = False
    gone: int = 0
    """Runs that the server has no more."""


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """The numbers of the progress header."""

    done: int
    running: int
    pending: int
    finished: int
    failed: int
    stopped: int
    """Runs that were killed or preempted."""
    expected: int | None
    """None when the sweep has no end of its own."""

    @property
    def left(self) -> int | None:
        """Runs that do not exist yet; None when the sweep has no end of its own."""
        return None if self.expected is None else max(self.expected - self.done - self.running - self.pending, 0)


class SweepFeed:
    """Everything the live view knows about one sweep."""

    def __init__(self) -> None:
        self.sweep: SweepRecord | None = None
        self.board = LeaderboardModel()
        self.best_so_far = BestSoFar()
        self.agents: tuple[LocalAgent, ...] = ()
        self.lost: ServerLost | None = None
        """What is wrong with the server; None while it answers."""
        self.slowed: PaceChanged | None = None
        """Why the server is asked less often than wished; None while it is not."""
        self.clock_ahead = timedelta()
        """How much later it is by the server's clock, which sets the times of runs, than by ours."""
        self.lost_at: datetime | None = None
        """When the server answered last, before it went away; None while it is here, and where it never answered."""
        self.has_all = False
        """Whether every run has been heard of once."""
        self.frozen_at: datetime | None = None
        """When all of this was so, where it does not go on; None where it does."""
        self._ended: set[str] = set()
        self._alive: set[str] = set()
        self._recent: dict[str, datetime] = {}
        """The runs that ended last, at least `WINDOW` of them where there are so many, and when they did."""
        self._first_start: datetime | None = None
        self._last_end: datetime | None = None
        self.newest_run: datetime | None = None
        """When the newest run was created; None before the first."""
        self.at_newest: set[str] = set()
        """The runs created at that moment."""

    def apply(self, events: Iterable[SweepEvent]) -> FeedChange:
        """Fold a batch in and say what it changed; the cost follows the changes, not the number of runs."""
        change = FeedChange()
        runs: dict[str, RunRecord] = {}
        for event in events:
            if isinstance(event, SweepChanged):
                change.sweep = True
                self._take_sweep(event.sweep)
            elif isinstance(event, RunsChanged):
                self.has_all = True
                runs.update((run.id, run) for run in event.runs)
            elif isinstance(event, RunsGone):
                change.gone += len(event.run_ids)
                for run_id in event.run_ids:
                    runs.pop(run_id, None)
                    self.forget_run(run_id)
            elif isinstance(event, AgentsChanged):
                change.agents = True
                self.agents = event.agents
            else:
                self._hear_of_server(event, change)
        self._take_runs(runs.values(), change)
        return change

    def _hear_of_server(self, event: ServerLost | ServerBack | PaceChanged | ClockRead, change: FeedChange) -> None:
        if isinstance(event, ClockRead):
            self.clock_ahead, change.clock = timedelta(seconds=event.ahead_seconds), True
            return
        change.connection = True
        if isinstance(event, PaceChanged):
            self.slowed = event if event.wait_seconds else None
        elif isinstance(event, ServerBack):
            self.lost = self.lost_at = None
        else:
            if event.silent_seconds is not None and self.lost_at is None:
                self.lost_at = datetime.now(UTC) - timedelta(seconds=event.silent_seconds)
            self.lost = event

    def twin(self) -> SweepFeed:
        """Return a feed that knows no run yet, for `take_over` in another thread."""
        twin = SweepFeed()
        twin.frozen_at, twin.lost, twin.slowed = self.frozen_at, self.lost, self.slowed
        twin.clock_ahead, twin.lost_at = self.clock_ahead, self.lost_at
        twin.board.take_choices(self.board)
        return twin

    def take_over(self, other: SweepFeed, events: Iterable[SweepEvent]) -> FeedChange:
        """Take in all that another feed knows, and events besides; the other one is not to change meanwhile."""
        self.apply([SweepChanged(other.sweep)] if other.sweep else [])
        if other.has_all:
            self.apply([RunsChanged(tuple(other.board.runs.values()))])
        self.agents = other.agents
        change = self.apply(events)
        # What is computed once after a change is computed here, where nobody waits for it.
        self.board.rank(self.board.best_id)
        _ = self.best_so_far.latest, self.board.columns
        return change

    def take_choices(self, other: SweepFeed) -> None:
        """Show runs as another feed does."""
        by = self.board.by
        self.board.take_choices(other.board)
        if self.board.by != by:
            self._begin_best()

    def forget_run(self, run_id: str) -> None:
        """Forget a run that was deleted."""
        self.board.remove(run_id)
        self._ended.discard(run_id)
        self._alive.discard(run_id)
        self._recent.pop(run_id, None)
        self.best_so_far.forget(run_id)

    def set_ranking(self, by: Ranking) -> None:
        """Rank by the best or by the last value of the metric."""
        self.board.set_ranking(by)
        self._begin_best()

    def _begin_best(self) -> None:
        board = self.board
        self.best_so_far.begin(
            board.metric, board.runs.values(), {run_id: board.value(run_id) for run_id in board.runs}
        )

    def _take_sweep(self, sweep: SweepRecord) -> None:
        before, self.sweep = self.sweep, sweep
        if before is None or before.metric != sweep.metric or before.config != sweep.config:
            board = LeaderboardModel(sweep.metric, swept_keys(sweep.config), shows_sweeps=bool(sweep.parts))
            board.seeds.declared = declared_seeds(sweep.config)
            board.upsert(self.board.runs.values())
            board.take_choices(self.board)
            self.board = board
            self._begin_best()

    def _take_runs(self, runs: Iterable[RunRecord], change: FeedChange) -> None:
        best_before, columns_before = self.best_value, self.board.columns
        change.run_ids = frozenset(self.board.upsert(runs))
        for run_id in change.run_ids:
            self._note_times(self.board.runs[run_id])
        if len(change.run_ids) > _MANY:
            self._begin_best()
        else:
            for run_id in change.run_ids:
                self.best_so_far.note(self.board.runs[run_id], self.board.value(run_id))
        if len(self._recent) > 2 * WINDOW:
            self._recent = dict(heapq.nlargest(WINDOW, self._recent.items(), key=lambda item: item[1]))
        change.columns = self.board.columns != columns_before
        change.new_best = self.best_value != best_before

    def _note_times(self, run: RunRecord) -> None:
        is_over = run.state.is_terminal
        (self._ended if is_over else self._alive).add(run.id)
        (self._alive if is_over else self._ended).discard(run.id)
        start, end = run.created_at, ended_at(run)
        if start and (self.newest_run is None or start >= self.newest_run):
            self.at_newest = {run.id} if start != self.newest_run else self.at_newest | {run.id}
            self.newest_run = start
        if start and (self._first_start is None or start < self._first_start):
            self._first_start = start
        if end and (self._last_end is None or end > self._last_end):
            self._last_end = end
        if is_over and end:
            self._recent[run.id] = end
        else:
            self._recent.pop(run.id, None)

    @property
    def best(self) -> RunRecord | None:
        """The best run so far; None while no run has a value."""
        return self.board.runs[self.board.best_id] if self.board.best_id else None

    @property
    def best_value(self) -> float | None:
        """The metric of the best run."""
        return self.board.value(self.board.best_id) if self.board.best_id else None

    @property
    def best_before(self) -> RunRecord | None:
        """The best run before the best one came; None where that was the first."""
        latest = self.best_so_far.latest
        is_told = latest is not None and latest.before not in ("", self.board.best_id)
        return self.board.runs.get(latest.before) if latest is not None and is_told else None

    @property
    def best_url(self) -> str:
        """The page of the best run; empty where there is none."""
        return self.sweep.run_url(self.board.best_id) if self.sweep and self.board.best_id else ""

    @property
    def progress(self) -> SweepProgress:
        """Counts per state against the runs there will be."""
        counts = self.board.state_counts
        expected = self.sweep.run_count_expected if self.sweep else None
        return SweepProgress(
            done=len(self._ended),
            running=counts[RunState.RUNNING] + counts[RunState.PREEMPTING],
            pending=counts[RunState.PENDING],
            finished=counts[RunState.FINISHED],
            failed=counts[RunState.FAILED] + counts[RunState.CRASHED],
            stopped=counts[RunState.KILLED] + counts[RunState.PREEMPTED],
            # Points that were run again make more runs than the space has points.
            expected=None if expected is None else max(expected, len(self.board.runs)),
        )

    @property
    def alive_ids(self) -> frozenset[str]:
        """Ids of the runs that have not ended."""
        return frozenset(self._alive)

    @property
    def live_agents(self) -> list[LocalAgent]:
        """Local agents that may still ask for a run."""
        return [agent for agent in self.agents if not agent.state.is_terminal]

    @property
    def is_over(self) -> bool:
        """Whether nothing will change any more: the sweep has ended and no run is alive."""
        return bool(self.sweep and self.sweep.state.is_terminal and not self._alive)

    def pace(self) -> Pace:
        """Estimate the rate and the time left."""
        runs = self.board.runs
        alive = [runs[run_id] for run_id in self._alive if runs[run_id].state is RunState.RUNNING]
        working = sum(agent.state in (AgentState.RUNNING, AgentState.WAITING) for agent in self.agents)
        slots = max(len(alive), working)
        if self.is_over or self.frozen_at or (self.sweep and self.sweep.state is SweepState.PAUSED and not alive):
            return Pace()
        left = 0 if self.sweep and self.sweep.state.is_terminal else self.progress.left
        began_at = self.sweep.created_at if self.sweep else None
        return pace_of([runs[run_id] for run_id in self._recent], alive, slots, left, began_at)

    def seconds_since(self, moment: datetime, now: datetime) -> float:
        """Return the seconds from a moment of the server's clock to now by ours.

        Until the last run ended where nothing goes on; until the server was heard of last where it is away.
        """
        end = self._last_end if self.is_over and self._last_end else self.frozen_at
        end = end or (self.lost_at or now) + self.clock_ahead
        return max((end - moment).total_seconds(), 0.0)

    def elapsed_seconds(self, now: datetime) -> float | None:
        """Return the seconds since the first run (or the sweep) began, until now or until the last run ended."""
        start = self._first_start or (self.sweep.created_at if self.sweep else None)
        return None if start is None else self.seconds_since(start, now)
