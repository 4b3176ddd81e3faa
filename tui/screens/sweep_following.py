"""SweepFollowing: how news of a sweep reach its live view. A mixin of `SweepScreen`.

A worker reads events into an inbox, which is drained at most ten times a second. Many runs at once, as when a large
sweep is opened, are taken in by another worker, into a feed that then takes the place of the one before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from textual import on, work
from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker, get_current_worker

from trainer.errors import AuthenticationError, ServerLostError, TrainerError
from trainer.events import RunsChanged, ServerBack, ServerLost, SweepEvent
from trainer.records import SweepReference
from tui import collecting
from tui.feeds import DRAIN_INTERVAL_SECONDS, EventInbox, FeedChange, SweepFeed
from tui.messages import SweepRead
from tui.session import Session

SWEEP_FEED, TAKING_IN = "sweep_feed", "taking_in"
REFUSED_SECONDS = 10.0
"""Between two attempts at a server that refuses the key."""
MANY_RUNS = 1_000
"""Runs that would hold up the event loop: each costs it 30 µs."""


class SweepFollowing(Screen[None]):
    """Follows a sweep until the screen is left."""

    session: Session
    reference: SweepReference
    feed: SweepFeed

    @dataclass
    class EventsWaiting(Message):
        """The inbox has events."""

    @dataclass
    class TakenIn(Message):
        """A feed that knows more is ready."""

        feed: SweepFeed
        change: FeedChange

    @dataclass
    class FollowFailed(Message):
        """Following ended for good."""

        error: TrainerError

    @dataclass
    class NothingMore(Message):
        """What is shown will not change any more."""

    def __init__(self) -> None:
        super().__init__()
        self._inbox = EventInbox(lambda: self.post_message(self.EventsWaiting()))
        self.stop_following = threading.Event()
        """Set once the screen is left."""
        self._failure: TrainerError | None = None
        """Why nothing more will be heard."""
        self._drained_at = 0.0
        self._drain_is_due = False
        self._is_taking_in = False
        self._reads_first = False

    def on_unmount(self) -> None:
        """Let the follower end at once."""
        self.stop_following.set()
        self._have_read()
        collecting.let_go()

    def show_change(self, change: FeedChange) -> None:
        """Bring the panels up to date that a change concerns."""
        raise NotImplementedError

    def show_runs(self) -> None:
        """Bring the leaderboard up to date."""
        raise NotImplementedError

    @work(thread=True, exclusive=True, exit_on_error=False, group=SWEEP_FEED)
    def follow_sweep(self) -> None:
        """Read events until the screen is left; a server that is away at the start is waited for."""
        worker = get_current_worker()
        if not self.stop_following.is_set():
            collecting.put_off()
            self._reads_first = True
        try:
            self._read_events(worker)
        except TrainerError as error:
            failure = error
        except Exception as error:
            # Else the screen would say that it reads, for ever.
            words = f"The sweep is no longer followed, by a fault of sweep-tui: {type(error).__name__}: {error}."
            failure = TrainerError(words, hint="Open it again; please report it.")
        else:
            return
        if not worker.is_cancelled and not self.stop_following.is_set():
            self.post_message(self.FollowFailed(failure))

    def _read_events(self, worker: Worker[None]) -> None:
        was_lost = False
        while not worker.is_cancelled and not self.stop_following.is_set():
            try:
                for event in self.session.follow(self.reference, self.stop_following):
                    if worker.is_cancelled:
                        return
                    if was_lost:
                        was_lost = False
                        self._inbox.put(ServerBack())
                    self._inbox.put(event)
                return
            except ServerLostError as error:
                was_lost = True
                self._inbox.put(ServerLost(error.message, 2.0))
                self.stop_following.wait(2.0)
            except AuthenticationError as error:
                # What is shown stays of use, and the owner of the key may be let in again.
                was_lost = True
                self._inbox.put(ServerLost(error.message, REFUSED_SECONDS, refuses=True))
                self.stop_following.wait(REFUSED_SECONDS)

    @on(EventsWaiting)
    def _events_waiting(self) -> None:
        wait = self._drained_at + DRAIN_INTERVAL_SECONDS - time.monotonic()
        if wait <= 0:
            self._drain()
        elif not self._drain_is_due:
            self._drain_is_due = True
            self.set_timer(wait, self._drain)

    def _drain(self) -> None:
        self._drain_is_due, self._drained_at = False, time.monotonic()
        if self._is_taking_in:
            return
        events = self._inbox.drain()
        if sum(len(event.runs) for event in events if isinstance(event, RunsChanged)) < MANY_RUNS:
            self.show_change(self.feed.apply(events))
            if self.feed.has_all or self.feed.lost:
                self._have_read()
            return
        self._is_taking_in = True
        self._take_in(self.feed, self.feed.twin(), events)

    # A failure here would leave the screen without runs and without a word: it ends the app as it would elsewhere.
    @work(thread=True, exclusive=True, group=TAKING_IN, description="take in")
    def _take_in(self, before: SweepFeed, twin: SweepFeed, events: Sequence[SweepEvent]) -> None:
        change = twin.take_over(before, events)
        self.post_message(self.TakenIn(twin, change))

    @on(TakenIn)
    def _taken_in(self, message: TakenIn) -> None:
        message.feed.take_choices(self.feed)
        self.feed, self._is_taking_in = message.feed, False
        self._have_read(keeping=True)
        self.show_change(message.change)
        self._drain()

    @on(FollowFailed)
    def _follow_failed(self, message: FollowFailed) -> None:
        self._failure = message.error
        self._have_read()
        self.notify(str(message.error), severity="error", timeout=10, markup=False)
        self.show_runs()
        self.post_message(self.NothingMore())

    def _have_read(self, *, keeping: bool = False) -> None:
        if self._reads_first:
            self._reads_first = False
            collecting.resume(keeping=keeping)
            # Behind what is to be painted now.
            self.call_after_refresh(self.app.post_message, SweepRead())
