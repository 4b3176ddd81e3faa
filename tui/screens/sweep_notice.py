"""SweepNotice: the line of the live view that says the server is away, or how the sweep ended. A mixin."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from textual import on
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import Static

from trainer.errors import TrainerError
from trainer.events import PaceChanged
from trainer.states import SweepState
from tui.feeds import FeedChange, SweepFeed
from tui.formatting import count_text, duration_text, metric_text, seconds_text
from tui.screens.sweep_following import SweepFollowing
from tui.session import Session
from tui.waiting_app import waiting_words
from tui.widgets.sweep_summary import SweepSummary

_BACK = "esc goes back."
_LAST = "What is shown was so last; esc goes back."
_LOG_IN = "esc, then @ logs in again; it is also tried again by itself."
CLOCK_SECONDS = 60.0
"""From here on it is said that clocks differ."""


class SweepNotice(Screen[None]):
    """Away, or over."""

    session: Session
    feed: SweepFeed
    compact: reactive[bool]
    _failure: TrainerError | None
    """Why nothing more will be heard."""
    retry_at = 0.0
    """When the server that is away is asked again, by the clock of `monotonic`."""

    @on(SweepFollowing.NothingMore)
    def show_notice(self) -> None:
        """Show the line, or none."""
        feed, sweep = self.feed, self.feed.sweep
        self.set_class(feed.lost is not None or self._failure is not None, "-lost")
        self.set_class(feed.lost is None and feed.slowed is not None, "-slowed")
        self.set_class(feed.lost is None and feed.slowed is None and feed.is_over, "-over")
        self.set_class(bool(feed.progress.failed), "-failures")
        notice = self.query_one("#notice", Static)
        if self._failure is not None:
            notice.update(_standing(self._failure.message, _LAST if sweep else _BACK))
            self.query_one(SweepSummary).give_up()
        elif feed.lost and feed.lost.is_gone:
            notice.update(_standing(feed.lost.message, self._last_words()))
        elif feed.lost and feed.lost.refuses:
            notice.update(_standing(feed.lost.message, _LOG_IN))
        elif feed.lost:
            left = max(self.retry_at - time.monotonic(), 0.0)
            when = f"next attempt in {left:.0f}s" if left >= 1 else "trying again…"
            when = when if feed.lost_at is None else f"What is shown is {self._age} old · {when}"
            notice.update(
                Content.from_markup(
                    "[b $error]✗ Server away:[/] $why [$foreground 60%]$when[/]", why=feed.lost.message, when=when
                )
            )
        elif feed.slowed:
            notice.update(self._slowed(feed.slowed))
        elif feed.is_over and sweep:
            notice.update(self._farewell())

    @property
    def _age(self) -> str:
        """How long ago the server was heard of."""
        now = datetime.now(UTC)
        return seconds_text((now - (self.feed.lost_at or now)).total_seconds())

    def _last_words(self) -> str:
        return _LAST if self.feed.lost_at is None else _LAST.replace("last;", f"last, {self._age} ago;")

    def _slowed(self, pace: PaceChanged) -> Content:
        left = max(self.retry_at - time.monotonic(), 0.0)
        why = "The server asks to slow down" if pace.was_refused else "Little is left of what the server may be asked"
        words = f"next read in {seconds_text(left)}" if left >= 1 else "reading…"
        if pace.budget is not None:
            words += f" · {pace.budget.remaining:.0%} of its budget left"
            words += f", whole in {duration_text(pace.budget.reset_seconds)}" if pace.budget.reset_seconds else ""
        if waiting := waiting_words(self.session.waiting):
            words += f" · waits: {waiting} (ctrl+g gives up)"
        return Content.from_markup("[b $warning]◷ $why:[/] $words", why=why, words=words)

    def tell_oddities(self, change: FeedChange) -> None:
        """Say what is not as one thinks: runs that somebody deleted, clocks that differ."""
        if change.gone:
            runs = count_text(change.gone, "run")
            self.notify(f"{runs} {'is' if change.gone == 1 else 'are'} gone from the server: deleted elsewhere.")
        ahead = self.feed.clock_ahead.total_seconds()
        if change.clock and abs(ahead) >= CLOCK_SECONDS:
            way = "ahead of" if ahead > 0 else "behind"
            self.notify(
                f"The server's clock is {duration_text(abs(ahead))} {way} this machine's: times are the server's.",
                severity="warning",
            )

    def _farewell(self) -> Content:
        feed, sweep = self.feed, self.feed.sweep
        assert sweep is not None
        word = "Done" if sweep.state is SweepState.FINISHED else "Canceled"
        failed, done = feed.progress.failed, feed.progress.done
        mark = f"[b $error]✗ {word}, {failed:,} of {count_text(done, 'run')} failed[/]"
        if not failed:
            mark = f"[b $success]✓ {word}[/]" if self.compact else f"[b $success]✓ {word}:[/] {count_text(done, 'run')}"
        keys = "[b $primary]enter[/] run and log"
        if feed.best is not None and sweep.metric is not None:
            keys = f"[b $primary]E[/] export the best  {keys}"
        if self.compact:
            return Content.from_markup(f"{mark}  {keys}")
        what = f" in {duration_text(feed.elapsed_seconds(datetime.now(UTC)))}"
        if feed.best and sweep.metric:
            what += f", best {sweep.metric.name} {metric_text(feed.best_value)} by {feed.best.name}"
        return Content.from_markup(f"{mark}$what.   {keys}", what=what)


def _standing(why: str, way: str) -> Content:
    """Return the line of what waiting alone does not mend."""
    return Content.from_markup("[b $error]✗[/] $why [$foreground 60%]$way[/]", why=why, way=way)
