"""SweepNews: what changed since the sweep was last looked at. A mixin of `SweepScreen`; keeps the looks in workers.

A look is what the screen showed while somebody was there. It is compared with what there is when the screen is opened,
and when somebody comes back to a screen that was left open. It is kept when it ends, and now and then before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from trainer.errors import TrainerError
from trainer.records import SweepReference
from tui.feeds import SweepFeed
from tui.last_look import Look, News, keep_look, look_at, look_key, looks_file, news_of, read_looks
from tui.presence import PresenceApp
from tui.session import Session
from tui.table_layout import Mark
from tui.widgets.news_line import NEW, NewsLine

LOOKS = "looks"
PRESENT_SECONDS = 60.0
"""Who has not touched anything for this long no longer looks."""
AWAY_SECONDS = 300.0
"""Who comes back after this long is told what happened meanwhile."""
KEEP_EVERY_SECONDS = 30.0

NEW_MARK = Mark(f" {NEW}")
"""Of a run that is new, and neither drawn nor marked."""


class SweepNews(Screen[None]):
    """Tells what is new, and marks the runs that are."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "toggle_news", "News", id="sweep.news", show=False, tooltip="What is new since you last looked"),
    ]

    session: Session
    reference: SweepReference
    feed: SweepFeed

    news: News | None = None
    """What was new when it was last told; None where nothing was."""
    _look_key = ""
    """Empty until the look that was kept has been read."""
    _before: Look | None = None
    """The last look of an earlier visit; None for no such visit, and once it has been compared."""
    _look: Look | None = None
    """What somebody has seen by now; None until there is something to see."""
    _looked_at = 0.0
    _kept: Look | None = None
    _kept_at = 0.0

    @dataclass
    class LookRead(Message):
        """The look of an earlier visit, if there was one."""

        key: str
        look: Look | None

    def show_runs(self) -> None:
        """Bring the leaderboard up to date."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Read what was seen last time."""
        if self.session.frozen_at is None:
            self.read_look()

    @work(thread=True, exclusive=False, exit_on_error=False, group=LOOKS)
    def read_look(self) -> None:
        """Read the look that was kept; a server that is away is the follower's to report."""
        try:
            key = look_key(self.session.connect().base_url, self.reference)
        except TrainerError:
            return
        self.post_message(self.LookRead(key, read_looks(looks_file()).get(key)))

    @on(LookRead)
    def _look_read(self, message: LookRead) -> None:
        self._look_key, self._before = message.key, message.look
        self._kept_at = monotonic()
        self.keep_looking()

    def keep_looking(self) -> None:
        """Note what somebody sees, tell them what they have missed; called about once a second."""
        if not self._look_key or not self.feed.has_all or not self.is_current:
            return
        app, now = self.app, monotonic()
        if isinstance(app, PresenceApp) and app.idle_seconds > PRESENT_SECONDS:
            self._keep_if_due(now, PRESENT_SECONDS)
            return
        if self._before is not None:
            self._tell(news_of(self._before, self.feed))
            self._before = None
        elif self._look is not None and now - self._looked_at > AWAY_SECONDS:
            self._tell(news_of(self._look, self.feed))
        self._look, self._looked_at = look_at(self.feed, datetime.now(UTC)), now
        self._keep_if_due(now, KEEP_EVERY_SECONDS)

    def _tell(self, news: News) -> None:
        if news:
            self.news = news
            self._show_news(True)

    def _show_news(self, shown: bool) -> None:
        if self.news is not None:
            metric = self.feed.board.metric
            self.query_one(NewsLine).show(self.news, metric.name if metric else "")
        self.set_class(shown, "-news")
        self.show_runs()

    def action_toggle_news(self) -> None:
        """Hide the news, or tell it again."""
        if self.news is None:
            self.notify("Nothing is new since you last looked.", timeout=3)
            return
        self._show_news(not self.has_class("-news"))

    @on(NewsLine.Dismissed)
    def _dismissed(self) -> None:
        self._show_news(False)

    def with_news(self, marks: Mapping[str, Mark]) -> dict[str, Mark]:
        """Return the marks of runs with a star behind those that are new, as long as the news is shown."""
        if self.news is None or not self.has_class("-news"):
            return dict(marks)
        news = self.news.run_ids
        result = {
            run_id: Mark(f"{mark.glyph}{NEW}", mark.color) if run_id in news and len(mark.glyph) < 2 else mark
            for run_id, mark in marks.items()
        }
        # All of a large sweep may be new; the others look the same.
        result.update(dict.fromkeys(news - result.keys(), NEW_MARK))
        return result

    # Keeping

    def _keep_if_due(self, now: float, seconds: float) -> None:
        if self._look is not None and self._look != self._kept and now - self._kept_at > seconds:
            self._kept, self._kept_at = self._look, now
            self.keep_look(self._look)

    @work(thread=True, exclusive=False, exit_on_error=False, group=LOOKS, description="keep look")
    def keep_look(self, look: Look) -> None:
        """Keep a look; one that cannot be kept is no reason to disturb anybody."""
        problem = keep_look(looks_file(), self._look_key, look)
        if problem:
            self.log.warning(problem)

    def on_unmount(self) -> None:
        """Keep the last look."""
        if self._look is not None and self._look != self._kept:
            keep_look(looks_file(), self._look_key, self._look)
